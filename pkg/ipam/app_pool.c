/* SPDX-License-Identifier: Apache-2.0 */
/* app_pool.c - the pool that spiderpool-controller made for an application, by its labels (spec/ipam.md 5.2)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/plan.h"

#define PREFIX     "ipam.spidernet.io/"
#define LABELS_MAX 8

struct label {
	const char *key;
	char value[API_LABEL_MAX];
};

struct search {
	struct label want[LABELS_MAX];
	const char *uid; /* one of the values: most pools do not have it anywhere */
	char *found;
	char other[STORE_NAME_MAX + 1]; /* "": only one was found */
};

static bool has_labels(const struct search *s, const struct json_map *labels)
{
	for (size_t i = 0; i < LABELS_MAX; i++) {
		const char *v = json_map_get(labels, s->want[i].key);

		if (!v || strcmp(v, s->want[i].value) != 0)
			return false;
	}
	return true;
}

static int look_at(const struct store_obj *o, void *arg, struct err *e)
{
	struct search *s = arg;
	struct api_ippool p;
	int r;

	if (!memmem(o->data, o->len, s->uid, strlen(s->uid)))
		return 0;
	r = api_decode_text(API_IPPOOL, o->data, o->len, o->name, &p, e);
	if (r < 0)
		return r;
	if (!p.obj.meta.deletion_timestamp && has_labels(s, &p.obj.meta.labels)) {
		if (s->found)
			snprintf(s->other, sizeof(s->other), "%s", o->name);
		else if (!(s->found = strdup(o->name)))
			r = err_nomem(e);
	}
	api_clear(API_IPPOOL, &p);
	return r;
}

static void want(struct search *s, size_t i, const char *key, const char *value)
{
	s->want[i].key = key;
	api_label_value(value, s->want[i].value);
}

static void want_all(struct search *s, const struct ipam_owner *o, const char *interface, uint8_t ver,
		     const char *subnet)
{
	char gv[STORE_NAME_MAX];
	char *slash;

	snprintf(gv, sizeof(gv), "%s", o->api_version);
	slash = strchr(gv, '/');
	if (slash)
		*slash = '_';
	want(s, 0, API_LABEL_OWNER, subnet);
	want(s, 1, PREFIX "owner-application-gv", gv);
	want(s, 2, PREFIX "owner-application-kind", o->kind);
	want(s, 3, PREFIX "owner-application-namespace", o->ns);
	want(s, 4, API_LABEL_APP_NAME, o->name);
	want(s, 5, PREFIX "owner-application-uid", o->uid);
	want(s, 6, PREFIX "interface", interface);
	want(s, 7, PREFIX "ip-version", ver == 4 ? "IPv4" : "IPv6");
	s->uid = s->want[5].value;
}

int app_pool_find(struct txn *t, const struct ipam_request *req, const char *interface, uint8_t ver,
		  const char *subnet, char **ret, struct err *e)
{
	const struct ipam_owner *o = &req->owner;
	struct search s = { 0 };
	int r;

	want_all(&s, o, interface, ver, subnet);
	r = store_list(t->m->st, STORE_IPPOOL, ver == 4 ? POOL_TERM_IPV4 : POOL_TERM_IPV6, NULL, NULL,
		       look_at, &s, e);
	if (r == 0 && !s.found)
		r = err_code(e, ERR_TRY_AGAIN, EAGAIN,
			     "no IPPool available: NIC %s: spiderpool-controller has not yet made the IPv%u "
			     "pool of %s %s/%s, interface %s, from SpiderSubnet %s; if it does not come, the "
			     "controller's log says why",
			     req->nic, ver, o->kind, o->ns, o->name, interface, subnet);
	else if (r == 0 && s.other[0])
		r = err_code(e, ERR_CONFIG, EEXIST,
			     "pools %s and %s are both made for %s %s/%s, interface %s, IPv%u; want one of "
			     "them deleted",
			     s.found, s.other, o->kind, o->ns, o->name, interface, ver);
	if (r < 0)
		free(s.found);
	else
		*ret = s.found;
	return r;
}
