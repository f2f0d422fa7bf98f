/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - spiderpool-controller: starts its parts, waits for a signal, ends them */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller.h"
#include "daemon/signals.h"
#include "events.h"
#include "kube/thread.h"

#define STOP_MS  5000
#define WAKE_MS  60000
#define AGAIN_MS 1000

static void note(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "%s", sentence);
}

static void end(void *arg)
{
	struct controller *c = arg;

	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void hurry(void *arg)
{
	struct controller *c = arg;

	pthread_mutex_lock(&c->lock);
	if (c->k)
		kube_abort(c->k);
	pthread_mutex_unlock(&c->lock);
}

static void close_client(struct controller *c)
{
	struct kube *k = c->k;

	pthread_mutex_lock(&c->lock);
	c->k = NULL;
	pthread_mutex_unlock(&c->lock);
	kube_close(k);
}

static void pause_ms(struct controller *c, int64_t ms)
{
	struct deadline until = deadline_in(ms);

	pthread_mutex_lock(&c->lock);
	while (!c->stopping && deadline_left(until) > 0)
		kube_cond_wait(&c->changed, &c->lock, until);
	pthread_mutex_unlock(&c->lock);
}

/* The certificate is in the API: without it there is nothing to serve with yet. */
static int start_webhook(struct controller *c, struct err *e)
{
	int r = 0;

	while (!c->stopping) {
		r = webhook_start(c, &c->webhook, e);
		if (r == 0 || e->cni == ERR_CONFIG)
			break;
		say(LOG_LEVEL_WARN, "admission cannot be served yet, trying again: %s", e->msg);
		pause_ms(c, AGAIN_MS);
	}
	return c->stopping ? 0 : r;
}

static int start(struct controller *c, struct err *e)
{
	int r = kube_open_any(c->conf.kubeconfig, NULL, c->conf.kube_host, c->conf.kube_port, &c->k, e);

	if (r == 0)
		r = engine_start(c, e);
	if (r == 0)
		r = events_start(c->k, "spiderpool-controller", c->conf.pod, &c->events, e);
	if (r == 0)
		r = lead_start(c, e);
	if (r == 0)
		r = serve_start(c, e);
	if (r == 0)
		r = start_webhook(c, e);
	if (r < 0)
		return r;
	c->started = true;
	say(LOG_LEVEL_INFO, "spiderpool-controller " SPIDERPOOL_VERSION " serves as %s", c->conf.pod);
	return 0;
}

static void stop(struct controller *c)
{
	struct deadline until = deadline_in(STOP_MS);

	end(c);
	lead_stop(c);
	webhook_stop(c->webhook, until);
	serve_stop(c, until);
	events_stop(c->events);
	store_kube_close(c->hub, until);
	close_client(c);
	controller_config_clear(&c->conf);
}

static int run(struct controller *c, struct err *e)
{
	const struct daemon_end how = { end, hurry, c };
	int r = daemon_signals(&how, e);

	if (r < 0)
		return r;
	r = start(c, e);
	while (r == 0 && !c->stopping)
		pause_ms(c, WAKE_MS);
	if (r < 0 && c->stopping)
		r = 0; /* asked to end while it began */
	return r;
}

static int daemon_main(int argc, char **argv, char **envp)
{
	struct controller c = { .lock = PTHREAD_MUTEX_INITIALIZER, .using = PTHREAD_MUTEX_INITIALIZER };
	const char *path;
	struct err e;
	int r;

	/* Each arena of malloc is memory that only one thread reuses. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
	kube_cond_init(&c.changed);
	r = controller_config_args(argc, argv, &path, &c.conf, &e);
	if (r == 0)
		r = controller_config_read(path, envp, note, NULL, &c.conf, &e);
	if (r < 0) {
		fprintf(stderr, "spiderpool-controller: %s\n", e.msg);
		return 2;
	}
	say_level(c.conf.log_level);
	r = run(&c, &e);
	if (r < 0)
		say(LOG_LEVEL_ERROR, "%s", e.msg);
	stop(&c);
	say(LOG_LEVEL_INFO, "ended");
	return r < 0;
}

/* The image has the program under this name too, which is what users' Jobs call. */
static bool is_init(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "spiderpool-init") == 0;
}

int main(int argc, char **argv, char **envp)
{
	if ((argc > 0 && is_init(argv[0])) || (argc > 1 && strcmp(argv[1], "init") == 0))
		return init_main(argc, argv, envp);
	if (argc > 1 && strcmp(argv[1], "clean") == 0)
		return clean_main(argc, argv, envp);
	return daemon_main(argc, argv, envp);
}
