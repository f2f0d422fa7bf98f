/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - values that many threads change, and their text */
#include "metrics/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/tree.h"

const struct metrics_buckets metrics_slow = { 9, { 0.1, 0.3, 0.5, 1, 3, 5, 7, 10, 15 } };
const struct metrics_buckets metrics_fine = {
	14, { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 }
};

/* ---- values ---- */

static void add(_Atomic double *d, double v)
{
	double old = atomic_load_explicit(d, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(d, &old, old + v, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void gauge_add(struct gauge *g, double v)
{
	add(&g->v, v);
}

void histogram_observe(struct histogram *h, double v)
{
	size_t i = 0;

	while (i < h->buckets->n && v > h->buckets->le[i])
		i++;
	atomic_fetch_add_explicit(&h->n[i], 1, memory_order_relaxed);
	add(&h->sum, v);
}

static void keep_extreme(_Atomic double *d, double v, bool greater)
{
	double old = atomic_load_explicit(d, memory_order_relaxed);

	while ((greater ? v > old : v < old) &&
	       !atomic_compare_exchange_weak_explicit(d, &old, v, memory_order_relaxed, memory_order_relaxed))
		;
}

void timing_observe(struct timing *t, double seconds)
{
	keep_extreme(&t->min, seconds, false);
	keep_extreme(&t->max, seconds, true);
	atomic_store_explicit(&t->latest, seconds, memory_order_relaxed);
	histogram_observe(&t->all, seconds);
}

/* ---- text ---- */

/* Text in quotes, or behind HELP, where a quote is a quote; what is not UTF-8 becomes U+FFFD. */
static void print_escaped(const char *s, bool quoted, struct buf *out)
{
	const char *end = s + strlen(s);

	while (s < end) {
		size_t n = json_utf8(s, end);

		if (n == 0)
			buf_str(out, "\xef\xbf\xbd");
		else if (*s == '\n')
			buf_str(out, "\\n");
		else if (*s == '\\' || (quoted && *s == '"'))
			buf_fmt(out, "\\%c", *s);
		else
			buf_add(out, s, n);
		s += n ? n : 1;
	}
}

/* As short as reads back the same. */
static void print_number(double v, struct buf *out)
{
	char text[40];

	if (isnan(v) || isinf(v)) {
		buf_str(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	(void)snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) != v)
		(void)snprintf(text, sizeof(text), "%.17g", v);
	buf_str(out, text);
}

/* name is printed with a word in the place of its "*". */
static void print_name(const char *name, const char *word, struct buf *out)
{
	const char *star = strchr(name, '*');
	size_t len = star ? (size_t)(star - name) : strlen(name);

	buf_add(out, name, len);
	if (star) {
		buf_str(out, word);
		buf_str(out, star + 1);
	}
}

static void print_head(const struct metric *m, const char *word, const char *type, struct buf *out)
{
	buf_str(out, "# HELP ");
	print_name(m->name, word, out);
	buf_chr(out, ' ');
	print_escaped(m->help, false, out);
	buf_str(out, "\n# TYPE ");
	print_name(m->name, word, out);
	buf_fmt(out, " %s\n", type);
}

/* Name and labels; le NULL: no bucket. */
static void print_series(const struct metric *m, const char *word, const char *suffix, const double *le,
			 struct buf *out)
{
	const char *between = "{";

	print_name(m->name, word, out);
	buf_str(out, suffix);
	for (size_t i = 0; i < METRICS_LABELS_MAX && m->label[i].name; i++) {
		buf_fmt(out, "%s%s=\"", between, m->label[i].name);
		print_escaped(m->label[i].value, true, out);
		buf_chr(out, '"');
		between = ",";
	}
	if (le) {
		buf_fmt(out, "%sle=\"", between);
		print_number(*le, out);
		buf_chr(out, '"');
		between = ",";
	}
	buf_str(out, *between == ',' ? "} " : " ");
}

static void print_gauge(const struct metric *m, const char *word, double v, struct buf *out)
{
	print_series(m, word, "", NULL, out);
	print_number(v, out);
	buf_chr(out, '\n');
}

/* The count is that of the buckets as they were read, so that the two agree while others count on. */
static void print_histogram(const struct metric *m, const struct histogram *h, struct buf *out)
{
	const double beyond = INFINITY;
	uint64_t n = 0;

	for (size_t i = 0; i <= h->buckets->n; i++) {
		n += atomic_load_explicit(&h->n[i], memory_order_relaxed);
		print_series(m, "", "_bucket", i < h->buckets->n ? &h->buckets->le[i] : &beyond, out);
		buf_fmt(out, "%" PRIu64 "\n", n);
	}
	print_series(m, "", "_sum", NULL, out);
	print_number(h->sum, out);
	buf_chr(out, '\n');
	print_series(m, "", "_count", NULL, out);
	buf_fmt(out, "%" PRIu64 "\n", n);
}

static uint64_t count_of(const struct histogram *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= h->buckets->n; i++)
		n += atomic_load_explicit(&h->n[i], memory_order_relaxed);
	return n;
}

static void print_timing(const struct metric *m, struct buf *out)
{
	const struct timing *t = m->u.timing;
	uint64_t n = count_of(&t->all);
	const struct {
		const char *word;
		double v;
	} gauges[] = {
		{ "average_", n ? t->all.sum / (double)n : 0 },
		{ "max_", t->max },
		{ "min_", isinf(t->min) ? 0 : t->min },
		{ "latest_", t->latest },
	};

	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		print_head(m, gauges[i].word, "gauge", out);
		print_gauge(m, gauges[i].word, gauges[i].v, out);
	}
	print_head(m, "", "histogram", out);
	print_histogram(m, &t->all, out);
}

static void print_metric(const struct metric *m, bool head, struct buf *out)
{
	static const char *const types[] = { [METRIC_KIND_COUNTER] = "counter",
					     [METRIC_KIND_GAUGE] = "gauge",
					     [METRIC_KIND_READ] = "gauge",
					     [METRIC_KIND_HISTOGRAM] = "histogram" };

	if (m->kind == METRIC_KIND_TIMING) {
		assert(head); /* labels of a timing would have to be sorted by its five names */
		print_timing(m, out);
		return;
	}
	if (head)
		print_head(m, "", types[m->kind], out);
	switch (m->kind) {
	case METRIC_KIND_COUNTER:
		print_series(m, "", "", NULL, out);
		buf_fmt(out, "%" PRIu64 "\n", m->u.counter->v);
		break;
	case METRIC_KIND_GAUGE:
		print_gauge(m, "", m->u.gauge->v, out);
		break;
	case METRIC_KIND_READ:
		print_gauge(m, "", m->u.read(m->arg), out);
		break;
	default:
		print_histogram(m, m->u.histogram, out);
	}
}

void metrics_print(const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < m->n; i++)
		print_metric(&m->v[i], i == 0 || strcmp(m->v[i].name, m->v[i - 1].name) != 0, out);
}
