/* SPDX-License-Identifier: Apache-2.0 */
/* note.c - release notes: what DEL leaves on the node when the agent is away */
#include "ipam/note.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/own.h"
#include "json/json.h"

#define TEXT_MAX   ((size_t)64 << 10)
#define SUFFIX     ".json"
#define WRITTEN_MS 60000
#define FILE_MAX   (32 + sizeof(SUFFIX))

static const struct json_field fields[] = {
	JF(struct note, container, "container", .flags = JSON_REQUIRED),
	JF(struct note, nic, "nic", .flags = JSON_REQUIRED),
	JF(struct note, network, "network", .flags = JSON_REQUIRED),
	JF(struct note, ns, "namespace"),
	JF(struct note, pod, "pod"),
	JF(struct note, uid, "uid"),
	JF(struct note, boot, "boot"),
	JF(struct note, at, "at"),
};
static const struct json_table table = JSON_TABLE(struct note, "note", fields);

static void clear(struct note *n)
{
	json_clear(&table, n);
}

static const char *file_name(const struct note *n, char out[FILE_MAX])
{
	const char *part[] = { n->container, n->nic, n->network };
	XXH3_state_t state;
	XXH128_hash_t h;

	XXH3_128bits_reset(&state);
	for (size_t i = 0; i < ARRAY_LEN(part); i++) /* with the NUL, which ends it */
		XXH3_128bits_update(&state, part[i], strlen(part[i]) + 1);
	h = XXH3_128bits_digest(&state);
	snprintf(out, FILE_MAX, "%016llx%016llx" SUFFIX, (unsigned long long)h.high64,
		 (unsigned long long)h.low64);
	return out;
}

/* The directory that holds path. */
static const char *above(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 0, path);
	return slash == path ? "/" : slash ? out : ".";
}

static int sync_dir(const char *dir, struct err *e)
{
	CLEANUP(close_p) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? err_sys(e, errno, "sync directory %s", dir) : 0;
}

/* A file in a directory whose own name did not survive is lost too. */
static int make_dir(const char *dir, struct err *e)
{
	char state[PATH_MAX], top[PATH_MAX];
	int r;

	if (access(dir, F_OK) == 0)
		return 0;
	r = file_mkdirs(above(dir, state), 0700, e);
	if (r == 0)
		r = file_mkdirs(dir, 0700, e);
	if (r == 0)
		r = sync_dir(above(dir, state), e);
	return r < 0 ? r : sync_dir(above(above(dir, state), top), e);
}

int note_write(const char *dir, const struct note *n, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(TEXT_MAX);
	char path[PATH_MAX], name[FILE_MAX];
	int r = json_encode_text(&table, n, &text, e);

	if (r == 0 && text.err)
		r = err_sys(e, -text.err, "release note");
	if (r == 0 && snprintf(path, sizeof(path), "%s/%s", dir, file_name(n, name)) >= (int)sizeof(path))
		r = err_sys(e, ENAMETOOLONG, "%.64s", dir);
	if (r == 0)
		r = make_dir(dir, e);
	return r < 0 ? r : file_replace(AT_FDCWD, path, 0600, text.s, text.len, true, e);
}

static int read_note(int dir, const char *file, struct note *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(TEXT_MAX);
	char name[FILE_MAX];
	int r = file_read(dir, file, TEXT_MAX, &text, e);

	*ret = (struct note){ 0 };
	if (r == 0)
		r = json_decode_text(&table, buf_cstr(&text), text.len, "note", ret, e);
	if (r == 0 && strcmp(file_name(ret, name), file) != 0)
		r = err_code(e, ERR_DECODE, EBADMSG, "it is not that of container %.64s, NIC %.15s",
			     ret->container, ret->nic);
	return r;
}

static int tell(int dir, const char *file, note_handler *each, void *arg, struct err *e)
{
	CLEANUP(clear) struct note n = { 0 };
	struct err why;
	int r = read_note(dir, file, &n, &why);

	if (r == -ENOENT)
		return 0; /* somebody removed it */
	if (r == -ENOMEM)
		return err_nomem(e);
	return each(r < 0 ? NULL : &n, file, r < 0 ? &why : NULL, arg, e);
}

/* Others are on their way to become notes, or of a writer that was killed. */
static bool is_note(const char *file)
{
	size_t len = strlen(file);

	return len >= sizeof(SUFFIX) && strcmp(file + len - strlen(SUFFIX), SUFFIX) == 0;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

int note_each(const char *dir, note_handler *each, void *arg, struct err *e)
{
	CLEANUP(closedir_p) DIR *d = opendir(dir);
	struct dirent *entry;
	int r = 0;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_sys(e, errno, "open directory %s", dir);
	while (r == 0 && (errno = 0, entry = readdir(d)))
		if (is_note(entry->d_name))
			r = tell(dirfd(d), entry->d_name, each, arg, e);
	return r == 0 && errno ? err_sys(e, errno, "list %s", dir) : r;
}

void note_tidy(const char *dir)
{
	file_tidy(dir, WRITTEN_MS);
}

int note_remove(const char *dir, const struct note *n, struct err *e)
{
	char path[PATH_MAX], name[FILE_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, file_name(n, name)) >= (int)sizeof(path))
		return err_sys(e, ENAMETOOLONG, "%.64s", dir);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s", path);
	return 0;
}
