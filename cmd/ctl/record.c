/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - who has an address, in words */
#include "record.h"

#include <stdio.h>

#include "base/own.h"

const char *const record_states[] = { "in-use", "kept", "quarantine", "cooling", NULL };

const char *record_state_name(enum record_state s)
{
	return s == RECORD_FREE ? "free" : record_states[s];
}

enum record_state record_state(const struct ipam *m, const struct block_rec *r)
{
	int64_t now = clock_wall_ms();

	if (block_rec_held(r, now)) {
		if (r->hold == HOLD_QUARANTINE)
			return RECORD_QUARANTINE;
		return block_rec_has_holder(r) ? RECORD_IN_USE : RECORD_KEPT;
	}
	return block_rec_free_at(r) + m->conf.cooldown_ms > now ? RECORD_COOLING : RECORD_FREE;
}

const char *record_pod(const char *ns, const char *pod, char out[POD_TEXT_MAX])
{
	if (!pod || !*pod)
		out[0] = '\0';
	else
		snprintf(out, POD_TEXT_MAX, "%s%s%s", ns ? ns : "", ns && *ns ? "/" : "", pod);
	return out;
}

void record_doc(struct doc *d, const struct ipam *m, const struct ipam_found *f)
{
	const struct block_rec *r = f->rec;
	enum record_state state = record_state(m, r);
	char text[IP_TEXT_MAX], pod[POD_TEXT_MAX];

	doc_text(d, "address", ip_format(f->addr, text));
	doc_text(d, "state", record_state_name(state));
	doc_text(d, "pool", r->pool);
	doc_text(d, "pod", record_pod(r->ns, r->pod, pod));
	doc_text(d, "podUID", r->uid);
	doc_text(d, "nic", r->nic);
	doc_text(d, "network", r->network);
	doc_text(d, "node", r->node);
	doc_text(d, "container", r->container);
	doc_text(d, "mac", r->mac);
	doc_text(d, "keptFor", r->ref);
	doc_time(d, "since", r->since);
	doc_time(d, "until", state == RECORD_COOLING ? block_rec_free_at(r) + m->conf.cooldown_ms : r->until);
	if (r->unconfirmed)
		doc_bool(d, "unconfirmed", true);
}

const struct out_column record_columns[] = {
	{ "ADDRESS", "address", false }, { "STATE", "state", false }, { "POOL", "pool", false },
	{ "POD", "pod", false },         { "NIC", "nic", false },     { "NETWORK", "network", false },
	{ "SINCE", "since", false },     { "NODE", "node", true },    { "CONTAINER", "container", true },
	{ "MAC", "mac", true },          { "UNTIL", "until", true },  { "KEPT-FOR", "keptFor", true },
};
const size_t record_n_columns = ARRAY_LEN(record_columns);
