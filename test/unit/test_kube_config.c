/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_config.c - kubeconfigs that are taken, and those that are refused with a sentence */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "kube/client.h"

#define CONF(cluster, user) \
	"apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {cluster: k, user: u, " \
	"namespace: ns}\n- name: other\n  context: {cluster: k2}\nclusters:\n- name: k\n  cluster: {" cluster \
	"}\n- name: k2\n  cluster: {server: https://two, certificate-authority: /two.crt}\nusers:\n- name: u\n" \
	"  user: {" user "}\n"
#define SERVER "server: https://one:6443/"
#define CA     SERVER ", certificate-authority: ca.crt"

/* A config as "server tls ns ca|ca text cert key token tokenfile insecure". */
static void show(const struct kube_config *c, char *out, size_t max)
{
#define S(s) ((s) ? (s) : "-")
	snprintf(out, max, "%s %s %s %s|%s %s|%s %s|%s %s %s %d", S(c->server), S(c->tls_name), S(c->ns),
		 S(c->ca.file), S(c->ca.text), S(c->cert.file), S(c->cert.text), S(c->key.file),
		 S(c->key.text), S(c->token), S(c->token_file), c->insecure);
}

static void test_text(void **state)
{
	static const struct {
		const char *name, *text, *context;
		unsigned flags;
		int r;
		const char *said; /* what it is, or in the sentence */
	} rows[] = {
		{ "token", CONF(CA, "token: t"), NULL, 0, 0,
		  "https://one:6443 - ns /d/ca.crt|- -|- -|- t - 0" },
		{ "token file wins", CONF(CA, "token: t, tokenFile: tf"), "c", 0, 0,
		  "https://one:6443 - ns /d/ca.crt|- -|- -|- - /d/tf 0" },
		{ "certificate", CONF(CA ", tls-server-name: x", "client-certificate: /a, client-key: b"), "",
		  0, 0, "https://one:6443 x ns /d/ca.crt|- /a|- /d/b|- - - 0" },
		{ "data wins",
		  CONF(CA ", certificate-authority-data: \"YWJj\\nZA==\"",
		       "client-certificate-data: YQ==, client-certificate: f, client-key-data: YWI="),
		  NULL, 0, 0, "https://one:6443 - ns -|abcd -|a -|ab - - 0" },
		{ "other context, nobody", CONF(CA, ""), "other", 0, 0,
		  "https://two - - /two.crt|- -|- -|- - - 0" },
		{ "insecure, allowed", CONF(SERVER ", insecure-skip-tls-verify: true", "token: t"), NULL,
		  KUBE_ALLOW_INSECURE, 0, "https://one:6443 - ns -|- -|- -|- t - 1" },
		{ "insecure", CONF(SERVER ", insecure-skip-tls-verify: true", "token: t"), NULL, 0, -EINVAL,
		  "anybody could answer as the API server" },
		{ "http without credentials", CONF("server: \"http://127.0.0.1:8001\"", ""), NULL, 0, 0,
		  "http://127.0.0.1:8001 - ns -|- -|- -|- - - 0" },
		{ "http with a token", CONF("server: http://x", "token: t"), NULL, 0, -EINVAL,
		  "in clear text" },
		{ "no authority", CONF(SERVER, ""), NULL, 0, -EINVAL, "no certificate-authority" },
		{ "no context", CONF(CA, ""), "x", 0, -EINVAL, "there is no context \"x\"" },
		{ "nothing", "{}", NULL, 0, -EINVAL, "no current-context" },
		{ "no cluster", "{current-context: c, contexts: [{name: c, context: {cluster: z}}]}", NULL, 0,
		  -EINVAL, "there is no cluster \"z\"" },
		{ "no user",
		  "{current-context: c, contexts: [{name: c, context: {cluster: z, user: w}}], clusters: [{name: z, "
		  "cluster: {}}]}",
		  NULL, 0, -EINVAL, "there is no user \"w\"" },
		{ "no server", CONF("", ""), NULL, 0, -EINVAL, "has no server" },
		{ "exec", CONF(CA, "exec: {command: x}"), NULL, 0, -EINVAL, "exec would start a program" },
		{ "provider", CONF(CA, "auth-provider: {name: oidc}"), NULL, 0, -EINVAL,
		  "auth-provider is not" },
		{ "password", CONF(CA, "username: a, password: b"), NULL, 0, -EINVAL,
		  "username and password" },
		{ "as", CONF(CA, "as: root"), NULL, 0, -EINVAL, "impersonation" },
		{ "proxy", CONF(CA ", proxy-url: http://p", ""), NULL, 0, -EINVAL,
		  "proxy-url is not supported" },
		{ "certificate alone", CONF(CA, "client-certificate: a"), NULL, 0, -EINVAL,
		  "the key is missing" },
		{ "key alone", CONF(CA, "client-key: a"), NULL, 0, -EINVAL, "the certificate is missing" },
		{ "no base64", CONF(CA, "client-certificate-data: \"a*\""), NULL, 0, -EINVAL,
		  "client-certificate-data: want base64" },
		{ "half base64", CONF(CA, "client-certificate-data: YWJ"), NULL, 0, -EINVAL, "want base64" },
		{ "base64 of NUL", CONF(CA, "client-certificate-data: AAAA"), NULL, 0, -EINVAL,
		  "want base64" },
		{ "user in the URL", CONF("server: \"https://a@b\", certificate-authority: x", ""), NULL, 0,
		  -EINVAL, "without user, query or fragment" },
		{ "no URL", CONF("server: one, certificate-authority: x", ""), NULL, 0, -EINVAL,
		  "want https://" },
		{ "number", CONF(CA, "token: 1"), NULL, 0, -EINVAL, "want a string" },
		{ "no YAML", "a: [", NULL, 0, -EINVAL, "what:" },
		{ "two documents", "{}\n---\n{}\n", NULL, 0, -EINVAL, "more than one" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_config c;
		struct err e = { 0 };
		char text[1024];
		int r = kube_config_text(rows[i].text, "what", "/d", rows[i].context, rows[i].flags, &c, &e);

		show(&c, text, sizeof(text));
		if (r != rows[i].r ||
		    (r == 0 ? strcmp(text, rows[i].said) != 0 : !strstr(e.msg, rows[i].said)))
			fail_msg("%s: %d: %s", rows[i].name, r, r ? e.msg : text);
		if (r < 0 && (e.cni != ERR_CONFIG || c.server))
			fail_msg("%s: code %d", rows[i].name, e.cni);
		kube_config_clear(&c);
	}
}

static void test_pod(void **state)
{
	static const struct {
		const char *host, *port, *said;
	} rows[] = {
		{ "10.96.0.1", "443", "https://10.96.0.1:443 - - /no/ca.crt|- -|- -|- - /no/token 0" },
		{ "fd00::1", "443", "https://[fd00::1]:443 - - /no/ca.crt|- -|- -|- - /no/token 0" },
		{ NULL, "443", NULL },
		{ "10.96.0.1", "", NULL },
		{ "a b", "443", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_config c;
		struct err e = { 0 };
		char text[1024];
		int r = kube_config_pod(rows[i].host, rows[i].port, "/no", &c, &e);

		show(&c, text, sizeof(text));
		if (rows[i].said ? r < 0 || strcmp(text, rows[i].said) != 0 : r != -EINVAL)
			fail_msg("row %zu: %d: %s %s", i, r, e.msg, text);
		kube_config_clear(&c);
	}
}

/* What is found out before anything is sent. */
static void test_open(void **state)
{
	static const struct {
		const char *name, *user, *said;
	} rows[] = {
		{ "no token file", "tokenFile: /nonexistent/token",
		  "token file /nonexistent/token: No such file" },
		{ "token of two lines", "token: \"a\\nb\"", "want one token" },
		{ "no certificate", "client-certificate: /nonexistent/c, client-key: /nonexistent/k",
		  "client-certificate /nonexistent/c: No such file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];
		struct kube_config c;
		struct kube *k;
		struct err e = { 0 };

		snprintf(text, sizeof(text), CONF("%s", "%s"),
			 "server: https://x, certificate-authority-data: YQ==", rows[i].user);
		assert_int_equal(kube_config_text(text, "what", "/d", NULL, 0, &c, &e), 0);
		if (kube_open(&c, 0, &k, &e) >= 0 || k || e.cni != ERR_CONFIG || !strstr(e.msg, rows[i].said))
			fail_msg("%s: %s", rows[i].name, e.msg);
		kube_config_clear(&c);
	}
}

static void test_file(void **state)
{
	static const char text[] = CONF(CA, "token: t");
	char dir[] = "/tmp/spiderpool-kube-XXXXXX", path[64], want[64];
	struct kube_config c;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/config", dir);
	assert_int_equal(kube_config_file(path, NULL, 0, &c, &e), -ENOENT);
	assert_int_equal(file_replace(AT_FDCWD, path, 0600, text, strlen(text), false, &e), 0);
	assert_int_equal(kube_config_file(path, NULL, 0, &c, &e), 0);
	snprintf(want, sizeof(want), "%s/ca.crt", dir);
	assert_string_equal(c.ca.file, want);
	kube_config_clear(&c);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_pod),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
