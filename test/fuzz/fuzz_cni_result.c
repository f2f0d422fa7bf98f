/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_cni_result.c - results through every version; the first byte chooses the assumed version
 *
 * Properties: in its own version a result comes out equal but for the writing of addresses, with each unknown
 * key at its place, and what came out is read and written as the same bytes; in every other version it is
 * either refused for want of an address or written so that it is read and written as the same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok, const char *what, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, e->msg);
	abort();
}

/* Every member of in that is not one of known is in out, unchanged. */
static void kept(struct json_object *in, struct json_object *out, const char *const *known)
{
	struct json_object_iter it;
	struct json_object *there;
	struct err e = { 0 };

	if (!json_object_is_type(in, json_type_object))
		return;
	json_object_object_foreachC(in, it)
	{
		const char *const *k = known;

		while (*k && strcmp(*k, it.key) != 0)
			k++;
		if (*k)
			continue;
		demand(json_object_object_get_ex(out, it.key, &there), "an unknown key was lost", &e);
		demand(json_object_equal(it.val, there), "an unknown key was changed", &e);
	}
}

/* The same presence and value; null counts as absent. */
static void unchanged(struct json_object *in, struct json_object *out, const char *const *keys)
{
	struct err e = { 0 };

	for (; *keys; keys++)
		demand(json_object_equal(json_get(in, *keys), json_get(out, *keys)), *keys, &e);
}

static void list_kept(struct json_object *in, struct json_object *out, const char *key,
		      const char *const *known, const char *const *same)
{
	struct json_object *a = json_get(in, key), *b = json_get(out, key);
	struct err e = { 0 };

	demand(json_len(a) == json_len(b), "another number of elements", &e);
	for (size_t i = 0; i < json_len(a); i++) {
		kept(json_at(a, i), json_at(b, i), known);
		unchanged(json_at(a, i), json_at(b, i), same);
	}
}

static const char *const top_keys[] = { "cniVersion", "interfaces", "ips", "routes", "dns", NULL };
static const char *const old_top_keys[] = { "cniVersion", "ip4", "ip6", "dns", NULL };
static const char *const interface_keys[] = { "name", "mac", "sandbox", "mtu", "socketPath", "pciID", NULL };
static const char *const ip_keys[] = { "version", "interface", "address", "gateway", NULL };
static const char *const old_ip_keys[] = { "ip", "gateway", "routes", NULL };
static const char *const route_keys[] = { "dst", "gw", "mtu", "advmss", "priority", "table", "scope", NULL };
/* of these, what is not written anew */
static const char *const interface_same[] = { "mac", "sandbox", "mtu", "socketPath", "pciID", NULL };
static const char *const ip_same[] = { "interface", NULL };
static const char *const route_same[] = { "mtu", "advmss", "priority", "table", "scope", NULL };
static const char *const dns_keys[] = { "nameservers", "domain", "search", "options", NULL };

static void all_kept(struct json_object *in, struct json_object *out, bool old)
{
	kept(in, out, old ? old_top_keys : top_keys);
	kept(json_get(in, "dns"), json_get(out, "dns"), dns_keys);
	if (!old) {
		list_kept(in, out, "interfaces", interface_keys, interface_same);
		list_kept(in, out, "ips", ip_keys, ip_same);
		list_kept(in, out, "routes", route_keys, route_same);
	}
}

static void old_kept(struct json_object *in, struct json_object *out)
{
	static const char *const families[] = { "ip4", "ip6" };

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct json_object *f = json_get(in, families[i]);

		if (f && json_get(out, families[i]))
			kept(f, json_get(out, families[i]), old_ip_keys);
	}
}

static void in_version(const struct cni_result *r, enum cni_version v)
{
	CLEANUP(buf_clear) struct buf first = BUF_INIT(BUF_MAX_DEFAULT), second = BUF_INIT(BUF_MAX_DEFAULT);
	CLEANUP(cni_result_clear) struct cni_result again = { 0 };
	struct err e = { 0 };

	if (cni_result_print(r, v, &first, &e) < 0) {
		demand(v < CNI_V030 && !r->ips.n && e.cni == ERR_CONFIG, "encode", &e);
		return;
	}
	demand(cni_result_parse(buf_cstr(&first), first.len, CNI_V010, "printed", &again, &e) == 0, "decode",
	       &e);
	demand(again.version == v, "version", &e);
	demand(cni_result_print(&again, v, &second, &e) == 0, "encode again", &e);
	demand(strcmp(buf_cstr(&first), buf_cstr(&second)) == 0, "not the same bytes", &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json_put_p) struct json_object *in = NULL, *out = NULL;
	CLEANUP(cni_result_clear) struct cni_result r = { 0 };
	struct err e = { 0 };

	if (size < 1 || json_parse((const char *)data + 1, size - 1, "input", &in, &e) < 0)
		return 0;
	if (cni_result_decode(in, data[0] % CNI_VERSION_MAX, "input", &r, &e) < 0) {
		demand((e.cni == ERR_DECODE || e.cni == ERR_VERSION) && *e.msg, "an error without a sentence",
		       &e);
		return 0;
	}
	for (int v = 0; v < CNI_VERSION_MAX; v++)
		in_version(&r, (enum cni_version)v);
	if (cni_result_encode(&r, r.version, &out, &e) == 0) {
		all_kept(in, out, r.version < CNI_V030);
		if (r.version < CNI_V030)
			old_kept(in, out);
	}
	return 0;
}
