/* SPDX-License-Identifier: Apache-2.0 */
/* init_objects.c - the objects that spiderpool-init makes */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/file.h"
#include "base/own.h"
#include "init.h"

#define CNI_FILE_MAX ((size_t)1 << 20)
/* Calico's network is called like this, while users know it as "calico". */
#define CALICO_NETWORK "k8s-pod-network"
#define ANNOTATION     "multus.spidernet.io/cr-name"

struct making {
	struct init_object *v;
	int n;
	struct err *e;
	bool failed;
};

/* ---- pieces; after the first failure nothing more is done ---- */

static struct json_object *member(struct making *m, struct json_object *o, const char *key,
				  struct json_object *v)
{
	if (m->failed)
		json_object_put(v);
	else if (json_set(o, key, v, m->e) < 0)
		m->failed = true;
	return m->failed ? NULL : v;
}

static void text(struct making *m, struct json_object *o, const char *key, const char *value)
{
	if (*value)
		member(m, o, key, json_object_new_string(value));
}

/* Lists come as JSON, or with commas or blanks between the items: none of these is in an item. */
static void list(struct making *m, struct json_object *o, const char *key, const char *value)
{
	static const char between[] = "[]\",\\ \t\r\n";
	struct json_object *a = member(m, o, key, json_object_new_array());
	const char *p = value + strspn(value, between);

	while (!m->failed && *p) {
		size_t len = strcspn(p, between);

		if (json_append(a, json_object_new_string_len(p, (int)len), m->e) < 0)
			m->failed = true;
		p += len;
		p += strspn(p, between);
	}
}

/* Its spec. */
static struct json_object *object(struct making *m, enum kube_resource_id id, const char *ns,
				  const char *name)
{
	struct init_object *o = &m->v[m->n];
	struct json_object *meta;

	if (m->failed)
		return NULL;
	*o = (struct init_object){ .res = &kube_resources[id], .body = json_object_new_object() };
	if (!o->body) {
		m->failed = true;
		err_nomem(m->e);
		return NULL;
	}
	m->n++;
	text(m, o->body, "apiVersion", API_VERSION);
	text(m, o->body, "kind", o->res->kind);
	meta = member(m, o->body, "metadata", json_object_new_object());
	text(m, meta, "name", name);
	text(m, meta, "namespace", ns);
	o->name = json_get_str(meta, "name");
	o->ns = json_get_str(meta, "namespace");
	return member(m, o->body, "spec", json_object_new_object());
}

/* ---- objects ---- */

static void coordinator(struct making *m, const struct init_conf *c)
{
	struct json_object *routes = NULL, *spec = object(m, KUBE_SPIDERCOORDINATORS, "", c->coordinator);

	text(m, spec, "mode", c->mode);
	text(m, spec, "podCIDRType", c->cidr_type);
	member(m, spec, "tunePodRoutes", json_object_new_boolean(c->tune_routes));
	list(m, spec, "hijackCIDR", c->hijack);
	text(m, spec, "vethLinkAddress", c->link_address);
	member(m, spec, "vethMTU", json_object_new_int64(c->veth_mtu));
	if (m->failed || !*c->policy_routes)
		return;
	if (json_parse(c->policy_routes, strlen(c->policy_routes),
		       "SPIDERPOOL_INIT_DEFAULT_COORDINATOR_POLICY_ROUTES", &routes, m->e) < 0)
		m->failed = true;
	else if (routes)
		member(m, spec, "policyRoutes", routes);
}

static struct json_object *ranges(struct making *m, const struct init_family *f, enum kube_resource_id id,
				  const char *name)
{
	struct json_object *spec = object(m, id, "", name);

	text(m, spec, "subnet", f->subnet);
	list(m, spec, "ips", f->ranges);
	text(m, spec, "gateway", f->gateway);
	return spec;
}

static void subnet(struct making *m, const struct init_family *f)
{
	if (*f->subnet_name)
		ranges(m, f, KUBE_SPIDERSUBNETS, f->subnet_name);
}

static void pool(struct making *m, const struct init_family *f)
{
	if (*f->pool_name)
		member(m, ranges(m, f, KUBE_SPIDERIPPOOLS, f->pool_name), "default",
		       json_object_new_boolean(true));
}

/* Without a configuration of its own: Multus takes the node's file of that name, whatever its type is. */
static void network_config(struct making *m, const struct init_conf *c, const char *network)
{
	bool calico = strcmp(network, CALICO_NETWORK) == 0;
	struct json_object *spec =
		object(m, KUBE_SPIDERMULTUSCONFIGS, c->cni_ns, calico ? "calico" : network);
	struct json_object *meta = m->failed ? NULL : json_get(m->v[m->n - 1].body, "metadata");

	text(m, spec, "cniType", "custom");
	member(m, spec, "enableCoordinator", json_object_new_boolean(false));
	if (calico)
		text(m, member(m, meta, "annotations", json_object_new_object()), ANNOTATION, network);
}

int init_objects(const struct init_conf *c, const char *network, struct init_object ret[INIT_OBJECTS_MAX],
		 struct err *e)
{
	struct making m = { .v = ret, .e = e };

	if (*c->coordinator)
		coordinator(&m, c);
	subnet(&m, &c->v4);
	subnet(&m, &c->v6);
	pool(&m, &c->v4);
	pool(&m, &c->v6);
	if (network)
		network_config(&m, c, network);
	if (!m.failed)
		return m.n;
	init_objects_clear(ret, m.n);
	return -e->sys;
}

void init_objects_clear(struct init_object *v, int n)
{
	for (int i = 0; i < n; i++)
		json_object_put(v[i].body);
}

/* ---- the network of the node ---- */

static int wanted(const struct dirent *f)
{
	static const char *const ends[] = { ".conf", ".conflist", ".json" };
	const char *dot = strrchr(f->d_name, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(ends); i++)
		if (strcmp(dot, ends[i]) == 0)
			return !strstr(f->d_name, "00-multus");
	return 0;
}

static int name_of(int dirfd, const char *file, char **ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(CNI_FILE_MAX);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	const char *name;
	int r = file_read(dirfd, file, CNI_FILE_MAX, &b, e);

	if (r == 0)
		r = json_parse(buf_cstr(&b), b.len, file, &o, e);
	if (r < 0)
		return r;
	name = json_get_str(o, "name");
	if (!name || !*name)
		return err_code(e, ERR_CONFIG, EINVAL, "%s has no name", file);
	*ret = strdup(name);
	return *ret ? 0 : err_nomem(e);
}

int init_network(const char *dir, char **ret, struct err *e)
{
	CLEANUP(close_p) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **v;
	int n, r;

	n = fd < 0 ? -1 : scandirat(fd, ".", &v, wanted, alphasort);
	if (n < 0)
		return err_sys(e, errno, "read directory %s", dir);
	r = n ? name_of(fd, v[0]->d_name, ret, e)
	      : err_code(e, ERR_TRY_AGAIN, ENOENT, "no network is configured here yet");
	for (int i = 0; i < n; i++)
		free(v[i]);
	free(v);
	return r < 0 ? err_wrap(e, "directory %s", dir) : 0;
}
