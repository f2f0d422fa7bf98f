/* SPDX-License-Identifier: Apache-2.0 */
/* result.c - the result of ADD: building, searching, releasing */
#include "cni/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/internal.h"

static const struct json_field dns_fields[] = {
	JF(struct cni_dns, nameservers, "nameservers", .doc = "addresses of name servers, best first"),
	JF(struct cni_dns, domain, "domain", .doc = "local domain"),
	JF(struct cni_dns, search, "search", .doc = "search domains, best first"),
	JF(struct cni_dns, options, "options", .doc = "options of the resolver"),
};
const struct json_table cni_dns_table = JSON_TABLE(struct cni_dns, "dns", dns_fields);

static const struct json_field interface_fields[] = {
	JF(struct cni_interface, name, "name", .flags = JSON_EMPTY, .doc = "name of the link"),
	JF(struct cni_interface, mac, "mac", .doc = "hardware address"),
	JF(struct cni_interface, sandbox, "sandbox", .doc = "path of the netns; absent on the host"),
	JF(struct cni_interface, mtu, "mtu", .doc = "MTU"),
	JF(struct cni_interface, socket_path, "socketPath", .doc = "socket of a vhost-user device"),
	JF(struct cni_interface, pci_id, "pciID", .doc = "PCI address"),
};
const struct json_table cni_interface_table = JSON_TABLE(struct cni_interface, "interface", interface_fields);
const struct json_table cni_interface_old_table = {
	.name = "interface", .f = interface_fields, .n = 3, .size = sizeof(struct cni_interface)
};

/* json_set() takes NULL for a lack of memory; here it is null. */
static int extra_add(struct json_object *to, const char *key, struct json_object *v, struct err *e)
{
	if (v)
		return json_set(to, key, json_object_get(v), e);
	return json_object_object_add(to, key, NULL) == 0 ? 0 : err_nomem(e);
}

static bool names(const struct json_table *t, const char *key)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->f[i].key, key) == 0)
			return true;
	return false;
}

int cni_extra_take(const struct json_table *t, struct json_object *o, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *extra = NULL;
	struct json_object_iter it;
	int r = 0;

	*ret = NULL;
	if (!json_object_is_type(o, json_type_object))
		return 0;
	json_object_object_foreachC(o, it)
	{
		if (names(t, it.key))
			continue;
		if (!extra)
			extra = json_object_new_object();
		r = extra ? extra_add(extra, it.key, it.val, e) : err_nomem(e);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(extra);
	return 0;
}

static bool listed(const char *const *names, const char *key)
{
	for (; names && *names; names++)
		if (strcmp(*names, key) == 0)
			return true;
	return false;
}

int cni_extra_put(struct json_object *extra, const char *const *but, struct json_object *o, struct err *e)
{
	struct json_object_iter it;
	int r;

	if (!extra)
		return 0;
	json_object_object_foreachC(extra, it)
	{
		r = listed(but, it.key) ? 0 : extra_add(o, it.key, it.val, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void cni_dns_clear(struct cni_dns *d)
{
	json_put_p(&d->extra);
	json_clear(&cni_dns_table, d);
}

void cni_result_clear(struct cni_result *r)
{
	for (size_t i = 0; i < r->interfaces.n; i++) {
		json_put_p(&r->interfaces.v[i].extra);
		json_clear(&cni_interface_table, &r->interfaces.v[i]);
	}
	for (size_t i = 0; i < r->ips.n; i++)
		json_put_p(&r->ips.v[i].extra);
	for (size_t i = 0; i < r->routes.n; i++)
		json_put_p(&r->routes.v[i].extra);
	free(r->interfaces.v);
	free(r->ips.v);
	free(r->routes.v);
	cni_dns_clear(&r->dns);
	json_put_p(&r->extra);
	*r = (struct cni_result){ 0 };
}

/* Room for one more zeroed element at the end of any of the three lists. */
static void *grow(void **v, size_t n, size_t size, struct err *e)
{
	char *bigger;

	if (n >= JSON_LIST_MAX) {
		err_set(e, E2BIG, "CNI result: more than %d elements in a list", JSON_LIST_MAX);
		return NULL;
	}
	bigger = realloc(*v, (n + 1) * size);
	if (!bigger) {
		err_nomem(e);
		return NULL;
	}
	*v = bigger;
	return memset(bigger + n * size, 0, size);
}

int cni_result_set_text(char **member, const char *text, struct err *e)
{
	char *s = NULL;

	if (text) {
		s = strdup(text);
		if (!s)
			return err_nomem(e);
	}
	free(*member);
	*member = s;
	return 0;
}

int cni_result_add_interface(struct cni_result *r, const char *name, const char *mac, const char *sandbox,
			     struct err *e)
{
	struct cni_interface *i =
		grow((void **)&r->interfaces.v, r->interfaces.n, sizeof(*r->interfaces.v), e);

	if (!i)
		return -e->sys;
	if (cni_result_set_text(&i->name, name, e) < 0 || cni_result_set_text(&i->mac, mac, e) < 0 ||
	    cni_result_set_text(&i->sandbox, sandbox, e) < 0) {
		json_clear(&cni_interface_table, i);
		return -ENOMEM;
	}
	r->interfaces.set = true;
	return (int)r->interfaces.n++;
}

int cni_result_add_ip(struct cni_result *r, struct ip_prefix address, struct ip gateway, int interface,
		      struct err *e)
{
	struct cni_ip_config *c = grow((void **)&r->ips.v, r->ips.n, sizeof(*r->ips.v), e);

	if (!c)
		return -e->sys;
	c->address = address;
	c->gateway = gateway;
	if (interface >= 0)
		c->interface = (struct json_int){ .set = true, .v = interface };
	r->ips.set = true;
	return (int)r->ips.n++;
}

int cni_result_add_route(struct cni_result *r, struct ip_prefix dst, struct ip gw, struct err *e)
{
	struct cni_route *t = grow((void **)&r->routes.v, r->routes.n, sizeof(*r->routes.v), e);

	if (!t)
		return -e->sys;
	t->dst = dst;
	t->gw = gw;
	r->routes.set = true;
	return (int)r->routes.n++;
}

const struct cni_interface *cni_result_ip_interface(const struct cni_result *r,
						    const struct cni_ip_config *ip)
{
	if (!ip->interface.set || ip->interface.v < 0 || ip->interface.v >= (int64_t)r->interfaces.n)
		return NULL;
	return &r->interfaces.v[ip->interface.v];
}

int cni_result_find_interface(const struct cni_result *r, const char *name, const char *sandbox)
{
	for (size_t i = 0; i < r->interfaces.n; i++) {
		const struct cni_interface *f = &r->interfaces.v[i];

		if (!f->name || strcmp(f->name, name) != 0 || !f->sandbox || !*f->sandbox)
			continue;
		if (!sandbox || strcmp(f->sandbox, sandbox) == 0)
			return (int)i;
	}
	return -1;
}
