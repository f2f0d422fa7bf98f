/* SPDX-License-Identifier: Apache-2.0 */
/* api_auth.h - who calls the HTTP API, and may they: the API server says both */
#ifndef CONTROLLER_API_AUTH_H
#define CONTROLLER_API_AUTH_H

#include "controller.h"

/* The call's bearer token is somebody's (TokenReview), who has a rule with its path in nonResourceURLs and
 * its method in lower case as the verb (SubjectAccessReview). 0: *user, to be freed, may; else the call has
 * its answer (401, 403, 503). */
int api_auth(struct controller *c, struct http_exchange *x, char **user);

#endif
