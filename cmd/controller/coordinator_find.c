/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_find.c - where a cluster says what addresses its pods and services have: the texts */
#include "coordinator_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ip/ip.h"

#define BLANKS " \t\r\n"
#define APART  "," BLANKS "\"'" /* between prefixes */

void coordinator_cidrs_clear(struct coordinator_cidrs *c)
{
	json_strv_clear(&c->pods);
	json_strv_clear(&c->services);
}

/* ---- prefixes ---- */

static int add_one(struct json_strv *l, const char *s, size_t len, struct err *e)
{
	char text[IP_TEXT_MAX], out[IP_TEXT_MAX];
	struct ip_prefix p;
	struct err wrong;

	if (len >= sizeof(text) || l->n >= COORDINATOR_CIDRS_MAX)
		return 0;
	memcpy(text, s, len);
	text[len] = '\0';
	if (ip_prefix_parse(text, &p, &wrong) < 0)
		return 0;
	ip_prefix_format(ip_prefix_network(p), out);
	return json_strv_has(l, out) ? 0 : json_strv_add(l, out, e);
}

int coordinator_add(struct json_strv *l, const char *text, struct err *e)
{
	int r = 0;

	for (; *text && r == 0; text += strspn(text, APART)) {
		size_t len = strcspn(text, APART);

		r = add_one(l, text, len, e);
		text += len;
	}
	return r;
}

static int add_text(struct json_strv *l, const char *s, size_t len, struct err *e)
{
	char *copy = strndup(s, len);
	int r = copy ? coordinator_add(l, copy, e) : err_nomem(e);

	free(copy);
	return r;
}

/* ---- kubeadm ---- */

/* The value behind "KEY:" at the beginning of a line but for blanks: not one that is commented out. */
static const char *yaml_value(const char *line, size_t len, const char *key, size_t *ret_len)
{
	size_t at = strspn(line, " \t"), n = strlen(key);
	const char *v;

	if (at + n >= len || strncmp(line + at, key, n) != 0 || line[at + n] != ':')
		return NULL;
	v = line + at + n + 1;
	v += strspn(v, " \t\"'");
	if (v > line + len)
		return NULL;
	*ret_len = strcspn(v, " \t\r\n\"'#");
	return v;
}

int coordinator_add_kubeadm(struct coordinator_cidrs *c, const char *text, struct err *e)
{
	int r = 0;

	while (*text && r == 0) {
		size_t len = strcspn(text, "\n"), n;
		const char *v = yaml_value(text, len, "podSubnet", &n);

		if (v)
			r = add_text(&c->pods, v, n, e);
		v = yaml_value(text, len, "serviceSubnet", &n);
		if (v && r == 0)
			r = add_text(&c->services, v, n, e);
		text += len + (text[len] == '\n');
	}
	return r;
}

/* ---- flags ---- */

struct flags { /* the value of each, lent; NULL: not seen */
	const char *pods, *services;
	size_t pods_len, services_len;
	const char **next; /* the flag whose value is the next word */
	size_t *next_len;
};

static void take_flag(struct flags *f, const char *w, size_t len, const char *flag, const char **ret,
		      size_t *ret_len)
{
	size_t n = strlen(flag);

	if (*ret || len < n || strncmp(w, flag, n) != 0)
		return;
	if (len == n) {
		f->next = ret;
		f->next_len = ret_len;
	} else if (w[n] == '=') {
		*ret = w + n + 1;
		*ret_len = len - n - 1;
	}
}

static void take_word(struct flags *f, const char *w, size_t len)
{
	if (f->next) {
		*f->next = w;
		*f->next_len = len;
		f->next = NULL;
		return;
	}
	take_flag(f, w, len, "--cluster-cidr", &f->pods, &f->pods_len);
	take_flag(f, w, len, "--service-cluster-ip-range", &f->services, &f->services_len);
}

/* An element may be a shell's command line: its words count. */
static void take_words(struct flags *f, struct json_object *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *s = json_text(json_at(list, i));

		for (s = s ? s + strspn(s, BLANKS) : ""; *s; s += strspn(s, BLANKS)) {
			size_t len = strcspn(s, BLANKS);

			take_word(f, s, len);
			s += len;
		}
	}
}

int coordinator_add_flags(struct coordinator_cidrs *c, struct json_object *pod, struct err *e)
{
	struct json_object *containers = json_get(json_get(pod, "spec"), "containers");
	struct flags f = { .pods = NULL };
	int r = 0;

	for (size_t i = 0; i < json_len(containers); i++) {
		take_words(&f, json_get(json_at(containers, i), "command"));
		take_words(&f, json_get(json_at(containers, i), "args"));
		f.next = NULL;
	}
	if (f.pods && !c->pods.n)
		r = add_text(&c->pods, f.pods, f.pods_len, e);
	if (r == 0 && f.services && !c->services.n)
		r = add_text(&c->services, f.services, f.services_len, e);
	return r;
}

/* ---- objects ---- */

struct dated {
	const char *created, *name;
	struct json_object *spec;
};

static int by_age(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;
	int d = strcmp(x->created, y->created);

	return d ? d : strcmp(x->name, y->name);
}

static int add_list(struct json_strv *l, struct json_object *array, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < json_len(array) && r == 0; i++) {
		const char *s = json_text(json_at(array, i));

		r = s ? coordinator_add(l, s, e) : 0;
	}
	return r;
}

/* Calico: cidr. ServiceCIDR: cidrs, and ipv4, ipv6 in its first version. Cilium: ipv4.cidrs, ipv6.cidrs. */
static int add_spec(struct json_strv *l, struct json_object *spec, struct err *e)
{
	static const char *const keys[] = { "cidr", "cidrs", "ipv4", "ipv6" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys) && r == 0; i++) {
		struct json_object *v = json_get(spec, keys[i]);
		const char *s = json_text(v);

		r = s ? coordinator_add(l, s, e) : add_list(l, v, e);
		if (r == 0)
			r = add_list(l, json_get(v, "cidrs"), e);
	}
	return r;
}

static bool counts(struct json_object *o)
{
	bool disabled = false;

	return !json_get(json_get(o, "metadata"), "deletionTimestamp") &&
	       !(json_get_bool(json_get(o, "spec"), "disabled", &disabled) && disabled);
}

int coordinator_add_objects(struct json_strv *l, struct json_object *array, struct err *e)
{
	size_t n = 0, len = json_len(array);
	struct dated *v = calloc(len ? len : 1, sizeof(*v));
	int r = 0;

	if (!v)
		return err_nomem(e);
	for (size_t i = 0; i < len; i++) {
		struct json_object *o = json_at(array, i), *meta = json_get(o, "metadata");
		const char *created = json_get_str(meta, "creationTimestamp"),
			   *name = json_get_str(meta, "name");

		if (counts(o))
			v[n++] = (struct dated){ created ? created : "", name ? name : "",
						 json_get(o, "spec") };
	}
	qsort(v, n, sizeof(*v), by_age);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_spec(l, v[i].spec, e);
	free(v);
	return r;
}

/* ---- auto ---- */

const char *coordinator_type_of(const char *network)
{
	static const struct {
		const char *network, *type;
	} known[] = { { "calico", "calico" },
		      { "k8s-pod-network", "calico" },
		      { "cilium", "cilium" },
		      { "flannel", "cluster" } };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].network, network) == 0)
			return known[i].type;
	return "none";
}
