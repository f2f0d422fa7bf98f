/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h - lines of stdin, done by some threads; how long each took, and all
 *
 * With PAUSE_MS in the environment a thread waits so long after each.
 */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../spawn.h"

#define JOBS_MAX 256

struct line {
	char *text;   /* without its end */
	char *result; /* what is said of it, or NULL */
	double us;    /* set by jobs_run() */
	bool failed;
};

static struct {
	struct line *v;
	size_t n;
	unsigned threads, pause_ms;
	void (*each)(struct line *l);
	pthread_barrier_t start;
} jobs;

static void jobs_read(void)
{
	size_t cap = 0, room = 0;
	char *text = NULL;
	ssize_t len;

	while ((len = getline(&text, &room, stdin)) > 0) {
		if (text[len - 1] == '\n')
			text[len - 1] = '\0';
		if (jobs.n == cap) {
			cap = cap ? 2 * cap : 1024;
			jobs.v = realloc(jobs.v, cap * sizeof(*jobs.v));
			if (!jobs.v)
				die("memory");
		}
		jobs.v[jobs.n++] = (struct line){ .text = strdup(text) };
	}
	free(text);
}

/* Lines i, i + threads, ...: so what comes in turns in the input stays with its threads. */
static void *jobs_thread(void *arg)
{
	pthread_barrier_wait(&jobs.start);
	for (size_t i = (size_t)arg; i < jobs.n; i += jobs.threads) {
		double start = now_us();

		jobs.each(&jobs.v[i]);
		jobs.v[i].us = now_us() - start;
		usleep(jobs.pause_ms * 1000);
	}
	return NULL;
}

static int jobs_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Prints "COUNT FAILED SECONDS MEDIAN FASTEST SLOWEST", the latter three in ms. */
static void jobs_summary(double seconds)
{
	double *us = calloc(jobs.n + 1, sizeof(*us));
	size_t failed = 0;

	if (!us)
		die("memory");
	for (size_t i = 0; i < jobs.n; i++) {
		us[i] = jobs.v[i].us;
		failed += jobs.v[i].failed;
	}
	qsort(us, jobs.n, sizeof(*us), jobs_compare);
	printf("%zu %zu %.3f %.3f %.3f %.3f\n", jobs.n, failed, seconds, us[jobs.n / 2] / 1e3, us[0] / 1e3,
	       us[jobs.n ? jobs.n - 1 : 0] / 1e3);
	free(us);
}

/* stdin is done; results go to the file, a line each. */
static void jobs_run(const char *threads, const char *results, void (*each)(struct line *l))
{
	const char *pause = getenv("PAUSE_MS");
	FILE *out = fopen(results, "we");
	pthread_t id[JOBS_MAX];
	double start;

	jobs.threads = (unsigned)strtoul(threads, NULL, 10);
	jobs.pause_ms = pause ? (unsigned)strtoul(pause, NULL, 10) : 0;
	jobs.each = each;
	if (!out || jobs.threads < 1 || jobs.threads > JOBS_MAX)
		die(results);
	jobs_read();
	pthread_barrier_init(&jobs.start, NULL, jobs.threads + 1);
	for (size_t i = 0; i < jobs.threads; i++)
		if (pthread_create(&id[i], NULL, jobs_thread, (void *)i) != 0)
			die("thread");
	pthread_barrier_wait(&jobs.start);
	start = now_us();
	for (size_t i = 0; i < jobs.threads; i++)
		pthread_join(id[i], NULL);
	jobs_summary((now_us() - start) / 1e6);
	for (size_t i = 0; i < jobs.n; i++)
		fprintf(out, "%s\n", jobs.v[i].result ? jobs.v[i].result : "");
	fclose(out);
}

#endif
