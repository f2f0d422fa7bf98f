/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - import, and import host-local: a host that changes its network configuration keeps its addresses
 *
 * host-local keeps one directory a network. A file in it is named after an address and holds container ID and
 * interface name; last_reserved_ip.N and lock are its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/env.h"
#include "import.h"
#include "section.h"

#define FILE_MAX 1024 /* bytes in one of its files */

struct import {
	const char *pool, *network, *conflist, *ifname, *cache_dir;
	bool dry_run, skip_refused;
};

struct reader {
	struct ctl *c;
	const struct import *opts;
	const char *network;
	const struct sandboxes *known;
	int dirfd;
	int64_t booted; /* wall time, ms */
	struct claims claims;
};

/* ---- reading the directory ---- */

/* "ID\r\nIFNAME"; before 0.7.0 the ID alone. */
static int split(const struct reader *r, const char *file, char *text, const char **ifname, struct err *e)
{
	char *end = text + strcspn(text, "\r\n"), *second = end + strspn(end, "\r\n");

	*end = '\0';
	second[strcspn(second, "\r\n")] = '\0';
	*ifname = *second ? second : r->opts->ifname ? r->opts->ifname : "eth0";
	if (!cni_name_ok(text))
		return err_code(e, ERR_DECODE, EBADMSG, "%s: \"%.64s\" is no container ID", file, text);
	if (!cni_ifname_ok(*ifname))
		return err_code(e, ERR_DECODE, EBADMSG, "%s: \"%.32s\" is no interface name", file, *ifname);
	return 0;
}

/* Why it need not be imported; NULL: it must. Both kinds of evidence, because a clock may have been wrong. */
static const char *left_out(const struct reader *r, const struct sandbox *box, int64_t written)
{
	enum netns_state netns = box ? netns_look_path(box->netns) : NETNS_UNKNOWN;

	if (netns == NETNS_GONE)
		return "its network namespace is gone";
	if (netns == NETNS_UNKNOWN && !box && written < r->booted)
		return "from before the last boot, and the runtime does not know it";
	return NULL;
}

static int read_one(struct reader *r, const char *file, struct ip ip, struct err *e)
{
	struct buf text = BUF_INIT(FILE_MAX);
	const char *ifname = NULL;
	struct claim *cl;
	struct stat st = { 0 };
	int x = file_read(r->dirfd, file, FILE_MAX - 1, &text, e);

	if (x == 0 && text.len)
		x = split(r, file, text.s, &ifname, e);
	else if (x == 0)
		x = err_code(e, ERR_DECODE, EBADMSG, "%s: empty", file);
	if (x == 0)
		x = claims_add(&r->claims, ip, r->network, text.s, ifname, e);
	if (x == 0) {
		cl = &r->claims.v[r->claims.n - 1];
		cl->box = sandboxes_find(r->known, cl->container, cl->nic, NULL);
		if (fstatat(r->dirfd, file, &st, 0) == 0)
			cl->left_out = left_out(r, cl->box, (int64_t)st.st_mtim.tv_sec * 1000);
	}
	buf_clear(&text);
	return x;
}

/* As host-local itself takes it for each call. */
static int lock(const struct reader *r, const char *dir, int *ret_fd, struct err *e)
{
	struct deadline until = deadline_in(r->c->timeout_ms);
	const struct timespec pause = { .tv_nsec = 10000000 };

	*ret_fd = openat(r->dirfd, "lock", O_RDWR | O_CLOEXEC);
	if (*ret_fd < 0)
		return errno == ENOENT || errno == EROFS ? 0 : err_sys(e, errno, "open %s/lock", dir);
	while (flock(*ret_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "lock %s/lock", dir);
		if (!deadline_left(until))
			return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "%s/lock is held by somebody else", dir);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void dir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int read_all(struct reader *r, const char *dir, struct err *e)
{
	CLEANUP(dir_p) DIR *d = opendir(dir);
	const struct dirent *entry;
	int x = 0;

	if (!d)
		return err_sys(e, errno, "read directory %s", dir);
	while (x == 0 && (entry = readdir(d))) {
		struct err no_address;
		struct ip ip;

		if (ip_parse(entry->d_name, &ip, &no_address) == 0)
			x = read_one(r, entry->d_name, ip, e);
	}
	return x < 0 ? err_wrap(e, "%s", dir) : 0;
}

/* ---- */

static int64_t boot_time(void)
{
	struct timespec up;

	if (clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return 0;
	return clock_wall_ms() - (int64_t)up.tv_sec * 1000;
}

static int row(struct json_object *tree, void *arg, struct err *e)
{
	return out_row(arg, tree, e);
}

int import_claims(struct ctl *c, struct claims *l, const char *pool, bool dry_run, bool skip_refused,
		  struct err *e)
{
	const struct claims_how how = { pool, dry_run, skip_refused, row, &c->out };
	size_t claimed = 0, refused = 0;
	int x;

	out_rows_begin(&c->out, claims_columns, claims_n_columns);
	x = claims_import(c, l, &how, &claimed, &refused, e);
	if (x < 0)
		return x;
	if (l->n || out_is_tree(&c->out))
		out_rows_end(&c->out, NULL);
	if (dry_run) {
		ctl_note(c, "dry run: nothing was changed%s", refused ? "; there are refusals" : "");
	} else if (refused && !skip_refused) {
		ctl_note(
			c,
			"%zu refused, so nothing was changed; make pools for them, or import the others with "
			"--skip-refused",
			refused);
	} else {
		ctl_note(c, "%zu attachments imported, %zu refused", claimed, refused);
	}
	if (refused && !skip_refused)
		c->status = CTL_FAILED;
	return 0;
}

/* The network is the directory's name, as host-local has it, unless the new configuration has another. */
static int name_network(struct reader *r, const struct cni_network *network, char *dir, struct err *e)
{
	r->network = r->opts->network ? r->opts->network : network->name ? network->name : basename(dir);
	if (!cni_name_ok(r->network))
		return ctl_usage(e, "network \"%.64s\": want the name of the network, with --network",
				 r->network);
	return 0;
}

static int read_conflist(struct ctl *c, const char *conflist, struct cni_network *ret, struct err *e)
{
	CLEANUP(ipam_section_clear) struct ipam_section s = { 0 };
	int r = conflist ? network_load(conflist, ret, e) : 1;

	if (r == 0)
		r = section_read(ret, &s, e);
	if (r == 0)
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s: no plugin has \"ipam\": {\"type\": \"spiderpool\"}", conflist);
	if (r > 0 && conflist)
		section_apply(&s, c);
	return r < 0 ? r : 0;
}

static int import_dir(struct reader *r, const char *dir, struct err *e)
{
	CLEANUP(close_p) int lockfd = -1;
	CLEANUP(close_p) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int x;

	if (dirfd < 0)
		return err_sys(e, errno, "open %s", dir);
	r->dirfd = dirfd;
	x = lock(r, dir, &lockfd, e);
	if (x == 0)
		x = read_all(r, dir, e);
	if (x == 0)
		x = import_claims(r->c, &r->claims, r->opts->pool, r->opts->dry_run, r->opts->skip_refused,
				  e);
	claims_clear(&r->claims);
	return x;
}

static int run_host_local(struct ctl *c, const void *args, struct err *e)
{
	CLEANUP(sandboxes_clear) struct sandboxes known = { 0 };
	CLEANUP(cni_network_clear) struct cni_network network = { 0 };
	const struct import *opts = args;
	struct reader r = { .c = c, .opts = opts, .known = &known, .booted = boot_time() };
	CLEANUP(free_p) char *dir = realpath(c->in.operands[0], NULL);
	int x;

	if (!dir)
		return err_sys(e, errno, "%s", c->in.operands[0]);
	x = ctl_open(c, opts->dry_run ? CTL_READ : CTL_WRITE, e);
	if (x == 0)
		x = read_conflist(c, opts->conflist, &network, e);
	if (x == 0)
		x = name_network(&r, &network, dir, e);
	if (x == 0)
		x = sandboxes_load(opts->cache_dir, &known, e);
	return x < 0 ? x : import_dir(&r, c->in.operands[0], e);
}

static const struct option opts[] = {
	OPT(struct import, pool, 0, "pool", "POOL", .offer = OFFER_POOL,
	    .help = "only into this pool (default: whichever has the address)"),
	OPT(struct import, conflist, 0, "conflist", "FILE|NAME", .offer = OFFER_FILE,
	    .help = "the new configuration; a name is looked for in " NETWORK_DIR),
	OPT(struct import, network, 0, "network", "NAME",
	    .help = "the network's name in its new configuration (default: that of --conflist, or the "
		    "directory's)"),
	OPT(struct import, ifname, 0, "ifname", "NIC",
	    .help = "for files that name no interface (default eth0)"),
	OPT(struct import, skip_refused, 0, "skip-refused", NULL,
	    .help = "import what can be; otherwise one refusal changes nothing"),
	OPT(struct import, dry_run, 0, "dry-run", NULL, .help = "only tell what would be imported"),
	CACHE_OPTION(struct import, cache_dir),
};

static const struct command cmd_host_local = {
	.name = "host-local",
	.operands = "DIR",
	.summary = "addresses that host-local gave out, from /var/lib/cni/networks/NETWORK",
	.text = "Containers keep their addresses when the network changes its IPAM to spiderpool: each "
		"address\n"
		"becomes a record of its container in the pool that has it. Stop starting containers "
		"meanwhile,\n"
		"change the configuration afterwards. What the runtime's cache proves to be gone is left "
		"out.",
	.only_local = "the files of host-local are one host's, they do not tell pods of a cluster",
	OPTIONS(struct import, opts),
	.min = 1,
	.max = 1,
	.offer = { OFFER_FILE },
	.run = run_host_local,
};

static const struct command *const commands[] = { &cmd_host_local, &import_spiderpool, &import_whereabouts,
						  NULL };

const struct command cmd_import = {
	.name = "import",
	.summary = "take over addresses that another IPAM plugin gave out",
	.sub = commands,
};
