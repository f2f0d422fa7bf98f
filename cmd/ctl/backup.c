/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c - backup: the whole store in one text file */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "base/file.h"
#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "doc.h"

#define TEXT_MAX ((size_t)2 << 30)

/* Behind a DEL the plugin writes backup.json too: what it began is older than this call, so it is done again.
 */
static int write_backup(struct ctl *c, const char *file, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct deadline until = deadline_in(c->timeout_ms);
	int r;

	while ((r = store_local_backup(c->store, file, e)) == -EBUSY && deadline_left(until))
		nanosleep(&pause, NULL);
	return r;
}

/* The store writes files, not pipes: a file of our own in between. */
static int to_stdout(struct ctl *c, struct err *e)
{
	char dir[] = "/tmp/spiderpoolctl-XXXXXX", file[sizeof(dir) + 16];
	int r;

	if (!mkdtemp(dir))
		return err_sys(e, errno, "make a directory in /tmp");
	snprintf(file, sizeof(file), "%s/backup", dir);
	r = store_local_backup(c->store, file, e);
	if (r == 0)
		r = file_read(AT_FDCWD, file, TEXT_MAX, &c->out.text, e);
	unlink(file);
	rmdir(dir);
	return r;
}

static int tell(struct ctl *c, const char *file, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct store_local_info info;
	struct doc d;
	int r = store_local_info(c->store, &info, e);

	if (r < 0)
		return r;
	d = doc_new(e);
	doc_text(&d, "stateDir", c->state_dir);
	doc_text(&d, "backup", file);
	doc_int(&d, "objects", (int64_t)info.objects);
	r = doc_end(&d, &tree);
	return r < 0 ? r : out_tree(&c->out, tree, e);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const char *file = ctl_operand(c, 0);
	char own[4096];
	int r = ctl_open(c, CTL_READ, e);

	(void)args;
	if (r < 0)
		return r;
	if (c->cluster)
		return backup_kube_run(c, file, e);
	if (file && strcmp(file, "-") == 0)
		return to_stdout(c, e);
	r = write_backup(c, file ? file : "", e);
	snprintf(own, sizeof(own), "%s/backup.json", c->state_dir);
	return r < 0 ? r : tell(c, file ? file : own, e);
}

const struct command cmd_backup = {
	.name = "backup",
	.operands = "[FILE|-]",
	.summary = "write everything into one text file (default: backup.json in the state directory)",
	.text = "Of a cluster: a list of all objects that kubectl applies; it has no default.\n"
		"The plugin does it too, every ten minutes at most, when it frees an address.",
	.max = 1,
	.offer = { OFFER_FILE },
	.run = run,
};
