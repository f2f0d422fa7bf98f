/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - the store and the engine for one command */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "ctl.h"

/* ---- what happens when there is no way back: called from signal handlers ---- */

static char late_sentence[1024];

static void emergency(const char *sentence, int status) __attribute__((noreturn));
static void emergency(const char *sentence, int status)
{
	ssize_t ignored = write(STDERR_FILENO, sentence, strlen(sentence));

	(void)ignored;
	_exit(status);
}

static void on_lock_timeout(void)
{
	emergency(late_sentence, CTL_AGAIN);
}

static void on_damage(const char *sentence)
{
	static const char before[] = "spiderpoolctl: ";
	const struct iovec parts[] = {
		{ (char *)before, sizeof(before) - 1 },
		{ (char *)sentence, strlen(sentence) },
		{ (char *)"\n", 1 },
	};
	ssize_t ignored = writev(STDERR_FILENO, parts, ARRAY_LEN(parts));

	(void)ignored;
	_exit(CTL_FAILED);
}

/* ---- */

int ctl_surroundings(struct ctl *c, struct err *e)
{
	struct buf b = BUF_INIT(sizeof(c->boot) - 1);
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", sizeof(c->boot) - 1, &b, e);

	if (r == 0)
		snprintf(c->boot, sizeof(c->boot), "%.*s", (int)strcspn(buf_cstr(&b), "\n"), buf_cstr(&b));
	buf_clear(&b);
	/* The name the kubelet registers a node under by default, as the plugin does it. */
	if (gethostname(c->node, sizeof(c->node) - 1) < 0)
		snprintf(c->node, sizeof(c->node), "localhost");
	for (char *p = c->node; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return r;
}

static void note(const char *sentence, void *arg)
{
	ctl_warn(arg, "%s", sentence);
}

const char *ctl_place(const struct ctl *c, char *out, size_t len)
{
	if (c->cluster)
		snprintf(out, len, "cluster %s", c->k ? kube_server(c->k) : "");
	else
		snprintf(out, len, "state directory %s", c->state_dir);
	return out;
}

static int local_open(struct ctl *c, enum ctl_mode mode, struct err *e)
{
	const struct store_local_opts o = {
		.dir = c->state_dir,
		.create = mode == CTL_CREATE,
		.read_only = mode == CTL_READ,
		.on_lock_timeout = on_lock_timeout,
		.on_damage = on_damage,
	};

	snprintf(
		late_sentence, sizeof(late_sentence),
		"spiderpoolctl: state directory %.400s: another process has held the lock for more than %lld "
		"s; nothing was changed; look for a stopped process with \"fuser -v %.400s/lock.mdb\"\n",
		c->state_dir, (long long)(c->timeout_ms / 1000), c->state_dir);
	return store_local_open(&o, deadline_in(c->timeout_ms), &c->store, e);
}

int ctl_open(struct ctl *c, enum ctl_mode mode, struct err *e)
{
	int r = ctl_surroundings(c, e);

	if (r < 0)
		return r;
	c->ipam = (struct ipam){
		.conf = { .cooldown_ms = IPAM_COOLDOWN_MS,
			  .quarantine_ms = IPAM_QUARANTINE_MS,
			  .ring_key = "" },
		.note = note,
		.note_arg = c,
	};
	r = c->cluster ? cluster_open(c, e) : local_open(c, mode, e);
	c->ipam.st = c->store;
	return r;
}

void ctl_close(struct ctl *c)
{
	store_close(c->store);
	if (c->cluster)
		cluster_close(c);
}

struct ipam *ctl_engine(struct ctl *c)
{
	c->ipam.until = deadline_in(c->timeout_ms);
	return &c->ipam;
}
