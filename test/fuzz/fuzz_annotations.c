/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_annotations.c - what a pod asks for: accepted annotations name NICs and pools that make sense */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/candidates.h"
#include "ipam/networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {
	ANNOTATION_IPPOOL, ANNOTATION_IPPOOLS, ANNOTATION_ROUTES, ANNOTATION_SUBNET, ANNOTATION_NETWORKS,
};

/* The same texts as a cluster's pod has them; the last one is its namespace's. */
static const char *const cluster_keys[] = {
	ANNOTATION_SUBNET,   ANNOTATION_SUBNETS,      ANNOTATION_IP_NUMBER,
	ANNOTATION_NETWORKS, ANNOTATION_DEFAULT_IPV4,
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_nics(const struct candidates *c, const struct ipam_request *req)
{
	bool own = false;

	must(c->nics.n >= 1 && c->nics.n <= IPAM_NICS_MAX, "number of NICs");
	for (size_t i = 0; i < c->nics.n; i++) {
		const struct candidate_nic *n = &c->nics.v[i];

		must(n->nic && n->nic[0], "a NIC without a name");
		must(c->rule == RULE_DEFAULT || n->ipv4.n || n->ipv6.n, "a NIC without pools");
		own |= strcmp(n->nic, req->nic) == 0;
		for (size_t k = 0; k < i; k++)
			must(strcmp(n->nic, c->nics.v[k].nic) != 0, "a NIC twice");
	}
	must(own, "the request's own NIC is missing");
}

static void check_routes(const struct candidates *c)
{
	for (size_t i = 0; i < c->routes.n; i++) {
		struct ip_prefix dst;
		struct ip gw;
		struct err e;

		must(ip_prefix_parse(c->routes.v[i].dst, &dst, &e) == 0 &&
			     ip_parse(c->routes.v[i].gw, &gw, &e) == 0 && dst.ip.ver == gw.ver,
		     "a route that is none");
	}
}

static void check(const struct ipam_conf *conf, const struct ipam_request *req)
{
	struct err e = { .sys = -1 };
	struct candidates c;

	if (candidates_select(conf, req, &c, &e) == 0) {
		check_nics(&c, req);
		check_routes(&c);
		candidates_clear(&c);
	} else {
		must(e.sys > 0 && e.msg[0] && e.cni == ERR_CONFIG, "an error without a sentence");
	}
}

static void check_network(const char *text)
{
	char network[NETWORK_NAME_MAX];
	struct err e;
	int r = networks_of_nic(text, "net1", "ns", network, &e);

	must(r <= 0 || (strchr(network, '/') && network[0]), "a network without a name");
	r = networks_default(text, "ns", network, &e);
	must(r <= 0 || (strchr(network, '/') && network[0]), "a default network without a name");
}

/* Up to three annotations: "<digit of the key><text>\n". */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *next = copy, *line;
	struct json_map_entry entries[3];
	struct json_map map = { entries, 0, true };
	struct ipam_conf conf = { .ring_key = "" };
	struct ipam_request req = { .network = "n",
				    .container = "c",
				    .nic = "eth0",
				    .ns = "",
				    .pod = "",
				    .uid = "",
				    .annotations = &map };
	size_t key[3];

	must(copy != NULL, "memory");
	memcpy(copy, data, size);
	copy[size] = '\0';
	while (map.n < 3 && (line = strsep(&next, "\n")) && line[0]) {
		key[map.n] = (unsigned char)line[0] % 5;
		entries[map.n] = (struct json_map_entry){ (char *)keys[key[map.n]], line + 1 };
		check_network(line + 1);
		map.n++;
	}
	check(&conf, &req);
	for (size_t i = 0; i < map.n; i++)
		entries[i].key = (char *)cluster_keys[key[i]];
	conf.cluster = conf.enable_subnet = conf.enable_auto_pool = true;
	req.ns_annotations = &map;
	req.owner = (struct ipam_owner){ "apps/v1", "Deployment", "ns", "web", "u" };
	check(&conf, &req);
	free(copy);
	return 0;
}
