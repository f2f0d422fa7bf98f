/* SPDX-License-Identifier: Apache-2.0 */
/* status_pool.c - what is published about a pool, from blocks */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "status.h"

#define TEXT_MAX ((size_t)2 << 20)
#define TEXT_FULL \
	((size_t)1 << 20) /* of allocatedIPs, whatever was configured: etcd takes 1.5 MiB of an object */
#define NAMES_MAX 5

void status_name(struct status_names *l, const char *fmt, ...)
{
	size_t len = strlen(l->text), room = sizeof(l->text) - len;
	va_list ap;
	int n;

	if (l->n++ >= NAMES_MAX)
		return;
	va_start(ap, fmt);
	n = snprintf(l->text + len, room, "%s", len ? ", " : "");
	if ((size_t)n < room)
		(void)vsnprintf(l->text + len + n, room - (size_t)n, fmt, ap);
	va_end(ap);
}

void status_names_end(struct status_names *l)
{
	size_t len = strlen(l->text);

	if (l->n > NAMES_MAX)
		snprintf(l->text + len, sizeof(l->text) - len, " and %zu more", l->n - NAMES_MAX);
}

/* ---- records ---- */

/* Fields of records hold nothing that JSON would write in another way (api/block.h). */
static void publish_record(const struct status_pool_in *in, struct ip a, const struct block_rec *r,
			   struct status_sum *s)
{
	char text[IP_TEXT_MAX];

	if (s->allocated++ >= (int64_t)in->max || s->text.len > TEXT_FULL)
		return;
	if (!s->text.max)
		s->text = BUF_INIT(TEXT_MAX);
	s->published++;
	buf_fmt(&s->text, "%c\"%s\":{\"pod\":\"", s->text.len ? ',' : '{', ip_format(a, text));
	if (r->hold == HOLD_VM && *r->ref)
		buf_str(&s->text, r->ref);
	else
		buf_fmt(&s->text, "%s/%s", r->ns, r->pod);
	buf_fmt(&s->text, "\",\"podUid\":\"%s\"}", r->uid);
}

static void soonest(struct status_sum *s, int64_t at)
{
	if (at > 0 && (!s->next || at < s->next))
		s->next = at;
}

static void add_record(const struct status_pool_in *in, struct ip a, const struct block_rec *r,
		       struct status_sum *s)
{
	bool inside = a.ver == in->total->ver && ip_set_has(in->total, a.n);
	bool named = strcmp(r->pool, in->name) == 0;
	char text[IP_TEXT_MAX];

	if (inside && ip_set_has(in->eligible, a.n))
		s->taken++;
	if (r->hold == HOLD_QUARANTINE) {
		if (inside) {
			status_name(&s->quarantined, "%s (%s)", ip_format(a, text),
				    *r->mac ? r->mac : "by an operator");
			soonest(s, r->until);
		}
		return;
	}
	if (!named && !(inside && !in->is_pool(r->pool, in->arg)))
		return;
	publish_record(in, a, r, s);
	if (!inside)
		status_name(&s->outside, "%s (%s/%s)", ip_format(a, text), r->ns, r->pod);
}

int status_sum_block(const struct status_pool_in *in, const struct block *b, struct status_sum *s,
		     struct err *e)
{
	uint64_t held = block_held_mask(b, in->now);

	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		if (held >> i & 1)
			add_record(in, (struct ip){ b->ver, (b->index << IP_BLOCK_BITS) + i }, &b->rec[i], s);
	return s->text.err ? err_set(e, -s->text.err, "SpiderIPPool %s: status.allocatedIPs", in->name) : 0;
}

void status_sum_end(struct status_sum *s)
{
	if (s->text.len)
		buf_chr(&s->text, '}');
	status_names_end(&s->outside);
	status_names_end(&s->quarantined);
}

void status_sum_clear(struct status_sum *s)
{
	buf_clear(&s->text);
}

/* ---- conditions ---- */

bool status_is_scarce(int64_t total, int64_t available)
{
	return available < total / 10 || (total >= 10 && available < 3);
}

static struct status_said settled(const struct status_sum *s, const struct status_pool_facts *f,
				  char *message)
{
	struct status_said c = { .type = STATUS_SETTLED };

	if (f->behind->n) {
		c.reason = "AgentsBehind";
		snprintf(message, STATUS_MESSAGE_MAX, "not seen yet by the agents of %s", f->behind->text);
	} else if (s->outside.n) {
		c.reason = "AddressesOutside";
		snprintf(message, STATUS_MESSAGE_MAX, "held outside of the ranges: %s", s->outside.text);
	} else {
		c.is = true;
		c.reason = "Settled";
		snprintf(message, STATUS_MESSAGE_MAX,
			 "every agent has this generation, and no address outside of the ranges is held");
	}
	c.message = message;
	return c;
}

static struct status_said exhausted(int64_t total, int64_t available)
{
	if (!total)
		return (struct status_said){ STATUS_EXHAUSTED, true, false, "NoAddresses",
					     "the pool has no addresses, or all of them are reserved" };
	if (available <= 0)
		return (struct status_said){ STATUS_EXHAUSTED, true, false, "NoneFree",
					     "every address is in use, kept for a pod, or in quarantine" };
	return (struct status_said){ STATUS_EXHAUSTED, false, false, "SomeFree", "addresses are free" };
}

static struct status_said nearly(int64_t total, int64_t available)
{
	bool is = available > 0 && status_is_scarce(total, available);

	return (struct status_said){ STATUS_NEARLY, is, true, is ? "FewFree" : "NotSo",
				     is ? "less than a tenth of the addresses is free, or less than three"
					: "enough addresses are free, or none" };
}

static struct status_said conflict(const struct status_sum *s, char *message)
{
	bool is = s->quarantined.n > 0;

	snprintf(message, STATUS_MESSAGE_MAX,
		 is ? "somebody else answers for %s" : "no address is in quarantine", s->quarantined.text);
	return (struct status_said){ STATUS_CONFLICT, is, true, is ? "Quarantined" : "NoQuarantine",
				     message };
}

static struct status_said truncated(const struct status_sum *s, char *message)
{
	bool is = s->published < s->allocated;

	if (is)
		snprintf(message, STATUS_MESSAGE_MAX, "the first %lld records are shown",
			 (long long)s->published);
	else
		snprintf(message, STATUS_MESSAGE_MAX, "all records are shown");
	return (struct status_said){ STATUS_TRUNCATED, is, true, is ? "TooMany" : "Complete", message };
}

static int say_all(const struct status_pool_in *in, const struct status_sum *s,
		   const struct status_pool_facts *f, struct status_conditions *l, struct err *e)
{
	char text[3][STATUS_MESSAGE_MAX];
	int64_t total = ip_set_count(in->eligible), available = total - s->taken;
	const struct status_said said[] = {
		settled(s, f, text[0]), exhausted(total, available), nearly(total, available),
		conflict(s, text[1]),   truncated(s, text[2]),
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(said); i++)
		r = status_say(l, &said[i], f->generation, f->now, e);
	return r < 0 ? r : 0;
}

static int set_text(char **s, const char *with, struct err *e)
{
	free(*s);
	*s = with ? strdup(with) : NULL;
	return with && !*s ? err_nomem(e) : 0;
}

int status_pool_fill(const struct status_pool_in *in, const struct status_sum *s,
		     const struct status_pool_facts *f, struct status_pool *now, struct err *e)
{
	int r = set_text(&now->allocated_ips, s->text.len ? s->text.s : NULL, e);

	if (r == 0)
		r = set_text(&now->observed_version, f->version, e);
	now->total = (struct json_int){ true, ip_set_count(in->total) };
	now->allocated = (struct json_int){ true, s->allocated };
	now->observed_generation = (struct json_int){ true, f->generation };
	return r < 0 ? r : say_all(in, s, f, &now->conditions, e);
}
