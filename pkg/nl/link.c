/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - the interface ioctls (netdevice(7)) */
#include "nl/link.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define WAIT_STEP_MS 5

/* The kernel cuts a name at a colon (old alias syntax) and would show another interface than was asked for.
 */
static int name_request(const char *name, struct ifreq *ret, struct err *e)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || strpbrk(name, ":/ \t\n"))
		return err_set(e, EINVAL,
			       "interface \"%.64s\": want a name of 1 to %d characters without blank, colon "
			       "and slash",
			       name, IFNAMSIZ - 1);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->ifr_name, name, len + 1);
	return 0;
}

static int ask(int sock, unsigned long request, struct ifreq *q, const char *what, struct err *e)
{
	if (ioctl(sock, request, q) == 0)
		return 0;
	if (errno == ENODEV)
		return err_set(e, ENODEV, "interface %s does not exist", q->ifr_name);
	return err_sys(e, errno, "interface %s: %s", q->ifr_name, what);
}

int link_get(int sock, const char *name, struct link_info *ret, struct err *e)
{
	struct link_info l = { 0 };
	struct ifreq q;
	int r = name_request(name, &q, e);

	if (r < 0)
		return r;
	r = ask(sock, SIOCGIFINDEX, &q, "get its index", e);
	if (r < 0)
		return r;
	l.index = q.ifr_ifindex;
	r = ask(sock, SIOCGIFFLAGS, &q, "get its flags", e);
	if (r < 0)
		return r;
	l.flags = (unsigned short)q.ifr_flags;
	r = ask(sock, SIOCGIFHWADDR, &q, "get its hardware address", e);
	if (r < 0)
		return r;
	l.type = q.ifr_hwaddr.sa_family;
	if (l.type == ARPHRD_ETHER)
		memcpy(l.mac, q.ifr_hwaddr.sa_data, sizeof(l.mac));
	*ret = l;
	return 0;
}

int link_set_up(int sock, const char *name, struct err *e)
{
	struct ifreq q;
	int r = name_request(name, &q, e);

	if (r < 0)
		return r;
	r = ask(sock, SIOCGIFFLAGS, &q, "get its flags", e);
	if (r < 0 || (q.ifr_flags & IFF_UP))
		return r;
	q.ifr_flags = (short)(q.ifr_flags | IFF_UP);
	return ask(sock, SIOCSIFFLAGS, &q, "set it up", e);
}

/* The driver's word, from before the kernel has digested it: a new interface counts as IFF_RUNNING until its
 * missing carrier is noticed, which may take a second. 1 for a driver that has nothing to say. */
static int has_carrier(int sock, const char *name, struct err *e)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct ifreq q;
	int r = name_request(name, &q, e);

	if (r < 0)
		return r;
	q.ifr_data = (void *)&link;
	if (ioctl(sock, SIOCETHTOOL, &q) == 0)
		return link.data != 0;
	return errno == EOPNOTSUPP ? 1 : err_sys(e, errno, "interface %s: ask for carrier", name);
}

int link_running(int sock, const char *name, struct err *e)
{
	const unsigned want = IFF_UP | IFF_RUNNING;
	struct link_info l;
	int r = link_get(sock, name, &l, e);

	if (r < 0)
		return r;
	return (l.flags & want) == want ? has_carrier(sock, name, e) : 0;
}

int link_wait_running(int sock, const char *name, struct deadline until, struct err *e)
{
	for (;;) {
		int64_t left = deadline_left(until);
		int r = link_running(sock, name, e);

		if (r != 0 || left == 0)
			return r;
		poll(NULL, 0, left < WAIT_STEP_MS ? (int)left : WAIT_STEP_MS);
	}
}

int link_has_driver(int sock, const char *name, const char *driver, struct err *e)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq q;
	int r = name_request(name, &q, e);

	if (r < 0)
		return r;
	q.ifr_data = (void *)&info;
	if (ioctl(sock, SIOCETHTOOL, &q) == 0)
		return strncmp(info.driver, driver, sizeof(info.driver)) == 0;
	return errno == EOPNOTSUPP ? 0 : err_sys(e, errno, "interface %s: get its driver", name);
}

const char *link_mac_format(const uint8_t mac[LINK_MAC_LEN], char out[LINK_MAC_TEXT])
{
	snprintf(out, LINK_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return out;
}
