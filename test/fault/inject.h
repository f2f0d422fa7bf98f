/* SPDX-License-Identifier: Apache-2.0 */
/* inject.h - makes chosen allocations of a test program fail
 *
 *	for (long n = 1;; n++) {
 *		inject_arm(n, 1);               the n-th allocation from here on fails
 *		r = f(..., &e);
 *		if (!inject_disarm())           none failed: f needs fewer than n
 *			break;
 *		assert_int_equal(r, -ENOMEM);   release nothing: f must have done that
 *	}
 *
 * Include it in one file of the program: it defines the allocator for all of it, shared libraries (json-c,
 * libyaml) and libc's own calls included, in plain builds and under ASan (where a leak fails the test at
 * exit). inject_live() finds leaks in plain builds, too. Disarm before asserting: cmocka allocates. One
 *thread.
 */
#ifndef TEST_INJECT_H
#define TEST_INJECT_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define INJECT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INJECT_ASAN 1
#endif
#endif

#ifdef INJECT_ASAN
#define INJECT_REAL(fn) __interceptor_##fn
#else
#define INJECT_REAL(fn) __libc_##fn
#endif

void *INJECT_REAL(malloc)(size_t size);
void *INJECT_REAL(calloc)(size_t n, size_t size);
void *INJECT_REAL(realloc)(void *p, size_t size);
void INJECT_REAL(free)(void *p);

static struct {
	long left, count, failed; /* until the first failure; failures to come; failures so far */
	long live;                /* blocks that are not released */
} inject;

/* The first-th allocation from now on fails, and those after it until count have failed. */
static inline void inject_arm(long first, long count)
{
	inject.left = first;
	inject.count = count;
	inject.failed = 0;
}

/* Back to normal; the number of allocations that failed. */
static inline long inject_disarm(void)
{
	inject.count = 0;
	return inject.failed;
}

/* Blocks that are allocated now: compare before and after. */
static inline long inject_live(void)
{
	return inject.live;
}

static bool inject_now(void)
{
	if (!inject.count || --inject.left > 0)
		return false;
	inject.count--;
	inject.failed++;
	errno = ENOMEM;
	return true;
}

static void *inject_count(void *p)
{
	inject.live += p != NULL;
	return p;
}

void *malloc(size_t size)
{
	return inject_now() ? NULL : inject_count(INJECT_REAL(malloc)(size));
}

void *calloc(size_t n, size_t size)
{
	return inject_now() ? NULL : inject_count(INJECT_REAL(calloc)(n, size));
}

void *realloc(void *p, size_t size)
{
	void *q;

	if (inject_now())
		return NULL;
	q = INJECT_REAL(realloc)(p, size);
	inject.live += !p && q;
	return q;
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

void free(void *p)
{
	inject.live -= p != NULL;
	INJECT_REAL(free)(p);
}

/* libc's calls malloc(), ASan's does not. */
char *strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *strdup(const char *s)
{
	return strndup(s, strlen(s));
}

#endif
