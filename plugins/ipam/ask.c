/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - one question to the agent over its socket */
#include "ask.h"

#include <errno.h>

#include "base/own.h"
#include "http/client.h"

#define REASON_MAX 1024 /* of what the agent says about a failure */

static int unreachable(const struct ask *q, int r, struct err *e)
{
	if (r == -ENOENT || r == -ECONNREFUSED)
		return err_code(
			e, ERR_TRY_AGAIN, -r,
			"spiderpool-agent is not reachable at %s; on a machine without Kubernetes set "
			"\"datastore\": \"local\" in the ipam section",
			q->socket);
	if (r == -ENOMEM)
		return r;
	e->cni = ERR_TRY_AGAIN;
	return err_wrap(e, "spiderpool-agent");
}

/* A version before ours: its router has no such path, or no such method on it. */
static bool is_unknown(int status)
{
	return status == 404 || status == 405 || status == 501;
}

/* To us the agent says {"code", "message"}; others, and agents of other versions, say a text. */
static int refused(const struct ask *q, const struct http_answer *a, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	int sys = is_unknown(a->status) ? EOPNOTSUPP : EAGAIN;
	const char *text = NULL;
	struct err ignored;
	int64_t code = 0;

	if (json_parse(buf_cstr(&a->body), a->body.len, "answer", &tree, &ignored) == 0) {
		text = json_text(tree) ? json_text(tree) : json_get_str(tree, "message");
		(void)json_get_int(tree, "code", &code);
	}
	if (a->status == 500 && text && *text)
		return err_code(e, code > 0 && code <= ERR_INTERNAL ? (int)code : ERR_TRY_AGAIN, sys, "%s",
				text);
	return err_code(e, ERR_TRY_AGAIN, sys, "spiderpool-agent: socket %s: %s %s: status %d: %.*s",
			q->socket, q->method, q->path, a->status, REASON_MAX,
			text ? text : buf_cstr(&a->body));
}

int ask_agent(const struct ask *q, struct deadline until, struct err *e)
{
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	CLEANUP(buf_clear) struct buf body = BUF_INIT(SOCKET_BODY_MAX);
	int r = json_encode_text(q->body_table, q->body, &body, e);

	if (r == 0)
		r = http_unix(&(struct http_request){ .socket = q->socket,
						      .method = q->method,
						      .path = q->path,
						      .body = buf_cstr(&body),
						      .max = SOCKET_ANSWER_MAX },
			      until, &a, e);
	if (r < 0)
		return unreachable(q, r, e);
	if (a.status != 200)
		return refused(q, &a, e);
	if (!q->answer_table)
		return 0;
	r = json_decode_text(q->answer_table, buf_cstr(&a.body), a.body.len, NULL, q->answer, e);
	if (r == 0 || r == -ENOMEM)
		return r;
	e->cni = ERR_TRY_AGAIN;
	e->sys = EBADMSG;
	return err_wrap(e, "spiderpool-agent: socket %s: %s %s: answer", q->socket, q->method, q->path);
}
