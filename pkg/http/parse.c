/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - an HTTP/1.1 answer, as it comes in */
#include "http/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define SHOWN "%.80s" /* what is quoted of a line */

void http_parser_init(struct http_parser *p, struct http_answer *a, size_t max)
{
	a->body = BUF_INIT(max);
	*p = (struct http_parser){ .answer = a, .nothing_yet = true };
}

static int bad(struct err *e, const char *what, const char *line)
{
	return err_code(e, ERR_IO, EBADMSG, "%s: \"" SHOWN "\"", what, line);
}

/* ---- the head ---- */

/* "HTTP/1.1 200 OK"; the reason may be missing. */
static int read_status(struct http_parser *p, struct err *e)
{
	const char *s = p->line;

	if (strncmp(s, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)s[7]) || s[8] != ' ')
		return bad(e, "no HTTP/1.1 answer", s);
	s += 9;
	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)s[i]))
			return bad(e, "no status", p->line);
	}
	if (s[3] != '\0' && s[3] != ' ')
		return bad(e, "no status", p->line);
	p->answer->status = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
	/* Nobody asked for another protocol. */
	if (p->answer->status < 100 || p->answer->status > 599 || p->answer->status == 101)
		return bad(e, "a status that answers nothing", p->line);
	p->state = HTTP_HEADER;
	return 0;
}

/* Digits of the base and nothing else; the limit is far above what a body may have. */
static bool read_number(const char *s, size_t len, int base, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = tolower((unsigned char)s[i]);
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;

		if (digit >= base || n >> 48)
			return false;
		n = n * (uint64_t)base + (uint64_t)digit;
	}
	*ret = n;
	return len > 0;
}

static int read_length(struct http_parser *p, const char *value, struct err *e)
{
	uint64_t n;

	if (!read_number(value, strlen(value), 10, &n))
		return bad(e, "no length", p->line);
	if (p->has_length && n != p->left)
		return bad(e, "a second, different length", p->line);
	p->has_length = true;
	p->left = n;
	return 0;
}

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i]))
			return false;
	}
	return len > 0;
}

static int read_header(struct http_parser *p, struct err *e)
{
	size_t name = strcspn(p->line, ":");
	char *value = p->line + name;
	size_t len;

	if (!*value || !is_token(p->line, name))
		return bad(e, "no header line", p->line);
	value += 1 + strspn(value + 1, " \t");
	len = strlen(value);
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		value[--len] = '\0';
	if (p->state == HTTP_TRAILER)
		return 0;
	if (name == strlen("content-length") && strncasecmp(p->line, "content-length", name) == 0)
		return read_length(p, value, e);
	if (name == strlen("transfer-encoding") && strncasecmp(p->line, "transfer-encoding", name) == 0) {
		if (p->chunked || strcasecmp(value, "chunked") != 0)
			return bad(e, "a transfer coding other than chunked", p->line);
		p->chunked = true;
	}
	return 0;
}

static int check_size(const struct http_parser *p, struct err *e)
{
	size_t max = p->answer->body.max;

	if (p->left <= max - p->answer->body.len)
		return 0;
	return err_code(e, ERR_IO, EFBIG, "status %d with a body of more than %zu bytes", p->answer->status,
			max);
}

static int end_head(struct http_parser *p, struct err *e)
{
	int status = p->answer->status;

	if (p->chunked && p->has_length)
		return err_code(e, ERR_IO, EBADMSG, "status %d with both a length and chunks", status);
	if (status < 200) {
		p->state = HTTP_STATUS_LINE;
		p->chunked = p->has_length = false;
		p->left = 0;
	} else if (status == 204 || status == 304) {
		p->state = HTTP_DONE;
	} else if (p->chunked) {
		p->state = HTTP_CHUNK_SIZE;
	} else if (p->has_length) {
		p->state = p->left ? HTTP_BODY_LENGTH : HTTP_DONE;
		return check_size(p, e);
	} else {
		p->state = HTTP_BODY_CLOSE;
	}
	return 0;
}

/* "1f" or "1f;extension" */
static int read_chunk_size(struct http_parser *p, struct err *e)
{
	if (!read_number(p->line, strcspn(p->line, "; \t"), 16, &p->left))
		return bad(e, "no size of a chunk", p->line);
	p->state = p->left ? HTTP_CHUNK_DATA : HTTP_TRAILER;
	return check_size(p, e);
}

static int read_line(struct http_parser *p, struct err *e)
{
	switch (p->state) {
	case HTTP_STATUS_LINE:
		return read_status(p, e);
	case HTTP_HEADER:
		return p->line_len ? read_header(p, e) : end_head(p, e);
	case HTTP_CHUNK_SIZE:
		return read_chunk_size(p, e);
	case HTTP_CHUNK_END:
		p->state = HTTP_CHUNK_SIZE;
		return p->line_len ? bad(e, "text behind a chunk", p->line) : 0;
	default:
		if (p->line_len)
			return read_header(p, e);
		p->state = HTTP_DONE;
		return 0;
	}
}

/* ---- bytes ---- */

/* Takes one byte of a line; a whole line is looked at. */
static int take_char(struct http_parser *p, char c, struct err *e)
{
	int r;

	p->nothing_yet = false;
	/* The sizes of chunks do not count: a long body has many. */
	if (p->state != HTTP_CHUNK_SIZE && p->state != HTTP_CHUNK_END && ++p->head > HTTP_HEAD_MAX)
		return err_code(e, ERR_IO, EBADMSG, "a head of more than %d bytes", HTTP_HEAD_MAX);
	if (c == '\n') {
		if (p->line_len && p->line[p->line_len - 1] == '\r')
			p->line_len--;
		p->line[p->line_len] = '\0';
		r = read_line(p, e);
		p->line_len = 0;
		return r;
	}
	if (p->line_len == sizeof(p->line) - 1)
		return err_code(e, ERR_IO, EBADMSG, "a line of more than %d bytes", HTTP_LINE_MAX);
	p->line[p->line_len] = '\0';
	/* A CR belongs before the LF; of the other control characters only the tab is text. */
	if ((p->line_len && p->line[p->line_len - 1] == '\r') ||
	    (iscntrl((unsigned char)c) && c != '\r' && c != '\t'))
		return bad(e, "a control character behind", p->line);
	p->line[p->line_len++] = c;
	return 0;
}

static int take_body(struct http_parser *p, const char *data, size_t len, struct err *e)
{
	struct buf *b = &p->answer->body;

	if (p->state == HTTP_BODY_CLOSE)
		p->left = len;
	if (check_size(p, e) < 0)
		return -EFBIG;
	buf_add(b, data, len);
	if (b->err)
		return err_nomem(e);
	p->left -= len;
	if (p->left == 0 && p->state == HTTP_BODY_LENGTH)
		p->state = HTTP_DONE;
	if (p->left == 0 && p->state == HTTP_CHUNK_DATA)
		p->state = HTTP_CHUNK_END;
	return 0;
}

static bool in_body(enum http_state s)
{
	return s == HTTP_BODY_LENGTH || s == HTTP_BODY_CLOSE || s == HTTP_CHUNK_DATA;
}

int http_parse(struct http_parser *p, const char *data, size_t len, struct err *e)
{
	size_t i = 0;
	int r = 0;

	while (r == 0 && i < len && p->state != HTTP_DONE) {
		if (in_body(p->state)) {
			size_t n = len - i;

			if (p->state != HTTP_BODY_CLOSE && n > p->left)
				n = (size_t)p->left;
			r = take_body(p, data + i, n, e);
			i += n;
		} else {
			r = take_char(p, data[i++], e);
		}
	}
	return r < 0 ? r : p->state == HTTP_DONE;
}

int http_parse_end(struct http_parser *p, struct err *e)
{
	if (p->state == HTTP_DONE || p->state == HTTP_BODY_CLOSE)
		return 0;
	if (p->nothing_yet)
		return err_code(e, ERR_IO, ECONNRESET, "the connection was closed without an answer");
	if (p->state == HTTP_STATUS_LINE || p->state == HTTP_HEADER)
		return err_code(e, ERR_IO, EBADMSG, "the answer is cut off within its head");
	return err_code(e, ERR_IO, EBADMSG, "status %d with a body that is cut off after %zu bytes",
			p->answer->status, p->answer->body.len);
}
