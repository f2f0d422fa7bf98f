/* SPDX-License-Identifier: Apache-2.0 */
/* attachment.c - what one ADD was answered, as an object in the store */
#include "ipam/attachment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const struct json_field address_fields[] = {
	JF(struct ipam_address, address, "address", .flags = JSON_REQUIRED),
	JF(struct ipam_address, gateway, "gateway"),
	JF(struct ipam_address, pool, "pool", .flags = JSON_REQUIRED),
	JF(struct ipam_address, probe, "probe"),
	JF(struct ipam_address, kept, "kept"),
	JF(struct ipam_address, released, "released"),
	JF(struct ipam_address, former_mac, "formerMac"),
};
static const struct json_table address_table = JSON_TABLE(struct ipam_address, "address", address_fields);

static const char *const holds[] = { "sts", "vm", NULL };

static const struct json_field attachment_fields[] = {
	JF(struct ipam_attachment, network, "network", .flags = JSON_REQUIRED),
	JF(struct ipam_attachment, container, "container", .flags = JSON_REQUIRED),
	JF(struct ipam_attachment, nic, "nic", .flags = JSON_REQUIRED),
	JF(struct ipam_attachment, netns, "netns"),
	JF(struct ipam_attachment, netns_path, "netnsPath"),
	JF(struct ipam_attachment, netns_dir, "netnsDir"),
	JF(struct ipam_attachment, node, "node"),
	JF(struct ipam_attachment, boot, "boot"),
	JF(struct ipam_attachment, mac, "mac"),
	JF(struct ipam_attachment, ns, "namespace"),
	JF(struct ipam_attachment, pod, "pod"),
	JF(struct ipam_attachment, uid, "uid"),
	JF(struct ipam_attachment, hold, "hold", .one_of = holds),
	JF(struct ipam_attachment, hold_ref, "holdRef"),
	JF(struct ipam_attachment, owner_kind, "ownerKind"),
	JF(struct ipam_attachment, owner_name, "ownerName"),
	JF(struct ipam_attachment, endpoint, "endpoint"),
	JF(struct ipam_attachment, clean_gateway, "cleanGateway"),
	JF(struct ipam_attachment, detached, "detached"),
	JF(struct ipam_attachment, rekeyed, "rekeyed"),
	JF(struct ipam_attachment, claimed_by, "claimedBy"),
	JF(struct ipam_attachment, ahead, "ahead"),
	JF(struct ipam_attachment, since, "since"),
	JL(struct ipam_attachment, ips, "ips", &address_table),
	JL(struct ipam_attachment, routes, "routes", &api_route_table),
};
const struct json_table ipam_attachment_table =
	JSON_TABLE(struct ipam_attachment, "attachment", attachment_fields);

/* Two parts must fit a store name with the slash between them. */
#define PART_MAX 120

/* The part itself, or "#" and a hash when it is too long for a key. */
static void key_part(const char *s, char out[PART_MAX + 1])
{
	size_t len = strlen(s);
	XXH128_hash_t h;

	if (len <= PART_MAX) {
		memcpy(out, s, len + 1);
		return;
	}
	h = XXH3_128bits(s, len);
	snprintf(out, PART_MAX + 1, "#%016llx%016llx", (unsigned long long)h.high64,
		 (unsigned long long)h.low64);
}

void ipam_attachment_key(const char *network, const char *container, const char *nic, struct ipam_key *ret)
{
	char a[PART_MAX + 1], b[PART_MAX + 1];

	key_part(container, a);
	snprintf(ret->ns, sizeof(ret->ns), "%s", a);
	key_part(nic, a);
	key_part(network, b);
	snprintf(ret->name, sizeof(ret->name), "%s/%s", a, b);
}

int ipam_attachment_decode(const struct store_obj *o, struct ipam_attachment *ret, struct err *e)
{
	int r = json_decode_text(&ipam_attachment_table, o->data, o->len, "attachment", ret, e);

	if (r < 0 && r != -ENOMEM)
		e->sys = EUCLEAN;
	if (r < 0)
		return err_wrap(e, "record of container %s, %s", o->ns, o->name);
	return 0;
}

void ipam_attachment_clear(struct ipam_attachment *a)
{
	if (a->former)
		json_clear(&ipam_attachment_table, a->former);
	free(a->former);
	json_clear(&ipam_attachment_table, a);
}

enum hold ipam_attachment_hold(const struct ipam_attachment *a)
{
	if (!a->hold || !a->hold_ref)
		return HOLD_POD;
	return strcmp(a->hold, "sts") == 0 ? HOLD_STS : HOLD_VM;
}

int ipam_attachment_ip(const struct ipam_attachment *a, size_t i, struct ip_prefix *ret, struct err *e)
{
	if (ip_prefix_parse(a->ips.v[i].address, ret, e) < 0) {
		e->sys = EUCLEAN;
		return err_wrap(e, "record of container %s, NIC %s", a->container, a->nic);
	}
	return 0;
}
