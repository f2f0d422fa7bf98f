/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - one call: configuration, log, deadline, store */
#include "session.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/error.h"
#include "nl/netns.h"

/* A node with an agent takes its addresses from the cluster; whoever may write a network configuration must
 * not be able to hand out others, unless the node's administrator allows it. */
#define AGENT_MARKER "/var/lib/spiderpool/agent.installed"
#define LOCAL_PERMIT "/etc/spiderpool/allow-local-datastore"

#define TIMEOUT_LOCAL_S 30
#define TIMEOUT_AGENT_S 100 /* as long as plugins have always waited for an agent */

static void unknown_key(const char *path, void *arg)
{
	struct session *s = arg;

	log_warn(&s->log, "ipam.%s: unknown key, ignored", path);
}

static int start_log(struct session *s, struct err *e)
{
	const struct cni_call *c = s->call;
	struct log_conf lc = {
		.path = s->conf.log_file_path,
		.state_dir = ipam_section_is_local(&s->conf) ? s->conf.state_dir : NULL,
		.max_size_mb = s->conf.log_max_size,
		.max_age_days = s->conf.log_max_age,
		.max_count = s->conf.log_max_count,
	};

	if (log_level_parse(s->conf.log_level, &lc.level, e) < 0)
		return err_wrap(e, "ipam.log_level");
	if (log_init(&s->log, &lc, e) < 0)
		return err_wrap(e, "ipam.log_file_path");
	log_context(&s->log, "cmd", cni_verb_text(c->env.verb));
	log_context(&s->log, "network", c->conf.name);
	log_context(&s->log, "containerID", c->env.container_id);
	log_context(&s->log, "ifname", c->env.ifname);
	log_context(&s->log, "namespace", c->args.pod_namespace);
	log_context(&s->log, "pod", c->args.pod_name);
	return 0;
}

/* The name the kubelet registers a node under by default: the host name in lower case. */
static void read_node(struct session *s)
{
	if (s->conf.node_name && s->conf.node_name[0]) {
		snprintf(s->node, sizeof(s->node), "%s", s->conf.node_name);
		return;
	}
	if (gethostname(s->node, sizeof(s->node) - 1) < 0)
		snprintf(s->node, sizeof(s->node), "localhost");
	for (char *p = s->node; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

int session_read_boot(char out[SESSION_BOOT_MAX], struct err *e)
{
	struct buf b = BUF_INIT(SESSION_BOOT_MAX - 1);
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", SESSION_BOOT_MAX - 1, &b, e);

	out[0] = '\0';
	if (r == 0)
		snprintf(out, SESSION_BOOT_MAX, "%.*s", (int)strcspn(buf_cstr(&b), "\n"), buf_cstr(&b));
	buf_clear(&b);
	return r;
}

static int64_t timeout_seconds(const struct ipam_section *c)
{
	if (c->timeout_seconds.set)
		return c->timeout_seconds.v;
	return ipam_section_is_local(c) ? TIMEOUT_LOCAL_S : TIMEOUT_AGENT_S;
}

int session_start(struct cni_call *c, struct session *s, struct err *e)
{
	int r;

	*s = (struct session){ .call = c, .started = clock_wall_ms() };
	r = ipam_section_read(c->conf.ipam, &s->conf, NULL, NULL, e);
	if (r == 0)
		r = start_log(s, e);
	if (r == 0)
		json_unknown(&ipam_section_table, c->conf.ipam, unknown_key, s);
	if (r < 0 && c->env.verb == CNI_DEL && c->conf.ipam) {
		ipam_section_clear(&s->conf);
		r = ipam_section_read_essential(c->conf.ipam, &s->conf, e);
	}
	if (r == 0)
		s->until = deadline_min(c->deadline, deadline_in(timeout_seconds(&s->conf) * 1000));
	return r;
}

static int check_permitted(struct err *e)
{
	if (access(AGENT_MARKER, F_OK) < 0 || access(LOCAL_PERMIT, F_OK) == 0)
		return 0;
	return err_code(
		e, ERR_CONFIG, EPERM,
		"ipam.datastore: \"local\" is refused, because this node belongs to a cluster (" AGENT_MARKER
		" exists); the node's administrator allows it by creating " LOCAL_PERMIT);
}

/* ---- what happens when there is no way back ---- */

static char late_document[1024], damage_document[2048];

static void on_lock_timeout(void)
{
	session_emergency(late_document, 1);
}

/* The heap may be what is damaged: nothing is made here. */
static void on_damage(const char *sentence)
{
	(void)sentence;
	session_emergency(damage_document, 1);
}

static void prepare(const struct session *s, const struct err *e, char *out, size_t size)
{
	struct buf b = BUF_INIT(size);

	cni_error_print(e, s->call->conf.version, NULL, &b);
	snprintf(out, size, "%s\n", buf_cstr(&b));
	buf_clear(&b);
}

static void prepare_damage(const struct session *s)
{
	char sentence[STORE_LOCAL_DAMAGE_MAX];
	struct err e;

	store_local_damage(s->conf.state_dir, sentence);
	err_code(&e, s->call->env.verb == CNI_STATUS ? ERR_UNAVAILABLE : ERR_IO, EIO, "%s", sentence);
	prepare(s, &e, damage_document, sizeof(damage_document));
}

static void prepare_late(const struct session *s)
{
	struct err e = { 0 };

	err_code(&e, s->call->env.verb == CNI_STATUS ? ERR_UNAVAILABLE : ERR_TRY_AGAIN, ETIMEDOUT,
		 "state directory %.200s: another process has held the lock for more than %d s; nothing was "
		 "changed; look for a "
		 "stopped process with \"fuser -v %.200s/lock.mdb\"",
		 s->conf.state_dir, (int)timeout_seconds(&s->conf), s->conf.state_dir);
	prepare(s, &e, late_document, sizeof(late_document));
}

/* ---- */

static void note(const char *sentence, void *arg)
{
	struct session *s = arg;

	log_warn(&s->log, "%s", sentence);
}

/* A sandbox lives as long as its network namespace does. */
static bool alive(const struct ipam_attachment *a, void *arg)
{
	CLEANUP(close_p) int fd = -1;
	char id[NETNS_ID_MAX];
	struct err e;

	(void)arg;
	return a->netns && a->netns_path && netns_open(a->netns_path, &fd, &e) == 0 &&
	       netns_id(fd, id, &e) == 0 && strcmp(id, a->netns) == 0;
}

int session_open_store(struct session *s, bool giving, struct err *e)
{
	const struct store_local_opts o = {
		.dir = s->conf.state_dir,
		.relaxed = strcmp(s->conf.durability, "relaxed") == 0,
		.on_lock_timeout = on_lock_timeout,
		.on_damage = on_damage,
	};
	int r = giving ? check_permitted(e) : 0;

	if (r < 0)
		return r;
	read_node(s);
	r = session_read_boot(s->boot, e);
	if (r < 0)
		return r;
	prepare_late(s);
	prepare_damage(s);
	r = store_local_open(&o, s->until, &s->store, e);
	if (r < 0)
		return r;
	s->ipam = (struct ipam){
		.st = s->store,
		.conf = ipam_section_conf(&s->conf),
		.until = s->until,
		.alive = alive,
		.note = note,
		.note_arg = s,
	};
	return 0;
}

void session_end(struct session *s)
{
	store_close(s->store);
	log_close(&s->log);
	ipam_section_clear(&s->conf);
}
