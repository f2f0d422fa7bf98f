/* SPDX-License-Identifier: Apache-2.0 */
/* sriov.c - the PF behind a VF */
#include "nl/sriov.h"

#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/own.h"

int sriov_bus(int sock, const char *ifname, char out[SRIOV_BUS_MAX], struct err *e)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (void *)&info };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(sock, SIOCETHTOOL, &ifr) < 0)
		return err_sys(e, errno, "interface %s: driver information", ifname);
	/* domain:bus:device.function; a veth has nothing here, a virtio device its own kind of name */
	if (strchr(info.bus_info, '/') || strlen(info.bus_info) != strlen("0000:00:00.0"))
		return err_set(e, EOPNOTSUPP, "interface %s is on no PCI bus (driver %.31s)", ifname,
			       info.driver);
	snprintf(out, SRIOV_BUS_MAX, "%s", info.bus_info);
	return 0;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

int sriov_pf(const char *sysfs, const char *bus, char out[IF_NAMESIZE], struct err *e)
{
	CLEANUP(closedir_p) DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *d;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/physfn/net", sysfs, bus);
	dir = opendir(path);
	if (!dir)
		return err_set(e, ENODEV, "PCI device %s is no virtual function of a network device (%s: %s)",
			       bus, path, strerror(errno));
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || strlen(d->d_name) >= IF_NAMESIZE)
			continue;
		snprintf(out, IF_NAMESIZE, "%s", d->d_name);
		return 0;
	}
	return err_set(e, ENODEV, "the physical function of PCI device %s has no interface here", bus);
}

static bool read_address(const struct ifaddrs *a, struct ip_prefix *ret)
{
	const uint8_t *addr, *mask;
	size_t bytes;

	if (!a->ifa_addr || !a->ifa_netmask)
		return false;
	if (a->ifa_addr->sa_family == AF_INET) {
		addr = (const void *)&((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
		mask = (const void *)&((const struct sockaddr_in *)(const void *)a->ifa_netmask)->sin_addr;
		bytes = 4;
	} else if (a->ifa_addr->sa_family == AF_INET6) {
		addr = (const void *)&((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
		mask = (const void *)&((const struct sockaddr_in6 *)(const void *)a->ifa_netmask)->sin6_addr;
		bytes = 16;
	} else {
		return false;
	}
	ret->ip = ip_from_bytes(bytes == 4 ? 4 : 6, addr);
	ret->len = 0;
	for (size_t i = 0; i < bytes; i++)
		ret->len = (uint8_t)(ret->len + __builtin_popcount(mask[i]));
	return !ip_is_link_local(ret->ip);
}

int sriov_addresses(const char *ifname, struct ip_prefix *ret, size_t max, size_t *ret_n, struct err *e)
{
	struct ifaddrs *list;

	*ret_n = 0;
	if (getifaddrs(&list) < 0)
		return err_sys(e, errno, "addresses of interface %s", ifname);
	for (const struct ifaddrs *a = list; a && *ret_n < max; a = a->ifa_next)
		if (strcmp(a->ifa_name, ifname) == 0 && read_address(a, &ret[*ret_n]))
			(*ret_n)++;
	freeifaddrs(list);
	return 0;
}
