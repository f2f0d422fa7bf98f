/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - the files in which a plugin notes what it does */
#include "podnet/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/env.h"

#define RECORDS_MAX 65536
#define SUFFIX      ".json"

static const struct json_field fields[] = {
	JF(struct podnet_record, container, "container", .flags = JSON_REQUIRED),
	JF(struct podnet_record, ifname, "ifname", .flags = JSON_REQUIRED),
	JF(struct podnet_record, network, "network", .flags = JSON_REQUIRED),
	JF(struct podnet_record, netns_path, "netns_path"),
	JF(struct podnet_record, netns, "netns"),
	JF(struct podnet_record, created, "created"),
	JF(struct podnet_record, mode, "mode"),
	JF(struct podnet_record, table, "table"),
	JF(struct podnet_record, conf, "conf"),
	JL(struct podnet_record, changes, "changes", &podnet_change_table),
};
static const struct json_table record_table = JSON_TABLE(struct podnet_record, "record", fields);

void podnet_record_clear(struct podnet_record *r)
{
	json_clear(&record_table, r);
}

void podnet_records_clear(struct podnet_records *l)
{
	for (size_t i = 0; i < l->n; i++)
		podnet_record_clear(&l->v[i]);
	free(l->v);
	*l = (struct podnet_records){ 0 };
}

/* ---- the directory ---- */

static int check_dir(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "state directory %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return err_code(
			e, ERR_CONFIG, EPERM,
			"state directory %s belongs to user %u with mode %04o; want it to be ours (%u) and closed to "
			"others: \"chown %u %s && chmod 0700 %s\"",
			path, st.st_uid, st.st_mode & 07777, geteuid(), geteuid(), path, path);
	return 0;
}

static int open_sub(int dir, const char *name, bool create, const char *path, struct err *e)
{
	int fd;

	if (create && mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make directory %s/%s", path, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	return fd < 0 ? err_sys(e, errno, "open directory %s/%s", path, name) : fd;
}

int podnet_dir_open(const char *state_dir, const char *plugin, bool create, struct podnet_dir *ret,
		    struct err *e)
{
	CLEANUP(close_p) int fd = -1;
	int r;

	*ret = (struct podnet_dir){ .fd = -1 };
	if (state_dir[0] != '/' || strlen(state_dir) + strlen(plugin) + 2 > sizeof(ret->path))
		return err_code(e, ERR_CONFIG, EINVAL,
				"state directory \"%.64s\": want an absolute path of at most 200 "
				"characters",
				state_dir);
	if (create) {
		r = file_mkdirs(state_dir, 0700, e);
		if (r < 0)
			return r;
	}
	fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return err_sys(e, errno, "open state directory %s", state_dir);
	r = check_dir(fd, state_dir, e);
	if (r < 0)
		return r;
	r = open_sub(fd, plugin, create, state_dir, e);
	if (r < 0)
		return r;
	ret->fd = r;
	snprintf(ret->path, sizeof(ret->path), "%s/%s", state_dir, plugin);
	return 0;
}

void podnet_dir_close(struct podnet_dir *d)
{
	if (d->fd >= 0 && d->path[0])
		close(d->fd);
	*d = (struct podnet_dir){ .fd = -1 };
}

/* ---- files ---- */

/* The container and the interface come from checked environment variables; whoever calls otherwise gets
 * ENOENT. */
static int file_name(const char *ifname, const char *network, char out[64])
{
	if (!cni_ifname_ok(ifname))
		return -EINVAL;
	snprintf(out, 64, "%s.%016" PRIx64 SUFFIX, ifname, XXH3_64bits(network, strlen(network)));
	return 0;
}

static int open_container(const struct podnet_dir *d, const char *container, bool create, struct err *e)
{
	if (!cni_name_ok(container))
		return err_set(e, EINVAL, "container \"%.64s\" is no container ID", container);
	return open_sub(d->fd, container, create, d->path, e);
}

int podnet_record_save(const struct podnet_dir *d, const struct podnet_record *r, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(PODNET_RECORD_MAX);
	CLEANUP(close_p) int dir = -1;
	char name[64];
	int x = json_encode_text(&record_table, r, &text, e);

	if (x == 0 && file_name(r->ifname, r->network, name) < 0)
		x = err_set(e, EINVAL, "interface \"%.32s\" is no interface name", r->ifname);
	/* Twice: a DEL of the sandbox's last record removes the directory. */
	for (int i = 0; x == 0 && i < 2; i++) {
		dir = open_container(d, r->container, true, e);
		if (dir < 0)
			return dir == -ENOENT
				       ? err_sys(e, ENOENT, "open directory %s/%s", d->path, r->container)
				       : dir;
		x = file_replace(dir, name, 0600, text.s, text.len, false, e);
		if (x != -ENOENT || i == 1)
			break;
		close(TAKE_FD(dir));
		x = 0;
	}
	return x < 0 ? err_wrap(e, "attachment record in %s", d->path) : 0;
}

static int read_record(int dir, const char *name, struct podnet_record *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(PODNET_RECORD_MAX);
	int r = file_read(dir, name, PODNET_RECORD_MAX, &text, e);

	*ret = (struct podnet_record){ 0 };
	if (r == 0)
		r = json_decode_text(&record_table, buf_cstr(&text), text.len, NULL, ret, e);
	return r == 0 || r == -ENOENT || r == -ENOMEM ? r : -EBADMSG;
}

int podnet_record_load(const struct podnet_dir *d, const char *container, const char *ifname,
		       const char *network, struct podnet_record *ret, struct err *e)
{
	CLEANUP(close_p) int dir = -1;
	char name[64];
	int r;

	*ret = (struct podnet_record){ 0 };
	if (d->fd < 0 || !cni_name_ok(container) || file_name(ifname, network, name) < 0)
		return -ENOENT;
	dir = open_container(d, container, false, e);
	if (dir < 0)
		return dir;
	r = read_record(dir, name, ret, e);
	if (r == -EBADMSG) /* whatever its errno is */
		err_wrap(e,
			 "attachment record %s/%s/%s cannot be read, remove it after looking at what it was",
			 d->path, container, name);
	return r;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* What a writer that was killed left of this record; then the directory may go after all. */
static void remove_leftovers(int dir, int parent, const char *container, const char *name)
{
	CLEANUP(close_p) int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(closedir_p) DIR *list = own < 0 ? NULL : fdopendir(own);
	struct dirent *d;

	if (!list)
		return;
	own = -1;
	while ((d = readdir(list)))
		if (strncmp(d->d_name, name, strlen(name)) == 0)
			(void)unlinkat(dir, d->d_name, 0);
	(void)unlinkat(parent, container, AT_REMOVEDIR); /* ENOTEMPTY: other NICs */
}

int podnet_record_remove(const struct podnet_dir *d, const char *container, const char *ifname,
			 const char *network, struct err *e)
{
	CLEANUP(close_p) int dir = -1;
	char name[64];

	if (d->fd < 0 || !cni_name_ok(container) || file_name(ifname, network, name) < 0)
		return 0;
	dir = open_container(d, container, false, e);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s/%s/%s", d->path, container, name);
	if (unlinkat(d->fd, container, AT_REMOVEDIR) < 0 && (errno == ENOTEMPTY || errno == EEXIST))
		remove_leftovers(dir, d->fd, container, name);
	return 0;
}

/* ---- lists ---- */

struct listing {
	struct podnet_records *ret;
	const char *network;
	size_t bad;
};

static int append(struct listing *l, struct podnet_record *r, struct err *e)
{
	struct podnet_record *v;

	if (l->ret->n >= RECORDS_MAX)
		return err_set(e, E2BIG, "more than %d attachment records", RECORDS_MAX);
	v = reallocarray(l->ret->v, l->ret->n + 1, sizeof(*v));
	if (!v)
		return err_nomem(e);
	l->ret->v = v;
	v[l->ret->n++] = *r;
	*r = (struct podnet_record){ 0 };
	return 0;
}

static int list_file(struct listing *l, int dir, const char *name, struct err *e)
{
	CLEANUP(podnet_record_clear) struct podnet_record rec = { 0 };
	size_t len = strlen(name);
	struct err ignored;
	int r;

	if (len < sizeof(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	r = read_record(dir, name, &rec, &ignored);
	if (r == -ENOMEM)
		return err_nomem(e);
	if (r == -EBADMSG)
		l->bad++;
	if (r < 0 || (l->network && strcmp(rec.network, l->network) != 0))
		return 0;
	return append(l, &rec, e);
}

static int each_entry(int fd, const char *what,
		      int (*each)(struct listing *l, int dir, const char *name, struct err *e),
		      struct listing *l, struct err *e)
{
	CLEANUP(close_p) int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(closedir_p) DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *d;
	int r = 0;

	if (!dir)
		return err_sys(e, errno, "list %s", what);
	own = -1;
	while (r == 0 && (errno = 0, d = readdir(dir)))
		if (d->d_name[0] != '.')
			r = each(l, fd, d->d_name, e);
	return r == 0 && errno ? err_sys(e, errno, "list %s", what) : r;
}

static int list_container(struct listing *l, int dir, const char *name, struct err *e)
{
	CLEANUP(close_p) int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (sub < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_sys(e, errno, "open directory %s", name);
	return each_entry(sub, name, list_file, l, e);
}

static int finish(struct listing *l, int r, size_t *bad)
{
	if (bad)
		*bad = l->bad;
	if (r < 0)
		podnet_records_clear(l->ret);
	return r;
}

int podnet_records_of(const struct podnet_dir *d, const char *container, struct podnet_records *ret,
		      size_t *bad, struct err *e)
{
	struct listing l = { .ret = ret };

	*ret = (struct podnet_records){ 0 };
	if (d->fd < 0 || !cni_name_ok(container))
		return finish(&l, 0, bad);
	return finish(&l, list_container(&l, d->fd, container, e), bad);
}

int podnet_records_all(const struct podnet_dir *d, const char *network, struct podnet_records *ret,
		       size_t *bad, struct err *e)
{
	struct listing l = { .ret = ret, .network = network };

	*ret = (struct podnet_records){ 0 };
	if (d->fd < 0)
		return finish(&l, 0, bad);
	return finish(&l, each_entry(d->fd, d->path, list_container, &l, e), bad);
}
