/* SPDX-License-Identifier: Apache-2.0 */
/* block.h - SpiderIPBlock: who has which of 64 addresses (design: allocation.md section 1)
 *
 * The text form is one line per address that is held, cooling or in quarantine, sorted by offset; it is the
 * value that the local store keeps and the string spec.records of the custom resource. A line ends in a
 *newline and has 18 fields separated by tabs:
 *
 *	offset hold since pool network namespace pod uid nic node container boot request netns ref until mac
 *flags
 *
 * Numbers are plain decimal, times are milliseconds since the epoch and not negative, flags is "u"
 * (unconfirmed) or empty. Fields are printable ASCII: no tab, no newline, nothing that JSON would rewrite.
 * Each content has exactly one text.
 *
 * Invariant A lives here: an address has one line, and lines change only with the whole text.
 *
 * Ownership: block_decode() copies the text once, all strings point into that copy; strings that a caller
 * puts into a record must live until the block was encoded. "" means none; no string is ever NULL.
 */
#ifndef API_BLOCK_H
#define API_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ip/ip.h"

#define BLOCK_FIELD_MAX 512 /* bytes in one field */
#define BLOCK_TEXT_MAX  (1 << 20)

enum hold {
	HOLD_NONE,       /* no record: never used, or long forgotten */
	HOLD_POD,        /* dies with its holder */
	HOLD_STS,        /* ref: namespace/name/ordinal */
	HOLD_VM,         /* ref: namespace/name */
	HOLD_PIN,        /* ref: namespace/pod: kept by pod name, local store */
	HOLD_FREE,       /* cooling: since is the time of release */
	HOLD_QUARANTINE, /* until and mac: somebody else answers for it */
	HOLD_MAX
};

const char *hold_name(enum hold h); /* "none", "pod", "sts", "vm", "pin", "free", "quarantine" */

struct block_rec {
	enum hold hold;
	bool unconfirmed;     /* freed without word from its node, or restored from a backup */
	int64_t since, until; /* ms; until 0: none */
	const char *pool, *network, *ns, *pod, *uid, *nic, *node, *container, *boot, *request, *netns, *ref,
		*mac;
};

struct block {
	uint8_t ver;
	ip_num index;                        /* first address / 64 */
	struct block_rec rec[IP_BLOCK_SIZE]; /* hold NONE where there is no line */
	char *text;                          /* owner of the strings */
};

void block_init(struct block *b, uint8_t ver, ip_num index); /* nothing held */
/* b is overwritten. -EBADMSG, code ERR_DECODE, names the line; b is then empty. Every text that decodes
 * encodes to itself. */
int block_decode(uint8_t ver, ip_num index, const char *text, size_t len, struct block *b, struct err *e);
/* Appends to out. -EINVAL names a field that the text form cannot hold; out is then of no use. */
int block_encode(const struct block *b, struct buf *out, struct err *e);
void block_clear(struct block *b);
/* An empty record: hold NONE and no NULL anywhere. */
void block_rec_init(struct block_rec *r);

/* Held: has a holder or a hold that keeps it (POD, STS, VM, PIN, or QUARANTINE not over at now). */
bool block_rec_held(const struct block_rec *r, int64_t now);
bool block_rec_has_holder(const struct block_rec *r); /* a container has it now, whatever the hold says */
uint64_t block_held_mask(const struct block *b, int64_t now);
/* When the address became free: 0 never used, the release time, until for a quarantine that has an end;
 * INT64_MAX when held for an unknown time. A time in the future counts as it is. */
int64_t block_rec_free_at(const struct block_rec *r);
/* The smallest of those: what store_op.free_at wants. */
int64_t block_free_at(const struct block *b);

#endif
