/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - the threads that own libcurl's multi handles */
#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "kube/internal.h"
#include "kube/thread.h"

#define CALLS   16   /* at a time */
#define POLL_MS 1000 /* libcurl's own timers shorten it */

/* The server does not answer, and has said nothing on any connection since it was asked: whoever is next must
 * not be put on the same connection. Its other requests fail, as they would anyway. */
#define DEAD_MS 2000

static void keep_easy(struct kube_io *io, struct kube_job *j)
{
	if (io->n_idle < KUBE_IDLE_MAX) {
		curl_easy_reset(j->easy);
		io->idle[io->n_idle++] = j->easy;
	} else {
		curl_easy_cleanup(j->easy);
	}
	j->easy = NULL;
}

/* Where there is no HTTP/2 each stream has a connection for itself. */
static void count_stream(struct kube_io *io, const struct kube_job *j, bool more)
{
	if (!j->is_stream)
		return;
	io->n_streams += more ? 1 : (size_t)-1;
	curl_multi_setopt(io->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)(1 + io->n_streams));
}

static void finish(struct kube_io *io, struct kube_job *j, CURLcode code)
{
	long status = 0;

	j->code = code;
	if (j->easy) {
		curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(j->easy, CURLINFO_OS_ERRNO, &j->os_errno);
		curl_multi_remove_handle(io->multi, j->easy);
		count_stream(io, j, false);
		keep_easy(io, j);
	}
	pthread_mutex_lock(&io->k->lock);
	j->answer.status = (int)status;
	j->state = KUBE_JOB_DONE;
	pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&io->k->lock);
}

static void start(struct kube_io *io, struct kube_job *j)
{
	j->easy = io->n_idle ? io->idle[--io->n_idle] : curl_easy_init();
	if (!j->easy) {
		finish(io, j, CURLE_OUT_OF_MEMORY);
		return;
	}
	count_stream(io, j, true);
	if (kube_easy_set(j) < 0 || curl_multi_add_handle(io->multi, j->easy) != CURLM_OK)
		finish(io, j, CURLE_OUT_OF_MEMORY);
}

static in_port_t port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					     : ((struct sockaddr_in *)&a)->sin_port);
}

/* libcurl sees the end of the connection, and gives nothing more to it. */
static void end_connection(struct kube_io *io, int port)
{
	for (size_t i = 0; i < io->n_sockets; i++) {
		if (port && port_of(io->sockets[i]) == port)
			shutdown(io->sockets[i], SHUT_RDWR);
	}
}

/* Its caller is gone. */
static void drop(struct kube_io *io, struct kube_job *j)
{
	if (j->easy) {
		if (j->sent_at && !j->head_done && clock_mono_ms() - j->sent_at >= DEAD_MS &&
		    io->heard_at < j->sent_at)
			end_connection(io, j->port);
		curl_multi_remove_handle(io->multi, j->easy);
		count_stream(io, j, false);
		keep_easy(io, j);
	}
	kube_job_free(j);
}

/* What callers have brought and left since the last time; false: the client is being closed. */
static bool take(struct kube_io *io)
{
	struct kube_job *new, *dropped, *j;
	bool stopping;

	pthread_mutex_lock(&io->k->lock);
	new = io->queued.head;
	dropped = io->dropped;
	io->queued = (struct kube_jobs){ 0 };
	io->dropped = NULL;
	for (j = new; j; j = j->next)
		j->state = KUBE_JOB_STARTED;
	stopping = io->k->stopping && !io->k->n_calls;
	pthread_mutex_unlock(&io->k->lock);
	while ((j = dropped)) {
		dropped = j->drop_next;
		drop(io, j);
	}
	while ((j = new)) {
		new = j->next;
		start(io, j);
	}
	return !stopping;
}

static void *run(void *arg)
{
	struct kube_io *io = arg;
	int running;

	curl_multi_setopt(io->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(io->multi, CURLMOPT_MAX_HOST_CONNECTIONS, io->streams ? 1L : (long)CALLS);
	while (take(io)) {
		CURLMsg *m;
		int left;

		curl_multi_perform(io->multi, &running);
		while ((m = curl_multi_info_read(io->multi, &left))) {
			struct kube_job *j = NULL;

			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
			finish(io, j, m->data.result);
		}
		curl_multi_poll(io->multi, NULL, 0, POLL_MS, NULL);
	}
	return NULL;
}

int kube_io_start(struct kube_io *io, struct kube *k, bool streams, struct err *e)
{
	CURLM *m = curl_multi_init();
	int r;

	*io = (struct kube_io){ .k = k, .streams = streams, .multi = m };
	if (!m)
		return err_nomem(e);
	r = kube_thread(&io->thread, run, io, e);
	if (r < 0) {
		curl_multi_cleanup(m);
		io->multi = NULL;
	}
	return r;
}

void kube_io_end(struct kube_io *io)
{
	if (!io->multi)
		return;
	curl_multi_wakeup(io->multi);
	pthread_join(io->thread, NULL);
	for (size_t i = 0; i < io->n_idle; i++)
		curl_easy_cleanup(io->idle[i]);
	curl_multi_cleanup(io->multi);
}
