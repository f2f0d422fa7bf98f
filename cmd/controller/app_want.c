/* SPDX-License-Identifier: Apache-2.0 */
/* app_want.c - which pools an application is to have
 *
 * Annotations are read by the functions that the agent reads them with (ipam/candidates_impl.h), so that both
 * understand the same and refuse the same.
 */
#include "app_want.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ipam/candidates_impl.h"

static int put_annotation(struct json_map *m, const char *key, const char *value, struct err *e)
{
	return value ? json_map_set(m, key, value, e) : 0;
}

static int annotations_map(const struct app_annotations *a, struct json_map *ret, struct err *e)
{
	int r = put_annotation(ret, ANNOTATION_SUBNET, a->subnet, e);

	if (r == 0)
		r = put_annotation(ret, ANNOTATION_SUBNETS, a->subnets, e);
	if (r == 0)
		r = put_annotation(ret, ANNOTATION_IP_NUMBER, a->number, e);
	if (r == 0)
		r = put_annotation(ret, ANNOTATION_RECLAIM, a->reclaim, e);
	return r;
}

/* Checked: digits, maybe behind a "+" and what stands in front of that. */
static void size_it(const struct app *a, const struct daemon_file *f, struct app_want *w)
{
	const char *text = a->annotations.number, *plus = text ? strchr(text, '+') : NULL;
	int64_t more = text ? strtoll(plus ? plus + 1 : text, NULL, 10) : f->flexible_number;

	w->size = text && !plus ? more : a->replicas + more;
	snprintf(w->number, sizeof(w->number), "%s%lld", text && !plus ? "" : "+", (long long)more);
}

/* Checked: a Go bool; true unless it is one of the words for false. */
static bool reclaim(const char *text)
{
	return !text || !strchr("0fF", text[0]);
}

static void add(const struct app *a, const struct daemon_file *f, const char *interface, uint8_t ver,
		const struct json_strv *subnets, struct app_wants *ret)
{
	struct app_want *w = &ret->v[ret->n];

	if (!subnets->n || !(ver == 4 ? f->enable_ipv4 : f->enable_ipv6) || ret->n == APP_WANTS_MAX)
		return;
	*w = (struct app_want){ .ver = ver, .reclaim = reclaim(a->annotations.reclaim) };
	snprintf(w->interface, sizeof(w->interface), "%s", interface);
	snprintf(w->subnet, sizeof(w->subnet), "%s", subnets->v[0]);
	size_it(a, f, w);
	ret->n++;
}

/* What the agent looks for when this NIC asks. */
static int add_nic(const struct app *a, const struct daemon_file *f, struct ipam_request *req,
		   const char *nic, struct app_wants *ret, struct err *e)
{
	const struct ipam_conf conf = { .cluster = true, .enable_subnet = true, .enable_auto_pool = true };
	struct candidates c = { 0 };
	int r;

	req->nic = nic;
	r = candidates_subnets(&conf, req, &c, e);
	for (size_t i = 0; r > 0 && i < c.nics.n; i++) {
		const struct candidate_nic *n = &c.nics.v[i];

		add(a, f, n->made_for, 4, &n->ipv4, ret);
		add(a, f, n->made_for, 6, &n->ipv6, ret);
	}
	candidates_clear(&c);
	return r < 0 ? r : 0;
}

/* The names of the NICs; what is wrong with the items is said by add_nic(). */
static int add_nics(const struct app *a, const struct daemon_file *f, struct ipam_request *req,
		    struct app_wants *ret, struct err *e)
{
	struct candidates items = { 0 };
	int r = candidates_items(ANNOTATION_SUBNETS, a->annotations.subnets, &candidates_nics_table, &items,
				 e);

	if (r == 0 && !items.nics.n)
		r = add_nic(a, f, req, "eth0", ret, e);
	for (size_t i = 0; r == 0 && i < items.nics.n && i < IPAM_NICS_MAX; i++)
		r = add_nic(a, f, req, items.nics.v[i].nic ? items.nics.v[i].nic : "", ret, e);
	candidates_clear(&items);
	return r;
}

int app_wants(const struct app *a, const struct daemon_file *f, struct app_wants *ret, struct err *e)
{
	CLEANUP(json_map_clear) struct json_map map = { 0 };
	struct ipam_request req = {
		.annotations = &map, .ns = a->ns, .pod = a->name, .uid = "", .owner = app_owner(a)
	};
	int r;

	ret->n = 0;
	if (!app_asks(a) || !f->enable_subnet || !f->enable_auto_pool)
		return 0;
	/* Of which version a CronJob is served says nothing of how many pods it has. */
	if (a->kind_id != APP_FOREIGN)
		req.owner.api_version = app_resources[a->kind_id]->group[0] == 'b' ? "batch/v1" : "apps/v1";
	r = annotations_map(&a->annotations, &map, e);
	if (r == 0)
		r = a->annotations.subnets ? add_nics(a, f, &req, ret, e)
					   : add_nic(a, f, &req, "eth0", ret, e);
	if (r < 0)
		ret->n = 0;
	return r;
}
