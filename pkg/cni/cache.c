/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - what a runtime remembers of an attachment, in the place and format of libcni */
#include "cni/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/conf.h"
#include "cni/env.h"
#include "cni/internal.h"

#define KIND "cniCacheV1"

struct record {
	char *kind, *container_id, *config, *ifname, *network, *netns;
	struct json_object *args, *capability_args, *result;
};

static const struct json_field fields[] = {
	JF(struct record, kind, "kind"),           JF(struct record, container_id, "containerId"),
	JF(struct record, config, "config"),       JF(struct record, ifname, "ifName"),
	JF(struct record, network, "networkName"), JF(struct record, netns, "netns"),
	JF(struct record, args, "cniArgs"),        JF(struct record, capability_args, "capabilityArgs"),
	JF(struct record, result, "result"),
};
static const struct json_table table = JSON_TABLE(struct record, "cached attachment", fields);

static void record_clear(struct record *r)
{
	json_clear(&table, r);
}

void cni_cached_clear(struct cni_cached *c)
{
	free(c->network);
	free(c->container_id);
	free(c->ifname);
	free(c->netns);
	buf_clear(&c->config);
	json_put_p(&c->args);
	json_put_p(&c->capability_args);
	json_put_p(&c->result);
	*c = (struct cni_cached){ 0 };
}

/* ---- base64, as Go writes a []byte ---- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(const struct buf *in, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)buf_cstr(in);

	for (size_t i = 0; i < in->len; i += 3) {
		size_t n = in->len - i;
		unsigned v = p[i] << 16 | (n > 1 ? p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);

		buf_chr(out, base64[v >> 18]);
		buf_chr(out, base64[v >> 12 & 63]);
		buf_chr(out, n > 1 ? base64[v >> 6 & 63] : '=');
		buf_chr(out, n > 2 ? base64[v & 63] : '=');
	}
}

static int decode(const char *text, struct buf *out, struct err *e)
{
	unsigned v = 0, bits = 0;

	for (; *text && *text != '='; text++) {
		const char *at = strchr(base64, *text);

		if (!at)
			return err_code(e, ERR_DECODE, EINVAL, "config: want base64");
		v = v << 6 | (unsigned)(at - base64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_chr(out, (char)(v >> bits & 255));
		}
	}
	return out->err ? err_nomem(e) : 0;
}

/* ---- the file of an attachment ---- */

#define TEMP_MAX 16 /* what file_replace() puts behind the name while it writes */

static int make_path(char out[PATH_MAX], const char *dir, const char *network, const char *container_id,
		     const char *ifname, struct err *e)
{
	const int max = NAME_MAX - TEMP_MAX;
	const char *name;
	int n;

	/* they become parts of a file name */
	if (!cni_name_ok(network) || !cni_name_ok(container_id) || !cni_ifname_ok(ifname))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"attachment of container \"%.64s\" to network \"%.64s\" as \"%.16s\": not three "
			"valid names",
			container_id, network, ifname);
	n = snprintf(out, PATH_MAX, "%s/results/%s-%s-%s", dir, network, container_id, ifname);
	name = n < PATH_MAX ? strrchr(out, '/') : NULL;
	if (!name || strlen(name + 1) > (size_t)max)
		return err_code(
			e, ERR_CONFIG, ENAMETOOLONG,
			"network name and container ID together are too long for the name of a file in "
			"%.128s/results: want at most %d bytes",
			dir, max - 2 - (int)strlen(ifname));
	return 0;
}

int cni_cache_check(const char *dir, const char *network, const char *container_id, const char *ifname,
		    struct err *e)
{
	char path[PATH_MAX];

	int r = make_path(path, dir, network, container_id, ifname, e);

	if (r == 0 && access(path, F_OK) == 0)
		return err_code(
			e, ERR_CONFIG, EEXIST,
			"container %.64s is already attached to network %.64s as %s (%s): DEL it first",
			container_id, network, ifname, path);
	return r;
}

static int print(const struct cni_cached *c, struct buf *out, struct err *e)
{
	CLEANUP(buf_clear) struct buf config = BUF_INIT(CNI_CACHE_TEXT_MAX);
	struct record rec = {
		.kind = (char *)KIND,
		.container_id = c->container_id,
		.ifname = c->ifname,
		.network = c->network,
		.netns = c->netns,
		.args = c->args,
		.capability_args = c->capability_args,
		.result = c->result,
	};

	encode(&c->config, &config);
	if (config.err)
		return err_nomem(e);
	rec.config = (char *)buf_cstr(&config);
	return json_encode_text(&table, &rec, out, e);
}

int cni_cache_write(const char *dir, const struct cni_cached *c, struct err *e)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(CNI_CACHE_TEXT_MAX);
	char path[PATH_MAX], results[PATH_MAX];
	int r = make_path(path, dir, c->network, c->container_id, c->ifname, e);

	if (r == 0)
		r = print(c, &out, e);
	if (r < 0)
		return r;
	snprintf(results, sizeof(results), "%.*s", (int)(strrchr(path, '/') - path), path);
	r = file_mkdirs(results, 0700, e);
	/* Not synced: a container does not outlive the machine either. */
	return r < 0 ? r : file_replace(AT_FDCWD, path, 0600, out.s, out.len, false, e);
}

static int take(struct record *rec, struct cni_cached *c, struct err *e)
{
	int r;

	c->config.max = CNI_CACHE_TEXT_MAX;
	r = rec->config ? decode(rec->config, &c->config, e) : 0;
	if (r < 0)
		return r;
	c->network = TAKE_PTR(rec->network);
	c->container_id = TAKE_PTR(rec->container_id);
	c->ifname = TAKE_PTR(rec->ifname);
	c->netns = TAKE_PTR(rec->netns);
	c->args = TAKE_PTR(rec->args);
	c->capability_args = TAKE_PTR(rec->capability_args);
	c->result = TAKE_PTR(rec->result);
	return 0;
}

/* 1: it is not there. A file without a kind is taken for a bare result: rec has only that. */
static int read_file(const char *path, struct cni_cached *c, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(CNI_CACHE_TEXT_MAX);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	CLEANUP(record_clear) struct record rec = { 0 };
	int r = file_read(AT_FDCWD, path, CNI_CACHE_TEXT_MAX, &text, e);

	if (r == -ENOENT)
		return 1;
	if (r == 0)
		r = json_parse(buf_cstr(&text), text.len, path, &o, e);
	if (r < 0)
		return r;
	if (!json_get(o, "kind")) {
		c->result = TAKE_PTR(o);
		return 0;
	}
	r = json_decode(&table, o, path, &rec, e);
	if (r < 0)
		return r;
	if (!rec.kind || strcmp(rec.kind, KIND) != 0)
		return err_code(e, ERR_DECODE, EINVAL, "%s: kind: want " KIND, path);
	return take(&rec, c, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

/* "a-b" with "c" and "a" with "b-c" have the same file name. */
static bool is_for(const struct cni_cached *c, const char *network, const char *container_id,
		   const char *ifname)
{
	return c->container_id && c->ifname && strcmp(c->network, network) == 0 &&
	       strcmp(c->container_id, container_id) == 0 && strcmp(c->ifname, ifname) == 0;
}

int cni_cache_read(const char *dir, const char *network, const char *container_id, const char *ifname,
		   struct cni_cached *ret, struct err *e)
{
	CLEANUP(cni_cached_clear) struct cni_cached c = { 0 };
	char path[PATH_MAX];
	int r = make_path(path, dir, network, container_id, ifname, e);

	*ret = (struct cni_cached){ 0 };
	if (r == 0)
		r = read_file(path, &c, e);
	if (r == 0 && c.network && !is_for(&c, network, container_id, ifname))
		return 1;
	if (r == 0 && !c.network) {
		r = cni_result_set_text(&c.network, network, e);
		if (r == 0)
			r = cni_result_set_text(&c.container_id, container_id, e);
		if (r == 0)
			r = cni_result_set_text(&c.ifname, ifname, e);
	}
	if (r != 0)
		return r;
	*ret = c;
	c = (struct cni_cached){ 0 };
	return 0;
}

int cni_cache_delete(const char *dir, const char *network, const char *container_id, const char *ifname,
		     struct err *e)
{
	char path[PATH_MAX];
	int r = make_path(path, dir, network, container_id, ifname, e);

	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = err_sys(e, errno, "remove %s", path);
	return r;
}

int cni_cache_each(const char *dir, int (*each)(const struct cni_cached *c, void *arg, struct err *e),
		   void *arg, struct err *e)
{
	CLEANUP(json_strv_clear) struct json_strv names = { 0 };
	char results[PATH_MAX], path[PATH_MAX];
	struct err ignored;
	int r;

	if (snprintf(results, sizeof(results), "%s/results", dir) >= PATH_MAX)
		return err_sys(e, ENAMETOOLONG, "%.256s", dir);
	r = cni_list_dir(results, NULL, CNI_CACHE_FILES_MAX, &names, e);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		struct cni_cached c = { 0 };

		if (snprintf(path, sizeof(path), "%s/%s", results, names.v[i]) < PATH_MAX &&
		    read_file(path, &c, &ignored) == 0 && c.network && c.container_id && c.ifname)
			r = each(&c, arg, e);
		cni_cached_clear(&c);
	}
	return r < 0 ? r : 0;
}
