/* SPDX-License-Identifier: Apache-2.0 */
/* own.h - ownership: things that are released when their variable goes out of scope
 *
 *	CLEANUP(free_p) char *s = NULL;      every owner is initialised where it is declared
 *	return TAKE_PTR(s);                  hands it over; the variable no longer owns it
 *
 * A release function takes a pointer to the variable and accepts what was never filled in.
 */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn), unused))

#define TAKE_PTR(p) \
	__extension__({ \
		__typeof__(p) take_ = (p); \
		(p) = NULL; \
		take_; \
	})

#define TAKE_FD(fd) \
	__extension__({ \
		int take_ = (fd); \
		(fd) = -1; \
		take_; \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void free_p(void *p)
{
	free(*(void **)p);
}

static inline void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

#endif
