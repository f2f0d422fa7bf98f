/* SPDX-License-Identifier: Apache-2.0 */
/* series.h - measured times of one thing */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include <stddef.h>
#include <stdlib.h>

#define SAMPLES 4096

struct series {
	double v[SAMPLES]; /* us */
	size_t n;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void series_add(struct series *s, double us)
{
	if (s->n < SAMPLES)
		s->v[s->n++] = us;
}

/* Sorts. */
static double median(struct series *s)
{
	if (!s->n)
		return 0;
	qsort(s->v, s->n, sizeof(s->v[0]), compare);
	return s->n % 2 ? s->v[s->n / 2] : (s->v[s->n / 2 - 1] + s->v[s->n / 2]) / 2;
}

static double fastest(struct series *s)
{
	median(s);
	return s->n ? s->v[0] : 0;
}

#endif
