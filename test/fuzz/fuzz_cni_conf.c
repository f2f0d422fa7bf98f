/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_cni_conf.c - requests on stdin, and network configurations
 *
 * Properties: a request that is taken has a name by the rules and a version that we speak, and its tree says
 * the same when it is printed and read again; an error has one of the codes for requests, and a sentence. A
 * network that is taken has plugins, and the text kept of it is read as the same network.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/conf.h"
#include "cni/env.h"
#include "cni/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok, const char *what, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, e->msg);
	abort();
}

static void use(const struct cni_conf *c)
{
	CLEANUP(cni_result_clear) struct cni_result prev = { 0 };
	CLEANUP(cni_request_clear) struct cni_request q = { 0 };
	const struct cni_args none = { 0 };
	struct err e = { 0 };

	if (cni_conf_prev_result(c, &prev, &e) < 0)
		demand((e.cni == ERR_DECODE || e.cni == ERR_VERSION) && *e.msg, "prevResult", &e);
	if (cni_request_read(c, &none, &q, &e) < 0)
		demand(e.cni == ERR_CONFIG && *e.msg, "request", &e);
	demand(c->valid.n == json_len(json_get(c->tree, "cni.dev/valid-attachments")) +
				     json_len(json_get(c->tree, "cni.dev/attachments")),
	       "number of valid attachments", &e);
	for (size_t i = 0; i < c->valid.n; i++)
		demand(cni_conf_valid_has(c, c->valid.v[i].container_id, c->valid.v[i].ifname), "valid", &e);
}

static void check_conf(const char *text, size_t len)
{
	CLEANUP(cni_conf_clear) struct cni_conf c = { 0 }, again = { 0 };
	CLEANUP(buf_clear) struct buf printed = BUF_INIT(BUF_MAX_DEFAULT);
	enum cni_version version = CNI_VERSION_MAX;
	struct err e = { 0 };

	if (cni_conf_parse(text, len, &c, &version, &e) < 0) {
		demand((e.cni == ERR_VERSION || e.cni == ERR_DECODE || e.cni == ERR_CONFIG) && *e.msg,
		       "error", &e);
		demand(version < CNI_VERSION_MAX, "no version for the error", &e);
		return;
	}
	demand(version == c.version && c.version < CNI_VERSION_MAX, "version", &e);
	demand(cni_name_ok(c.name), "name", &e);
	use(&c);
	demand(json_print(c.tree, false, &printed, &e) == 0, "print", &e);
	demand(cni_conf_parse(buf_cstr(&printed), printed.len, &again, NULL, &e) == 0, "again", &e);
	demand(again.version == c.version && strcmp(again.name, c.name) == 0 && again.valid.n == c.valid.n &&
		       again.valid.set == c.valid.set && !again.prev_result == !c.prev_result,
	       "different", &e);
}

static void check_network(const char *text, size_t len)
{
	CLEANUP(cni_network_clear) struct cni_network n = { 0 }, again = { 0 };
	struct err e = { 0 };

	if (cni_network_parse(text, len, "input", &n, &e) < 0) {
		demand((e.cni == ERR_VERSION || e.cni == ERR_DECODE || e.cni == ERR_CONFIG) && *e.msg,
		       "error", &e);
		return;
	}
	demand(n.plugins.n && n.plugins.n <= CNI_PLUGINS_MAX && cni_name_ok(n.name), "network", &e);
	demand(cni_network_parse(buf_cstr(&n.text), n.text.len, "kept", &again, &e) == 0, "network again",
	       &e);
	demand(again.version == n.version && again.plugins.n == n.plugins.n &&
		       again.disable_check == n.disable_check && again.disable_gc == n.disable_gc,
	       "network different", &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_conf((const char *)data, size);
	check_network((const char *)data, size);
	return 0;
}
