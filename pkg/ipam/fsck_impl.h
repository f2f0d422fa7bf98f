/* SPDX-License-Identifier: Apache-2.0 */
/* fsck_impl.h - between finding (fsck.c) and mending (mend.c) */
#ifndef IPAM_FSCK_IMPL_H
#define IPAM_FSCK_IMPL_H

#include "ipam/endpoint.h"
#include "ipam/fsck.h"
#include "ipam/release.h"

enum finding_kind {
	RECORD_WITHOUT_ATTACHMENT,
	PIN_WITHOUT_ENDPOINT,
	ATTACHMENT_WITHOUT_RECORD, /* key: the attachment */
	ENDPOINT_FALSE,            /* key: the endpoint */
};

struct finding {
	enum finding_kind kind;
	struct ip addr;
	struct ipam_key key;
	char sentence[768];
};

struct fsck {
	const struct ipam_fsck *call;
	struct txn *t;
	struct finding *v;
	size_t n;
};

/* The attachment that should name a held record. */
int fsck_attachment_of(struct txn *t, const struct block_rec *r, struct stored_attachment *ret,
		       struct err *e);
/* The attachment names it and did not lose it. */
bool fsck_names(const struct ipam_attachment *a, struct ip addr);
bool fsck_pod_holds(const struct txn *t, const struct block_rec *r, const char *ns, const char *pod);
/* Its endpoint must name it: nothing else leads from the pod to it. */
bool fsck_keeps(const struct block_rec *r);
/* In a transaction of its own, after looking again. */
int fsck_mend(struct ipam *m, const struct finding *f, bool *ret_mended, struct err *e);

#endif
