/* SPDX-License-Identifier: Apache-2.0 */
/* conflict.c - does somebody else have an address of the pod? */
#include "conflict.h"

#include <errno.h>
#include <limits.h>

#include "base/own.h"
#include "probe/probe.h"

/* To the one address after the other: two networks' plugins do not ask in step. */
#define JITTER_PART 5

static struct probe_opts options(const struct veth_conf *c, struct deadline until)
{
	struct probe_opts o = PROBE_OPTS(until);

	o.probes = c->retries;
	o.interval_ms = o.wait_ms = c->interval_ms > INT_MAX ? INT_MAX : (int)c->interval_ms;
	if (o.interval_ms / JITTER_PART < o.jitter_ms)
		o.jitter_ms = o.interval_ms / JITTER_PART;
	return o;
}

static int judge(const struct probe_target *t, const char *nic, struct log *log, struct err *e)
{
	char ip[IP_TEXT_MAX], mac[LINK_MAC_TEXT];

	ip_format(t->ip, ip);
	if (t->result == PROBE_CONFLICT)
		return err_code(
			e, ERR_TRY_AGAIN, EADDRINUSE,
			"ip conflict: pod's interface %s with an conflicting ip %s, %s is located at %s", nic,
			ip, ip, link_mac_format(t->mac, mac));
	if (t->result != PROBE_FREE)
		log_warn(log, "ip_conflict: %s is not known to be free: %s", ip,
			 t->reason ? t->reason : probe_result_text(t->result));
	return 0;
}

/* Of addresses on that NIC; a result before 1.0.0 may not say on which they are. */
static size_t add_targets(const struct cni_result *prev, const char *nic, struct probe_target *v, size_t max)
{
	int index = cni_result_find_interface(prev, nic, NULL);
	size_t n = 0;

	for (size_t i = 0; i < prev->ips.n && n < max; i++) {
		const struct cni_ip_config *ip = &prev->ips.v[i];

		if (index < 0 || !ip->interface.set || ip->interface.v == index)
			v[n++] = (struct probe_target){ .ip = ip->address.ip, .kind = PROBE_ADDRESS };
	}
	return n;
}

int veth_conflict(const struct veth_conf *c, struct podnet_attach *a, const char *nic,
		  const struct cni_result *prev, struct err *e)
{
	struct probe_opts opts = options(c, a->call->deadline);
	struct probe_target v[PROBE_MAX_TARGETS];
	size_t n = add_targets(prev, nic, v, ARRAY_LEN(v));
	int r = probe_run(a->n.pod.netns, nic, v, n, &opts, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = judge(&v[i], nic, a->log, e);
	return r;
}
