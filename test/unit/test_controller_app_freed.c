/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_app_freed.c - which changes of a block free an address */
#include "kube_fake.h"

#include "base/own.h"

/* Part of the controller, not of the library. */
#include "../../cmd/controller/app_freed.c"

#define NOW   1000
#define LATER (NOW + 1)

struct state { /* of the address that changes */
	enum hold hold;
	int64_t until;
};
#define NOBODY \
	{ \
		HOLD_NONE, 0 \
	}
#define POD \
	{ \
		HOLD_POD, 0 \
	}
#define FREED \
	{ \
		HOLD_FREE, 0 \
	}
#define QUARANTINE \
	{ \
		HOLD_QUARANTINE, LATER \
	}
#define RESTED \
	{ \
		HOLD_QUARANTINE, NOW - 1 \
	}

static const struct {
	const char *what;
	struct state was, is;
	bool frees;
} rows[] = {
	{ "a pod gets it", NOBODY, POD, false },
	{ "a pod gets what another gave back", FREED, POD, false },
	{ "nothing of it changes", POD, POD, false },
	{ "a pod gives it back", POD, FREED, true },
	{ "its record goes", POD, NOBODY, true },
	{ "it is kept", POD, { HOLD_STS, 0 }, false },
	{ "somebody else answers for it", POD, QUARANTINE, false },
	{ "its quarantine is ended", QUARANTINE, FREED, true },
	{ "its quarantine was over", RESTED, FREED, false },
};

static char *records(const struct state *s)
{
	struct buf out = BUF_INIT(BLOCK_TEXT_MAX);
	struct block b;
	struct err e;

	block_init(&b, 4, 0x0a000040 >> IP_BLOCK_BITS);
	b.rec[7].hold = HOLD_POD; /* another one, all the time */
	b.rec[9].hold = s->hold;
	b.rec[9].until = s->until;
	assert_int_equal(block_encode(&b, &out, &e), 0);
	block_clear(&b);
	return out.s;
}

static bool changed(const char *was, const char *is)
{
	struct api_ipblock before = { .spec.records = (char *)was }, after = { .spec.records = (char *)is };
	const struct kube_item old = { .name = "v4-0a000040", .view = &before };
	const struct kube_item now = { .name = "v4-0a000040", .view = &after };

	return app_freed(was ? &old : NULL, is ? &now : NULL, NOW);
}

static void test_given_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(free_p) char *was = records(&rows[i].was), *is = records(&rows[i].is);

		if (changed(was, is) != rows[i].frees)
			fail_msg("%s", rows[i].what);
	}
}

/* What cannot be told may be more than nothing. */
static void test_unknown(void **state)
{
	const struct state pod = POD;
	CLEANUP(free_p) char *text = records(&pod);

	const struct kube_item unreadable = { .name = "v4-0a000040" };

	(void)state;
	assert_true(app_freed(&unreadable, &unreadable, NOW));
	assert_true(changed(NULL, text));
	assert_true(changed(text, NULL));
	assert_true(changed("damaged", text));
	assert_true(changed(text, "damaged"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
