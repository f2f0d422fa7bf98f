/* SPDX-License-Identifier: Apache-2.0 */
/* conf.c - veth's configuration, read and checked */
#include "conf.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"

#define RP_FILTER_LOOSE     2
#define INTERVAL_DEFAULT_MS 1000
#define RETRIES_DEFAULT     3
#define LOG_AGE_DEFAULT     5
#define LOG_COUNT_DEFAULT   5

void veth_conf_clear(struct veth_conf *c)
{
	options_prefixes_clear(&c->hijack);
	json_clear(&veth_conf_table, c);
}

/* ---- a duration of Go ---- */

static const struct {
	const char *unit;
	double ms;
} units[] = {
	/* "ms" before "m" */
	{ "ns", 1e-6 }, { "us", 1e-3 }, { "\xc2\xb5s", 1e-3 }, { "\xce\xbcs", 1e-3 },
	{ "ms", 1 },    { "s", 1e3 },   { "m", 60e3 },         { "h", 3600e3 },
};

static const char *read_amount(const char *s, double *ret)
{
	double scale = 1;
	bool digits = false;

	for (*ret = 0; isdigit((unsigned char)*s); s++, digits = true)
		*ret = *ret * 10 + (*s - '0');
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, digits = true)
			*ret += (*s - '0') * (scale /= 10);
	return digits ? s : NULL;
}

static const char *read_unit(const char *s, double *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t len = strlen(units[i].unit);

		if (strncmp(s, units[i].unit, len) == 0) {
			*ret = units[i].ms;
			return s + len;
		}
	}
	return NULL;
}

#define DURATION_MAX_MS (1000.0 * 3600e3)

int veth_duration(const char *text, int64_t *ret_ms)
{
	const char *s = text + (*text == '+');
	double ms = 0, n, unit;

	do {
		s = read_amount(s, &n);
		s = s ? read_unit(s, &unit) : NULL;
		if (!s)
			return -EINVAL;
		ms += n * unit;
	} while (*s);
	if (ms < 1 || ms > DURATION_MAX_MS)
		return -EINVAL;
	*ret_ms = (int64_t)ms;
	return 0;
}

/* ---- values ---- */

static int read_log(struct veth_conf *c, struct err *e)
{
	struct options_log o = c->log_options;
	struct err ignored;

	c->log = (struct log_conf){
		.path = VETH_LOG_FILE,
		.state_dir = c->state_dir,
		.level = LOG_LEVEL_INFO,
		.max_size_mb = LOG_SIZE_MB,
		.max_age_days = LOG_AGE_DEFAULT,
		.max_count = LOG_COUNT_DEFAULT,
	};
	if (o.level && log_level_parse(o.level, &c->log.level, &ignored) < 0)
		o.level = NULL; /* a note says so */
	return options_log_read(&o, &veth_log_table, &c->log, e);
}

static int read_prefixes(struct veth_conf *c, struct err *e)
{
	const struct {
		const char *key;
		const struct json_strv *texts;
		bool required;
	} lists[] = {
		{ "service_hijack_subnet", &c->service_hijack_subnet, true },
		{ "overlay_hijack_subnet", &c->overlay_hijack_subnet, true },
		{ "additional_hijack_subnet", &c->additional_hijack_subnet, false },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(lists); i++) {
		if (lists[i].required && !lists[i].texts->n)
			return err_code(e, ERR_CONFIG, EINVAL,
					"config: %s must be given: want at least one prefix, for example "
					"[\"10.96.0.0/12\"]",
					lists[i].key);
		r = options_prefixes_add(&c->hijack, lists[i].texts, false, VETH_PREFIXES_MAX, "config",
					 lists[i].key, e);
	}
	return r;
}

static bool is_migrate(int64_t v)
{
	return v >= VETH_MIGRATE_AUTO && v <= VETH_MIGRATE_ALWAYS;
}

static bool is_rp_filter(int64_t v)
{
	return v >= 0 && v <= RP_FILTER_LOOSE;
}

static void read_rp_filter(struct veth_conf *c)
{
	const struct veth_rp_filter *t = c->rp_filter_text;

	c->rp_filter_on_host = !t || t->set_host;
	c->rp_filter = RP_FILTER_LOOSE;
	if (t && t->value.set && is_rp_filter(t->value.v))
		c->rp_filter = (int)t->value.v;
	else if (t && !t->value.set && !t->set_host)
		c->rp_filter = 0;
}

static int read_conflict(struct veth_conf *c, struct err *e)
{
	const struct veth_ip_conflict *t = &c->ip_conflict;

	if (t->retries.v > VETH_RETRIES_MAX)
		return err_code(e, ERR_CONFIG, EINVAL,
				"config: ip_conflict.retries %lld: want at most %d questions",
				(long long)t->retries.v, VETH_RETRIES_MAX);
	c->interval_ms = INTERVAL_DEFAULT_MS;
	c->retries = t->retries.set && t->retries.v > 0 ? (int)t->retries.v : RETRIES_DEFAULT;
	if (!t->interval || !t->interval[0] || veth_duration(t->interval, &c->interval_ms) == 0)
		return 0;
	return err_code(
		e, ERR_CONFIG, EINVAL,
		"config: ip_conflict.interval \"%.64s\": want a time of 1ms or more, for example 1s or "
		"300ms",
		t->interval);
}

static int read_mac(struct veth_conf *c, struct err *e)
{
	bool said = c->mac_prefix_text && c->mac_prefix_text[0];
	int r = said ? options_mac_prefix(c->mac_prefix_text, c->mac_prefix, "config", "mac_prefix", e) : 0;

	c->has_mac_prefix = said;
	c->only_mac = c->only_op_mac.v;
	if (c->only_mac && !said)
		return err_code(e, ERR_CONFIG, EINVAL,
				"config: only_op_mac is true, but there is no mac_prefix; want its first two "
				"bytes there, for example \"0a:1b\"");
	return r;
}

/* ---- all of it ---- */

static int fill(struct veth_conf *c, struct err *e)
{
	int r = options_path(&c->state_dir, "state_dir", VETH_STATE_DIR, OPTIONS_STATE_DIR_MAX, e);

	if (r == 0)
		r = read_log(c, e);
	c->skip = c->skip_call.v;
	if (r < 0 || c->skip)
		return r;
	r = read_mac(c, e);
	if (r == 0)
		r = read_conflict(c, e);
	if (r < 0 || c->only_mac)
		return r;
	c->migrate = c->migrate_route.set && is_migrate(c->migrate_route.v)
			     ? (enum veth_migrate)c->migrate_route.v
			     : VETH_MIGRATE_AUTO;
	read_rp_filter(c);
	return read_prefixes(c, e);
}

int veth_conf_read(struct json_object *tree, struct veth_conf *ret, struct err *e)
{
	int r = json_decode(&veth_conf_table, tree, "config", ret, e);

	if (r == 0)
		r = fill(ret, e);
	if (r < 0)
		veth_conf_clear(ret);
	return r;
}

int veth_conf_read_essential(struct json_object *tree, struct veth_conf *ret, struct err *e)
{
	*ret = (struct veth_conf){
		.state_dir = options_path_of(tree, "state_dir", VETH_STATE_DIR, OPTIONS_STATE_DIR_MAX),
	};
	return ret->state_dir ? 0 : err_nomem(e);
}

void veth_conf_notes(const struct veth_conf *c, struct json_object *tree,
		     void (*note)(const char *sentence, void *arg), void *arg)
{
	const struct veth_rp_filter *t = c->rp_filter_text;
	enum log_level level;
	struct err ignored;

	if (c->log_options.level && c->log_options.level[0] &&
	    log_level_parse(c->log_options.level, &level, &ignored) < 0)
		note("log_options.log_level: there is no such level, info is taken", arg);
	if (c->migrate_route.set && !is_migrate(c->migrate_route.v))
		note("migrate_route: want -1, 0 or 1; -1 is taken", arg);
	if (t && t->value.set && !is_rp_filter(t->value.v))
		note("rp_filter.value: want 0, 1 or 2; 2 is taken", arg);
	options_unknown(&veth_conf_table, tree, note, arg);
}
