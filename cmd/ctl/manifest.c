/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.c - manifests from files, directories and standard input */
#include "manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/own.h"
#include "yaml/yaml.h"

#define WHAT_MAX (PATH_MAX + 64)

struct reader {
	struct ctl *c;
	const char *source;
	int (*each)(struct ctl *c, struct json_object *o, const char *what, void *arg, struct err *e);
	void *arg;
	size_t found;
};

static void one(struct reader *r, struct json_object *o, const char *what)
{
	struct err e;

	r->found++;
	if (r->each(r->c, o, what, r->arg, &e) < 0)
		ctl_complain(r->c, &e);
}

/* A list of kubectl, or of our own get: its items. */
static bool is_list(struct json_object *o)
{
	const char *kind = json_get_str(o, "kind");
	size_t len = kind ? strlen(kind) : 0;

	return len >= 4 && strcmp(kind + len - 4, "List") == 0 &&
	       json_object_is_type(json_get(o, "items"), json_type_array);
}

static int document(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct reader *r = arg;
	struct json_object *items = json_get(o, "items");
	char what[WHAT_MAX];

	(void)e;
	snprintf(what, sizeof(what), "%s:%zu", r->source, line);
	if (!is_list(o)) {
		one(r, o, what);
		return 0;
	}
	for (size_t i = 0; i < json_len(items); i++) {
		snprintf(what, sizeof(what), "%s:%zu: items[%zu]", r->source, line, i);
		one(r, json_at(items, i), what);
	}
	return 0;
}

static int read_text(struct reader *r, const char *source, int fd, struct err *e)
{
	struct buf text = BUF_INIT(YAML_TEXT_MAX);
	int x = file_read_fd(fd, source, YAML_TEXT_MAX, &text, e);

	r->source = source;
	if (x == 0)
		x = yaml_parse(buf_cstr(&text), text.len, source, document, r, e);
	r->source = NULL;
	buf_clear(&text);
	return x;
}

static int read_file(struct reader *r, const char *path, struct err *e)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	return read_text(r, path, fd, e);
}

static int is_manifest(const struct dirent *d)
{
	static const char *const ends[] = { ".yaml", ".yml", ".json" };
	size_t len = strlen(d->d_name);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (len > strlen(ends[i]) && strcmp(d->d_name + len - strlen(ends[i]), ends[i]) == 0)
			return 1;
	return 0;
}

/* Its *.yaml, *.yml and *.json in the order of their names; not those of directories in it. */
static int read_directory(struct reader *r, const char *dir, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_manifest, alphasort);

	if (n < 0)
		return err_sys(e, errno, "read directory %s", dir);
	if (!n)
		err_set(e, ENOENT, "directory %s has no *.yaml, *.yml or *.json", dir);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		struct err one_file;

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (read_file(r, path, &one_file) < 0)
			ctl_complain(r->c, &one_file);
		free(list[i]);
	}
	free(list);
	return n ? 0 : -ENOENT;
}

static int read_source(struct reader *r, const char *source, struct err *e)
{
	struct stat st;
	size_t found = r->found;
	int x;

	if (strcmp(source, "-") == 0) {
		x = read_text(r, "standard input", STDIN_FILENO, e);
	} else if (stat(source, &st) == 0 && S_ISDIR(st.st_mode)) {
		x = read_directory(r, source, e);
	} else {
		x = read_file(r, source, e);
	}
	if (x == 0 && r->found == found && r->c->status == CTL_OK)
		ctl_warn(r->c, "%s holds no object", strcmp(source, "-") == 0 ? "standard input" : source);
	return x;
}

void manifest_each(struct ctl *c, const struct opt_list *sources,
		   int (*each)(struct ctl *c, struct json_object *o, const char *what, void *arg,
			       struct err *e),
		   void *arg)
{
	struct reader r = { .c = c, .each = each, .arg = arg };

	for (size_t i = 0; i < sources->n; i++) {
		struct err e;

		if (read_source(&r, sources->v[i], &e) < 0)
			ctl_complain(c, &e);
	}
}
