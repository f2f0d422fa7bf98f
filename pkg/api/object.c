/* SPDX-License-Identifier: Apache-2.0 */
/* object.c - the kinds, and objects from and to text */
#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/tables.h"
#include "base/own.h"

const struct api_kind_info api_kinds[API_KIND_MAX] = {
	[API_IPPOOL] = { "SpiderIPPool", "spiderippools", "spiderippool", "sp", false,
			 sizeof(struct api_ippool), &api_ippool_table },
	[API_SUBNET] = { "SpiderSubnet", "spidersubnets", "spidersubnet", "ss", false,
			 sizeof(struct api_subnet), &api_subnet_table },
	[API_RESERVEDIP] = { "SpiderReservedIP", "spiderreservedips", "spiderreservedip", "sr", false,
			     sizeof(struct api_reservedip), &api_reservedip_table },
	[API_ENDPOINT] = { "SpiderEndpoint", "spiderendpoints", "spiderendpoint", "se", true,
			   sizeof(struct api_endpoint), &api_endpoint_table },
	[API_IPBLOCK] = { "SpiderIPBlock", "spideripblocks", "spideripblock", "sib", false,
			  sizeof(struct api_ipblock), &api_ipblock_table },
};

union any_object {
	struct api_object obj;
	struct api_ippool ippool;
	struct api_subnet subnet;
	struct api_reservedip reservedip;
	struct api_endpoint endpoint;
	struct api_ipblock ipblock;
};

static int kind_by_name(const char *kind)
{
	for (int k = 0; k < API_KIND_MAX; k++) {
		if (strcmp(kind, api_kinds[k].kind) == 0)
			return k;
	}
	return -1;
}

int api_kind_find(const char *word, struct err *e)
{
	CLEANUP(buf_clear) struct buf known = BUF_INIT(1024);

	for (int k = 0; k < API_KIND_MAX; k++) {
		const struct api_kind_info *i = &api_kinds[k];

		if (!strcasecmp(word, i->kind) || !strcasecmp(word, i->plural) ||
		    !strcasecmp(word, i->singular) || !strcasecmp(word, i->short_name))
			return k;
		buf_fmt(&known, "%s%s (%s)", k ? ", " : "", i->plural, i->short_name);
	}
	return err_code(e, ERR_CONFIG, EINVAL, "\"%s\" is not a kind of %s: there are %s", word, API_GROUP,
			buf_cstr(&known));
}

/* Another version of our group, or something that is not ours at all. */
static int check_version(const char *found, const char *what, struct err *e)
{
	if (!found)
		return err_code(e, ERR_CONFIG, EINVAL, "%s: apiVersion: missing: want %s", what, API_VERSION);
	if (strcmp(found, API_VERSION) == 0)
		return 0;
	if (strncmp(found, API_GROUP "/", strlen(API_GROUP "/")) == 0)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"%s: apiVersion: %s is not served any more: want %s and check the fields against it",
			what, found, API_VERSION);
	return err_code(e, ERR_CONFIG, EINVAL, "%s: apiVersion: %s found, want %s", what, found, API_VERSION);
}

static int check_kind(const char *found, const char *what, struct err *e)
{
	int kind;

	if (!found)
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s: kind: missing: want SpiderIPPool or another of ours", what);
	kind = kind_by_name(found);
	if (kind >= 0)
		return kind;
	kind = api_kind_find(found, e);
	if (kind >= 0)
		return err_code(e, ERR_CONFIG, EINVAL, "%s: kind: %s found, want it spelled %s", what, found,
				api_kinds[kind].kind);
	return err_wrap(e, "%s: kind", what);
}

int api_decode(struct json_object *tree, const char *what, enum api_kind *ret_kind, struct api_object **ret,
	       struct err *e)
{
	CLEANUP(free_p) struct api_object *o = NULL;
	int kind, r;

	r = check_version(json_get_str(tree, "apiVersion"), what, e);
	if (r < 0)
		return r;
	kind = check_kind(json_get_str(tree, "kind"), what, e);
	if (kind < 0)
		return kind;
	o = calloc(1, api_kinds[kind].size);
	if (!o)
		return err_nomem(e);
	r = json_decode(api_kinds[kind].table, tree, what, o, e);
	if (r < 0)
		return r;
	*ret_kind = (enum api_kind)kind;
	*ret = TAKE_PTR(o);
	return 0;
}

/* A value in the place of another kind means that the store is damaged; both words may be absent. */
static int check_stored(enum api_kind kind, const struct api_object *o, const char *what, struct err *e)
{
	if (o->kind && strcmp(o->kind, api_kinds[kind].kind) != 0)
		return err_code(e, ERR_DECODE, EBADMSG, "%s: kind: %s found, want %s", what, o->kind,
				api_kinds[kind].kind);
	if (o->api_version && strcmp(o->api_version, API_VERSION) != 0)
		return err_code(e, ERR_DECODE, EBADMSG, "%s: apiVersion: %s found, want %s", what,
				o->api_version, API_VERSION);
	return 0;
}

int api_decode_text(enum api_kind kind, const char *text, size_t len, const char *what, void *out,
		    struct err *e)
{
	int r;

	r = json_decode_text(api_kinds[kind].table, text, len, what, out, e);
	if (r < 0)
		return r;
	r = check_stored(kind, out, what, e);
	if (r < 0)
		api_clear(kind, out);
	return r;
}

int api_encode_text(enum api_kind kind, const void *obj, struct buf *out, struct err *e)
{
	union any_object o;

	/* A shallow copy, so that objects made by hand need not carry the two words. */
	memcpy(&o, obj, api_kinds[kind].size);
	o.obj.api_version = (char *)API_VERSION;
	o.obj.kind = (char *)api_kinds[kind].kind;
	return json_encode_text(api_kinds[kind].table, &o, out, e);
}

void api_clear(enum api_kind kind, void *obj)
{
	json_clear(api_kinds[kind].table, obj);
}

void api_free(enum api_kind kind, struct api_object *obj)
{
	if (!obj)
		return;
	api_clear(kind, obj);
	free(obj);
}
