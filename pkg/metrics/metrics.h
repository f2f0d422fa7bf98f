/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - counters, gauges and histograms, printed as Prometheus text (exposition format 0.0.4)
 *
 * A value is a plain struct that any thread may change: nothing is allocated, nothing waits. What exists is
 * said once, in a table:
 *
 *	static struct counter adds;
 *	static struct timing took = TIMING_INIT(metrics_slow);
 *	static const struct metric rows[] = {
 *		METRIC_COUNTER("spiderpool_ipam_allocation_counts", "ADD requests", &adds),
 *		METRIC_TIMING("spiderpool_ipam_allocation_*duration_seconds", "ADD time in the agent", &took),
 *	};
 *
 * A timing is five metrics: the "*" becomes "average_", "max_", "min_" and "latest_" for gauges since the
 * start (0 before the first time), and nothing for the histogram.
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define METRICS_TYPE        "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_LABELS_MAX  4
#define METRICS_BUCKETS_MAX 20

/* ---- values; zeroed is 0 ---- */

struct counter {
	_Atomic uint64_t v;
};
struct gauge {
	_Atomic double v;
};

/* Upper bounds of buckets, ascending. */
struct metrics_buckets {
	size_t n;
	double le[METRICS_BUCKETS_MAX];
};
extern const struct metrics_buckets metrics_slow; /* 0.1 to 15 s, what dashboards know */
extern const struct metrics_buckets metrics_fine; /* 0.5 ms to 10 s */

struct histogram {
	const struct metrics_buckets *buckets;
	_Atomic uint64_t n[METRICS_BUCKETS_MAX + 1]; /* of that bucket alone; the last is beyond all bounds */
	_Atomic double sum;
};
struct timing {
	struct histogram all;
	_Atomic double latest, min, max;
};
/* An initialiser; b is the name of a struct metrics_buckets. */
#define HISTOGRAM_INIT(b) \
	{ \
		.buckets = &(b) \
	}
#define TIMING_INIT(b) \
	{ \
		.all = HISTOGRAM_INIT(b), .min = INFINITY \
	}

static inline void counter_add(struct counter *c, uint64_t n)
{
	atomic_fetch_add_explicit(&c->v, n, memory_order_relaxed);
}
static inline void counter_inc(struct counter *c)
{
	counter_add(c, 1);
}
static inline void gauge_set(struct gauge *g, double v)
{
	atomic_store_explicit(&g->v, v, memory_order_relaxed);
}
void gauge_add(struct gauge *g, double v);
void histogram_observe(struct histogram *h, double v);
void timing_observe(struct timing *t, double seconds);

/* ---- tables ---- */

enum metric_kind {
	METRIC_KIND_COUNTER,
	METRIC_KIND_GAUGE,
	METRIC_KIND_READ, /* a gauge that is asked for when it is printed */
	METRIC_KIND_HISTOGRAM,
	METRIC_KIND_TIMING
};

struct metric_label {
	const char *name, *value; /* the value may hold anything */
};

/* Rows that differ in labels only stand one behind the other. */
struct metric {
	const char *name, *help;
	enum metric_kind kind;
	union {
		const struct counter *counter;
		const struct gauge *gauge;
		double (*read)(void *arg);
		const struct histogram *histogram;
		const struct timing *timing;
	} u;
	void *arg;                                         /* of read */
	struct metric_label label[METRICS_LABELS_MAX + 1]; /* up to the first without a name */
};

struct metrics {
	const struct metric *v;
	size_t n;
};

/* Behind the value: labels, .label = { { "verb", "add" } } */
#define METRIC_(k, m, title, text, value, ...) \
	{ \
		.name = (title), .help = (text), .kind = METRIC_KIND_##k, .u.m = (value), __VA_ARGS__ \
	}
#define METRIC_COUNTER(name, help, ...)   METRIC_(COUNTER, counter, name, help, __VA_ARGS__, )
#define METRIC_GAUGE(name, help, ...)     METRIC_(GAUGE, gauge, name, help, __VA_ARGS__, )
#define METRIC_READ(name, help, ...)      METRIC_(READ, read, name, help, __VA_ARGS__, )
#define METRIC_HISTOGRAM(name, help, ...) METRIC_(HISTOGRAM, histogram, name, help, __VA_ARGS__, )
#define METRIC_TIMING(name, help, ...)    METRIC_(TIMING, timing, name, help, __VA_ARGS__, )

/* Appends all; out says whether that worked. */
void metrics_print(const struct metrics *m, struct buf *out);

#endif
