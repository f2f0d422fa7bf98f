/* SPDX-License-Identifier: Apache-2.0 */
/* easy.c - one request as libcurl wants it, and what libcurl tells of it */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "kube/internal.h"

/* A peer that acknowledges nothing for so long is gone: the kernel closes the connection, and with it all
 * that waits on it. Watches are idle, so they are probed. */
#define GONE_MS    10000
#define PROBE_S    5L
#define CONNECT_MS 5000L
/* kube-apiserver closes after 90: a request that crosses this has an unknown outcome. */
#define IDLE_S      60L
#define UPLOAD_BUFF 16384L /* libcurl's smallest; the default is four times that for each request */

/* A caller that has given up was told what became of its request: nothing more of it may go out. */
static bool go_on(struct kube_job *j, bool sends)
{
	bool go;

	pthread_mutex_lock(&j->k->lock);
	go = !j->given_up;
	if (go && sends)
		j->sent = true;
	pthread_mutex_unlock(&j->k->lock);
	return go;
}

/* Before the first byte of an attempt. A request with a body is nothing without it. */
static int before_sending(void *arg, char *peer, char *local, int peer_port, int local_port)
{
	struct kube_job *j = arg;

	(void)peer;
	(void)local;
	(void)peer_port;
	j->sent_at = clock_mono_ms();
	j->port = local_port;
	return go_on(j, !j->body) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* Not CURLOPT_POSTFIELDS: libcurl repeats a request when a kept connection breaks before an answer. One with
 * a body changes something and may have done so. Read from here it cannot be repeated: it fails
 * (CURLE_SEND_FAIL_REWIND), and the caller settles it. */
static size_t give_body(char *to, size_t size, size_t n, void *arg)
{
	struct kube_job *j = arg;

	if (!go_on(j, true))
		return CURL_READFUNC_ABORT;
	n *= size;
	if (n > j->len - j->sent_to)
		n = j->len - j->sent_to;
	memcpy(to, j->body + j->sent_to, n);
	j->sent_to += n;
	return n;
}

static bool is_header(const char *line, size_t len, const char *name, char *value, size_t max)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	for (n++; n < len && (line[n] == ' ' || line[n] == '\t');)
		n++;
	while (len > n && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len - n >= max)
		return false;
	memcpy(value, line + n, len - n);
	value[len - n] = '\0';
	return true;
}

/* Seconds, or a date. */
static int64_t retry_after(const char *value, int64_t date_ms)
{
	char *end;
	long s = strtol(value, &end, 10);
	time_t at;

	if (end != value && !*end)
		return s > 0 ? (int64_t)(s < 3600 ? s : 3600) * 1000 : 0;
	at = curl_getdate(value, NULL);
	if (at < 0 || !date_ms || (int64_t)at * 1000 <= date_ms)
		return 0;
	return (int64_t)at * 1000 - date_ms;
}

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct kube_job *j = arg;
	char value[64];
	long status = 0;
	time_t at;

	n *= size;
	j->io->heard_at = clock_mono_ms();
	if (j->head_done)
		return n;
	if (n > 5 && !strncasecmp(line, "HTTP/", 5)) {
		j->answer.date_ms = j->answer.retry_after_ms = 0;
	} else if (is_header(line, n, "date", value, sizeof(value))) {
		at = curl_getdate(value, NULL);
		j->answer.date_ms = at > 0 ? (int64_t)at * 1000 : 0;
	} else if (is_header(line, n, "retry-after", value, sizeof(value))) {
		j->answer.retry_after_ms = retry_after(value, j->answer.date_ms);
	}
	if (strspn(line, "\r\n") != n)
		return n;
	curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return n;
	pthread_mutex_lock(&j->k->lock);
	j->answer.status = (int)status;
	j->head_done = true;
	if (j->is_stream)
		pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&j->k->lock);
	return n;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct kube_job *j = arg;
	int err;

	n *= size;
	j->io->heard_at = clock_mono_ms();
	if (!j->is_stream || j->answer.status >= 300) {
		buf_add(&j->answer.body, data, n);
		return j->answer.body.err ? 0 : n;
	}
	pthread_mutex_lock(&j->k->lock);
	buf_add(&j->unread, data, n);
	err = j->unread.err;
	pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&j->k->lock);
	return err ? 0 : n;
}

static int opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct kube_job *j = arg;
	unsigned ms = GONE_MS;

	(void)purpose;
	/* Not every kernel that tests run on has it; then keep-alive probes are all there is. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	if (j->io->n_sockets < KUBE_SOCKET_MAX)
		j->io->sockets[j->io->n_sockets++] = fd;
	return CURL_SOCKOPT_OK;
}

static int closed(void *arg, curl_socket_t fd)
{
	struct kube_io *io = arg;

	for (size_t i = 0; i < io->n_sockets; i++) {
		if (io->sockets[i] == fd)
			io->sockets[i] = io->sockets[--io->n_sockets];
	}
	return close(fd);
}

static CURLcode set_tls(CURL *c, const struct kube *k)
{
	CURLcode r = CURLE_OK;
	long verify = !k->conf.insecure;

	r |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	r |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, verify);
	r |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	/* Both, so that the system's bundle is never read: it costs megabytes, and its authorities are not
	 * the cluster's. */
	r |= curl_easy_setopt(c, CURLOPT_CAINFO, k->tls.ca.path);
	r |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (k->tls.cert.path) {
		r |= curl_easy_setopt(c, CURLOPT_SSLCERT, k->tls.cert.path);
		r |= curl_easy_setopt(c, CURLOPT_SSLKEY, k->tls.key.path);
	}
	if (k->connect_to)
		r |= curl_easy_setopt(c, CURLOPT_CONNECT_TO, k->connect_to);
	return r;
}

static CURLcode set_body(CURL *c, struct kube_job *j)
{
	CURLcode r = CURLE_OK;

	r |= curl_easy_setopt(c, CURLOPT_POST, 1L);
	r |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)j->len);
	r |= curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
	r |= curl_easy_setopt(c, CURLOPT_READDATA, j);
	r |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, j->method);
	r |= curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFF);
	return r;
}

static CURLcode set_connection(CURL *c, struct kube_job *j)
{
	bool http2 = j->is_stream && !(j->k->flags & KUBE_HTTP1);
	CURLcode r = CURLE_OK;

	/* The environment's proxies are not ours. */
	r |= curl_easy_setopt(c, CURLOPT_PROXY, "");
	r |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	r |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
	r |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
			      (long)(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	/* Without TLS it is HTTP/1.1, which libcurl learns from the first answer without telling who waits.
	 */
	r |= curl_easy_setopt(c, CURLOPT_PIPEWAIT, (long)(http2 && !strncmp(j->k->url, "https:", 6)));
	r |= curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, IDLE_S);
	r |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	r |= curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	r |= curl_easy_setopt(c, CURLOPT_TCP_KEEPIDLE, PROBE_S);
	r |= curl_easy_setopt(c, CURLOPT_TCP_KEEPINTVL, PROBE_S);
	r |= curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, opened);
	r |= curl_easy_setopt(c, CURLOPT_SOCKOPTDATA, j);
	/* Of the connection, which outlives the job. */
	r |= curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, closed);
	r |= curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, j->io);
	r |= curl_easy_setopt(c, CURLOPT_USERAGENT, "spiderpool/" SPIDERPOOL_VERSION);
	return r;
}

int kube_easy_set(struct kube_job *j)
{
	CURLcode r = CURLE_OK;
	CURL *c = j->easy;

	r |= curl_easy_setopt(c, CURLOPT_URL, j->url);
	r |= curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	r |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, j->headers);
	r |= curl_easy_setopt(c, CURLOPT_PRIVATE, j);
	r |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, j->why);
	r |= curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, before_sending);
	r |= curl_easy_setopt(c, CURLOPT_PREREQDATA, j);
	r |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	r |= curl_easy_setopt(c, CURLOPT_HEADERDATA, j);
	r |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	r |= curl_easy_setopt(c, CURLOPT_WRITEDATA, j);
	r |= set_connection(c, j);
	r |= set_tls(c, j->k);
	if (j->body)
		r |= set_body(c, j);
	return r == CURLE_OK ? 0 : -ENOMEM;
}
