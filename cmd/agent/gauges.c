/* SPDX-License-Identifier: Apache-2.0 */
/* gauges.c - the agent's metrics, under the names that dashboards know (spec/ipam.md section 9), and ours */
#include <errno.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"

#define P "spiderpool_"

static struct counter adds, add_failures, add_internal, add_no_pool, add_retries, add_used_out;
static struct counter dels, del_failures, del_internal, del_retries, waited;
static struct timing add_time = TIMING_INIT(metrics_slow), add_wait = TIMING_INIT(metrics_slow);
static struct timing del_time = TIMING_INIT(metrics_slow), del_wait = TIMING_INIT(metrics_slow);
static struct histogram add_fine = HISTOGRAM_INIT(metrics_fine), wait_fine = HISTOGRAM_INIT(metrics_fine);
static struct histogram commit_fine = HISTOGRAM_INIT(metrics_fine);

enum verb { GET, POST, PUT, PATCH, DELETE, VERB_MAX };

static const char *const verbs[VERB_MAX] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
static struct histogram api_fine[VERB_MAX] = {
	HISTOGRAM_INIT(metrics_fine), HISTOGRAM_INIT(metrics_fine), HISTOGRAM_INIT(metrics_fine),
	HISTOGRAM_INIT(metrics_fine), HISTOGRAM_INIT(metrics_fine),
};

void gauges_wait(bool release, double seconds)
{
	timing_observe(release ? &del_wait : &add_wait, seconds);
	histogram_observe(&wait_fine, seconds);
}

void gauges_waited_for_pool(void)
{
	counter_inc(&waited);
}

void gauges_add(int r, const struct err *e, double seconds)
{
	counter_inc(&adds);
	timing_observe(&add_time, seconds);
	histogram_observe(&add_fine, seconds);
	if (r == 0)
		return;
	counter_inc(&add_failures);
	switch (e->sys) {
	case ENOSPC:
		counter_inc(&add_used_out);
		break;
	case ENOENT:
		counter_inc(&add_no_pool);
		break;
	case ESTALE:
	case ETIMEDOUT:
		counter_inc(&add_retries);
		break;
	case EINVAL: /* what was asked for is wrong: no fault of ours */
		break;
	default:
		counter_inc(&add_internal);
	}
}

void gauges_release(double seconds)
{
	counter_inc(&dels);
	timing_observe(&del_time, seconds);
}

void gauges_release_failed(const struct err *e)
{
	counter_inc(&del_failures);
	counter_inc(e->sys == ETIMEDOUT || e->sys == ESTALE ? &del_retries : &del_internal);
}

void gauges_commit(double seconds, void *arg)
{
	(void)arg;
	histogram_observe(&commit_fine, seconds);
}

void gauges_api(const char *method, double seconds, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < VERB_MAX; i++)
		if (strcmp(verbs[i], method) == 0)
			histogram_observe(&api_fine[i], seconds);
}

/* ---- what the store counts ---- */

#define STAT(name) \
	static double read_##name(void *arg) \
	{ \
		struct agent *a = arg; \
		struct store_kube_stats s; \
		if (!a->started) \
			return 0; \
		store_kube_stats(a->hub, &s); \
		return (double)s.name; \
	}
STAT(writes)
STAT(conflicts)
STAT(unknown)
STAT(changes)
STAT(undone)
STAT(endpoint_writes)
STAT(reads)

static double read_behind(void *arg)
{
	struct agent *a = arg;

	return a->started ? (double)store_kube_behind(a->hub) : 0;
}

#define METRIC_API(v) \
	METRIC_HISTOGRAM(P "agent_api_seconds", "requests to kube-apiserver, watches left out", \
			 &api_fine[v], .label = { { "verb", verbs[v] } })

void gauges_print(struct agent *a, struct buf *out)
{
	const struct metric rows[] = {
		METRIC_COUNTER(P "ipam_allocation_counts", "ADD requests", &adds),
		METRIC_COUNTER(P "ipam_allocation_failure_counts", "ADD requests that failed", &add_failures),
		METRIC_READ(P "ipam_allocation_update_ippool_conflict_counts",
			    "writes of addresses that another node was quicker with", read_conflicts, a),
		METRIC_COUNTER(P "ipam_allocation_err_internal_counts", "ADD: errors of no known class",
			       &add_internal),
		METRIC_COUNTER(P "ipam_allocation_err_no_available_pool_counts",
			       "ADD: no pool may serve the pod", &add_no_pool),
		METRIC_COUNTER(P "ipam_allocation_err_retries_exhausted_counts",
			       "ADD: not done within its time", &add_retries),
		METRIC_COUNTER(P "ipam_allocation_err_ip_used_out_counts", "ADD: every address is taken",
			       &add_used_out),
		METRIC_TIMING(P "ipam_allocation_*duration_seconds", "ADD: time in the agent", &add_time),
		METRIC_TIMING(P "ipam_allocation_*limit_duration_seconds",
			      "ADD: wait for another call of the pod", &add_wait),
		METRIC_COUNTER(P "ipam_release_counts", "DEL requests", &dels),
		METRIC_COUNTER(P "ipam_release_failure_counts", "DEL requests that failed", &del_failures),
		METRIC_COUNTER(P "ipam_release_err_internal_counts", "DEL: errors of no known class",
			       &del_internal),
		METRIC_COUNTER(P "ipam_release_err_retries_exhausted_counts", "DEL: not done within its time",
			       &del_retries),
		METRIC_TIMING(P "ipam_release_*duration_seconds", "DEL: time in the agent", &del_time),
		METRIC_TIMING(P "ipam_release_*limit_duration_seconds",
			      "DEL: wait for another call of the pod", &del_wait),
		METRIC_COUNTER(P "debug_auto_pool_waited_for_available_counts",
			       "ADD waited for a pool to be made", &waited),
		METRIC_HISTOGRAM(P "agent_add_seconds", "ADD: time in the agent, finer", &add_fine),
		METRIC_HISTOGRAM(P "agent_queue_seconds", "wait for another call of the pod, finer",
				 &wait_fine),
		METRIC_HISTOGRAM(P "agent_commit_seconds", "one update of a block, until it is certain",
				 &commit_fine),
		METRIC_API(GET),
		METRIC_API(POST),
		METRIC_API(PUT),
		METRIC_API(PATCH),
		METRIC_API(DELETE),
		METRIC_READ(P "agent_block_writes", "updates of blocks", read_writes, a),
		METRIC_READ(P "agent_block_changes", "claims and releases that these carried", read_changes,
			    a),
		METRIC_READ(P "agent_block_unknown", "updates of which nobody said what became", read_unknown,
			    a),
		METRIC_READ(P "agent_undone", "claims that were undone", read_undone, a),
		METRIC_READ(P "agent_endpoint_writes", "updates of endpoints", read_endpoint_writes, a),
		METRIC_READ(P "agent_endpoints_behind", "endpoints that wait to be written", read_behind, a),
		METRIC_READ(P "agent_block_reads", "blocks and lists of them that were read", read_reads, a),
	};

	metrics_print(&(struct metrics){ rows, ARRAY_LEN(rows) }, out);
}
