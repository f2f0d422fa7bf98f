/* SPDX-License-Identifier: Apache-2.0 */
/* intents.c - intents as a list: what is in it and what can go */
#include "intents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

static const struct json_field intent_fields[] = {
	JF(struct intent, id, "id", .flags = JSON_REQUIRED, .doc = "UID of the request"),
	JF(struct intent, kind, "kind", .flags = JSON_REQUIRED, .doc = "Of the object"),
	JF(struct intent, name, "name", .flags = JSON_REQUIRED, .doc = "Of the object"),
	JF(struct intent, uid, "uid", .flags = JSON_REQUIRED, .doc = "Of the object"),
	JF(struct intent, base, "base", .doc = "resourceVersion that the update starts from; none: a create"),
	JF(struct intent, subnet, "subnet", .flags = JSON_REQUIRED, .doc = "Its network"),
	JF(struct intent, version, "ipVersion", .min = 4, .max = 6, .doc = "4, 6"),
	JF(struct intent, ips, "ips", .doc = "Its addresses, what is excluded taken out"),
	JF(struct intent, until, "until", .doc = "When it is over, ms"),
};
static const struct json_table intent_table = JSON_TABLE(struct intent, "intent", intent_fields);

static const struct json_field intents_fields[] = {
	JL(struct intents, list, "intents", &intent_table, .doc = "In the order they were written"),
};
static const struct json_table intents_table = JSON_TABLE(struct intents, "intents", intents_fields);

int intents_decode(const char *text, size_t len, struct intents *ret, struct err *e)
{
	return json_decode_text(&intents_table, text, len, "intents", ret, e);
}

int intents_encode(const struct intents *l, struct buf *out, struct err *e)
{
	return json_encode_text(&intents_table, l, out, e);
}

void intents_clear(struct intents *l)
{
	json_clear(&intents_table, l);
}

int intent_copy(const struct intent *in, struct intent *out, struct err *e)
{
	return json_copy(&intent_table, in, out, e);
}

void intent_clear(struct intent *i)
{
	json_clear(&intent_table, i);
}

int intent_set_ips(struct intent *i, const struct ip_set *total, bool wider, struct err *e)
{
	const struct ip_range all = { total->n ? total->r[0].lo : 0,
				      total->n ? total->r[total->n - 1].hi : 0 };
	const bool too_many = total->n > INTENT_ITEMS_MAX;
	const size_t n = !too_many ? total->n : wider ? 1 : 0;
	char text[IP_RANGE_MAX];
	int r = 0;

	json_strv_clear(&i->ips);
	for (size_t k = 0; k < n && r == 0; k++)
		r = json_strv_add(&i->ips, ip_range_format(total->ver, too_many ? all : total->r[k], text),
				  e);
	return r;
}

static size_t place_of(const struct intents *l, const char *id)
{
	for (size_t k = 0; k < l->list.n; k++) {
		if (strcmp(l->list.v[k].id, id) == 0)
			return k;
	}
	return l->list.n;
}

/* Longer than any API server makes them. */
static bool is_too_long(const struct intent *i)
{
	return strlen(i->id) > INTENT_ID_MAX || strlen(i->uid) > INTENT_ID_MAX ||
	       (i->base && strlen(i->base) > INTENT_ID_MAX) || strlen(i->subnet) > INTENT_ID_MAX ||
	       strlen(i->name) > INTENT_NAME_MAX;
}

int intents_add(struct intents *l, const struct intent *i, int64_t now, struct err *e)
{
	const size_t at = place_of(l, i->id);
	struct intent *more, mine;
	int r;

	/* Those who are written together with it must not fail of it. */
	if (is_too_long(i))
		return err_code(e, ERR_CONFIG, EINVAL, "%s: a name, UID or version that cannot be", i->kind);
	if (at < l->list.n) /* an earlier write landed after all */
		return (int)at;
	if (at >= INTENTS_MAX)
		return err_code(
			e, ERR_CONFIG, EAGAIN,
			"%zu pools and subnets are being changed at this moment: try again in a minute", at);
	r = intent_copy(i, &mine, e);
	if (r < 0)
		return r;
	more = realloc(l->list.v, (at + 1) * sizeof(*more));
	if (!more) {
		intent_clear(&mine);
		return err_nomem(e);
	}
	mine.until = now + INTENT_LIFE_MS;
	more[at] = mine;
	l->list.v = more;
	l->list.n = at + 1;
	l->list.set = true;
	return (int)at;
}

static void take_out(struct intents *l, size_t at)
{
	intent_clear(&l->list.v[at]);
	memmove(&l->list.v[at], &l->list.v[at + 1], (l->list.n - at - 1) * sizeof(*l->list.v));
	l->list.n--;
}

bool intents_remove(struct intents *l, const char *id)
{
	const size_t at = place_of(l, id);

	if (at == l->list.n)
		return false;
	take_out(l, at);
	return true;
}

bool intents_remove_create(struct intents *l, const char *uid)
{
	const size_t before = l->list.n;

	for (size_t k = l->list.n; k-- > 0;) {
		const struct intent *i = &l->list.v[k];

		if (strcmp(i->uid, uid) == 0 && !(i->base && *i->base))
			take_out(l, k);
	}
	return l->list.n != before;
}

bool intents_expire(struct intents *l, int64_t now)
{
	const size_t before = l->list.n;

	for (size_t k = l->list.n; k-- > 0;) {
		if (now >= l->list.v[k].until)
			take_out(l, k);
	}
	return l->list.n != before;
}

bool intent_settled(const struct intent *i, const char *version)
{
	if (!i->base || !*i->base)
		return version;
	return !version || strcmp(version, i->base) != 0;
}
