/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_webhook.c - questions over HTTPS: how long, what a bad one is told; which certificate when
 */
#include "kube_fake.h"

#include "base/own.h"

/* Parts of the controller, not of the library; what they call is below. */
#include "../../cmd/controller/certificate.c"
#include "../../cmd/controller/review.c"
#include "../../cmd/controller/room.c"
#define kube_sleep sleep_instead
static int sleep_instead(struct kube *k, struct kube_cancel *cancel, int64_t ms, struct err *e);
#include "../../cmd/controller/webhook.c"
#undef kube_sleep

#define PATCH "[{\"op\":\"add\",\"path\":\"/x\",\"value\":1}]"
#define DAY   86400000LL

static struct err err;

/* ---- instead of the others ---- */

static struct certificate_names names;
static struct certificate made[4]; /* the last is over */
static int now_made;               /* what the Secret has; -1: it cannot be read */
static bool may_renew = true;
static char order[256];

static int sleep_instead(struct kube *k, struct kube_cancel *cancel, int64_t ms, struct err *e)
{
	(void)k, (void)cancel, (void)ms, (void)e;
	strcat(order, "wait ");
	return 0;
}

static int copy(const struct certificate *in, struct certificate *out)
{
	*out = (struct certificate){ strdup(in->ca), strdup(in->cert), strdup(in->key) };
	return 0;
}

int certificate_read_secret(struct kube *k, const struct controller_config *conf,
			    const struct certificate *mine, const char *trusted, struct deadline until,
			    struct kube_cancel *cancel, struct certificate *ret, struct err *e)
{
	(void)k, (void)conf, (void)trusted, (void)until, (void)cancel;
	snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s ",
		 mine->cert ? "secret" : "first");
	if (now_made < 0)
		return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "gone");
	if (may_renew)
		return copy(&made[now_made], ret);
	err_code(e, ERR_IO, EACCES, "due");
	copy(&made[now_made], ret);
	return 1;
}

int certificate_read_files(const struct controller_config *conf, struct certificate *ret, struct err *e)
{
	(void)conf, (void)e;
	return copy(&made[0], ret);
}

static bool may_trust = true;

int cabundle_write(struct kube *k, const char *name, const char *bundle, struct deadline until,
		   struct kube_cancel *cancel, struct err *e)
{
	(void)k, (void)name, (void)until, (void)cancel;
	for (int i = 0; i < 3; i++) {
		if (strcmp(bundle, made[i].ca) == 0)
			snprintf(order + strlen(order), sizeof(order) - strlen(order), "trust%d ", i);
	}
	return may_trust ? 0 : err_code(e, ERR_IO, EACCES, "no right");
}

int cabundle_read(struct kube *k, const char *name, struct deadline until, struct kube_cancel *cancel,
		  struct buf *out, struct err *e)
{
	(void)k, (void)name, (void)until, (void)cancel, (void)out, (void)e;
	return 0;
}

void intents_book_flush(struct intents_book *b)
{
	(void)b;
}

int admit_new(struct kube *k, const struct controller_config *conf, struct admit **ret, struct err *e)
{
	(void)k, (void)conf, (void)e;
	*ret = calloc(1, sizeof(**ret));
	return 0;
}

void admit_free(struct admit *a)
{
	free(a);
}

/* A pool called "bad" is refused, another one gets a label. */
static int serve_any(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	const char *name = json_get_str(c->q->object, "name");

	if (name && strcmp(name, "bad") == 0)
		return err_code(e, ERR_CONFIG, EINVAL, "it is bad");
	return json_parse(PATCH, strlen(PATCH), "patch", patch, e);
}

const struct admit_path admit_paths[] = { { "/validate-it", serve_any } };
const size_t admit_paths_n = 1;

/* ---- time ---- */

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ NULL, 7500 },   { "10s", 7500 }, { "30s", 27500 }, { "5s", 2500 },  { "1s", 500 },
		{ "1m0s", 7500 }, { "", 7500 },    { "x", 7500 },    { "-3s", 7500 }, { "999s", 7500 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (webhook_time(rows[i].text) != rows[i].ms)
			fail_msg("%s: %lld", rows[i].text, (long long)webhook_time(rows[i].text));
	}
}

/* ---- answers ---- */

#define QUESTION(name) \
	"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u\"," \
	"\"operation\":\"CREATE\",\"object\":{\"name\":\"" name "\"}}}"

static const struct {
	const char *question;
	int status;
	const char *answer;
} answers[] = {
	{ QUESTION("good"), 200, "\"patchType\":\"JSONPatch\"" },
	{ QUESTION("bad"), 200,
	  "\"allowed\":false,\"status\":{\"code\":422,\"reason\":\"Invalid\",\"message\":\"it is bad\"" },
	{ "{}", 400, "{}" },
	{ "", 400, "{}" },
};

static void answering(void **state)
{
	struct admit a = { 0 };
	struct room room;

	(void)state;
	room_init(&room, ROOM);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct buf out = BUF_INIT(65536);
		const int status = webhook_answer(&a, &room, &admit_paths[0], answers[i].question,
						  strlen(answers[i].question), deadline_in(1000), &out);

		if (status != answers[i].status || !strstr(buf_cstr(&out), answers[i].answer))
			fail_msg("row %zu: %d %.500s", i, status, buf_cstr(&out));
		buf_clear(&out);
	}
	assert_int_equal(room.left, ROOM);
	room_clear(&room);
}

/* What one question's tree may take, and what all may. */
static void memory(void **state)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(BODY_MAX);
	struct buf out = BUF_INIT(65536);
	struct admit a = { 0 };
	struct room room;

	(void)state;
	room_init(&room, TREE_MAX);
	buf_chr(&text, '[');
	for (size_t i = 0; i < TREE_MAX / JSON_COST_OBJECT; i++)
		buf_str(&text, "{},");
	buf_str(&text, "{}]");
	assert_int_equal(
		webhook_answer(&a, &room, &admit_paths[0], text.s, text.len, deadline_in(1000), &out), 400);
	assert_int_equal(room.left, TREE_MAX);
	assert_int_equal(room_take(&room, 1, deadline_in(1000), &err), 0);
	assert_int_equal(webhook_answer(&a, &room, &admit_paths[0], text.s, text.len, deadline_in(0), &out),
			 503);
	assert_int_equal(webhook_answer(&a, &room, &admit_paths[0], QUESTION("good"),
					strlen(QUESTION("good")), deadline_in(0), &out),
			 200);
	assert_int_equal(room.left, TREE_MAX - 1);
	buf_clear(&out);
	room_clear(&room);
}

/* ---- certificates ---- */

static void certificates(void **state)
{
	struct controller c = { .conf = { .name = (char *)"sc", .ns = (char *)"ns", .cert = "", .key = "" } };
	struct webhook w = { .c = &c };
	const char *was;
	struct fake f;

	(void)state;
	fake_start(&f, NULL, 0, &c.k);
	assert_int_equal(read_certificate(&w, &w.now, &err), 0);
	assert_int_equal(start_server(&w, &err), 0);
	order[0] = '\0';
	/* the same again: only trust is seen to */
	was = w.now.cert;
	assert_int_equal(keep(&w, &err), 0);
	assert_ptr_equal(w.now.cert, was);
	assert_string_equal(order, "secret trust0 ");
	/* another one: trusted first, then served */
	order[0] = '\0';
	now_made = 1;
	assert_int_equal(keep(&w, &err), 0);
	assert_string_equal(order, "secret trust1 wait ");
	assert_true(certificate_same(&w.now, &made[1]));
	assert_true(certificate_over.v * 1000 == (double)certificate_end(&made[1]));
	assert_in_range((int64_t)read_left(NULL), 364 * DAY / 1000, 365 * DAY / 1000);
	/* it should be renewed and cannot be: served, and said */
	may_renew = false;
	assert_int_equal(keep(&w, &err), 1);
	assert_string_equal(err.msg, "due");
	may_renew = true;
	/* nobody can be told: the one that is there does, and it is said */
	order[0] = '\0';
	may_trust = false;
	now_made = 2;
	assert_int_equal(keep(&w, &err), -EACCES);
	assert_string_equal(order, "secret trust2 ");
	assert_true(certificate_same(&w.now, &made[1]));
	/* but one that is given: who renews it tells them himself */
	c.conf.cert = (char *)"tls.crt";
	assert_int_equal(keep(&w, &err), -EACCES);
	assert_true(certificate_same(&w.now, &made[0]));
	c.conf.cert = (char *)"";
	/* until it is over: then the other one is served all the same */
	certificate_clear(&w.now);
	assert_int_equal(copy(&made[3], &w.now), 0);
	assert_int_equal(keep(&w, &err), -EACCES);
	assert_true(certificate_same(&w.now, &made[2]));
	/* one that is of no use, and no answer: the one that is there stays */
	may_trust = true;
	free(TAKE_PTR(made[0].key));
	made[0].key = strdup(made[1].key);
	now_made = 0;
	assert_int_equal(keep(&w, &err), -EINVAL);
	assert_true(certificate_same(&w.now, &made[2]));
	now_made = -1;
	assert_int_equal(keep(&w, &err), -ETIMEDOUT);
	assert_true(certificate_same(&w.now, &made[2]));
	assert_int_equal(http_server_stop(w.server, deadline_in(5000), &err), 0);
	certificate_clear(&w.now);
	free(w.routes);
	fake_stop(&f, c.k);
}

static int make(void **state)
{
	(void)state;
	certificate_names("sc", "ns", &names);
	for (int i = 0; i < 4; i++) {
		const int64_t since = clock_wall_ms() + i * 1000 - (i == 3 ? 400 * DAY : 0);

		if (certificate_make(&names, since, &made[i], &err) < 0)
			return -1;
	}
	return 0;
}

static int clear(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		certificate_clear(&made[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(answering),
		cmocka_unit_test(memory),
		cmocka_unit_test(certificates),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
