/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_intents.c - whatever the order of steps, requests that do not go together do not both pass
 *
 * A model of the API server, the ConfigMap and any number of replicas: each request is a row of steps (read
 * what is being created, write the intent, list, decide, be stored), and a die says which request makes its
 * next one. Replicas die, answers get lost, time passes. SEED= replays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/admit_pending.c"
#include "../../cmd/controller/intents.c"

#define ACTORS  6
#define OBJECTS 7 /* pools a-d, subnets x-z */
#define POOLS   4
#define STEPS   400000
#define HOST    8     /* addresses that are played for in each network */
#define GIVE_UP 60000 /* ms after which the API server stores nothing any more */

static uint64_t seed, rng;
static struct err err;

static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

#define CHECK(what) \
	do { \
		if (!(what)) \
			fail_msg("SEED=%llu, step %d: %s", (unsigned long long)seed, step, #what); \
	} while (0)

/* ---- objects ---- */

struct thing {
	bool there;
	enum api_kind kind;
	char name[4], uid[16], version[16], subnet[24];
	unsigned net, mask;
	char ip[HOST][24];
	char *ips[HOST];
	size_t n;
};

/* The first two overlap. */
static const struct {
	const char *subnet, *host;
	unsigned has;
} nets[] = { { "10.0.0.0/28", "10.0.0.", 0xff },
	     { "10.0.0.0/29", "10.0.0.", 0x3f },
	     { "10.0.1.0/28", "10.0.1.", 0xff } };

static int step;
static int64_t now;
static unsigned counter;
static struct thing things[OBJECTS];
static struct {
	unsigned stored, refused, pending, given_up;
} seen;

static void set_mask(struct thing *t, unsigned mask)
{
	t->mask = mask & nets[t->net].has;
	t->n = 0;
	for (unsigned i = 0; i < HOST; i++) {
		if (t->mask >> i & 1)
			snprintf(t->ip[t->n++], sizeof(t->ip[0]), "%s%u", nets[t->net].host, i + 1);
	}
}

/* Its texts are lent. */
static void view(struct thing *t, struct api_object *o, struct api_range_spec *s)
{
	for (size_t i = 0; i < t->n; i++)
		t->ips[i] = t->ip[i];
	*o = (struct api_object){ .meta = {
					  .name = t->name, .uid = t->uid, .resource_version = t->version } };
	*s = (struct api_range_spec){ .ip_version = { true, 4 },
				      .subnet = t->subnet,
				      .ips = { .v = t->ips, .n = t->n, .set = true } };
}

union any {
	struct api_ippool pool;
	struct api_subnet subnet;
};

static void view_any(struct thing *t, union any *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (t->kind == API_IPPOOL)
		view(t, &ret->pool.obj, &ret->pool.spec.range);
	else
		view(t, &ret->subnet.obj, &ret->subnet.spec);
}

struct snapshot {
	struct thing t[OBJECTS];
	union any any[OBJECTS];
	const struct api_ippool *pools[OBJECTS];
	const struct api_subnet *subnets[OBJECTS];
	struct api_world w;
};

static void take_snapshot(struct snapshot *s)
{
	memcpy(s->t, things, sizeof(things));
	s->w = (struct api_world){
		.enable_ipv4 = true, .enable_subnet = true, .pools = s->pools, .subnets = s->subnets
	};
	for (size_t i = 0; i < OBJECTS; i++) {
		if (!s->t[i].there)
			continue;
		view_any(&s->t[i], &s->any[i]);
		if (s->t[i].kind == API_IPPOOL)
			s->pools[s->w.n_pools++] = &s->any[i].pool;
		else
			s->subnets[s->w.n_subnets++] = &s->any[i].subnet;
	}
}

/* What admission is there for. */
static void check_things(void)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		for (size_t k = 0; k < OBJECTS; k++) {
			const struct thing *a = &things[i], *b = &things[k];
			const bool near = a->net == b->net || a->net + b->net == 1;

			if (i == k || !a->there || !b->there || !near)
				continue;
			/* A pool may lie across a subnet of another CIDR. */
			if (a->kind != b->kind && a->net != b->net)
				continue;
			CHECK(a->net == b->net);
			if (a->kind == API_IPPOOL && b->kind == API_IPPOOL)
				CHECK(!(a->mask & b->mask));
			else if (a->kind == API_IPPOOL)
				CHECK(!(a->mask & ~b->mask));
			else if (b->kind == API_SUBNET)
				CHECK(b->kind != API_SUBNET); /* two of one network */
		}
	}
}

/* ---- the ConfigMap ---- */

static struct intents map;
static unsigned map_version;
static int64_t written[65536]; /* when, by the number in the intent's id */

static void copy_list(const struct intents *in, size_t n, struct intents *out)
{
	*out = (struct intents){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct intent *more = realloc(out->list.v, (i + 1) * sizeof(*more));

		assert_non_null(more);
		out->list.v = more;
		assert_int_equal(intent_copy(&in->list.v[i], &more[i], &err), 0);
		out->list.n = i + 1;
	}
}

/* ---- requests ---- */

enum phase { IDLE, LOCAL, READ, WRITE, LIST, DECIDE, STORE, UNREAD, UNWRITE };

struct actor {
	enum phase phase;
	size_t at; /* of things */
	bool create, has_intent;
	struct thing old, obj;
	int64_t started, date;
	unsigned seen_version, id;
	struct intents read, before;
	struct snapshot s;
};

static struct actor actors[ACTORS];

static void end(struct actor *a)
{
	intents_clear(&a->read);
	intents_clear(&a->before);
	*a = (struct actor){ .phase = IDLE };
}

static void begin(struct actor *a)
{
	a->at = rnd(OBJECTS);
	a->started = now;
	a->old = a->obj = things[a->at];
	a->create = !a->old.there;
	a->obj.there = true;
	a->phase = LOCAL;
	if (a->create) {
		a->obj.net = rnd(ARRAY_LEN(nets));
		a->obj.kind = a->at < POOLS ? API_IPPOOL : API_SUBNET;
		snprintf(a->obj.name, sizeof(a->obj.name), "%c", (int)("abcdxyz"[a->at]));
		snprintf(a->obj.uid, sizeof(a->obj.uid), "u%u", ++counter);
		snprintf(a->obj.subnet, sizeof(a->obj.subnet), "%s", nets[a->obj.net].subnet);
	} else if (rnd(4) == 0) {
		/* Whoever deletes it has seen it. */
		if (rnd(4) && intents_remove_create(&map, a->old.uid))
			map_version++;
		things[a->at].there = false;
		end(a);
		return;
	}
	set_mask(&a->obj, a->obj.kind == API_SUBNET ? rnd(256) | rnd(256) : rnd(256) & rnd(256));
	a->id = counter = (counter + 1) % ARRAY_LEN(written);
}

static void local(struct actor *a)
{
	const struct api_world nothing = { .enable_ipv4 = true, .enable_subnet = true };
	union any old, obj;
	int r;

	view_any(&a->old, &old);
	view_any(&a->obj, &obj);
	r = a->create ? api_validate_create(a->obj.kind, &obj, &nothing, &err)
		      : api_validate_update(a->obj.kind, &old, &obj, &nothing, &err);
	if (r < 0)
		fail_msg("SEED=%llu: %s", (unsigned long long)seed, err.msg);
	r = admit_needs_intent(a->obj.kind, a->create ? NULL : &old, &obj, &err);
	assert_true(r >= 0);
	a->phase = r ? READ : STORE;
}

static void read_map(struct actor *a)
{
	intents_clear(&a->read);
	copy_list(&map, map.list.n, &a->read);
	a->seen_version = map_version;
	a->date = now;
	a->phase = a->phase == UNREAD ? UNWRITE : WRITE;
}

static void put_map(struct actor *a)
{
	intents_clear(&map);
	map = a->read;
	a->read = (struct intents){ 0 };
	map_version++;
}

static void write_map(struct actor *a)
{
	union any old, obj;
	struct intent mine;
	char id[16];
	int r;

	if (a->seen_version != map_version) {
		a->phase = READ;
		return;
	}
	view_any(&a->old, &old);
	view_any(&a->obj, &obj);
	r = admit_make_intent(a->obj.kind, a->create ? NULL : (struct api_object *)&old, &obj, &mine, &err);
	assert_int_equal(r, 0);
	snprintf(id, sizeof(id), "%u", a->id);
	free(mine.id);
	mine.id = strdup(id);
	intents_expire(&a->read, a->date);
	r = intents_add(&a->read, &mine, a->date, &err);
	assert_true(r >= 0);
	intent_clear(&mine);
	written[a->id] = a->date;
	intents_clear(&a->before);
	copy_list(&a->read, (size_t)r, &a->before);
	put_map(a);
	a->has_intent = true;
	/* Or the answer was lost: then it is read again, and found. */
	a->phase = rnd(10) ? LIST : READ;
}

static void settled(const char *id, void *arg)
{
	(void)arg;
	/* Written at once here, by an update of its own: the worst that could be. */
	if (intents_remove(&map, id))
		map_version++;
}

static void decide(struct actor *a)
{
	union any old, obj;
	int r;

	view_any(&a->old, &old);
	view_any(&a->obj, &obj);
	for (size_t i = 0; i < a->before.list.n; i++)
		CHECK(a->date - written[strtoul(a->before.list.v[i].id, NULL, 10)] < INTENT_LIFE_MS);
	r = a->create ? api_validate_create(a->obj.kind, &obj, &a->s.w, &err)
		      : api_validate_update(a->obj.kind, &old, &obj, &a->s.w, &err);
	if (r < 0)
		seen.refused++;
	if (r == 0) {
		r = admit_pending(a->obj.kind, a->create ? NULL : &old, &obj, &a->s.w, &a->before, settled,
				  NULL, &err);
		seen.pending += r < 0;
		assert_true(r == 0 || (r == -EAGAIN && strstr(err.msg, "try again")));
	}
	a->phase = r == 0 ? STORE : UNREAD;
}

static void unwrite(struct actor *a)
{
	char id[16];

	if (a->seen_version != map_version) {
		a->phase = UNREAD;
		return;
	}
	snprintf(id, sizeof(id), "%u", a->id);
	intents_remove(&a->read, id);
	put_map(a);
	end(a);
}

static void store(struct actor *a)
{
	struct thing *t = &things[a->at];

	if (now - a->started >= GIVE_UP) {
		seen.given_up++;
	} else if (a->create ? !t->there : t->there && !strcmp(t->version, a->old.version)) {
		snprintf(a->obj.version, sizeof(a->obj.version), "%u", ++counter);
		*t = a->obj;
		seen.stored++;
		check_things();
	}
	end(a);
}

static void advance(struct actor *a)
{
	switch (a->phase) {
	case IDLE:
		begin(a);
		break;
	case LOCAL:
		local(a);
		break;
	case READ:
	case UNREAD:
		read_map(a);
		break;
	case WRITE:
		write_map(a);
		break;
	case LIST:
		memset(&a->s, 0, sizeof(a->s));
		take_snapshot(&a->s);
		a->phase = DECIDE;
		break;
	case DECIDE:
		decide(a);
		break;
	case STORE:
		store(a);
		break;
	case UNWRITE:
		unwrite(a);
		break;
	}
}

static void any_order(void **state)
{
	(void)state;
	for (step = 0; step < STEPS; step++) {
		struct actor *a = &actors[rnd(ACTORS)];

		now += rnd(100) ? rnd(500) : rnd(40000);
		if (rnd(200) == 0 && a->phase != IDLE)
			end(a); /* its replica, or its client, is gone */
		else
			advance(a);
	}
	for (size_t i = 0; i < ACTORS; i++)
		end(&actors[i]);
	intents_clear(&map);
	print_message("# stored %u, refused %u, told to try again %u, given up %u\n", seen.stored,
		      seen.refused, seen.pending, seen.given_up);
	/* It was not all for nothing. */
	assert_true(seen.stored > STEPS / 100 && seen.refused > STEPS / 100 && seen.pending > STEPS / 400);
}

/* ---- the list ---- */

static struct intent intent(const char *id, const char *base)
{
	return (struct intent){ .id = (char *)id,
				.kind = (char *)"SpiderIPPool",
				.name = (char *)"p",
				.uid = (char *)"u",
				.base = (char *)base,
				.subnet = (char *)"10.0.0.0/24",
				.version = 4 };
}

static void list(void **state)
{
	const struct intent a = intent("a", ""), b = intent("b", "7");
	struct intents l = { 0 }, again;
	struct buf text = BUF_INIT(1 << 20);

	(void)state;
	assert_int_equal(intents_add(&l, &a, 1000, &err), 0);
	assert_int_equal(intents_add(&l, &b, 2000, &err), 1);
	assert_int_equal(intents_add(&l, &a, 3000, &err), 0);
	assert_int_equal(l.list.n, 2);
	assert_int_equal(intents_encode(&l, &text, &err), 0);
	assert_int_equal(intents_decode(buf_cstr(&text), text.len, &again, &err), 0);
	assert_int_equal(again.list.n, 2);
	assert_string_equal(again.list.v[1].base, "7");
	assert_int_equal(again.list.v[0].until, 1000 + INTENT_LIFE_MS);
	intents_clear(&again);
	assert_false(intents_expire(&l, 999 + INTENT_LIFE_MS));
	assert_true(intents_expire(&l, 1000 + INTENT_LIFE_MS));
	assert_int_equal(l.list.n, 1);
	assert_false(intents_remove(&l, "a"));
	assert_true(intents_remove(&l, "b"));
	for (unsigned i = 0; i < INTENTS_MAX; i++) {
		char id[16];
		struct intent x = intent(id, "");

		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(intents_add(&l, &x, 0, &err), i);
	}
	assert_int_equal(intents_add(&l, &a, 0, &err), -EAGAIN);
	assert_int_equal(err.cni, ERR_CONFIG);
	intents_clear(&l);
	buf_clear(&text);
}

/* What nobody's API server asks is no part of what others write. */
static void too_long(void **state)
{
	char text[INTENT_NAME_MAX + 2];
	struct intent x = intent("a", "");
	struct intents l = { 0 };

	(void)state;
	memset(text, 'n', sizeof(text));
	text[INTENT_NAME_MAX] = '\0';
	x.name = text;
	assert_int_equal(intents_add(&l, &x, 0, &err), 0);
	intents_clear(&l);
	x.uid = text;
	assert_int_equal(intents_add(&l, &x, 0, &err), -EINVAL);
	x = intent("a", text);
	assert_int_equal(intents_add(&l, &x, 0, &err), -EINVAL);
	x = intent("a", "");
	text[INTENT_NAME_MAX] = 'n';
	text[INTENT_NAME_MAX + 1] = '\0';
	x.name = text;
	assert_int_equal(intents_add(&l, &x, 0, &err), -EINVAL);
	assert_int_equal(l.list.n, 0);
}

/* Seen is only what was created; an update may still come. */
static void existing(void **state)
{
	const struct intent a = intent("a", ""), b = intent("b", "7");
	struct intents l = { 0 };

	(void)state;
	assert_int_equal(intents_add(&l, &a, 0, &err), 0);
	assert_int_equal(intents_add(&l, &b, 0, &err), 1);
	assert_false(intents_remove_create(&l, "other"));
	assert_true(intents_remove_create(&l, "u"));
	assert_false(intents_remove_create(&l, "u"));
	assert_int_equal(l.list.n, 1);
	assert_string_equal(l.list.v[0].id, "b");
	intents_clear(&l);
}

static void settling(void **state)
{
	static const struct {
		const char *base, *version;
		bool settled;
	} rows[] = {
		{ "", NULL, false }, { "", "1", true },  { NULL, NULL, false }, { NULL, "1", true },
		{ "5", "5", false }, { "5", "6", true }, { "5", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct intent x = intent("a", rows[i].base);

		if (intent_settled(&x, rows[i].version) != rows[i].settled)
			fail_msg("row %zu", i);
	}
}

/* Too many ranges: more for a pool, nothing for a subnet. */
static void wide(void **state)
{
	struct ip_set s = { .ver = 4 };
	struct intent x = { 0 };

	(void)state;
	for (unsigned i = 0; i < INTENT_ITEMS_MAX; i++)
		assert_int_equal(ip_set_add(&s, (struct ip_range){ 10 + 2 * i, 10 + 2 * i }, &err), 0);
	assert_int_equal(intent_set_ips(&x, &s, false, &err), 0);
	assert_int_equal(x.ips.n, INTENT_ITEMS_MAX);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ 1000, 1000 }, &err), 0);
	assert_int_equal(intent_set_ips(&x, &s, true, &err), 0);
	assert_int_equal(x.ips.n, 1);
	assert_string_equal(x.ips.v[0], "0.0.0.10-0.0.3.232");
	assert_int_equal(intent_set_ips(&x, &s, false, &err), 0);
	assert_int_equal(x.ips.n, 0);
	json_strv_clear(&x.ips);
	ip_set_clear(&s);
}

int main(void)
{
	const char *given = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list),     cmocka_unit_test(too_long), cmocka_unit_test(existing),
		cmocka_unit_test(settling), cmocka_unit_test(wide),     cmocka_unit_test(any_order),
	};

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	rng = seed | 1;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
