/* SPDX-License-Identifier: Apache-2.0 */
/* args.c - CNI_ARGS */
#include "cni/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"

void cni_ips_clear(struct cni_ips *l)
{
	free(l->v);
	*l = (struct cni_ips){ 0 };
}

void cni_args_clear(struct cni_args *a)
{
	free(a->pod_name);
	free(a->pod_namespace);
	free(a->pod_uid);
	free(a->infra_container_id);
	cni_ips_clear(&a->ips);
	json_map_clear(&a->other);
	*a = (struct cni_args){ 0 };
}

int cni_ips_add(struct cni_ips *l, const char *text, struct err *e)
{
	struct cni_ip ip = { .bare = !strchr(text, '/') };
	struct cni_ip *v;
	int r;

	r = ip_prefix_parse_any(text, &ip.p, e);
	if (r < 0)
		return r;
	if (l->n == CNI_IPS_MAX)
		return err_code(e, ERR_CONFIG, E2BIG, "more than %d addresses are asked for", CNI_IPS_MAX);
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	l->v = v;
	l->v[l->n++] = ip;
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool cni_mac_normalize(const char *text, char out[CNI_MAC_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	char mac[CNI_MAC_TEXT_MAX] = "";

	if (strlen(text) != CNI_MAC_TEXT_MAX - 1 || (text[2] != ':' && text[2] != '-'))
		return false;
	for (int i = 0; i < CNI_MAC_TEXT_MAX - 1; i++) {
		int v = hex_value(text[i]);

		if (i % 3 == 2 ? text[i] != text[2] : v < 0)
			return false;
		mac[i] = i % 3 == 2 ? ':' : digits[v];
	}
	memcpy(out, mac, sizeof(mac));
	return true;
}

/* ---- one setter a key; the value is not empty and may be changed ---- */

static int set_text(char **member, const char *value, struct err *e)
{
	char *s = strdup(value);

	if (!s)
		return err_nomem(e);
	free(*member);
	*member = s;
	return 0;
}

static int set_pod_name(struct cni_args *a, char *value, struct err *e)
{
	return set_text(&a->pod_name, value, e);
}

static int set_pod_namespace(struct cni_args *a, char *value, struct err *e)
{
	return set_text(&a->pod_namespace, value, e);
}

static int set_pod_uid(struct cni_args *a, char *value, struct err *e)
{
	return set_text(&a->pod_uid, value, e);
}

static int set_infra_container_id(struct cni_args *a, char *value, struct err *e)
{
	return set_text(&a->infra_container_id, value, e);
}

static int set_ips(struct cni_args *a, char *value, struct err *e)
{
	char *save = NULL;
	int r = 0;

	cni_ips_clear(&a->ips);
	for (char *ip = strtok_r(value, ",", &save); ip && r == 0; ip = strtok_r(NULL, ",", &save))
		r = cni_ips_add(&a->ips, ip, e);
	return r;
}

static int set_mac(struct cni_args *a, char *value, struct err *e)
{
	if (!cni_mac_normalize(value, a->mac))
		return err_code(e, ERR_ENV, EINVAL,
				"\"%.64s\": want six bytes, for example 02:00:0a:00:00:05", value);
	return 0;
}

static int set_ignore_unknown(struct cni_args *a, char *value, struct err *e)
{
	a->ignore_unknown = strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0;
	if (!a->ignore_unknown && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0)
		return err_code(e, ERR_ENV, EINVAL, "\"%.64s\": want 1, true, 0 or false", value);
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct cni_args *a, char *value, struct err *e);
} keys[] = {
	{ "IgnoreUnknown", set_ignore_unknown },
	{ "K8S_POD_NAME", set_pod_name },
	{ "K8S_POD_NAMESPACE", set_pod_namespace },
	{ "K8S_POD_UID", set_pod_uid },
	{ "K8S_POD_INFRA_CONTAINER_ID", set_infra_container_id },
	{ "IP", set_ips },
	{ "MAC", set_mac },
};

static int set_pair(struct cni_args *a, const char *key, char *value, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (!*value)
			return 0;
		if (keys[i].set(a, value, e) == 0)
			return 0;
		if (e->sys != ENOMEM)
			e->cni = ERR_ENV;
		return err_wrap(e, "CNI_ARGS: %s", key);
	}
	return json_map_set(&a->other, key, value, e);
}

static int parse_pair(struct cni_args *a, char *pair, struct err *e)
{
	char *eq = strchr(pair, '=');

	if (!eq || eq == pair)
		return err_code(e, ERR_ENV, EINVAL, "CNI_ARGS: \"%.64s\": want KEY=VALUE", pair);
	*eq = '\0';
	return set_pair(a, pair, eq + 1, e);
}

static int parse_pairs(struct cni_args *a, char *text, bool lenient, struct err *e)
{
	char *save = NULL;
	int n = 0, r;

	for (char *pair = strtok_r(text, ";", &save); pair; pair = strtok_r(NULL, ";", &save)) {
		if (++n > CNI_ARGS_PAIRS)
			return lenient ? 0
				       : err_code(e, ERR_ENV, E2BIG, "CNI_ARGS: more than %d pairs",
						  CNI_ARGS_PAIRS);
		r = parse_pair(a, pair, e);
		if (r == -ENOMEM || (r < 0 && !lenient))
			return r;
	}
	return 0;
}

/* Names them all. */
static int refuse_unknown(const struct cni_args *a, struct err *e)
{
	struct buf list = BUF_INIT(ERR_MSG_MAX / 2);

	for (size_t i = 0; i < a->other.n; i++)
		buf_fmt(&list, "%s%.64s", i ? ", " : "", a->other.v[i].key);
	err_code(e, ERR_ENV, EINVAL, "CNI_ARGS: unknown %s: remove it or add IgnoreUnknown=1",
		 buf_cstr(&list));
	buf_clear(&list);
	return -EINVAL;
}

int cni_args_parse(const char *text, bool lenient, struct cni_args *ret, struct err *e)
{
	CLEANUP(free_p) char *copy = NULL;
	CLEANUP(cni_args_clear) struct cni_args a = { 0 };
	size_t len = strlen(text);
	int r;

	*ret = (struct cni_args){ 0 };
	if (len > CNI_ARGS_MAX)
		return lenient ? 0
			       : err_code(e, ERR_ENV, E2BIG, "CNI_ARGS: more than %d bytes", CNI_ARGS_MAX);
	copy = strdup(text);
	if (!copy)
		return err_nomem(e);
	r = parse_pairs(&a, copy, lenient, e);
	if (r < 0)
		return r;
	if (a.other.n && !a.ignore_unknown && !lenient)
		return refuse_unknown(&a, e);
	*ret = a;
	a = (struct cni_args){ 0 };
	return 0;
}
