/* SPDX-License-Identifier: Apache-2.0 */
/* section.c - what a network configuration says to the IPAM plugin */
#include "section.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int section_read(const struct cni_network *n, struct ipam_section *ret, struct err *e)
{
	*ret = (struct ipam_section){ 0 };
	for (size_t i = 0; i < n->plugins.n; i++) {
		struct json_object *ipam = json_get(n->plugins.v[i].conf, "ipam");
		const char *type = json_get_str(ipam, "type");

		if (!type || strcmp(type, "spiderpool") != 0)
			continue;
		if (ipam_section_read(ipam, ret, NULL, NULL, e) < 0)
			return err_wrap(e, "network %s", n->name);
		return 1;
	}
	return 0;
}

bool section_is_of(const struct ipam_section *s, const char *state_dir)
{
	const char *dir = s->state_dir;
	size_t a = strlen(dir), b = strlen(state_dir);

	while (a > 1 && dir[a - 1] == '/')
		a--;
	while (b > 1 && state_dir[b - 1] == '/')
		b--;
	return ipam_section_is_local(s) && a == b && memcmp(dir, state_dir, a) == 0;
}

void section_apply(const struct ipam_section *s, struct ctl *c)
{
	struct ipam_conf conf = ipam_section_conf(s);

	if (c->cluster) { /* the agents have the rest from their own configuration */
		c->ipam.conf.clean_gateway = s->clean_gateway;
		return;
	}
	conf.default_ipv4 = c->ipam.conf.default_ipv4;
	conf.default_ipv6 = c->ipam.conf.default_ipv6;
	c->ipam.conf = conf;
	if (s->node_name && *s->node_name)
		snprintf(c->node, sizeof(c->node), "%s", s->node_name);
}

int network_load(const char *file_or_name, struct cni_network *ret, struct err *e)
{
	if (strchr(file_or_name, '/') || access(file_or_name, F_OK) == 0)
		return cni_network_load(file_or_name, ret, e);
	return cni_network_find(NETWORK_DIR, file_or_name, ret, e);
}
