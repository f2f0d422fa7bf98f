/* SPDX-License-Identifier: Apache-2.0 */
/* network_load.c - network configurations from files and directories */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/conf.h"
#include "cni/internal.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_suffix(const char *name, const char *const *suffixes)
{
	size_t len = strlen(name);

	if (!suffixes)
		return true;
	for (; *suffixes; suffixes++) {
		size_t n = strlen(*suffixes);

		if (len > n && strcmp(name + len - n, *suffixes) == 0)
			return true;
	}
	return false;
}

static int read_names(DIR *d, const char *dir, const char *const *suffixes, size_t max, struct json_strv *ret,
		      struct err *e)
{
	struct dirent *entry;
	int r;

	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.' || entry->d_type == DT_DIR ||
		    !has_suffix(entry->d_name, suffixes))
			continue;
		if (ret->n == max)
			return err_code(e, ERR_IO, E2BIG, "%s: more than %zu files", dir, max);
		r = json_strv_add(ret, entry->d_name, e);
		if (r < 0)
			return r;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

int cni_list_dir(const char *dir, const char *const *suffixes, size_t max, struct json_strv *ret,
		 struct err *e)
{
	DIR *d = opendir(dir);
	int r;

	*ret = (struct json_strv){ 0 };
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, errno, "read directory %s", dir);
	r = read_names(d, dir, suffixes, max, ret, e);
	closedir(d);
	if (r < 0)
		json_strv_clear(ret);
	return r;
}

static int join(char out[PATH_MAX], const char *dir, const char *name, struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return err_sys(e, ENAMETOOLONG, "%.256s/%.256s", dir, name);
	return 0;
}

static int add_file(struct cni_network *n, const char *file, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(CNI_CONF_TEXT_MAX);
	int r = file_read(AT_FDCWD, file, CNI_CONF_TEXT_MAX, &text, e);

	if (r == 0)
		r = json_parse(buf_cstr(&text), text.len, file, &o, e);
	if (r < 0)
		return r;
	return cni_network_add_plugin(n, o, e) < 0 ? err_wrap(e, "%s", file) : 0;
}

/* The plugins in the directory of the network's name beside its file. */
static int add_files(struct cni_network *n, const char *file, struct err *e)
{
	static const char *const suffixes[] = { ".conf", NULL };
	CLEANUP(json_strv_clear) struct json_strv names = { 0 };
	const char *slash = strrchr(file, '/');
	char dir[PATH_MAX], path[PATH_MAX];
	int r;

	if (snprintf(dir, sizeof(dir), "%.*s%s", slash ? (int)(slash - file + 1) : 0, file, n->name) >=
	    PATH_MAX)
		return err_sys(e, ENAMETOOLONG, "%.256s", file);
	r = cni_list_dir(dir, suffixes, CNI_FILES_MAX, &names, e);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		r = join(path, dir, names.v[i], e);
		if (r == 0)
			r = add_file(n, path, e);
	}
	return r;
}

int cni_network_load(const char *file, struct cni_network *ret, struct err *e)
{
	CLEANUP(cni_network_clear) struct cni_network n = { 0 };
	CLEANUP(buf_clear) struct buf text = BUF_INIT(CNI_CONF_TEXT_MAX);
	bool inlined = false;
	int r = file_read(AT_FDCWD, file, CNI_CONF_TEXT_MAX, &text, e);

	*ret = (struct cni_network){ 0 };
	if (r == 0)
		r = cni_network_read(buf_cstr(&text), text.len, file, &n, &inlined, e);
	if (r == 0 && !inlined)
		r = add_files(&n, file, e);
	if (r < 0)
		return r;
	if (!n.plugins.n)
		return err_code(e, ERR_CONFIG, EINVAL, "%s: it has no plugins", file);
	*ret = n;
	n = (struct cni_network){ 0 };
	return 0;
}

/* 1: none of these files has it. */
static int find_in(const char *dir, const char *name, const char *const *suffixes, struct cni_network *ret,
		   struct err *e)
{
	CLEANUP(json_strv_clear) struct json_strv names = { 0 };
	char path[PATH_MAX];
	int r = cni_list_dir(dir, suffixes, CNI_FILES_MAX, &names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		r = join(path, dir, names.v[i], e);
		if (r == 0)
			r = cni_network_load(path, ret, e);
		if (r < 0 || !name || strcmp(ret->name, name) == 0)
			return r;
		cni_network_clear(ret);
	}
	return r < 0 ? r : 1;
}

int cni_network_find(const char *dir, const char *name, struct cni_network *ret, struct err *e)
{
	static const char *const all[] = { ".conf", ".conflist", ".json", NULL };
	static const char *const lists[] = { ".conflist", NULL };
	static const char *const singles[] = { ".conf", ".json", NULL };
	int r;

	*ret = (struct cni_network){ 0 };
	r = find_in(dir, name, name ? lists : all, ret, e);
	if (r > 0 && name)
		r = find_in(dir, name, singles, ret, e);
	if (r <= 0)
		return r;
	if (!name)
		return err_code(e, ERR_CONFIG, ENOENT, "no network configuration in %s", dir);
	return err_code(e, ERR_CONFIG, ENOENT, "no network \"%.64s\" in %s", name, dir);
}
