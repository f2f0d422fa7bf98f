/* SPDX-License-Identifier: Apache-2.0 */
/* test_agent_verbs.c - the agent's ADD, UNDO and DEL, and what it makes of those that were cut off */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "verbs_lab.h"

/* ---- a sandbox that fails ---- */

/* A new sandbox of a pod that lives fails: the former one had no DEL, and goes on using the address. */
static void test_undo_of_a_new_sandbox(void **state)
{
	struct verbs_lab v;
	char had[64];

	(void)state;
	verbs_open(&v);
	snprintf(had, sizeof(had), "%.60s", verbs_add(&v, "c1", 0));
	EXPECT(verbs_add(&v, "c2", 0), had);
	verbs_undo(&v, "c2");
	EXPECT(lab_state(&v.l, had), "pod c2");
	verbs_del(&v, "c2"); /* kubelet's, of the sandbox that failed */
	EXPECT(lab_state(&v.l, had), "pod c2");
	verbs_add(&v, "c3", 0);
	EXPECT(lab_state(&v.l, had), "pod c3");
	v.fate = FATE_GONE;
	verbs_del(&v, "c3");
	EXPECT(lab_state(&v.l, had), "free");
	verbs_close(&v);
}

/* A pod's first sandbox fails: nobody has the address. */
static void test_undo_of_the_first_sandbox(void **state)
{
	struct verbs_lab v;
	char had[64];

	(void)state;
	verbs_open(&v);
	snprintf(had, sizeof(had), "%.60s", verbs_add(&v, "c1", 0));
	verbs_undo(&v, "c1");
	EXPECT(lab_state(&v.l, had), "free");
	verbs_close(&v);
}

struct text_of {
	const char *container;
	char text[2048]; /* its attachment, as stored */
};

static int read_text(struct txn *t, void *arg, struct err *e)
{
	struct text_of *x = arg;
	struct ipam_key key;
	struct store_obj o;
	int r;

	ipam_attachment_key("net", x->container, "eth0", &key);
	r = store_get(t->m->st, STORE_ATTACHMENT, key.ns, key.name, &o, e);
	if (r <= 0)
		return r < 0 ? r : err_set(e, ENOENT, "no attachment");
	snprintf(x->text, sizeof(x->text), "%.*s", (int)o.len, o.data);
	return 1;
}

static void text_of(struct verbs_lab *v, struct text_of *x)
{
	if (txn_run(&v->l.m, STORE_READ, read_text, x, &v->e) < 0)
		fail_msg("%s", v->e.msg);
}

static int forget_text(struct txn *t, void *arg, struct err *e)
{
	struct text_of *x = arg;
	struct ipam_key key;
	struct store_obj o;
	int r;

	ipam_attachment_key("net", x->container, "eth0", &key);
	r = store_get(t->m->st, STORE_ATTACHMENT, key.ns, key.name, &o, e);
	return r <= 0 ? r : txn_delete(t, STORE_ATTACHMENT, key.ns, key.name, o.version, e);
}

/* The agent is killed behind the update of the block that gave a new sandbox the address of the former one,
 * before or after it forgot the former one's attachment. */
static void test_cut_off_new_sandbox(void **state)
{
	(void)state;
	for (int forgot = 0; forgot < 2; forgot++) {
		struct text_of c1 = { "c1", "" }, c2 = { "c2", "" };
		struct verbs_lab v;
		char had[64];

		print_message("# former one forgotten: %d\n", forgot);
		verbs_open(&v);
		snprintf(had, sizeof(had), "%.60s", verbs_add(&v, "c1", 0));
		text_of(&v, &c1);
		verbs_add(&v, "c2", 0);
		text_of(&v, &c2);
		assert_int_equal(txn_run(&v.l.m, STORE_WRITE, forget_text, &c2, &v.e), 0);
		if (!forgot)
			lab_put(&v.l, STORE_ATTACHMENT, "c1", "eth0/net", c1.text);
		v.intent = c2.text;
		if (settle_all(&v.a, &v.e) < 0)
			fail_msg("%s", v.e.msg);
		EXPECT(lab_state(&v.l, had), forgot ? "pod c2" : "pod c1");
		assert_int_equal(lab_fsck(&v.l, false), 0);
		v.fate = FATE_GONE;
		verbs_del(&v, forgot ? "c2" : "c1");
		EXPECT(lab_state(&v.l, had), "free");
		verbs_close(&v);
	}
}

/* The same for a pod's first sandbox: what it claimed is nobody's. */
static void test_cut_off_first_sandbox(void **state)
{
	struct text_of c1 = { "c1", "" };
	struct verbs_lab v;
	char had[64];

	(void)state;
	verbs_open(&v);
	snprintf(had, sizeof(had), "%.60s", verbs_add(&v, "c1", 0));
	text_of(&v, &c1);
	assert_int_equal(txn_run(&v.l.m, STORE_WRITE, forget_text, &c1, &v.e), 0);
	v.intent = c1.text;
	if (settle_all(&v.a, &v.e) < 0)
		fail_msg("%s", v.e.msg);
	EXPECT(lab_state(&v.l, had), "free");
	verbs_close(&v);
}

/* ---- at start ---- */

/* Of a plugin that was killed while it wrote one: long ago, or just now, when it may still live. */
static void test_half_written_note(void **state)
{
	struct verbs_lab v;

	(void)state;
	for (int old = 0; old < 2; old++) {
		const struct timespec t[2] = { { .tv_sec = time(NULL) - 90 * old },
					       { .tv_sec = time(NULL) - 90 * old } };
		char path[128];

		verbs_open(&v);
		snprintf(path, sizeof(path), "%s/00.json.77.tmp", v.a.notes);
		assert_int_equal(mkdir(v.a.notes, 0700), 0);
		assert_int_equal(file_replace(AT_FDCWD, path, 0600, "", 0, false, &v.e), 0);
		assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
		assert_int_equal(settle_all(&v.a, &v.e), 0);
		assert_int_equal(access(path, F_OK), old ? -1 : 0);
		verbs_close(&v);
	}
}

/* A record that cannot be read stops neither the start nor its container's DEL; what it names is found by the
 * blocks, and is free when its pod is gone. */
static void test_damaged_attachment(void **state)
{
	struct verbs_lab v;
	char had[64];

	(void)state;
	verbs_open(&v);
	snprintf(had, sizeof(had), "%.60s", verbs_add(&v, "c1", 0));
	lab_put(&v.l, STORE_ATTACHMENT, "c1", "eth0/net", "{\"container\": 5}");
	if (settle_all(&v.a, &v.e) < 0)
		fail_msg("%s", v.e.msg);
	EXPECT(lab_state(&v.l, had), "pod c1");
	verbs_del(&v, "c1");
	assert_int_not_equal(access(v.a.notes, F_OK), 0);
	EXPECT(lab_state(&v.l, had), "pod c1");
	v.fate = FATE_GONE;
	assert_true(v.a.orphans);
	assert_int_equal(settle_orphans(&v.a, deadline_in(60000), &v.e), 0);
	EXPECT(lab_state(&v.l, had), "free unconfirmed");
	assert_int_equal(txn_run(&v.l.m, STORE_WRITE, forget_text, &(struct text_of){ "c1", "" }, &v.e), 0);
	lab_fsck(&v.l, true); /* its endpoint */
	verbs_close(&v);
}

/* ---- ADD while something else goes on ---- */

static size_t recorded(struct verbs_lab *v, bool *ret_detached)
{
	struct attached l;
	size_t n;

	assert_int_equal(attached_list(&v->a, NULL, NULL, &l, &v->e), 0);
	n = l.n;
	*ret_detached = n && l.v[0].detached;
	attached_clear(&l);
	return n;
}

static void sweep_notes(void)
{
	if (release_notes(&verbs->a, NULL, NULL, deadline_in(60000), &verbs->e) < 0)
		fail_msg("%s", verbs->e.msg);
}

/* The plugin's, that the agent did not answer in time. */
static void note_and_sweep(void)
{
	const struct note n = { .container = (char *)"c1",
				.nic = (char *)"eth0",
				.network = (char *)"net",
				.ns = (char *)"default",
				.pod = (char *)"p",
				.uid = (char *)"u",
				.boot = (char *)"b" };

	if (note_write(verbs->a.notes, &n, &verbs->e) < 0)
		fail_msg("%s", verbs->e.msg);
	sweep_notes();
}

/* A note is not used up before the ADD that it is for. */
static void test_note_of_an_add_under_way(void **state)
{
	struct verbs_lab v;
	char had[64];

	(void)state;
	verbs_open(&v);
	v.a.conf.file.conflict_detection = true;
	v.asked_migration = note_and_sweep;
	snprintf(had, sizeof(had), "%.60s", verbs_add(&v, "c1", 0));
	EXPECT(lab_state(&v.l, had), "pod c1");
	v.fate = FATE_GONE;
	sweep_notes();
	EXPECT(lab_state(&v.l, had), "free");
	verbs_close(&v);
}

static void del_waits(void)
{
	keys_gone(verbs->a.keys, "c1", "eth0");
}

static void test_del_of_an_add_under_way(void **state)
{
	struct verbs_lab v;
	bool detached;

	(void)state;
	verbs_open(&v);
	v.a.conf.file.conflict_detection = true;
	v.asked_migration = del_waits;
	EXPECT_PART(verbs_add(&v, "c1", 0), "its DEL came while it was added");
	assert_int_equal(recorded(&v, &detached), 1); /* the pod is alive */
	assert_true(detached);
	v.fate = FATE_GONE;
	verbs_del(&v, "c1");
	assert_int_equal(recorded(&v, &detached), 0);
	verbs_close(&v);
}

/* ---- blocks that were lost ---- */

static int lose(struct txn *t, void *arg, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, lab_ip(arg), &b, &rec, e);

	if (r == 0) {
		block_rec_init(rec);
		b->dirty = true;
	}
	return r;
}

static unsigned alone;

static void look_at_lock(void)
{
	struct err e;

	if (keys_lock(verbs->a.keys, "default", "p", deadline_in(0), &e) == 0)
		keys_unlock(verbs->a.keys, "default", "p");
	else
		alone++;
}

/* No DEL of the pod comes between; and an ADD that waits for the end of this is not waited for. */
static void test_lost_record(void **state)
{
	(void)state;
	for (int busy = 0; busy < 2; busy++) {
		struct verbs_lab v;
		char had[64];

		print_message("# another call: %d\n", busy);
		verbs_open(&v);
		snprintf(had, sizeof(had), "%.60s", verbs_add(&v, "c1", 0));
		assert_int_equal(txn_run(&v.l.m, STORE_WRITE, lose, had, &v.e), 0);
		if (busy)
			assert_int_equal(keys_lock(v.a.keys, "default", "p", deadline_in(0), &v.e), 0);
		else
			v.opened = look_at_lock;
		alone = 0;
		assert_int_equal(settle_lost(&v.a, true, deadline_in(60000), &v.e), 0);
		assert_int_equal(alone, !busy);
		EXPECT(lab_state(&v.l, had), "pod c1");
		assert_int_equal(keys_lock(v.a.keys, "default", "p", deadline_in(0), &v.e),
				 busy ? -ETIMEDOUT : 0);
		keys_unlock(v.a.keys, "default", "p");
		verbs_close(&v);
	}
}

/* ---- ADD that cannot be answered ---- */

/* What an answer needs of the API server is asked for before anything is claimed. */
static void test_migration_cannot_be_asked_for(void **state)
{
	struct verbs_lab v;
	bool detached;

	(void)state;
	verbs_open(&v);
	v.a.conf.file.conflict_detection = v.no_migrations = true;
	EXPECT_PART(verbs_add(&v, "c1", 0), "migrations cannot be read");
	assert_int_equal(recorded(&v, &detached), 0);
	verbs_close(&v);
}

static void test_deadline(void **state)
{
	static const struct {
		int64_t asked, most;
	} rows[] = { { 0, AGENT_CALL_MS },
		     { -1, AGENT_CALL_MS },
		     { 9000, 9000 },
		     { AGENT_CALL_MS + 1, AGENT_CALL_MS },
		     { INT64_MAX, AGENT_CALL_MS } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct verbs_lab v;

		print_message("# row %zu\n", i);
		verbs_open(&v);
		verbs_add(&v, "c1", rows[i].asked);
		assert_in_range(v.until.at_ms, clock_mono_ms() + 1, clock_mono_ms() + rows[i].most);
		verbs_close(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undo_of_a_new_sandbox),
		cmocka_unit_test(test_undo_of_the_first_sandbox),
		cmocka_unit_test(test_cut_off_new_sandbox),
		cmocka_unit_test(test_cut_off_first_sandbox),
		cmocka_unit_test(test_half_written_note),
		cmocka_unit_test(test_damaged_attachment),
		cmocka_unit_test(test_note_of_an_add_under_way),
		cmocka_unit_test(test_del_of_an_add_under_way),
		cmocka_unit_test(test_lost_record),
		cmocka_unit_test(test_migration_cannot_be_asked_for),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests_name("agent verbs", tests, NULL, NULL);
}
