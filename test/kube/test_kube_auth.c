/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_auth.c - who the API server takes us for, and whom we take it for */
#include "lab.h"

#include "base/file.h"

#define SERVER "https://10.111.0.1:6443"

static char dir[] = "/tmp/spiderpool-kube-XXXXXX";

/* What "{cluster}" and "{user}" of a kubeconfig are; @ is the instance's pki directory. */
static int open_with(const char *cluster, const char *user, unsigned flags, struct kube **ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1 << 20);
	struct kube_config conf;
	int r;

	buf_str(&text,
		"{\"current-context\": \"c\", \"contexts\": [{\"name\": \"c\", \"context\": {\"cluster\": "
		"\"c\", \"user\": \"u\"}}], \"clusters\": [{\"name\": \"c\", \"cluster\": {");
	buf_str(&text, cluster);
	buf_str(&text, "}}], \"users\": [{\"name\": \"u\", \"user\": {");
	buf_str(&text, user);
	buf_str(&text, "}}]}");
	assert_int_equal(text.err, 0);
	r = kube_config_text(buf_cstr(&text), "kubeconfig", dir, NULL, flags, &conf, e);
	if (r == 0)
		r = kube_open(&conf, 0, ret, e);
	kube_config_clear(&conf);
	return r;
}

static int ask(struct kube *k, struct err *e)
{
	struct kube_op op = lab_op(&kube_resources[KUBE_NAMESPACES], NULL, "default");
	struct json_object *o = NULL;
	int r = kube_get(k, &op, &o, e);

	json_object_put(o);
	return r;
}

static const char *pki(const char *fmt)
{
	static char text[16][4096];
	static unsigned i;
	char *out = text[i++ % 16];
	const char *at;
	size_t n = 0;

	for (at = fmt; *at; at++)
		n += (size_t)snprintf(out + n, 4096 - n, *at == '@' ? "%s/pki" : "%.1s",
				      *at == '@' ? lab_env("KUBE_DIR") : at);
	return out;
}

static void base64(const char *from, const char *to)
{
	char line[1024];

	snprintf(line, sizeof(line), "base64 '%s' >'%s/%s'", from, dir, to);
	assert_int_equal(system(line), 0);
}

/* The file as a JSON string's text. */
static const char *data_of(const char *name)
{
	static char out[2][8192];
	static unsigned i;
	char *to = out[i++ % 2], path[256];
	CLEANUP(buf_clear) struct buf text = BUF_INIT(4096);
	struct err e;
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ok(file_read(AT_FDCWD, path, 4000, &text, &e), &e);
	for (const char *p = buf_cstr(&text); *p; p++)
		n += (size_t)snprintf(to + n, 8192 - n, *p == '\n' ? "\\n" : "%c", *p);
	return to;
}

static void test_users(void **state)
{
	char cluster[512], data[16384];
	struct {
		const char *name, *user;
		int r;
	} rows[] = {
		{ "token", "\"token\": \"admin-token\"", 0 },
		{ "wrong token", "\"token\": \"guess\"", -EPERM },
		{ "nobody", "", -EACCES },
		{ "certificate",
		  pki("\"client-certificate\": \"@/kubelet-client.crt\", \"client-key\": "
		      "\"@/kubelet-client.key\""),
		  0 },
		{ "certificate as data", data, 0 },
		{ "server's certificate",
		  pki("\"client-certificate\": \"@/apiserver.crt\", \"client-key\": "
		      "\"@/apiserver.key\""),
		  -EPERM },
	};

	(void)state;
	base64(pki("@/kubelet-client.crt"), "crt");
	base64(pki("@/kubelet-client.key"), "key");
	snprintf(data, sizeof(data), "\"client-certificate-data\": \"%s\", \"client-key-data\": \"%s\"",
		 data_of("crt"), data_of("key"));
	snprintf(cluster, sizeof(cluster), "\"server\": \"" SERVER "\", \"certificate-authority\": \"%s\"",
		 pki("@/ca.crt"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube *k = NULL;
		struct err e = { 0 };
		int r;

		ok(open_with(cluster, rows[i].user, 0, &k, &e), &e);
		r = ask(k, &e);
		kube_close(k);
		if (r != rows[i].r)
			fail_msg("%s: %d: %s", rows[i].name, r, e.msg);
	}
}

static void test_servers(void **state)
{
	char line[512];
	struct {
		const char *name, *cluster, *said;
		int r;
	} rows[] = {
		{ "another authority", "\"server\": \"" SERVER "\", \"certificate-authority\": \"other.crt\"",
		  "certificate", -EPROTO },
		{ "name of its certificate",
		  pki("\"server\": \"" SERVER
		      "\", \"certificate-authority\": \"@/ca.crt\", \"tls-server-name\": "
		      "\"kubernetes.default.svc\""),
		  "", 0 },
		{ "not its name",
		  pki("\"server\": \"" SERVER
		      "\", \"certificate-authority\": \"@/ca.crt\", \"tls-server-name\": "
		      "\"elsewhere.test\""),
		  "certificate", -EPROTO },
		{ "nobody checks", "\"server\": \"" SERVER "\", \"insecure-skip-tls-verify\": true", "", 0 },
		{ "nobody there",
		  pki("\"server\": \"https://10.111.0.1:9\", \"certificate-authority\": \"@/ca.crt\""),
		  "connect", -ECONNREFUSED },
		{ "etcd instead",
		  pki("\"server\": \"https://127.0.0.1:2379\", \"certificate-authority\": \"@/ca.crt\""), "",
		  -ECONNRESET },
	};

	(void)state;
	snprintf(
		line, sizeof(line),
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=ca -days 2 "
		"-keyout %s/other.key -out %s/other.crt 2>/dev/null",
		dir, dir);
	assert_int_equal(system(line), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube *k = NULL;
		struct err e = { 0 };
		struct kube_op op = { .res = &kube_resources[KUBE_NODES], .name = "x", .once = true };
		struct json_object *o = NULL;
		int r;

		ok(open_with(rows[i].cluster, "\"token\": \"admin-token\"", KUBE_ALLOW_INSECURE, &k, &e), &e);
		op.until = deadline_in(AMPLE);
		r = kube_get(k, &op, &o, &e);
		kube_close(k);
		json_object_put(o);
		/* No node is called that: it was asked. */
		if ((r == -ENOENT ? 0 : r) != rows[i].r || !strstr(e.msg, rows[i].said))
			fail_msg("%s: %d: %s", rows[i].name, r, e.msg);
		if (r != -ENOENT)
			assert_int_equal(op.answer.outcome, KUBE_NOT_SENT);
	}
}

static void put_token(const char *text)
{
	struct err e;
	char path[128];

	snprintf(path, sizeof(path), "%s/token", dir);
	ok(file_replace(AT_FDCWD, path, 0600, text, strlen(text), false, &e), &e);
}

/* As a pod has it: kubelet replaces the file. */
static void test_token_file(void **state)
{
	struct kube_config conf;
	struct kube *k = NULL;
	char line[512];
	struct err e;

	(void)state;
	snprintf(line, sizeof(line), "cp '%s' %s/ca.crt && printf 'here\\n' >%s/namespace", pki("@/ca.crt"),
		 dir, dir);
	assert_int_equal(system(line), 0);
	put_token("old\n");
	ok(kube_config_pod("10.111.0.1", "6443", dir, &conf, &e), &e);
	ok(kube_open(&conf, 0, &k, &e), &e);
	kube_config_clear(&conf);
	assert_string_equal(kube_namespace(k), "here");
	assert_int_equal(ask(k, &e), -EPERM);
	put_token("admin-token\n");
	ok(ask(k, &e), &e);
	put_token("");
	ok(ask(k, &e), &e);
	snprintf(line, sizeof(line), "%s/token", dir);
	unlink(line);
	ok(ask(k, &e), &e);
	put_token("guess");
	assert_int_equal(ask(k, &e), -EPERM);
	kube_close(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_token_file),
	};
	char line[64];
	int r;

	if (!mkdtemp(dir))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(line, sizeof(line), "rm -r %s", dir);
	return system(line) || r;
}
