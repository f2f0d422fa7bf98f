/* SPDX-License-Identifier: Apache-2.0 */
/* lease.c - one leader of several */
#include "kube/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"
#include "kube/object.h"
#include "kube/retry.h"
#include "kube/thread.h"

#define DURATION_MS 15000
#define RENEW_MS    10000
#define RETRY_MS    2000
#define RELEASE_MS  2000

struct kube_lease {
	struct kube_lease_conf c;
	char *ns, *name;
	char identity[KUBE_HOLDER_MAX];
	pthread_t thread;
	struct kube_cancel cancel;
	pthread_mutex_t lock;
	/* lock */
	bool leads;
	int64_t renewed_at; /* when the last renewal that succeeded was sent */
	char holder[KUBE_HOLDER_MAX];
	/* the thread's */
	char seen[KUBE_VERSION_MAX]; /* the lease's version, ... */
	int64_t seen_at;             /* ... and when we first saw it */
};

/* What we read of a lease. */
struct record {
	const char *holder, *version;
	int64_t duration_ms, transitions;
};

static struct record record_of(const struct kube_lease *l, struct json_object *lease)
{
	struct json_object *spec = json_get(lease, "spec");
	struct record r = { .holder = json_get_str(spec, "holderIdentity"),
			    .version = kube_meta(lease, "resourceVersion") };
	int64_t s;

	r.holder = r.holder ? r.holder : "";
	r.version = r.version ? r.version : "";
	r.duration_ms = json_get_int(spec, "leaseDurationSeconds", &s) && s > 0 && s < 86400
				? s * 1000
				: l->c.duration_ms;
	(void)json_get_int(spec, "leaseTransitions", &r.transitions);
	return r;
}

static struct kube_op op_of(struct kube_lease *l, int64_t ms)
{
	return (struct kube_op){ .res = &kube_resources[KUBE_LEASES],
				 .ns = l->ns,
				 .name = l->name,
				 .until = deadline_in(ms),
				 .cancel = &l->cancel };
}

/* ---- writing ---- */

static int set_int(struct json_object *spec, const char *key, int64_t v, struct err *e)
{
	return json_set(spec, key, json_object_new_int64(v), e);
}

/* holder "": given back. What else is in the lease stays. */
static int fill(struct json_object *lease, const char *holder, int64_t duration_ms, bool changes,
		int64_t transitions, struct err *e)
{
	char ms[CLOCK_TEXT_MAX], now[CLOCK_TEXT_MAX + 8];
	struct json_object *spec = json_get(lease, "spec");
	int r = 0;

	if (!spec) {
		r = json_set(lease, "spec", json_object_new_object(), e);
		spec = json_get(lease, "spec");
	}
	snprintf(now, sizeof(now), "%s000Z", clock_format_ms(clock_wall_ms(), ':', ms));
	if (r == 0)
		r = json_set_str(spec, "holderIdentity", holder, e);
	if (r == 0)
		r = set_int(spec, "leaseDurationSeconds", (duration_ms + 999) / 1000, e);
	if (r == 0)
		r = json_set_str(spec, "renewTime", now, e);
	if (r == 0 && changes)
		r = json_set_str(spec, "acquireTime", now, e);
	if (r == 0)
		r = set_int(spec, "leaseTransitions", transitions, e);
	return r;
}

static int new_lease(struct kube_lease *l, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *lease = json_object_new_object();
	struct json_object *meta;
	int r;

	if (!lease)
		return err_nomem(e);
	r = json_set_str(lease, "apiVersion", "coordination.k8s.io/v1", e);
	if (r == 0)
		r = json_set_str(lease, "kind", "Lease", e);
	if (r == 0)
		r = json_set(lease, "metadata", json_object_new_object(), e);
	meta = json_get(lease, "metadata");
	if (r == 0)
		r = json_set_str(meta, "namespace", l->ns, e);
	if (r == 0)
		r = json_set_str(meta, "name", l->name, e);
	if (r == 0)
		*ret = TAKE_PTR(lease);
	return r;
}

/* Creates it or replaces the version that was read; *lease becomes what is written now. */
static int put(struct kube *k, struct kube_op *op, struct json_object **lease, bool create, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(JSON_TEXT_MAX);
	struct json_object *now = NULL;
	int r = json_print(*lease, false, &text, e);

	if (r == 0)
		r = (create ? kube_create : kube_update)(k, op, text.s, text.len, &now, e);
	if (r == 0) {
		json_put_p(lease);
		*lease = now;
	}
	return r;
}

/* ---- taking and renewing ---- */

static void note(struct kube_lease *l, const struct record *r)
{
	if (strcmp(l->seen, r->version) != 0) {
		snprintf(l->seen, sizeof(l->seen), "%s", r->version);
		l->seen_at = clock_mono_ms();
	}
	pthread_mutex_lock(&l->lock);
	snprintf(l->holder, sizeof(l->holder), "%s", r->holder);
	pthread_mutex_unlock(&l->lock);
}

/* 1: ours until renew_ms after *sent; 0: another's. */
static int attempt(struct kube_lease *l, int64_t ms, int64_t *sent, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *lease = NULL;
	struct kube_op op = op_of(l, ms);
	struct record seen;
	bool changes, is_new;
	int r = kube_get(l->c.k, &op, &lease, e);

	is_new = r == -ENOENT;
	if (is_new)
		r = new_lease(l, &lease, e);
	if (r < 0)
		return r;
	seen = record_of(l, lease);
	note(l, &seen);
	changes = strcmp(seen.holder, l->identity) != 0;
	if (changes && seen.holder[0] && clock_mono_ms() - l->seen_at < seen.duration_ms)
		return 0;
	r = fill(lease, l->identity, l->c.duration_ms, changes, seen.transitions + (changes && !is_new), e);
	*sent = clock_mono_ms();
	if (r == 0)
		r = put(l->c.k, &op, &lease, is_new, e);
	/* Somebody was faster. */
	if (r == -ESTALE || r == -EEXIST)
		return 0;
	if (r < 0)
		return r;
	seen = record_of(l, lease);
	note(l, &seen);
	return 1;
}

static bool held_at(const struct kube_lease *l, int64_t now)
{
	return l->leads && now < l->renewed_at + l->c.renew_ms;
}

bool kube_lease_held(struct kube_lease *l)
{
	bool held;

	pthread_mutex_lock(&l->lock);
	held = held_at(l, clock_mono_ms());
	pthread_mutex_unlock(&l->lock);
	return held;
}

const char *kube_lease_holder(struct kube_lease *l, char out[KUBE_HOLDER_MAX])
{
	pthread_mutex_lock(&l->lock);
	memcpy(out, l->holder, KUBE_HOLDER_MAX);
	pthread_mutex_unlock(&l->lock);
	return out;
}

/* sent: of the renewal, < 0: we lead no more. */
static void set_leads(struct kube_lease *l, int64_t sent)
{
	bool before = l->leads, now = sent >= 0;

	pthread_mutex_lock(&l->lock);
	l->leads = now;
	if (now)
		l->renewed_at = sent;
	pthread_mutex_unlock(&l->lock);
	if (!before && now && l->c.leading)
		l->c.leading(l->c.arg);
	if (before && !now && l->c.lost)
		l->c.lost(l->c.arg);
}

/* How long one try may take: half, so that there is time for another; never beyond what we hold. */
static int64_t patience(const struct kube_lease *l)
{
	int64_t ms = l->c.renew_ms / 2, left = l->renewed_at + l->c.renew_ms - clock_mono_ms();

	return l->leads && left < ms ? left : ms;
}

static void step(struct kube_lease *l)
{
	int64_t sent = -1;
	struct err e;
	int r = attempt(l, patience(l), &sent, &e);

	if (r == -ECANCELED)
		return;
	if (r > 0) {
		set_leads(l, sent);
	} else if (r == 0 && l->leads) {
		/* Written by somebody in between: whose it is, is seen at once. */
		char holder[KUBE_HOLDER_MAX];

		if (strcmp(kube_lease_holder(l, holder), l->identity) != 0)
			set_leads(l, -1);
	} else if (r < 0 && l->c.trouble) {
		l->c.trouble(&e, l->c.arg);
	}
	if (l->leads && !held_at(l, clock_mono_ms()))
		set_leads(l, -1);
}

static void release_lease(struct kube_lease *l)
{
	CLEANUP(json_put_p) struct json_object *lease = NULL;
	struct kube_op op = op_of(l, RELEASE_MS);
	struct record seen;
	struct err ignored;

	op.cancel = NULL;
	op.once = true;
	if (kube_get(l->c.k, &op, &lease, &ignored) < 0)
		return;
	seen = record_of(l, lease);
	if (!strcmp(seen.holder, l->identity) && fill(lease, "", 1000, true, seen.transitions, &ignored) == 0)
		(void)put(l->c.k, &op, &lease, false, &ignored);
}

static void *run(void *arg)
{
	struct kube_lease *l = arg;
	struct err ignored;
	int64_t ms, left;
	bool led;

	do {
		step(l);
		ms = l->c.retry_ms + kube_backoff(0, l->c.retry_ms / 5, l->c.retry_ms / 5);
		left = l->renewed_at + l->c.renew_ms - clock_mono_ms();
		if (l->leads && left < ms)
			ms = left;
	} while (kube_sleep(l->c.k, &l->cancel, ms, &ignored) == 0);
	led = l->leads;
	set_leads(l, -1);
	if (led)
		release_lease(l);
	return NULL;
}

/* ---- start and stop ---- */

static void lease_free(struct kube_lease *l)
{
	pthread_mutex_destroy(&l->lock);
	free(l->ns);
	free(l->name);
	free(l);
}

static int check(const struct kube_lease_conf *c, struct err *e)
{
	if (!c->identity || !*c->identity || strlen(c->identity) >= KUBE_HOLDER_MAX)
		return err_code(e, ERR_CONFIG, EINVAL, "lease %s: want an identity of 1 to %d bytes", c->name,
				KUBE_HOLDER_MAX - 1);
	if (c->duration_ms <= c->renew_ms || c->renew_ms <= c->retry_ms)
		return err_code(e, ERR_CONFIG, EINVAL,
				"lease %s: want duration > renew > retry, got %u, %u and %u ms", c->name,
				c->duration_ms, c->renew_ms, c->retry_ms);
	return 0;
}

int kube_lease_start(const struct kube_lease_conf *c, struct kube_lease **ret, struct err *e)
{
	struct kube_lease *l = calloc(1, sizeof(*l));
	int r;

	*ret = NULL;
	if (!l)
		return err_nomem(e);
	l->c = *c;
	l->c.duration_ms = c->duration_ms ? c->duration_ms : DURATION_MS;
	l->c.renew_ms = c->renew_ms ? c->renew_ms : RENEW_MS;
	l->c.retry_ms = c->retry_ms ? c->retry_ms : RETRY_MS;
	pthread_mutex_init(&l->lock, NULL);
	l->ns = strdup(c->ns);
	l->name = strdup(c->name);
	r = l->ns && l->name ? check(&l->c, e) : err_nomem(e);
	if (r == 0) {
		snprintf(l->identity, sizeof(l->identity), "%s", c->identity);
		r = kube_thread(&l->thread, run, l, e);
	}
	if (r < 0)
		lease_free(l);
	else
		*ret = l;
	return r;
}

void kube_lease_stop(struct kube_lease *l)
{
	if (!l)
		return;
	kube_cancel(l->c.k, &l->cancel);
	pthread_join(l->thread, NULL);
	lease_free(l);
}
