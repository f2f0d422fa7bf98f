/* SPDX-License-Identifier: Apache-2.0 */
/* section.c - the "ipam" section of a network configuration */
#include "ipam/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "store/local.h"

static const char *const datastores[] = { "agent", "local", NULL };
static const char *const durabilities[] = { "full", "relaxed", NULL };

static const struct json_field section_fields[] = {
	JF(struct ipam_section, type, "type", .doc = "\"spiderpool\""),
	JF(struct ipam_section, datastore, "datastore", .one_of = datastores,
	   .doc = "\"agent\" (default): addresses come from spiderpool-agent, in a cluster. \"local\": from "
		  "state_dir on "
		  "this machine, without any daemon"),
	JF(struct ipam_section, default_ipv4_ippool, "default_ipv4_ippool",
	   .doc = "pools for pods that name none, first to last; * ? [] match names"),
	JF(struct ipam_section, default_ipv6_ippool, "default_ipv6_ippool", .doc = "the same for IPv6"),
	JF(struct ipam_section, clean_gateway, "clean_gateway", .doc = "give no default route"),
	JF(struct ipam_section, match_master_subnet, "match_master_subnet",
	   .doc = "SR-IOV: only pools whose subnet holds an address of the PF"),
	JF(struct ipam_section, log_level, "log_level",
	   .doc = "debug, info, warn, error, fatal or panic; default info"),
	JF(struct ipam_section, log_file_path, "log_file_path",
	   .doc = "below /var/log or state_dir; default " SECTION_LOG_FILE),
	JF(struct ipam_section, log_file_max_size, "log_file_max_size",
	   .doc = "MB before it is rotated; default 100"),
	JF(struct ipam_section, log_file_max_age, "log_file_max_age",
	   .doc = "days a rotated file is kept, 0 for ever; default 30"),
	JF(struct ipam_section, log_file_max_count, "log_file_max_count",
	   .doc = "rotated files kept, 0 all; default 10"),
	JF(struct ipam_section, ipam_unix_socket_path, "ipam_unix_socket_path",
	   .doc = "datastore agent: its socket; default " SECTION_SOCKET),
	JF(struct ipam_section, state_dir, "state_dir",
	   .doc = "datastore local: where pools and addresses are kept. Datastore agent: where DEL leaves a note "
		  "while the agent is away; it looks in the default, " STORE_LOCAL_DIR),
	JF(struct ipam_section, durability, "durability", .one_of = durabilities,
	   .doc = "datastore local: \"full\" (default): an answered ADD survives power loss; \"relaxed\": "
		  "the last "
		  "seconds may be lost"),
	JF(struct ipam_section, node_name, "node_name",
	   .doc = "datastore local: what spec.nodeName of pools is compared with; default the host name"),
	JF(struct ipam_section, node_labels, "node_labels",
	   .doc = "datastore local: what spec.nodeAffinity of pools is compared with"),
	JF(struct ipam_section, keep_ip_by_pod_name, "keep_ip_by_pod_name",
	   .doc = "datastore local: a pod that is made again under its namespace and name gets its address "
		  "again"),
	JF(struct ipam_section, cooldown_seconds, "cooldown_seconds", .max = IPAM_COOLDOWN_MAX_S,
	   .doc = "datastore local: a freed address rests this long while others are left; default 60"),
	JF(struct ipam_section, quarantine_seconds, "quarantine_seconds", .min = 1, .max = 31536000,
	   .doc = "datastore local: an address somebody else was seen using is left alone this long; default "
		  "3600"),
	JF(struct ipam_section, timeout_seconds, "timeout_seconds", .min = 1, .max = 100,
	   .doc = "for one call, waiting for other calls included; default 30, with datastore agent 100"),
	JF(struct ipam_section, enable_ip_conflict_detection, "enable_ip_conflict_detection",
	   .doc = "datastore local: ask the network whether an address is in use before it is given out"),
	JF(struct ipam_section, enable_gateway_detection, "enable_gateway_detection",
	   .doc = "datastore local: fail when the pool's gateway does not answer"),
	JF(struct ipam_section, detect_probes, "detect_probes", .min = 1, .max = 10,
	   .doc = "questions before silence counts; default 3"),
	JF(struct ipam_section, detect_interval_ms, "detect_interval_ms", .min = 1, .max = 10000,
	   .doc = "between two questions; default 100"),
	JF(struct ipam_section, detect_timeout_ms, "detect_timeout_ms", .min = 1, .max = 60000,
	   .doc = "for all detection of one ADD; default 5000"),
};
const struct json_table ipam_section_table = JSON_TABLE(struct ipam_section, "ipam", section_fields);

/* The documentation of the original shows numbers in quotes, its code wants them bare: both are read. */
static int read_number(const char *key, struct json_object *v, int64_t absent, int64_t *ret, struct err *e)
{
	struct buf shown = BUF_INIT(BUF_MAX_DEFAULT);
	const char *text = v ? json_text(v) : NULL;
	char *end;

	*ret = absent;
	if (!v || (json_number(v, ret) && *ret >= 0))
		return 0;
	if (text && text[0]) {
		errno = 0;
		*ret = strtoll(text, &end, 10);
		if (!*end && !errno && *ret >= 0)
			return 0;
	}
	if (json_print(v, false, &shown, e) < 0)
		return -e->sys;
	err_code(e, ERR_CONFIG, EINVAL, "ipam.%s: want a whole number, 0 or more, got %.64s", key,
		 buf_cstr(&shown));
	buf_clear(&shown);
	return -EINVAL;
}

static int set_default(char **s, const char *value, struct err *e)
{
	if (*s && (*s)[0])
		return 0;
	free(*s);
	*s = strdup(value);
	return *s ? 0 : err_nomem(e);
}

static int fill(struct ipam_section *s, struct err *e)
{
	int r = read_number("log_file_max_size", s->log_file_max_size, 100, &s->log_max_size, e);

	if (r == 0)
		r = read_number("log_file_max_age", s->log_file_max_age, 30, &s->log_max_age, e);
	if (r == 0)
		r = read_number("log_file_max_count", s->log_file_max_count, 10, &s->log_max_count, e);
	if (r == 0)
		r = set_default(&s->datastore, "agent", e);
	if (r == 0)
		r = set_default(&s->log_level, "info", e);
	if (r == 0)
		r = set_default(&s->log_file_path, SECTION_LOG_FILE, e);
	if (r == 0)
		r = set_default(&s->ipam_unix_socket_path, SECTION_SOCKET, e);
	if (r == 0)
		r = set_default(&s->state_dir, STORE_LOCAL_DIR, e);
	if (r == 0)
		r = set_default(&s->durability, "full", e);
	return r;
}

/* A relative one would lie wherever the runtime happens to be. */
static int check_state_dir(const char *dir, struct err *e)
{
	if (dir[0] == '/' && strlen(dir) <= STORE_LOCAL_DIR_MAX)
		return 0;
	return err_code(e, ERR_CONFIG, EINVAL,
			"ipam.state_dir: \"%.64s%s\": want an absolute path of at most %d bytes", dir,
			strlen(dir) > 64 ? "..." : "", STORE_LOCAL_DIR_MAX);
}

int ipam_section_read(struct json_object *section, struct ipam_section *ret,
		      void (*unknown)(const char *path, void *arg), void *arg, struct err *e)
{
	int r;

	*ret = (struct ipam_section){ 0 };
	if (!section)
		return err_code(e, ERR_CONFIG, EINVAL,
				"the network configuration has no \"ipam\" section; want \"ipam\": "
				"{\"type\": \"spiderpool\"}");
	r = json_decode(&ipam_section_table, section, "ipam", ret, e);
	if (r == 0)
		r = fill(ret, e);
	if (r == 0)
		r = check_state_dir(ret->state_dir, e);
	if (r == 0 && unknown)
		json_unknown(&ipam_section_table, section, unknown, arg);
	if (r < 0)
		ipam_section_clear(ret);
	return r;
}

static const struct json_field essential_fields[] = {
	JF(struct ipam_section, datastore, "datastore", .one_of = datastores),
	JF(struct ipam_section, state_dir, "state_dir"),
	JF(struct ipam_section, ipam_unix_socket_path, "ipam_unix_socket_path"),
};
static const struct json_table essential_table = JSON_TABLE(struct ipam_section, "ipam", essential_fields);

int ipam_section_read_essential(struct json_object *section, struct ipam_section *ret, struct err *e)
{
	int r = json_decode(&essential_table, section, "ipam", ret, e);

	if (r == 0)
		r = fill(ret, e);
	if (r < 0)
		ipam_section_clear(ret);
	return r;
}

void ipam_section_clear(struct ipam_section *s)
{
	json_clear(&ipam_section_table, s);
}

bool ipam_section_is_local(const struct ipam_section *s)
{
	return strcmp(s->datastore, "local") == 0;
}

struct ipam_conf ipam_section_conf(const struct ipam_section *c)
{
	return (struct ipam_conf){
		.default_ipv4 = &c->default_ipv4_ippool,
		.default_ipv6 = &c->default_ipv6_ippool,
		.clean_gateway = c->clean_gateway,
		.keep_by_pod_name = c->keep_ip_by_pod_name,
		.cooldown_ms = c->cooldown_seconds.set ? c->cooldown_seconds.v * 1000 : IPAM_COOLDOWN_MS,
		.quarantine_ms =
			c->quarantine_seconds.set ? c->quarantine_seconds.v * 1000 : IPAM_QUARANTINE_MS,
		/* One node: nobody to keep out of the way of, so the lowest address comes first. */
		.ring_key = "",
	};
}
