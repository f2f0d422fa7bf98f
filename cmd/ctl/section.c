/* SPDX-License-Identifier: Apache-2.0 */
/* section.c - what a network configuration says to the IPAM plugin */
#include "section.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct json_field fields[] = {
	JF(struct section, type, "type"),
	JF(struct section, datastore, "datastore"),
	JF(struct section, state_dir, "state_dir"),
	JF(struct section, node_name, "node_name"),
	JF(struct section, node_labels, "node_labels"),
	JF(struct section, default_ipv4, "default_ipv4_ippool"),
	JF(struct section, default_ipv6, "default_ipv6_ippool"),
	JF(struct section, clean_gateway, "clean_gateway"),
	JF(struct section, keep_by_pod_name, "keep_ip_by_pod_name"),
	JF(struct section, cooldown_s, "cooldown_seconds"),
};
static const struct json_table table = JSON_TABLE(struct section, "ipam", fields);

int section_read(const struct cni_network *n, struct section *ret, struct err *e)
{
	*ret = (struct section){ 0 };
	for (size_t i = 0; i < n->plugins.n; i++) {
		struct json_object *ipam = json_get(n->plugins.v[i].conf, "ipam");
		const char *type = json_get_str(ipam, "type");

		if (!type || strcmp(type, "spiderpool") != 0)
			continue;
		if (json_decode(&table, ipam, "ipam", ret, e) < 0)
			return err_wrap(e, "network %s", n->name);
		return 1;
	}
	return 0;
}

void section_clear(struct section *s)
{
	json_clear(&table, s);
}

bool section_is_of(const struct section *s, const char *state_dir)
{
	const char *dir = s->state_dir ? s->state_dir : STORE_LOCAL_DIR;
	size_t a = strlen(dir), b = strlen(state_dir);

	while (a > 1 && dir[a - 1] == '/')
		a--;
	while (b > 1 && state_dir[b - 1] == '/')
		b--;
	return s->datastore && strcmp(s->datastore, "local") == 0 && a == b && memcmp(dir, state_dir, a) == 0;
}

void section_apply(const struct section *s, struct ctl *c)
{
	c->ipam.conf.clean_gateway = s->clean_gateway;
	c->ipam.conf.keep_by_pod_name = s->keep_by_pod_name;
	if (s->cooldown_s.set)
		c->ipam.conf.cooldown_ms = s->cooldown_s.v * 1000;
	if (s->node_name && *s->node_name)
		snprintf(c->node, sizeof(c->node), "%s", s->node_name);
}

int network_load(const char *file_or_name, struct cni_network *ret, struct err *e)
{
	if (strchr(file_or_name, '/') || access(file_or_name, F_OK) == 0)
		return cni_network_load(file_or_name, ret, e);
	return cni_network_find(NETWORK_DIR, file_or_name, ret, e);
}
