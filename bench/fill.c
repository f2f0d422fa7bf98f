/* SPDX-License-Identifier: Apache-2.0 */
/* fill.c - takes addresses of a pool, through the engine, as fast as it can
 *
 *	fill STATE_DIR POOL FROM TO         containers number FROM to TO - 1
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "ipam/ipam.h"
#include "store/local.h"

static int fail(const struct err *e)
{
	fprintf(stderr, "fill: %s\n", e->msg);
	return 1;
}

/* The same node and boot as the plugin will say: what is of another boot would be swept. */
static void read_node(char node[256])
{
	if (gethostname(node, 255) < 0)
		snprintf(node, 256, "localhost");
	for (char *p = node; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static int read_boot(char boot[64], struct err *e)
{
	struct buf b = BUF_INIT(63);
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 63, &b, e);

	snprintf(boot, 64, "%.36s", buf_cstr(&b));
	buf_clear(&b);
	return r;
}

static int add(struct ipam *m, const char *node, const char *boot, unsigned number, struct err *e)
{
	char container[72], pod[32], uid[48];
	const struct ipam_request req = {
		.network = "bench",
		.container = container,
		.nic = "eth0",
		.netns_path = "/var/run/netns/cni-00000000-0000-0000-0000-000000000000",
		.netns_id = "4:4026531840",
		.node = node,
		.boot = boot,
		.ns = "default",
		.pod = pod,
		.uid = uid,
		.mac = "",
	};
	struct ipam_attachment a;
	int r;

	snprintf(container, sizeof(container), "%064x", number);
	snprintf(pod, sizeof(pod), "filled-%u", number);
	snprintf(uid, sizeof(uid), "00000000-0000-0000-0000-%012x", number);
	r = ipam_add(m, &req, &a, e);
	ipam_attachment_clear(&a);
	return r;
}

int main(int argc, char **argv)
{
	const struct store_local_opts o = { .dir = argc == 5 ? argv[1] : "", .relaxed = true };
	char *names[] = { argc == 5 ? argv[2] : NULL, NULL };
	const struct json_strv pool = { .v = names, .n = 1, .set = true };
	struct ipam m = { .conf = {
				  .default_ipv4 = &pool, .cooldown_ms = IPAM_COOLDOWN_MS, .ring_key = "" } };
	char node[256] = "", boot[64];
	struct err e;

	if (argc != 5) {
		fprintf(stderr, "usage: %s STATE_DIR POOL FROM TO\n", argv[0]);
		return 2;
	}
	m.until = deadline_in(3600 * 1000);
	read_node(node);
	if (read_boot(boot, &e) < 0 || store_local_open(&o, m.until, &m.st, &e) < 0)
		return fail(&e);
	for (unsigned i = (unsigned)atoi(argv[3]); i < (unsigned)atoi(argv[4]); i++)
		if (add(&m, node, boot, i, &e) < 0)
			return fail(&e);
	store_close(m.st);
	return 0;
}
