/* SPDX-License-Identifier: Apache-2.0 */
/* rt_msg.c - put attributes in, take them out */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nl/rt_impl.h"

static void drop(struct nl_msg **m)
{
	nlmsg_free(*m);
	*m = NULL;
}

struct nl_msg *rt_msg(int type, int flags, const void *head, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, flags);

	if (m && nlmsg_append(m, (void *)head, len, NLMSG_ALIGNTO) < 0)
		drop(&m);
	return m;
}

void rt_put(struct nl_msg **m, int attr, const void *data, size_t len)
{
	if (*m && (len > UINT16_MAX || nla_put(*m, attr, (int)len, data) < 0))
		drop(m);
}

void rt_put_u8(struct nl_msg **m, int attr, uint8_t v)
{
	rt_put(m, attr, &v, sizeof(v));
}

void rt_put_u16(struct nl_msg **m, int attr, uint16_t v)
{
	rt_put(m, attr, &v, sizeof(v));
}

void rt_put_u32(struct nl_msg **m, int attr, uint32_t v)
{
	rt_put(m, attr, &v, sizeof(v));
}

void rt_put_text(struct nl_msg **m, int attr, const char *text)
{
	rt_put(m, attr, text, strlen(text) + 1);
}

void rt_put_ip(struct nl_msg **m, int attr, struct ip ip)
{
	uint8_t bytes[16];

	ip_to_bytes(ip, bytes);
	rt_put(m, attr, bytes, ip_bits(ip.ver) / 8u);
}

struct nlattr *rt_nest(struct nl_msg **m, int attr)
{
	struct nlattr *nest = *m ? nla_nest_start(*m, attr) : NULL;

	if (!nest && *m)
		drop(m);
	return nest;
}

void rt_nest_end(struct nl_msg **m, struct nlattr *nest)
{
	if (*m && nla_nest_end(*m, nest) < 0)
		drop(m);
}

int rt_attrs(struct nlmsghdr *h, size_t head, struct nlattr **tb, int max, struct err *e)
{
	if (nlmsg_parse(h, (int)head, tb, max, NULL) < 0)
		return err_code(e, ERR_IO, EBADMSG,
				"an answer of the kernel is too short (type %u, %u bytes)", h->nlmsg_type,
				h->nlmsg_len);
	return 0;
}

uint32_t rt_u32(const struct nlattr *a)
{
	return a && nla_len(a) >= (int)sizeof(uint32_t) ? nla_get_u32(a) : 0;
}

uint16_t rt_u16(const struct nlattr *a)
{
	return a && nla_len(a) >= (int)sizeof(uint16_t) ? nla_get_u16(a) : 0;
}

void rt_text(const struct nlattr *a, char *out, size_t size)
{
	size_t len = a ? strnlen(nla_data(a), (size_t)nla_len(a)) : 0;

	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(out, nla_data(a), len);
	out[len] = '\0';
}

void rt_ip(const struct nlattr *a, uint8_t ver, struct ip *ret)
{
	if (a && nla_len(a) == ip_bits(ver) / 8)
		*ret = ip_from_bytes(ver, nla_data(a));
}

void rt_mac(const struct nlattr *a, uint8_t ret[LINK_MAC_LEN])
{
	if (a && nla_len(a) == LINK_MAC_LEN)
		memcpy(ret, nla_data(a), LINK_MAC_LEN);
}

uint8_t rt_family(uint8_t ver)
{
	return ver == 4 ? AF_INET : ver == 6 ? AF_INET6 : AF_UNSPEC;
}

uint8_t rt_version(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0;
}

int rt_list_add(struct rt_list *l, const void *item, struct err *e)
{
	if (l->n >= RT_LIST_MAX)
		return err_set(e, E2BIG, "the list has more than %d entries", RT_LIST_MAX);
	/* Full at 0, 8, 16, 32, ... */
	if (l->n == 0 || (l->n >= 8 && (l->n & (l->n - 1)) == 0)) {
		void *v = realloc(l->v, (l->n < 8 ? 8 : l->n * 2) * l->size);

		if (!v)
			return err_nomem(e);
		l->v = v;
	}
	memcpy((char *)l->v + l->n++ * l->size, item, l->size);
	return 0;
}

void rt_list_reset(void *list)
{
	((struct rt_list *)list)->n = 0;
}
