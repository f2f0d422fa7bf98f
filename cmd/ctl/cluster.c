/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c - a cluster as the store of one command */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ctl.h"
#include "ipam/pool.h"
#include "kube/object.h"
#include "yaml/yaml.h"

#define CONFIG_MAP "spiderpool-conf"

/* ---- what the agents are told ---- */

static const struct json_field settings_fields[] = {
	JF(struct ctl_settings, enable_ipv4, "enableIPv4"),
	JF(struct ctl_settings, enable_ipv6, "enableIPv6"),
	JF(struct ctl_settings, enable_stateful_set, "enableStatefulSet"),
	JF(struct ctl_settings, enable_kubevirt, "enableKubevirtStaticIP"),
	JF(struct ctl_settings, enable_subnet, "enableSpiderSubnet"),
	JF(struct ctl_settings, enable_auto_pool, "enableAutoPoolForApplication"),
};
static const struct json_table settings_table = JSON_TABLE(struct ctl_settings, "conf.yml", settings_fields);

static int read_document(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct ctl_settings *s = arg;
	struct ctl_settings read;
	int r = json_decode(&settings_table, o, "conf.yml", &read, e);

	(void)line;
	if (r < 0)
		return r;
	read.ns = s->ns;
	*s = read;
	return 0;
}

static int take_map(struct json_object *o, void *arg, struct err *e)
{
	struct ctl_settings *s = arg;
	const char *text = json_get_str(json_get(o, "data"), "conf.yml"), *ns = kube_meta(o, "namespace");

	if (!text || !ns || s->ns)
		return 0;
	s->ns = strdup(ns);
	return s->ns ? yaml_parse(text, strlen(text), CONFIG_MAP, read_document, s, e) : err_nomem(e);
}

/* Who may not read it goes by the defaults, and is told. */
static int read_settings(struct ctl *c, struct err *e)
{
	static const struct kube_resource maps = { "", "v1", "configmaps", "ConfigMap", true };
	struct kube_op op = { .res = &maps,
			      .fields = "metadata.name=" CONFIG_MAP,
			      .until = deadline_in(c->timeout_ms) };
	const struct kube_lister l = { .each = take_map, .arg = &c->settings };
	int r;

	c->settings = (struct ctl_settings){ NULL, true, true, true, true, true, true };
	r = kube_list(c->k, &op, &l, NULL, e);
	if (r == -EACCES || r == -EBADMSG) {
		ctl_warn(c, "the settings in ConfigMap " CONFIG_MAP " are taken as their defaults: %s",
			 e->msg);
		r = 0;
	}
	return r;
}

/* ---- */

static void trouble(const char *sentence, void *arg)
{
	ctl_warn(arg, "%s", sentence);
}

int cluster_open(struct ctl *c, struct err *e)
{
	struct store_kube_conf conf = {
		.node = "", .pool_value = ipam_pool_value, .trouble = trouble, .arg = c
	};
	int r = kube_open_any(c->kubeconfig, c->given.context, c->env_kube_host, c->env_kube_port, &c->k, e);

	if (r == 0)
		r = read_settings(c, e);
	conf.k = c->k;
	if (r == 0)
		r = store_kube_open(&conf, &c->hub, e);
	if (r == 0)
		r = store_kube_session(c->hub, true, &c->store, e);
	if (r < 0)
		return r;
	c->ipam.conf.cluster = true;
	c->ipam.conf.agent_ns = c->settings.ns;
	c->ipam.conf.disable_ipv4 = !c->settings.enable_ipv4;
	c->ipam.conf.disable_ipv6 = !c->settings.enable_ipv6;
	c->ipam.conf.enable_subnet = c->settings.enable_subnet;
	c->ipam.conf.enable_auto_pool = c->settings.enable_auto_pool;
	c->ipam.conf.skew_ms = store_kube_skew(c->hub);
	return 0;
}

void cluster_close(struct ctl *c)
{
	store_kube_close(c->hub, deadline_in(c->timeout_ms));
	kube_close(c->k);
	free(c->settings.ns);
}
