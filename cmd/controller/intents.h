/* SPDX-License-Identifier: Apache-2.0 */
/* intents.h - what admission has just let through, or is about to: so that two requests which do not go
 * together cannot both pass, on however many replicas
 *
 * Who looks before the other has been stored sees nothing wrong. So each request that could be in another's
 * way first writes an intent into one ConfigMap by compare-and-swap, and only then lists what there is. The
 * order in the list is the order of the writes: of two requests the later one finds the intent of the earlier
 * one, or (when that was taken out) what became of it.
 *
 * An intent is taken out when it can do nothing any more: its request was refused, or has been stored, or
 * never will be. The last two are seen from the objects: a create's UID is there; an update starts from a
 * version which is no longer the object's. Or INTENT_LIFE_MS have passed by the API server's clock, which
 * itself gives up a request after 60 s.
 */
#ifndef CONTROLLER_INTENTS_H
#define CONTROLLER_INTENTS_H

#include "ip/ip.h"
#include "json/json.h"
#include "kube/client.h"

#define INTENT_LIFE_MS   90000
#define INTENT_ITEMS_MAX 256 /* ranges of one */
#define INTENT_ID_MAX    64
#define INTENT_NAME_MAX  253
#define INTENTS_MAX      1000
#define INTENTS_TEXT_MAX ((size_t)512 << 10)
#define INTENTS_NAME     "spiderpool-admission" /* of the ConfigMap */

struct intent {
	char *id;                /* of the request */
	char *kind, *name, *uid; /* of the object */
	char *base;              /* the version that an update starts from; "" or NULL: a create */
	char *subnet;
	int64_t version;      /* 4, 6 */
	struct json_strv ips; /* all addresses that it will have */
	int64_t until;        /* ms */
};

struct intents {
	JSON_LIST(struct intent) list;
};

/* ---- pure ---- */

int intents_decode(const char *text, size_t len, struct intents *ret, struct err *e);
int intents_encode(const struct intents *l, struct buf *out, struct err *e);
void intents_clear(struct intents *l);
int intent_copy(const struct intent *in, struct intent *out, struct err *e);
void intent_clear(struct intent *i);

/* What an object has, as the intent's ips. A set of too many ranges becomes one that has more (wider) or
 * nothing at all: choose what refuses too much rather than too little. */
int intent_set_ips(struct intent *i, const struct ip_set *total, bool wider, struct err *e);

/* Copies i behind the others, with its time; its place, also when it is there already. -EAGAIN, code
 * ERR_CONFIG: too many. */
int intents_add(struct intents *l, const struct intent *i, int64_t now, struct err *e);
/* false: it was not there. */
bool intents_remove(struct intents *l, const char *id);
/* Of the object with this UID, which is there: its create. */
bool intents_remove_create(struct intents *l, const char *uid);
/* Takes out what is over by then. */
bool intents_expire(struct intents *l, int64_t now);
/* Whether it can do nothing any more. version: of the object with its UID, read by quorum after the intent
 * was seen; NULL: there is none. */
bool intent_settled(const struct intent *i, const char *version);

/* ---- the ConfigMap ---- */

struct intents_book;

int intents_book_new(struct kube *k, const char *ns, struct intents_book **ret, struct err *e);
void intents_book_free(struct intents_book *b); /* nobody uses it any more; accepts NULL */
/* Writes the intent; *ret_before: those that were written earlier and are not over. Requests of one replica
 * are written together. Code ERR_CONFIG for what only the intents are the reason for. */
int intents_book_add(struct intents_book *b, const struct intent *i, struct deadline until,
		     struct intents *ret_before, struct err *e);
/* The same without a write. */
int intents_book_read(struct intents_book *b, struct deadline until, struct intents *ret, struct err *e);
/* Its request is refused: takes it out, if that succeeds soon. */
void intents_book_remove(struct intents_book *b, const char *id);
/* The object with this UID has been seen: takes out its create, if that succeeds soon. Else who deletes it at
 * once could not have its addresses for another pool. */
void intents_book_exists(struct intents_book *b, const char *uid);
/* It is settled: to be taken out with the next write. */
void intents_book_settled(struct intents_book *b, const char *id);
/* Writes what is still to be taken out, if anything: now and then. */
void intents_book_flush(struct intents_book *b);

#endif
