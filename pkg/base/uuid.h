/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.h - random identifiers (RFC 4122, version 4) */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#define UUID_TEXT_MAX 37

/* Returns out. */
const char *uuid_random(char out[UUID_TEXT_MAX]);

#endif
