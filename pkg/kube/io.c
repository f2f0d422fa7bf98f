/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - the thread that owns libcurl's multi handle */
#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "kube/internal.h"

#define CONNECTIONS 4    /* beside one for each stream; with HTTP/2 one carries all */
#define POLL_MS     1000 /* libcurl's own timers shorten it */

/* The server does not answer, and has said nothing on any connection since it was asked: whoever is next must
 * not be put on the same connection. Its other requests fail, as they would anyway. */
#define DEAD_MS 2000

static void keep_easy(struct kube *k, struct kube_job *j)
{
	if (k->n_idle < KUBE_IDLE_MAX) {
		curl_easy_reset(j->easy);
		k->idle[k->n_idle++] = j->easy;
	} else {
		curl_easy_cleanup(j->easy);
	}
	j->easy = NULL;
}

/* HTTP/1.1 gives each stream a connection for itself: they must not use up those of the others. */
static void count_stream(struct kube *k, const struct kube_job *j, bool more)
{
	if (!j->is_stream)
		return;
	k->n_streams += more ? 1 : (size_t)-1;
	curl_multi_setopt(k->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)(CONNECTIONS + k->n_streams));
}

static void finish(struct kube *k, struct kube_job *j, CURLcode code)
{
	long status = 0;

	j->code = code;
	if (j->easy) {
		curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(j->easy, CURLINFO_OS_ERRNO, &j->os_errno);
		curl_multi_remove_handle(k->multi, j->easy);
		count_stream(k, j, false);
		keep_easy(k, j);
	}
	pthread_mutex_lock(&k->lock);
	j->answer.status = (int)status;
	j->state = KUBE_JOB_DONE;
	pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&k->lock);
}

static void start(struct kube *k, struct kube_job *j)
{
	j->easy = k->n_idle ? k->idle[--k->n_idle] : curl_easy_init();
	if (!j->easy) {
		finish(k, j, CURLE_OUT_OF_MEMORY);
		return;
	}
	count_stream(k, j, true);
	if (kube_easy_set(j) < 0 || curl_multi_add_handle(k->multi, j->easy) != CURLM_OK)
		finish(k, j, CURLE_OUT_OF_MEMORY);
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
static void end_connection(struct kube *k, int port)
{
	for (size_t i = 0; i < k->n_sockets; i++) {
		if (port && port_of(k->sockets[i]) == port)
			shutdown(k->sockets[i], SHUT_RDWR);
	}
}

/* Its caller is gone. */
static void drop(struct kube *k, struct kube_job *j)
{
	if (j->easy) {
		if (j->sent_at && !j->is_stream && clock_mono_ms() - j->sent_at >= DEAD_MS &&
		    k->heard_at < j->sent_at)
			end_connection(k, j->port);
		curl_multi_remove_handle(k->multi, j->easy);
		count_stream(k, j, false);
		keep_easy(k, j);
	}
	kube_job_free(j);
}

/* What callers have brought and left since the last time; false: the client is being closed. */
static bool take(struct kube *k)
{
	struct kube_job *new, *dropped, *j;
	bool stopping;

	pthread_mutex_lock(&k->lock);
	new = k->queued.head;
	dropped = k->dropped;
	k->queued = (struct kube_jobs){ 0 };
	k->dropped = NULL;
	for (j = new; j; j = j->next)
		j->state = KUBE_JOB_STARTED;
	stopping = k->stopping && !k->n_calls;
	pthread_mutex_unlock(&k->lock);
	while ((j = dropped)) {
		dropped = j->drop_next;
		drop(k, j);
	}
	while ((j = new)) {
		new = j->next;
		start(k, j);
	}
	return !stopping;
}

void *kube_io_thread(void *arg)
{
	struct kube *k = arg;
	int running;

	curl_multi_setopt(k->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(k->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS);
	while (take(k)) {
		CURLMsg *m;
		int left;

		curl_multi_perform(k->multi, &running);
		while ((m = curl_multi_info_read(k->multi, &left))) {
			struct kube_job *j = NULL;

			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
			finish(k, j, m->data.result);
		}
		curl_multi_poll(k->multi, NULL, 0, POLL_MS, NULL);
	}
	return NULL;
}
