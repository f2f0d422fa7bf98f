/* SPDX-License-Identifier: Apache-2.0 */
/* api.c - bare requests to kube-apiserver, over some connections at a time: the floor, and what tests need
 *
 *	api SERVER CA TOKEN CONNECTIONS RESULTS
 *
 * stdin: lines of METHOD PATH [BODY]; VERSION in a body becomes the resourceVersion of the connection's last
 *answer; with API_HTTP2 in the environment HTTP/2 is spoken. RESULTS: a line each, NAME and UID of the object
 *that was answered, or the answer when it failed. stdout: "COUNT FAILED SECONDS MEDIAN_MS FASTEST_MS
 *SLOWEST_MS".
 */
#include <curl/curl.h>

#include "base/own.h"
#include "jobs.h"
#include "json/json.h"
#include "kube/object.h"

static const char *server, *authority;
static struct curl_slist *headers;

struct connection {
	CURL *easy;
	struct buf answer, body;
	char version[64]; /* of the last answer */
};
static __thread struct connection mine;

static size_t keep(char *p, size_t size, size_t n, void *arg)
{
	buf_add(arg, p, size * n);
	return size * n;
}

static void connection_open(struct connection *c)
{
	c->answer = BUF_INIT(4 << 20);
	c->body = BUF_INIT(4 << 20);
	c->easy = curl_easy_init();
	if (!c->easy)
		die("curl");
	curl_easy_setopt(c->easy, CURLOPT_CAINFO, authority);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION,
			 getenv("API_HTTP2") ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, &c->answer);
}

static const char *body_of(struct connection *c, const char *text)
{
	const char *at = strstr(text, "VERSION");

	if (!at)
		return text;
	buf_reset(&c->body);
	buf_add(&c->body, text, (size_t)(at - text));
	buf_str(&c->body, c->version);
	buf_str(&c->body, at + strlen("VERSION"));
	return buf_cstr(&c->body);
}

static void keep_version(struct connection *c)
{
	static const char key[] = "\"resourceVersion\":\"";
	const char *at = strstr(buf_cstr(&c->answer), key);

	if (at)
		snprintf(c->version, sizeof(c->version), "%.*s", (int)strspn(at + strlen(key), "0123456789"),
			 at + strlen(key));
}

static void request(struct line *l)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	char method[16], path[512], url[1024];
	const char *name, *uid;
	long status = 0;
	struct err e;
	int at = 0;

	if (!mine.easy)
		connection_open(&mine);
	if (sscanf(l->text, "%15s %511s %n", method, path, &at) < 2)
		die(l->text);
	buf_reset(&mine.answer);
	snprintf(url, sizeof(url), "%s%s", server, path);
	curl_easy_setopt(mine.easy, CURLOPT_URL, url);
	curl_easy_setopt(mine.easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(mine.easy, CURLOPT_POSTFIELDS, body_of(&mine, l->text + at));
	if (curl_easy_perform(mine.easy) == CURLE_OK)
		curl_easy_getinfo(mine.easy, CURLINFO_RESPONSE_CODE, &status);
	l->failed = status / 100 != 2;
	keep_version(&mine);
	if (!l->failed && json_parse(buf_cstr(&mine.answer), mine.answer.len, "answer", &tree, &e) == 0) {
		name = kube_meta(tree, "name");
		uid = kube_meta(tree, "uid");
		if (asprintf(&l->result, "%s %s", name ? name : "-", uid ? uid : "-") < 0)
			die("memory");
	} else if (asprintf(&l->result, "HTTP %ld %.300s", status, buf_cstr(&mine.answer)) < 0) {
		die("memory");
	}
}

int main(int argc, char **argv)
{
	char token[1024];

	if (argc != 6) {
		fprintf(stderr, "usage: %s SERVER CA TOKEN CONNECTIONS RESULTS\n", argv[0]);
		return 2;
	}
	server = argv[1];
	authority = argv[2];
	snprintf(token, sizeof(token), "Authorization: Bearer %s", argv[3]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	headers = curl_slist_append(NULL, token);
	headers = curl_slist_append(headers, "Content-Type: application/json");
	jobs_run(argv[4], argv[5], request);
	return 0;
}
