/* SPDX-License-Identifier: Apache-2.0 */
/* rt_impl.h - what the rt_*.c share: messages, attributes, lists; and their parsers, for the tests */
#ifndef NL_RT_IMPL_H
#define NL_RT_IMPL_H

#include "nl/rt.h"

/* ---- messages to send ---- */

/* *m is NULL from the first thing on that did not fit in or found no memory; netlink_add() reports that. */
struct nl_msg *rt_msg(int type, int flags, const void *head, size_t len);
void rt_put(struct nl_msg **m, int attr, const void *data, size_t len);
void rt_put_u8(struct nl_msg **m, int attr, uint8_t v);
void rt_put_u16(struct nl_msg **m, int attr, uint16_t v);
void rt_put_u32(struct nl_msg **m, int attr, uint32_t v);
void rt_put_text(struct nl_msg **m, int attr, const char *text); /* with its NUL */
void rt_put_ip(struct nl_msg **m, int attr, struct ip ip);
struct nlattr *rt_nest(struct nl_msg **m, int attr);
void rt_nest_end(struct nl_msg **m, struct nlattr *nest);

/* ---- answers ---- */

/* Fixed head and attributes 0..max of an answer; -EBADMSG when it is too short. */
int rt_attrs(struct nlmsghdr *h, size_t head, struct nlattr **tb, int max, struct err *e);
/* 0 for an attribute that is absent or too short. */
uint32_t rt_u32(const struct nlattr *a);
uint16_t rt_u16(const struct nlattr *a);
/* "" likewise; cut to size. */
void rt_text(const struct nlattr *a, char *out, size_t size);
/* Stays as it is when a is absent or has another length. */
void rt_ip(const struct nlattr *a, uint8_t ver, struct ip *ret);
void rt_mac(const struct nlattr *a, uint8_t ret[LINK_MAC_LEN]);

uint8_t rt_family(uint8_t ver); /* AF_*; AF_UNSPEC for 0 */
uint8_t rt_version(uint8_t family);

#define RT_LIST_MAX (1 << 20)
struct rt_list {
	void *v;
	size_t n, size; /* size: of an item */
};
/* A copy of item becomes the last. -ENOMEM, -E2BIG. */
int rt_list_add(struct rt_list *l, const void *item, struct err *e);
void rt_list_reset(void *list);

/* ---- parsers: 1 and *ret, 0 when it is none of these, -EBADMSG; *ret is written anyhow ---- */

int rt_link_parse(struct nlmsghdr *h, struct rt_link *ret, struct err *e);
int rt_addr_parse(struct nlmsghdr *h, struct rt_addr *ret, struct err *e);
/* One route a hop; -ENOMEM, too. */
int rt_route_parse(struct nlmsghdr *h, struct rt_list *ret, struct err *e);
int rt_rule_parse(struct nlmsghdr *h, struct rt_rule *ret, struct err *e);
int rt_neigh_parse(struct nlmsghdr *h, struct rt_neigh *ret, struct err *e);

#endif
