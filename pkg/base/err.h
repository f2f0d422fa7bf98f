/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - one error: what a caller can act on and the sentence a user reads
 *
 * A struct err belongs to the caller and has a fixed size: setting it never allocates and nothing has to be
 * released, so it works when memory is gone. Functions that can fail take it last, return a negative errno on
 * failure and write it only then. A sentence names the object, the field, the value, what was wanted and what
 * to do; every caller that knows more puts it in front with err_wrap().
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define ERR_MSG_MAX 2048

/* Codes of the CNI error object (CNI spec 1.1.0, section "Error"; 8 and 999 are the Go library's). */
enum err_code {
	ERR_VERSION = 1,
	ERR_UNSUPPORTED_FIELD = 2,
	ERR_UNKNOWN_CONTAINER = 3,
	ERR_ENV = 4,
	ERR_IO = 5,
	ERR_DECODE = 6,
	ERR_CONFIG = 7,
	ERR_NETNS = 8,
	ERR_TRY_AGAIN = 11,
	ERR_UNAVAILABLE = 50,
	ERR_LIMITED = 51,
	ERR_INTERNAL = 999,
};

struct err {
	int cni; /* enum err_code, for the CNI error object and for exit codes */
	int sys; /* positive errno */
	char msg[ERR_MSG_MAX];
};

/* Sets the whole error with code ERR_INTERNAL; returns -sys. A too long sentence ends in "...". */
int err_set(struct err *e, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with a code of its own. */
int err_code(struct err *e, int cni, int sys, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Sets "sentence: strerror(sys)" with code ERR_IO; returns -sys. */
int err_sys(struct err *e, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "sentence: " in front of what is there; keeps both codes; returns -e->sys. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Out of memory: returns -ENOMEM. */
int err_nomem(struct err *e);

#endif
