/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - conf.yml of the ConfigMap */
#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/own.h"
#include "yaml/yaml.h"

#define FILE_MAX ((size_t)1 << 20)

static const struct json_field inject_fields[] = {
	JF(struct daemon_inject, enabled, "enabled",
	   .doc = "the controller's: add network resources to pods"),
	JF(struct daemon_inject, exclude, "namespacesExclude", .doc = "the controller's: but not in these"),
	JF(struct daemon_inject, include, "namespacesInclude", .doc = "the controller's: only in these"),
};
static const struct json_table inject_table =
	JSON_TABLE(struct daemon_inject, "podResourceInject", inject_fields);

static const struct json_field iaas_fields[] = {
	JF(struct daemon_iaas, server_url, "serverUrl", .doc = "not supported: the daemons refuse to start"),
	JF(struct daemon_iaas, timeout, "httpRequestTimeout", .doc = "without effect"),
	JF(struct daemon_iaas, eni_plugin, "eniDevPlugin",
	   .doc = "not supported: with `enabled: true` the daemons refuse to start"),
};
static const struct json_table iaas_table =
	JSON_TABLE(struct daemon_iaas, "iaasNetworkProvider", iaas_fields);

static const struct json_field plugin_fields[] = {
	JF(struct daemon_plugin, network_resource, "networkResourcePlugin",
	   .doc = "not supported: with `enabled: true` the daemons refuse to start"),
};
static const struct json_table plugin_table = JSON_TABLE(struct daemon_plugin, "agent", plugin_fields);

static const struct json_field file_fields[] = {
	JF(struct daemon_file, socket, "ipamUnixSocketPath",
	   .doc = "where plugins reach the agent; default `" DAEMON_SOCKET "`"),
	JF(struct daemon_file, enable_ipv4, "enableIPv4", .doc = "pods get IPv4 addresses"),
	JF(struct daemon_file, enable_ipv6, "enableIPv6",
	   .doc = "pods get IPv6 addresses; one of both is needed"),
	JF(struct daemon_file, enable_stateful_set, "enableStatefulSet",
	   .doc = "a StatefulSet's pods keep their addresses"),
	JF(struct daemon_file, enable_kubevirt, "enableKubevirtStaticIP",
	   .doc = "virtual machines keep their addresses"),
	JF(struct daemon_file, enable_subnet, "enableSpiderSubnet",
	   .doc = "pools may be made from SpiderSubnets"),
	JF(struct daemon_file, enable_auto_pool, "enableAutoPoolForApplication",
	   .doc = "applications that name a subnet get a pool of their own"),
	JF(struct daemon_file, redundant, "clusterSubnetAutoPoolDefaultRedundantIPNumber", .max = 65535,
	   .doc = "addresses more than replicas in a pool that is made so; default 0"),
	JF(struct daemon_file, flexible, "clusterSubnetDefaultFlexibleIPNumber", .max = 65535,
	   .doc = "the same, as Helm's chart names it"),
	JF(struct daemon_file, conflict_detection, "enableIPConflictDetection",
	   .doc = "plugins ask the network whether an address is in use"),
	JF(struct daemon_file, gateway_detection, "enableGatewayDetection",
	   .doc = "plugins fail when the gateway does not answer"),
	JF(struct daemon_file, clean_endpoints, "enableCleanOutdatedEndpoint",
	   .doc = "the controller's: remove SpiderEndpoints of pods that are gone"),
	JF(struct daemon_file, deletion_webhook, "enableValidatingResourcesDeletedWebhook",
	   .doc = "the controller's: refuse to delete what is in use"),
	JF(struct daemon_file, tune_sysctls, "tuneSysctlConfig",
	   .doc = "room for neighbours, forwarding, gratuitous ARP and no reverse path filter on the node"),
	JS(struct daemon_file, inject, "podResourceInject", &inject_table, .doc = "the controller's"),
	JS(struct daemon_file, iaas, "iaasNetworkProvider", &iaas_table, .doc = "not supported"),
	JS(struct daemon_file, agent, "agent", &plugin_table, .doc = "not supported"),
};
const struct json_table daemon_file_table = JSON_TABLE(struct daemon_file, "conf.yml", file_fields);

struct reading {
	const char *path;
	void (*note)(const char *sentence, void *arg);
	void *arg;
	struct daemon_file *f;
	size_t documents;
};

static void unknown_key(const char *path, void *arg)
{
	const struct reading *r = arg;
	char text[ERR_MSG_MAX];

	if (!r->note)
		return;
	(void)snprintf(text, sizeof(text), "%s: key %.256s is not known, it has no effect", r->path, path);
	r->note(text, r->arg);
}

static int read_document(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct reading *r = arg;

	if (r->documents++)
		return err_code(e, ERR_CONFIG, EINVAL, "%s:%zu: a second document: want one", r->path, line);
	json_unknown(&daemon_file_table, o, unknown_key, r);
	return json_decode(&daemon_file_table, o, r->path, r->f, e);
}

static int refused(struct err *e, const char *what)
{
	return err_code(e, ERR_CONFIG, ENOTSUP, "%s: this Spiderpool cannot do that: leave it out", what);
}

static bool enabled(struct json_object *o)
{
	bool on = false;

	return json_get_bool(o, "enabled", &on) && on;
}

static int refuse_undone(const struct daemon_file *f, struct err *e)
{
	if (f->iaas.server_url && *f->iaas.server_url)
		return refused(e, "iaasNetworkProvider.serverUrl is set");
	if (enabled(f->iaas.eni_plugin))
		return refused(e, "iaasNetworkProvider.eniDevPlugin.enabled is true");
	if (enabled(f->agent.network_resource))
		return refused(e, "agent.networkResourcePlugin.enabled is true");
	return 0;
}

static int check_file(struct daemon_file *f, struct err *e)
{
	const struct sockaddr_un *un = NULL;
	size_t max = sizeof(un->sun_path) - 8; /* the server needs some room, too */

	if (!f->enable_ipv4 && !f->enable_ipv6)
		return err_code(e, ERR_CONFIG, EINVAL,
				"enableIPv4 and enableIPv6 are both false: set one of them to true");
	if (!f->socket || !*f->socket) {
		free(f->socket);
		f->socket = strdup(DAEMON_SOCKET);
		if (!f->socket)
			return err_nomem(e);
	}
	if (f->socket[0] != '/' || strlen(f->socket) > max)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"ipamUnixSocketPath: want an absolute path of at most %zu bytes, got \"%.128s\"", max,
			f->socket);
	if (f->redundant.set && f->flexible.set && f->redundant.v != f->flexible.v)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"clusterSubnetAutoPoolDefaultRedundantIPNumber is %lld and "
			"clusterSubnetDefaultFlexibleIPNumber is %lld: they are the same setting, keep "
			"one",
			(long long)f->redundant.v, (long long)f->flexible.v);
	f->flexible_number = f->redundant.set ? f->redundant.v : f->flexible.v;
	return refuse_undone(f, e);
}

static int read_file(struct reading *r, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(FILE_MAX);
	int ret = file_read(AT_FDCWD, r->path, FILE_MAX, &text, e);

	if (ret < 0)
		return err_wrap(e, "configuration");
	ret = yaml_parse(buf_cstr(&text), text.len, r->path, read_document, r, e);
	if (ret < 0)
		return ret;
	ret = check_file(r->f, e);
	return ret < 0 ? err_wrap(e, "%s", r->path) : 0;
}

void daemon_file_clear(struct daemon_file *f)
{
	json_clear(&daemon_file_table, f);
	*f = (struct daemon_file){ 0 };
}

int daemon_file_read(const char *path, void (*note)(const char *sentence, void *arg), void *arg,
		     struct daemon_file *out, struct err *e)
{
	struct reading r = { .path = path, .note = note, .arg = arg, .f = out };
	int ret;

	*out = (struct daemon_file){ 0 };
	ret = read_file(&r, e);
	if (ret < 0)
		daemon_file_clear(out);
	return ret;
}
