/* SPDX-License-Identifier: Apache-2.0 */
/* bond_options.c - options of a bond as text */
#include <ctype.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/args.h"
#include "cni/env.h"
#include "json/tree.h"
#include "nl/bond.h"
#include "nl/bond_table.h"

static const char *const off_on[] = { "off", "on", NULL };
static const char *const arp_validates[] = { "none",   "active",        "backup",        "all",
					     "filter", "filter_active", "filter_backup", NULL };
static const char *const any_all[] = { "any", "all", NULL };
static const char *const reselects[] = { "always", "better", "failure", NULL };
static const char *const fail_over_macs[] = { "none", "active", "follow", NULL };
static const char *const hash_policies[] = { "layer2",   "layer3+4",    "layer2+3", "encap2+3",
					     "encap3+4", "vlan+srcmac", NULL };
static const char *const lacp_rates[] = { "slow", "fast", NULL };
static const char *const ad_selects[] = { "stable", "bandwidth", "count", NULL };

#define ROW(k, a, t, ...) \
	{ \
		.key = (k), .attr = IFLA_BOND_##a, .kind = (t), __VA_ARGS__ \
	}
const struct bond_option bond_table[] = {
	ROW("miimon", MIIMON, BOND_U32),
	ROW("up_delay", UPDELAY, BOND_U32, .alias = "updelay", .rounded = true),
	ROW("downdelay", DOWNDELAY, BOND_U32, .alias = "down_delay", .rounded = true),
	ROW("peer_notif_delay", PEER_NOTIF_DELAY, BOND_U32, .rounded = true),
	ROW("use_carrier", USE_CARRIER, BOND_U8, .names = off_on),
	ROW("arp_interval", ARP_INTERVAL, BOND_U32),
	ROW("arp_ip_target", ARP_IP_TARGET, BOND_TARGETS, .ver = 4),
	ROW("ns_ip6_target", NS_IP6_TARGET, BOND_TARGETS, .ver = 6),
	ROW("arp_validate", ARP_VALIDATE, BOND_U32, .names = arp_validates),
	ROW("arp_all_targets", ARP_ALL_TARGETS, BOND_U32, .names = any_all),
	ROW("missed_max", MISSED_MAX, BOND_U8),
	ROW("primary", PRIMARY, BOND_LINK),
	ROW("primary_reselect", PRIMARY_RESELECT, BOND_U8, .names = reselects),
	ROW("fail_over_mac", FAIL_OVER_MAC, BOND_U8, .names = fail_over_macs),
	ROW("xmit_hash_policy", XMIT_HASH_POLICY, BOND_U8, .names = hash_policies),
	ROW("resend_igmp", RESEND_IGMP, BOND_U32),
	ROW("num_peer_notif", NUM_PEER_NOTIF, BOND_U8, .alias = "num_grat_arp"),
	ROW("all_slaves_active", ALL_SLAVES_ACTIVE, BOND_U8, .names = off_on),
	ROW("min_links", MIN_LINKS, BOND_U32),
	ROW("lp_interval", LP_INTERVAL, BOND_U32),
	ROW("packets_per_slave", PACKETS_PER_SLAVE, BOND_U32),
	ROW("lacp_rate", AD_LACP_RATE, BOND_U8, .names = lacp_rates),
	ROW("lacp_active", AD_LACP_ACTIVE, BOND_U8, .names = off_on),
	ROW("ad_select", AD_SELECT, BOND_U8, .names = ad_selects),
	ROW("ad_actor_sys_prio", AD_ACTOR_SYS_PRIO, BOND_U16),
	ROW("ad_user_port_key", AD_USER_PORT_KEY, BOND_U16),
	ROW("ad_actor_system", AD_ACTOR_SYSTEM, BOND_MAC),
	ROW("tlb_dynamic_lb", TLB_DYNAMIC_LB, BOND_U8, .names = off_on),
	ROW("active_slave", ACTIVE_SLAVE, BOND_LINK, .late = true),
};
const size_t bond_table_len = ARRAY_LEN(bond_table);
_Static_assert(ARRAY_LEN(bond_table) <= BOND_OPTIONS_MAX, "room for each option");

static const struct bond_option *find(const char *key)
{
	for (size_t i = 0; i < bond_table_len; i++) {
		const struct bond_option *o = &bond_table[i];

		if (strcmp(key, o->key) == 0 || (o->alias && strcmp(key, o->alias) == 0))
			return o;
	}
	return NULL;
}

static int unknown(const char *key, struct err *e)
{
	CLEANUP(buf_clear) struct buf known = BUF_INIT(1024);

	for (size_t i = 0; i < bond_table_len; i++)
		buf_fmt(&known, "%s%s", i ? ", " : "", bond_table[i].key);
	return err_code(e, ERR_CONFIG, EINVAL, "\"%.64s\" is no option of a bond; known: %s", key,
			buf_cstr(&known));
}

/* ---- values ---- */

static int bad(const struct bond_option *o, const char *text, const char *want, struct err *e)
{
	return err_code(e, ERR_CONFIG, EINVAL, "invalid bond %s \"%.64s\": want %s", o->key, text, want);
}

static int bad_number(const struct bond_option *o, const char *text, uint32_t max, struct err *e)
{
	CLEANUP(buf_clear) struct buf want = BUF_INIT(256);

	buf_fmt(&want, "a number from 0 to %u", max);
	for (size_t i = 0; o->names && o->names[i]; i++)
		buf_fmt(&want, "%s%s", i ? ", " : " or one of ", o->names[i]);
	return bad(o, text, buf_cstr(&want), e);
}

static int parse_number(const struct bond_option *o, const char *text, uint32_t *ret, struct err *e)
{
	const uint32_t max = o->kind == BOND_U8 ? UINT8_MAX : o->kind == BOND_U16 ? UINT16_MAX : INT32_MAX;
	uint64_t n = 0;

	for (size_t i = 0; o->names && o->names[i]; i++) {
		if (strcmp(text, o->names[i]) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || (n = n * 10 + (uint64_t)(*p - '0')) > max)
			return bad_number(o, text, max, e);
	}
	*ret = (uint32_t)n;
	return 0;
}

static int parse_mac(const struct bond_option *o, const char *text, uint8_t mac[LINK_MAC_LEN], struct err *e)
{
	char norm[CNI_MAC_TEXT_MAX];

	if (!cni_mac_normalize(text, norm))
		return bad(o, text, "six bytes as in 02:00:5e:00:53:01", e);
	for (size_t i = 0; i < LINK_MAC_LEN; i++)
		mac[i] = (uint8_t)strtoul(norm + 3 * i, NULL, 16);
	return 0;
}

static int add_target(struct bond_value *v, const char *text, struct err *e)
{
	struct ip ip;

	if (!text || ip_parse(text, &ip, e) < 0 || ip.ver != v->opt->ver)
		return bad(v->opt, text ? text : "", v->opt->ver == 4 ? "IPv4 addresses" : "IPv6 addresses",
			   e);
	if (v->n_targets == BOND_TARGETS_MAX)
		return err_code(e, ERR_CONFIG, E2BIG, "bond %s: more than %d addresses", v->opt->key,
				BOND_TARGETS_MAX);
	v->target[v->n_targets++] = ip;
	return 0;
}

/* In place: cuts blanks off both ends. */
static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static int parse_json_targets(struct bond_value *v, const char *text, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *list = NULL;
	int r = json_parse(text, strlen(text), v->opt->key, &list, e);

	if (r < 0) {
		e->cni = ERR_CONFIG;
		return err_wrap(e, "invalid bond %s", v->opt->key);
	}
	for (size_t i = 0; r == 0 && i < json_len(list); i++)
		r = add_target(v, json_text(json_at(list, i)), e);
	return r;
}

static int parse_targets(struct bond_value *v, char *text, struct err *e)
{
	char *next;
	int r = 0;

	if (*text == '[')
		return parse_json_targets(v, text, e);
	for (; r == 0 && text; text = next) {
		next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		r = add_target(v, trim(text), e);
	}
	return r;
}

static int parse_value(struct bond_value *v, char *text, struct err *e)
{
	switch (v->opt->kind) {
	case BOND_MAC:
		return parse_mac(v->opt, text, v->mac, e);
	case BOND_TARGETS:
		return parse_targets(v, text, e);
	case BOND_LINK:
		if (!cni_ifname_ok(text))
			return bad(v->opt, text, "the name of an interface", e);
		snprintf(v->link, sizeof(v->link), "%s", text);
		return 0;
	default:
		return parse_number(v->opt, text, &v->n, e);
	}
}

/* ---- the whole text ---- */

/* seen: the values by row of the table. */
static int parse_part(char *part, struct bond_value seen[], struct err *e)
{
	char *value = strchr(part, '=');
	const struct bond_option *o;
	struct bond_value *v;

	if (!value || strchr(value + 1, '=') || !*trim(value + 1))
		return err_code(e, ERR_CONFIG, EINVAL, "\"%.64s\": want key=value", part);
	*value++ = '\0';
	part = trim(part);
	o = find(part);
	if (!o)
		return unknown(part, e);
	v = &seen[o - bond_table];
	if (v->opt)
		return err_code(e, ERR_CONFIG, EINVAL, "%s is given twice", o->key);
	v->opt = o;
	return parse_value(v, trim(value), e);
}

static const struct bond_value *find_value(const struct bond_options *o, uint16_t attr)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].opt->attr == attr)
			return &o->v[i];
	return NULL;
}

static int check_together(const struct bond_options *o, struct err *e)
{
	const struct bond_value *mii = find_value(o, IFLA_BOND_MIIMON);
	const struct bond_value *arp = find_value(o, IFLA_BOND_ARP_INTERVAL);

	if (mii && mii->n && arp && arp->n)
		return err_code(e, ERR_CONFIG, EINVAL,
				"miimon=%u and arp_interval=%u: a bond is watched in one way only, leave one "
				"of them out",
				mii->n, arp->n);
	return 0;
}

int bond_options_parse(const char *text, struct bond_options *ret, struct err *e)
{
	CLEANUP(free_p) char *copy = strdup(text);
	CLEANUP(free_p) struct bond_value *seen = calloc(bond_table_len, sizeof(*seen));
	char *part, *next;
	int r = 0;

	*ret = (struct bond_options){ .n = 0 };
	if (!copy || !seen)
		return err_nomem(e);
	for (part = copy; r == 0 && part; part = next) {
		next = strchr(part, ';');
		if (next)
			*next++ = '\0';
		part = trim(part);
		if (*part)
			r = parse_part(part, seen, e);
	}
	for (size_t i = 0; r == 0 && i < bond_table_len; i++)
		if (seen[i].opt)
			ret->v[ret->n++] = seen[i];
	if (r == 0)
		r = check_together(ret, e);
	if (r < 0)
		ret->n = 0;
	return r < 0 ? err_wrap(e, "bond options") : 0;
}

static void format_targets(const struct bond_value *v, struct buf *out)
{
	char ip[IP_TEXT_MAX];

	if (!v->n_targets)
		buf_str(out, "[]");
	for (size_t i = 0; i < v->n_targets; i++)
		buf_fmt(out, "%s%s", i ? "," : "", ip_format(v->target[i], ip));
}

void bond_value_format(const struct bond_value *v, struct buf *out)
{
	char mac[LINK_MAC_TEXT];

	switch (v->opt->kind) {
	case BOND_MAC:
		buf_str(out, link_mac_format(v->mac, mac));
		break;
	case BOND_TARGETS:
		format_targets(v, out);
		break;
	case BOND_LINK:
		if (v->link[0])
			buf_str(out, v->link);
		else
			buf_fmt(out, "the interface of index %u", v->n);
		break;
	default:
		buf_fmt(out, "%u", v->n);
	}
}

void bond_options_format(const struct bond_options *o, struct buf *out)
{
	for (size_t i = 0; i < o->n; i++) {
		buf_fmt(out, "%s%s=", i ? ";" : "", o->v[i].opt->key);
		bond_value_format(&o->v[i], out);
	}
}

struct bond_value *bond_options_link(struct bond_options *o, size_t i, const char **ret_key)
{
	for (size_t k = 0; k < o->n; k++) {
		if (o->v[k].opt->kind != BOND_LINK || i-- > 0)
			continue;
		if (ret_key)
			*ret_key = o->v[k].opt->key;
		return &o->v[k];
	}
	return NULL;
}

const char *bond_mode_text(int64_t mode, char out[48])
{
	static const char *const names[BOND_MODES] = { "balance-rr", "active-backup", "balance-xor",
						       "broadcast",  "802.3ad",       "balance-tlb",
						       "balance-alb" };

	snprintf(out, 48, "%lld%s%s%s", (long long)mode, mode >= 0 && mode < BOND_MODES ? " (" : "",
		 mode >= 0 && mode < BOND_MODES ? names[mode] : "",
		 mode >= 0 && mode < BOND_MODES ? ")" : "");
	return out;
}
