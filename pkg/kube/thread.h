/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - threads of pkg/kube: small stacks, no signals */
#ifndef KUBE_THREAD_H
#define KUBE_THREAD_H

#include <pthread.h>

#include "base/err.h"
#include "kube/client.h"

int kube_thread(pthread_t *ret, void *(*run)(void *), void *arg, struct err *e);
/* Its waits have deadlines (base/clock.h). */
void kube_cond_init(pthread_cond_t *c);
void kube_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, struct deadline until);

#endif
