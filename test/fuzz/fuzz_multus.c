/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_multus.c - a SpiderMultusConfig: defaults once are defaults for good; what is valid makes a definition
 * that a runtime loads, the same one after a trip through text; what is not is refused with a sentence that
 * names it
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/multus.h"
#include "base/own.h"
#include "cni/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct api_multus *m, struct buf *out)
{
	struct err e;

	assert(json_encode_text(&api_multus_table, m, out, &e) == 0);
}

static void defaults_are_kept(struct api_multus *m)
{
	CLEANUP(buf_clear) struct buf a = BUF_INIT(BUF_MAX_DEFAULT), b = BUF_INIT(BUF_MAX_DEFAULT);
	struct err e;

	encode(m, &a);
	assert(api_multus_default(m, &e) == 0);
	encode(m, &b);
	assert(strcmp(buf_cstr(&a), buf_cstr(&b)) == 0);
}

static void same_by_text(const struct api_multus *m, const struct api_multus_nad *n)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	struct api_multus_nad again;
	struct api_multus copy;
	struct err e;

	encode(m, &text);
	assert(json_decode_text(&api_multus_table, text.s, text.len, "copy", &copy, &e) == 0);
	assert(api_multus_generate(&copy, &again, &e) == 0);
	assert(again.has_config == n->has_config);
	assert(strcmp(buf_cstr(&again.config), buf_cstr(&n->config)) == 0);
	api_multus_nad_clear(&again);
	json_clear(&api_multus_table, &copy);
}

static void loads(const struct api_multus *m, const struct api_multus_nad *n)
{
	struct cni_network net;
	struct err e;

	if (!n->has_config || strcmp(m->spec.cni_type, "custom") == 0)
		return;
	assert(cni_network_parse(n->config.s, n->config.len, "nad", &net, &e) == 0);
	assert(net.plugins.n >= 1);
	cni_network_clear(&net);
}

static void check(struct api_multus *m)
{
	struct err valid = { .cni = 0 }, made = { .cni = 0 };
	struct api_multus_needs needs;
	struct api_multus_nad n;
	int r, g;

	defaults_are_kept(m);
	r = api_multus_validate_create(m, NULL, &valid);
	g = api_multus_generate(m, &n, &made);
	api_multus_needs(m, &needs);
	assert(needs.order && (!needs.n_masters || needs.master));
	if (g == 0) {
		same_by_text(m, &n);
		/* A name of ours that no object has need not be one of a network. */
		if (r == 0)
			loads(m, &n);
		api_multus_nad_clear(&n);
	} else {
		assert(g == -EINVAL && r == -EINVAL && made.msg[0]);
	}
	if (r < 0)
		assert(strncmp(valid.msg, "SpiderMultusConfig ", 19) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_multus m;
	struct err e;

	if (json_decode_text(&api_multus_table, (const char *)data, size, "config", &m, &e) < 0)
		return 0;
	if (api_multus_default(&m, &e) == 0 && !m.obj.meta.deletion_timestamp)
		check(&m);
	json_clear(&api_multus_table, &m);
	return 0;
}
