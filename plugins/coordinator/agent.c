/* SPDX-License-Identifier: Apache-2.0 */
/* agent.c - coordinator's configuration from the node's agent */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "http/client.h"

#define CONFIG_PATH "/v1/coordinator/config"
#define HEALTH_PATH "/v1/ipam/healthy"
#define KEPT_FILE   "agent-config.json"
#define ANSWER_MAX  ((size_t)1 << 20)
#define REASON_MAX  600 /* of what the agent says about a failure */

struct question {
	char *pod, *ns;
};
static const struct json_field question_fields[] = {
	JF(struct question, pod, "podName", .flags = JSON_EMPTY),
	JF(struct question, ns, "podNamespace", .flags = JSON_EMPTY),
};
static const struct json_table question_table = JSON_TABLE(struct question, "question", question_fields);

static int get(const char *socket, const char *path, const char *body, struct deadline until,
	       struct http_answer *ret, struct err *e)
{
	return http_unix(
		&(struct http_request){
			.socket = socket, .method = "GET", .path = path, .body = body, .max = ANSWER_MAX },
		deadline_min(until, deadline_in(COORDINATOR_AGENT_MS)), ret, e);
}

static int ask(const char *socket, const struct cni_args *args, struct deadline until,
	       struct http_answer *ret, struct err *e)
{
	const struct question q = { .pod = args->pod_name, .ns = args->pod_namespace };
	CLEANUP(buf_clear) struct buf body = BUF_INIT(ANSWER_MAX);
	int r = json_encode_text(&question_table, &q, &body, e);

	return r < 0 ? r : get(socket, CONFIG_PATH, buf_cstr(&body), until, ret, e);
}

/* What a failed answer says: a JSON text, the message of an object, or plain text; one line. */
static void read_reason(const struct buf *body, char out[REASON_MAX])
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct err ignored;
	const char *text = NULL;

	if (json_parse(buf_cstr(body), body->len, "answer", &tree, &ignored) == 0)
		text = json_text(tree) ? json_text(tree) : json_get_str(tree, "message");
	snprintf(out, REASON_MAX, "%s", text ? text : buf_cstr(body));
	for (char *p = out; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
	for (size_t n = strlen(out); n && out[n - 1] == ' '; n--)
		out[n - 1] = '\0';
}

static int refused(const char *socket, const char *path, const struct http_answer *a, struct err *e)
{
	char reason[REASON_MAX];

	read_reason(&a->body, reason);
	return err_code(e, ERR_TRY_AGAIN, EAGAIN, "spiderpool-agent: socket %s: GET %s: status %d: %s",
			socket, path, a->status, reason[0] ? reason : "(no reason given)");
}

static int unreachable(int r, const char *marker, struct err *e)
{
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT && access(marker, F_OK) < 0)
		return 1;
	if (e->cni == ERR_IO)
		e->cni = ERR_TRY_AGAIN;
	err_wrap(e, "spiderpool-agent");
	if (r == -ENOENT) {
		size_t n = strlen(e->msg);

		snprintf(e->msg + n, sizeof(e->msg) - n,
			 "; this node has an agent (%.200s exists): is it running?", marker);
	}
	return r;
}

int coordinator_agent_fetch(const char *socket, const char *marker, const struct cni_args *args,
			    struct deadline until, struct coordinator_answer *ret, struct err *e)
{
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	int r;

	*ret = (struct coordinator_answer){ 0 };
	r = ask(socket, args, until, &a, e);
	if (r < 0)
		return unreachable(r, marker, e);
	if (a.status != 200)
		return refused(socket, CONFIG_PATH, &a, e);
	r = json_decode_text(&coordinator_answer_table, buf_cstr(&a.body), a.body.len, "answer", ret, e);
	return r < 0 ? err_wrap(e, "spiderpool-agent: socket %s: GET " CONFIG_PATH, socket) : 0;
}

int coordinator_agent_healthy(const char *socket, const char *marker, struct deadline until, struct err *e)
{
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	int r = get(socket, HEALTH_PATH, NULL, until, &a, e);

	if (r < 0)
		return unreachable(r, marker, e);
	return a.status == 200 ? 0 : refused(socket, HEALTH_PATH, &a, e);
}

/* ---- for DEL ---- */

static int read_kept(const char *dir, struct buf *out, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" KEPT_FILE, dir);
	return file_read(AT_FDCWD, path, ANSWER_MAX, out, e);
}

/* What is above it belongs to root alone too: it is also where the embedded store may come to live. */
static int make_private(const char *dir, struct err *e)
{
	char above[PATH_MAX];
	const char *slash = strrchr(dir, '/');
	int r = 0;

	if (slash && slash > dir) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - dir), dir);
		r = file_mkdirs(above, 0700, e);
	}
	return r < 0 ? r : file_mkdirs(dir, 0700, e);
}

int coordinator_agent_keep(const char *dir, const struct coordinator_answer *a, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(ANSWER_MAX), old = BUF_INIT(ANSWER_MAX);
	struct coordinator_answer node = *a; /* its members stay a's */
	char path[PATH_MAX];
	struct err ignored;
	int r;

	node.pod_default_route_nic = NULL;
	node.annotated_route_nic = NULL;
	r = json_encode_text(&coordinator_answer_table, &node, &text, e);
	if (r == 0 && read_kept(dir, &old, &ignored) == 0 && strcmp(buf_cstr(&old), buf_cstr(&text)) == 0)
		return 0;
	if (r == 0)
		r = make_private(dir, e);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/" KEPT_FILE, dir);
	return file_replace(AT_FDCWD, path, 0600, text.s, text.len, true, e);
}

int coordinator_agent_kept(const char *dir, struct coordinator_answer *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(ANSWER_MAX);
	int r;

	*ret = (struct coordinator_answer){ 0 };
	r = read_kept(dir, &text, e);
	if (r == -ENOENT)
		return 1;
	if (r == 0)
		r = json_decode_text(&coordinator_answer_table, buf_cstr(&text), text.len, KEPT_FILE, ret, e);
	return r < 0 ? err_wrap(e, "%s", dir) : 0;
}
