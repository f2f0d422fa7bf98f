/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no netlink of nf_tables */
/* test_nl_nft.c - link: -Wl,--wrap=netlink_send */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/own.h"
#include "netlab.h"
#include "nft_marks.h"

/* ---- messages of somebody else ---- */

static struct nl_msg *foreign_msg(int type, int flags, uint16_t res_id, const struct nft_table *t)
{
	struct nfgenmsg head = { .nfgen_family = t ? t->family : AF_UNSPEC, .res_id = htons(res_id) };
	struct nl_msg *m = nlmsg_alloc_simple(type, flags);

	assert_non_null(m);
	assert_int_equal(nlmsg_append(m, &head, sizeof(head), NLMSG_ALIGNTO), 0);
	if (t)
		assert_int_equal(nla_put_string(m, NFTA_TABLE_NAME, t->name), 0);
	return m;
}

static struct nl_msg *foreign(int type, int flags, const struct nft_table *t)
{
	return foreign_msg(NFNL_SUBSYS_NFTABLES << 8 | type, flags, 0, t);
}

/* Sends it as a transaction of its own. */
static void foreign_send(struct netlink *nf, struct nl_msg *m)
{
	struct netlink_batch b = { 0 };
	struct err e;

	netlink_add(&b, foreign_msg(NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES, NULL), NETLINK_EXACT,
		    "begin")
		->no_ack = true;
	netlink_add(&b, m, NETLINK_EXACT, "foreign message");
	netlink_add(&b, foreign_msg(NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES, NULL), NETLINK_EXACT, "end")
		->no_ack = true;
	expect(netlink_send(nf, &b, &e), 0, &e, "foreign");
	netlink_batch_clear(&b);
}

static void table_deleted(struct netlink *nf)
{
	foreign_send(nf, foreign(NFT_MSG_DELTABLE, 0, &marks));
}

static void table_dormant(struct netlink *nf)
{
	struct nl_msg *m = foreign(NFT_MSG_NEWTABLE, NLM_F_CREATE, &marks);

	nla_put_u32(m, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_DORMANT));
	foreign_send(nf, m);
}

/* All rules of a chain. */
static void chain_flushed(struct netlink *nf)
{
	struct nl_msg *m = foreign(NFT_MSG_DELRULE, 0, &marks);

	nla_put_string(m, NFTA_RULE_CHAIN, "prerouting");
	foreign_send(nf, m);
}

static void chain_added(struct netlink *nf)
{
	struct nl_msg *m = foreign(NFT_MSG_NEWCHAIN, NLM_F_CREATE, &marks);

	nla_put_string(m, NFTA_CHAIN_NAME, "theirs");
	foreign_send(nf, m);
}

static void chain_deleted(struct netlink *nf)
{
	struct nl_msg *m = foreign(NFT_MSG_DELCHAIN, 0, &marks);

	nla_put_string(m, NFTA_CHAIN_NAME, "output");
	foreign_send(nf, m);
}

static void policy_drop(struct netlink *nf)
{
	struct nl_msg *m = foreign(NFT_MSG_NEWCHAIN, NLM_F_CREATE, &marks);

	nla_put_string(m, NFTA_CHAIN_NAME, "output");
	nla_put_u32(m, NFTA_CHAIN_POLICY, htonl(NF_DROP));
	foreign_send(nf, m);
}

struct handles {
	uint64_t v[8];
	size_t n;
};

static int each_handle(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct handles *all = arg;
	struct nlattr *a = nlmsg_find_attr(h, sizeof(struct nfgenmsg), NFTA_RULE_HANDLE);

	(void)e;
	assert_non_null(a);
	assert_true(all->n < ARRAY_LEN(all->v));
	memcpy(&all->v[all->n++], nla_data(a), sizeof(uint64_t));
	return 0;
}

static void forget_handles(void *arg)
{
	((struct handles *)arg)->n = 0;
}

static void rule_deleted(struct netlink *nf, size_t nth)
{
	struct nl_msg *m = foreign(NFT_MSG_DELRULE, 0, &marks);
	struct handles all = { 0 };
	struct err e;

	expect(netlink_ask(nf, foreign(NFT_MSG_GETRULE, NLM_F_DUMP, &marks), each_handle, forget_handles,
			   &all, &e, "list rules"),
	       0, &e, "handles");
	assert_int_equal(all.n, 3);
	nla_put_string(m, NFTA_RULE_CHAIN, "prerouting");
	nla_put(m, NFTA_RULE_HANDLE, sizeof(uint64_t), &all.v[nth]);
	foreign_send(nf, m);
}

static void first_rule_deleted(struct netlink *nf)
{
	rule_deleted(nf, 0);
}

static void second_rule_deleted(struct netlink *nf)
{
	rule_deleted(nf, 1);
}

/* A rule without expressions. flags: NLM_F_APPEND, otherwise it becomes the first. */
static void rule_added(struct netlink *nf, int flags)
{
	struct nl_msg *m = foreign(NFT_MSG_NEWRULE, NLM_F_CREATE | flags, &marks);

	nla_put_string(m, NFTA_RULE_CHAIN, "output");
	foreign_send(nf, m);
}

static void rule_in_front(struct netlink *nf)
{
	rule_added(nf, 0);
}

static void rule_behind(struct netlink *nf)
{
	rule_added(nf, NLM_F_APPEND);
}

/* ---- variants that are put instead ---- */

static void put_changed(struct netlink *nf, void (*change)(struct nft_table *t))
{
	struct nft_table t = marks;

	change(&t);
	put(nf, &t);
}

#define VARIANT(name, statement) \
	static void name##_in(struct nft_table *t) \
	{ \
		statement; \
	} \
	static void name(struct netlink *nf) \
	{ \
		put_changed(nf, name##_in); \
	}

VARIANT(other_priority, t->chain[0].priority = -149)
VARIANT(other_hook, t->chain[0].hook = NF_INET_LOCAL_IN)
VARIANT(other_type, t->chain[1].type = "filter")
VARIANT(other_iifname, t->chain[0].rule[0].part[0].text = "veth01")
VARIANT(other_condition, t->chain[0].rule[0].part[1] = t->chain[0].rule[1].part[0])
VARIANT(other_mark, t->chain[0].rule[0].part[2].value = 3)
VARIANT(other_ct_mark, t->chain[0].rule[1].part[1].value = 0)
VARIANT(other_statement, t->chain[1].rule[0].part[1].what = NFT_DO_SET_CT_MARK)
VARIANT(fewer_parts, t->chain[1].rule[0].n = 1)
VARIANT(more_parts, t->chain[1].rule[0].part[t->chain[1].rule[0].n++] = t->chain[0].rule[1].part[1])

static void nothing(struct netlink *nf)
{
	(void)nf;
}

/* ---- put, check, del ---- */

static void check_names_what_differs(void **state)
{
	static const struct {
		const char *what;
		void (*change)(struct netlink *nf);
		const char *says; /* NULL: nothing to find */
	} rows[] = {
		{ "nothing", nothing, NULL },
		{ "table deleted", table_deleted, "pod: table ip spiderpool is not there" },
		{ "table dormant", table_dormant,
		  "table ip spiderpool is not as it was made: it has other flags" },
		{ "chain deleted", chain_deleted, "chain output is not there" },
		{ "chain added", chain_added, "there is another chain, theirs" },
		{ "chain flushed", chain_flushed,
		  "chain prerouting: rule 1, \"iifname \"veth0\" ct state new meta mark set meta mark | "
		  "0x00000001\", is not there" },
		{ "policy", policy_drop, "chain output has another policy" },
		{ "priority", other_priority, "chain prerouting has another hook or priority" },
		{ "hook", other_hook, "chain prerouting has another hook or priority" },
		{ "type", other_type, "chain output has another type" },
		{ "first rule deleted", first_rule_deleted, "chain prerouting: rule 1 is not \"iifname" },
		{ "second rule deleted", second_rule_deleted,
		  "chain prerouting: rule 2, \"meta mark & 0x00000001 == 0x00000001 ct mark set ct mark | "
		  "0x00000001\", is not there" },
		{ "rule in front", rule_in_front,
		  "chain output: rule 1 is not \"ct mark & 0x00000001 == 0x00000001 meta mark set meta mark | "
		  "0x00000001\"" },
		{ "rule behind", rule_behind, "chain output has more rules than our 1" },
		{ "iifname", other_iifname, "chain prerouting: rule 1 is not" },
		{ "condition", other_condition, "chain prerouting: rule 1 is not" },
		{ "mark", other_mark, "chain prerouting: rule 1 is not" },
		{ "ct mark", other_ct_mark, "chain prerouting: rule 2 is not" },
		{ "statement", other_statement, "chain output: rule 1 is not" },
		{ "fewer parts", fewer_parts, "chain output: rule 1 is not" },
		{ "more parts", more_parts, "chain output: rule 1 is not" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(close_p) int netns = lab_netns();
		CLEANUP(netlink_close) struct netlink nf = open_nf(netns);
		struct err e = { 0 };

		put(&nf, &marks);
		rows[i].change(&nf);
		expect(nft_table_check(&nf, &marks, &e), rows[i].says ? -ENOENT : 0, &e, rows[i].what);
		if (rows[i].says && !strstr(e.msg, rows[i].says))
			fail_msg("%s: %s", rows[i].what, e.msg);
		/* However it was, it is put right. */
		put(&nf, &marks);
		check(&nf, &marks);
	}
}

static void twice_leaves_one_and_others_alone(void **state)
{
	CLEANUP(close_p) int netns = lab_netns();
	CLEANUP(netlink_close) struct netlink nf = open_nf(netns);
	struct nft_table ip6 = marks, theirs = marks;
	struct err e;

	(void)state;
	ip6.family = NFPROTO_IPV6;
	theirs.name = "spiderpool2";
	theirs.n = 1;
	put(&nf, &theirs);
	put(&nf, &ip6);
	expect(nft_table_check(&nf, &marks, &e), -ENOENT, &e, "only others");
	for (int i = 0; i < 2; i++) {
		put(&nf, &marks);
		check(&nf, &marks);
	}
	check(&nf, &theirs);
	check(&nf, &ip6);
	for (int i = 0; i < 2; i++) {
		expect(nft_table_del(&nf, marks.family, marks.name, &e), 0, &e, "del");
		expect(nft_table_check(&nf, &marks, &e), -ENOENT, &e, "after del");
	}
	check(&nf, &theirs);
	check(&nf, &ip6);
}

/* One of the same name with chains and sets of somebody else. */
static void half_made_is_replaced(void **state)
{
	CLEANUP(close_p) int netns = lab_netns();
	CLEANUP(netlink_close) struct netlink nf = open_nf(netns);
	struct nl_msg *m;

	(void)state;
	foreign_send(&nf, foreign(NFT_MSG_NEWTABLE, NLM_F_CREATE, &marks));
	m = foreign(NFT_MSG_NEWCHAIN, NLM_F_CREATE, &marks);
	nla_put_string(m, NFTA_CHAIN_NAME, "prerouting"); /* has no hook */
	foreign_send(&nf, m);
	chain_added(&nf);
	m = foreign(NFT_MSG_NEWSET, NLM_F_CREATE, &marks);
	nla_put_string(m, NFTA_SET_NAME, "addresses");
	nla_put_u32(m, NFTA_SET_KEY_LEN, htonl(4));
	nla_put_u32(m, NFTA_SET_ID, htonl(1));
	foreign_send(&nf, m);
	table_dormant(&nf);
	put(&nf, &marks);
	check(&nf, &marks);
}

static void question_changes_nothing(void **state)
{
	CLEANUP(close_p) int netns = lab_netns();
	CLEANUP(netlink_close) struct netlink nf = open_nf(netns);
	const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct nft_table probe = { .name = "spiderpool-question" };
	struct err e;

	(void)state;
	put(&nf, &marks);
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		expect(nft_supported(&nf, families[i], &e), 0, &e, "supported");
		probe.family = families[i];
		expect(nft_table_check(&nf, &probe, &e), -ENOENT, &e, "left behind");
		assert_non_null(strstr(e.msg, "is not there"));
	}
	check(&nf, &marks);
}

/* ---- refusals ---- */

static const char *refuse_what;
static int refuse_sys;

int __real_netlink_send(struct netlink *nl, struct netlink_batch *b, struct err *e);
int __wrap_netlink_send(struct netlink *nl, struct netlink_batch *b, struct err *e);

/* This kernel has every module: plays one that lacks some. */
int __wrap_netlink_send(struct netlink *nl, struct netlink_batch *b, struct err *e)
{
	int r = 0;

	if (!refuse_what)
		return __real_netlink_send(nl, b, e);
	for (size_t i = 0; i < b->n; i++) {
		b->v[i].result = strstr(b->v[i].what, refuse_what) ? -refuse_sys : 0;
		if (b->v[i].result == 0)
			continue;
		if (r == 0)
			r = err_sys(e, refuse_sys, "%s: %s", nl->where, b->v[i].what);
	}
	return r;
}

static void missing_modules_are_named(void **state)
{
	static const struct {
		const char *what;
		int sys, want;
		const char *says;
	} rows[] = {
		{ "change nf_tables", EOPNOTSUPP, -EOPNOTSUPP, "modprobe nf_tables" },
		{ "change nf_tables", EPERM, -EPERM, "CAP_NET_ADMIN" },
		{ "change nf_tables", ENOMEM, -ENOMEM, "change nf_tables ip spiderpool: Cannot allocate" },
		{ "add table", EOPNOTSUPP, -EOPNOTSUPP, "CONFIG_NF_TABLES_IPV4" },
		{ "add table", EAFNOSUPPORT, -EOPNOTSUPP, "nf_tables_ipv4" },
		{ "add table", EPERM, -EPERM, "owns a table of this name" },
		{ "of type route", ENOENT, -EOPNOTSUPP,
		  "pod: add chain ip spiderpool output of type route: No such file or directory; nf_tables of this "
		  "kernel has no chains of this type: load the module nft_chain_route_ipv4" },
		{ "add chain", EOPNOTSUPP, -EOPNOTSUPP, "CONFIG_NF_TABLES_IPV4" },
		{ "add chain", EBUSY, -EBUSY, "prerouting of type filter: Device or resource busy" },
		{ "add rule", ENOENT, -EOPNOTSUPP,
		  "pod: add rule ip spiderpool prerouting iifname \"veth0\" ct state new meta mark set meta mark | "
		  "0x00000001: No such file or directory; a module of nf_tables is missing: load nft_ct" },
		{ "add rule ip spiderpool output", EPROTONOSUPPORT, -EOPNOTSUPP, "nf_conntrack_ipv4" },
		{ "add rule", EOPNOTSUPP, -EOPNOTSUPP, "CONFIG_NF_CONNTRACK_MARK" },
	};
	struct netlink nf = { .fd = -1, .where = "pod" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		int r;

		refuse_what = rows[i].what;
		refuse_sys = rows[i].sys;
		r = nft_table_put(&nf, &marks, &e);
		refuse_what = NULL;
		if (r != rows[i].want || e.sys != -rows[i].want || !strstr(e.msg, rows[i].says))
			fail_msg("row %zu: %d, \"%s\"", i, r, e.msg);
	}
}

/* Without nf_tables there is no table, so it is deleted. */
static void del_without_nf_tables(void **state)
{
	struct netlink nf = { .fd = -1, .where = "pod" };
	struct err e;

	(void)state;
	refuse_what = "change nf_tables";
	refuse_sys = EOPNOTSUPP;
	expect(nft_table_del(&nf, marks.family, marks.name, &e), 0, &e, "del");
	refuse_sys = EPERM;
	expect(nft_table_del(&nf, marks.family, marks.name, &e), -EPERM, &e, "del");
	refuse_what = NULL;
}

/* The kernel then answers the first message only. */
static void without_privilege(void **state)
{
	CLEANUP(close_p) int netns = lab_netns();
	CLEANUP(netlink_close) struct netlink nf = open_nf(netns);
	struct err e = { 0 };
	int status = -1;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(9);
		if (nft_table_put(&nf, &marks, &e) != -EPERM || !strstr(e.msg, "CAP_NET_ADMIN"))
			_exit(1);
		_exit(nft_supported(&nf, marks.family, &e) == -EPERM ? 0 : 2);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect(nft_table_check(&nf, &marks, &e), -ENOENT, &e, "check");
}

/* All or nothing: the second chain is refused, so the first is not there and the former table stays. */
static void refused_leaves_the_former(void **state)
{
	CLEANUP(close_p) int netns = lab_netns();
	CLEANUP(netlink_close) struct netlink nf = open_nf(netns);
	struct nft_table t = marks;
	struct err e = { 0 };

	(void)state;
	put(&nf, &marks);
	t.chain[1].type = "no-such-type";
	expect(nft_table_put(&nf, &t, &e), -EOPNOTSUPP, &e, "put");
	assert_non_null(strstr(e.msg, "add chain ip spiderpool output of type no-such-type: "));
	check(&nf, &marks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_names_what_differs),
		cmocka_unit_test(twice_leaves_one_and_others_alone),
		cmocka_unit_test(half_made_is_replaced),
		cmocka_unit_test(question_changes_nothing),
		cmocka_unit_test(missing_modules_are_named),
		cmocka_unit_test(del_without_nf_tables),
		cmocka_unit_test(without_privilege),
		cmocka_unit_test(refused_leaves_the_former),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
