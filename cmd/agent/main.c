/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - spiderpool-agent: starts its parts, waits for a signal, ends them */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "base/file.h"
#include "base/own.h"
#include "daemon/signals.h"
#include "keys.h"
#include "kube/thread.h"
#include "sysctl.h"

#define STOP_MS 5000
#define WAKE_MS 60000

static void note(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "%s", sentence);
}

static int read_boot(struct agent *a, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(sizeof(a->boot) - 1);
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", sizeof(a->boot) - 1, &b, e);

	if (r == 0)
		snprintf(a->boot, sizeof(a->boot), "%.*s", (int)strcspn(buf_cstr(&b), "\n"), buf_cstr(&b));
	return r;
}

/* The directories, and the mark that this node's addresses are the cluster's. */
static int make_state(struct agent *a, struct err *e)
{
	CLEANUP(free_p) char *marker = NULL;
	int r = file_mkdirs(a->conf.state_dir, 0700, e);

	/* Kubelet makes it for whoever may look. */
	if (r == 0 && chmod(a->conf.state_dir, 0700) < 0)
		r = err_sys(e, errno, "make directory %s private", a->conf.state_dir);
	if (asprintf(&a->notes, "%s/" NOTE_DIR, a->conf.state_dir) < 0 ||
	    asprintf(&a->objects, "%s/agent", a->conf.state_dir) < 0 ||
	    asprintf(&marker, "%s/agent.installed", a->conf.state_dir) < 0)
		return err_nomem(e);
	return r < 0 ? r : file_replace(AT_FDCWD, marker, 0600, "", 0, true, e);
}

static int tune(struct agent *a, struct err *e)
{
	struct netspace node;
	int r;

	if (!a->conf.file.tune_sysctls)
		return 0;
	r = netspace_open(-1, "node", &node, e);
	if (r == 0)
		r = agent_tune_sysctls(&node, note, NULL, e);
	netspace_close(&node);
	if (r < 0)
		say(LOG_LEVEL_WARN, "tuneSysctlConfig: %s", e->msg);
	return 0;
}

static void stop_soon(void *arg)
{
	life_end(arg);
}

static void hurry(void *arg)
{
	struct agent *a = arg;

	pthread_mutex_lock(&a->lock);
	if (a->k)
		kube_abort(a->k);
	pthread_mutex_unlock(&a->lock);
}

static void close_client(struct agent *a)
{
	struct kube *k = a->k;

	pthread_mutex_lock(&a->lock);
	a->k = NULL;
	pthread_mutex_unlock(&a->lock);
	kube_close(k);
}

static int start(struct agent *a, struct err *e)
{
	int r = read_boot(a, e);

	if (r == 0)
		r = make_state(a, e);
	if (r == 0)
		r = tune(a, e);
	if (r == 0)
		r = keys_new(&a->keys, e);
	if (r == 0)
		r = kube_open_any(a->conf.kubeconfig, NULL, a->conf.kube_host, a->conf.kube_port, &a->k, e);
	if (r == 0)
		r = serve_probes(a, e);
	if (r == 0)
		r = life_start(a, e);
	if (r == 0)
		r = life_sweeper(a, e);
	if (r == 0)
		r = serve_start(a, e);
	if (r < 0)
		return r;
	a->started = true;
	say(LOG_LEVEL_INFO, "spiderpool-agent " SPIDERPOOL_VERSION " serves node %s at %s", a->conf.node,
	    a->conf.file.socket);
	return 0;
}

static void stop(struct agent *a)
{
	struct deadline until = deadline_in(STOP_MS);

	serve_stop(a, until);
	life_stop(a);
	cluster_stop(a->cluster);
	store_kube_close(a->hub, until);
	close_client(a);
	keys_free(a->keys);
	agent_config_clear(&a->conf);
	free(a->notes);
	free(a->objects);
}

static int run(struct agent *a, struct err *e)
{
	const struct daemon_end how = { stop_soon, hurry, a };
	int r = daemon_signals(&how, e);

	if (r < 0)
		return r;
	r = start(a, e);
	pthread_mutex_lock(&a->lock);
	while (r == 0 && !a->stopping)
		kube_cond_wait(&a->stop, &a->lock, deadline_in(WAKE_MS));
	pthread_mutex_unlock(&a->lock);
	if (r < 0 && a->stopping)
		r = 0; /* asked to end while it began */
	return r;
}

int main(int argc, char **argv, char **envp)
{
	struct agent a = { .lock = PTHREAD_MUTEX_INITIALIZER };
	const char *path;
	struct err e;
	int r;

	/* Each arena of malloc is memory that only one thread reuses. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
	kube_cond_init(&a.pools);
	kube_cond_init(&a.wake);
	kube_cond_init(&a.stop);
	r = agent_config_args(argc, argv, &path, &e);
	if (r == 0)
		r = agent_config_read(path, envp, note, NULL, &a.conf, &e);
	if (r < 0) {
		fprintf(stderr, "spiderpool-agent: %s\n", e.msg);
		return 2;
	}
	say_level(a.conf.log_level);
	r = run(&a, &e);
	if (r < 0)
		say(LOG_LEVEL_ERROR, "%s", e.msg);
	stop(&a);
	say(LOG_LEVEL_INFO, "ended");
	return r < 0;
}
