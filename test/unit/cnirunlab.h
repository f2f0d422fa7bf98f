/* SPDX-License-Identifier: Apache-2.0 */
/* cnirunlab.h - a network of two plugins that write down how they are called
 */
#ifndef CNIRUNLAB_H
#define CNIRUNLAB_H

#include "cni/conflist.h"
#include "cnilab.h"

/* Each plugin writes down its call, its request and its environment, then does what it is told by a file
 * fail.TYPE.VERB, and as ADD adds its name to prevResult (that is: to a fixed result). */
#define BODY(type) \
	"T=" type "\n" \
	"echo $CNI_COMMAND $T $CNI_CONTAINERID $CNI_IFNAME >>$D/log\n" \
	"cat >$D/in.$T.$CNI_COMMAND\n" \
	"env | grep ^CNI | sort >$D/env.$T.$CNI_COMMAND\n" \
	"[ -e $D/fail.$T.$CNI_COMMAND ] && { cat $D/fail.$T.$CNI_COMMAND; exit 1; }\n" \
	"[ $CNI_COMMAND = ADD ] && cat $D/result.$T\n" \
	"[ $CNI_COMMAND = VERSION ] && cat $D/versions.$T\n" \
	"exit 0"

#define RESULT_A \
	"{\"cniVersion\":\"%s\",\"ips\":[{\"address\":\"10.0.0.5/" \
	"24\",\"interface\":0,\"px\":1}],\"ax\":null}"
#define RESULT_B \
	"{\"cniVersion\":\"%s\",\"ips\":[{\"address\":\"10.0.0.5/24\",\"interface\":0,\"px\":1}]," \
	"\"routes\":[{\"dst\":\"10.0.0.0/8\",\"table\":0}],\"bx\":{\"k\":[1]}}"
#define ALL_VERSIONS \
	"{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1." \
	"0\"]}"

static char plugin_path[PATH_MAX], cache[PATH_MAX];
static const char *const base_env[] = { "PATH=/usr/bin:/bin", "CNI_COMMAND=OLD", "CNI_ARGS=OLD=1", "CNI_X=1",
					NULL };

static inline void write_result(const char *type, const char *format, const char *version)
{
	char name[32], text[512];

	snprintf(name, sizeof(name), "result.%s", type);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), format, version);
#pragma GCC diagnostic pop
	lab_write(name, 0644, text);
}

/* A fresh directory with the plugins a and b. */
static inline int run_setup(void **arg)
{
	if (lab_setup(arg) < 0)
		return -1;
	snprintf(plugin_path, sizeof(plugin_path), "/none:%s:/usr/lib/cni", lab_dir);
	snprintf(cache, sizeof(cache), "%s/cache", lab_dir);
	lab_script("a", BODY("a"));
	lab_script("b", BODY("b"));
	write_result("a", RESULT_A, "1.1.0");
	write_result("b", RESULT_B, "1.1.0");
	lab_write("versions.a", 0644, ALL_VERSIONS);
	lab_write("versions.b", 0644, ALL_VERSIONS);
	return 0;
}

static inline struct cni_runtime runtime(void)
{
	return (struct cni_runtime){
		.container_id = "c1",
		.netns = "/run/no-such-netns",
		.ifname = "eth0",
		.path = plugin_path,
		.cache_dir = cache,
		.envp = (char *const *)base_env,
		.err_fd = -1,
	};
}

static inline struct cni_network network(const char *version, const char *more)
{
	struct cni_network n;
	char text[1024];
	struct err e;

	snprintf(text, sizeof(text),
		 "{\"cniVersion\":\"%s\",\"name\":\"net\"%s,\"plugins\":[{\"type\":\"a\",\"own\":{\"x\":1.10}"
		 "},"
		 "{\"type\":\"b\",\"capabilities\":{\"ips\":true,\"mac\":false,\"bandwidth\":true}}]}",
		 version, more);
	if (cni_network_parse(text, strlen(text), "test", &n, &e) < 0)
		fail_msg("%s", e.msg);
	return n;
}

static inline void expect_log(const char *row, const char *want)
{
	CLEANUP(free_p) char *log = lab_read("log");

	for (char *p = log; *p; p++)
		if (*p == '\n')
			*p = ',';
	if (strcmp(log, want) != 0)
		fail_msg("%s: calls were %s", row, log);
	unlink(lab_path("log"));
}

static inline void expect_file(const char *name, const char *want)
{
	CLEANUP(free_p) char *text = lab_read(name);

	if (strcmp(text, want) != 0)
		fail_msg("%s: %s", name, text);
}

static inline bool exists(const char *name)
{
	return access(lab_path(name), F_OK) == 0;
}

#define RECORD "cache/results/net-c1-eth0"

static inline int add(const struct cni_network *n, struct err *e)
{
	const struct cni_runtime rt = runtime();
	struct json_object *result = NULL;
	int r = cni_network_add(n, &rt, &result, e);

	json_put_p(&result);
	return r;
}

/* What the plugins are configured with, in 1.1.0, and what they answer. */
#define A_CONF "\"type\":\"a\",\"own\":{\"x\":1.10},\"name\":\"net\",\"cniVersion\":\"1.1.0\""
#define B_CONF \
	"\"type\":\"b\",\"capabilities\":{\"ips\":true,\"mac\":false,\"bandwidth\":true},\"name\":\"net\"," \
	"\"cniVersion\":\"1.1.0\""
#define A_RESULT \
	"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.5/" \
	"24\",\"interface\":0,\"px\":1}],\"ax\":null}"
#define B_RESULT \
	"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.5/24\",\"interface\":0,\"px\":1}]," \
	"\"routes\":[{\"dst\":\"10.0.0.0/8\",\"table\":0}],\"bx\":{\"k\":[1]}}"

#endif
