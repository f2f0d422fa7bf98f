/* SPDX-License-Identifier: Apache-2.0 */
/* priv.h - what the files of pkg/ip share with each other and with nobody else */
#ifndef IP_PRIV_H
#define IP_PRIV_H

#include "ip/ip.h"

/* Reads len bytes of text, no more and no less. NULL on success, else the reason as a part of a sentence. */
const char *ip_read(const char *text, size_t len, struct ip *ret);
/* Writes the address and a NUL; returns the place of the NUL. */
char *ip_write(char *p, struct ip ip);
/* n in decimal without a NUL; returns the place behind it. */
char *ip_write_dec(char *p, unsigned int n);
bool ip_has_blank(const char *text);
/* The range has an address of ::ffff:0:0/96. */
bool ip_touches_mapped(uint8_t ver, struct ip_range r);
/* Index of the first range that ends at n or later; s->n when there is none. */
size_t ip_set_find(const struct ip_set *s, ip_num n);

#endif
