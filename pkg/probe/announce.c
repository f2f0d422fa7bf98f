/* SPDX-License-Identifier: Apache-2.0 */
/* announce.c - tell the neighbours where our addresses are */
#include "probe/probe.h"

#include <errno.h>
#include <poll.h>

#include "base/own.h"
#include "probe/probe_impl.h"

static int send_all(const struct port *p, const struct ip *addrs, size_t n, const char *ifname, struct err *e)
{
	char text[IP_TEXT_MAX];
	struct frame f;

	for (size_t i = 0; i < n; i++) {
		int r;

		if (addrs[i].ver == 4)
			arp_request(&f, p->link.mac, addrs[i], addrs[i]);
		else
			nd_advertise(&f, p->link.mac, addrs[i]);
		r = port_send(p, &f);
		if (r < 0)
			return err_sys(e, -r, "announce %s on interface %s", ip_format(addrs[i], text),
				       ifname);
	}
	return 0;
}

/* False when there is no time left for another round. */
static bool pause_for(int ms, struct deadline until)
{
	if (deadline_left(until) <= ms)
		return false;
	poll(NULL, 0, ms);
	return true;
}

int probe_announce(int netns, const char *ifname, const struct ip *addrs, size_t n,
		   const struct probe_opts *opts, struct err *e)
{
	CLEANUP(port_close) struct port p = PORT_INIT;
	bool v4 = false, v6 = false;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (addrs[i].ver != 4 && addrs[i].ver != 6)
			return err_set(e, EINVAL, "announce: address %zu is none", i);
		v4 |= addrs[i].ver == 4;
		v6 |= addrs[i].ver == 6;
	}
	if (n == 0)
		return 0;
	r = port_open(&p, netns, ifname, v4, v6, opts->deadline, e);
	for (int k = 0; k < opts->announcements && r == 0; k++) {
		if (k > 0 && !pause_for(opts->announce_gap_ms, opts->deadline))
			break;
		r = send_all(&p, addrs, n, ifname, e);
	}
	return r;
}
