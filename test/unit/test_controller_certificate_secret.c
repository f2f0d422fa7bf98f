/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_certificate_secret.c - the Secret of admission's certificate: made, found, renewed, or
 * somebody else's */
#include "kube_fake.h"

#include "base/own.h"

/* Parts of the controller, not of the library. */
#define copy certificate_copy
#include "../../cmd/controller/certificate.c"
#undef copy
#define failed store_failed
#include "../../cmd/controller/certificate_store.c"
#undef failed

#define DAY  86400000LL
#define PATH "/api/v1/namespaces/ns/secrets"
#define CODE(code, reason) \
	"HTTP/1.1 " code " x\r\n\r\n{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"" reason \
	"\",\"code\":" code "}"
#define ANSWERS_MAX 5

enum who { OURS, OTHERS };
enum what { NONE, GOOD, DUE, BAD, ELSEWHERE };

/* What the API server says, in order: n: no Secret, s: the Secret, + written, e: exists, c: conflict, f:
 * forbidden */
static const struct {
	const char *rule, *answers;
	enum who who;
	enum what what;
	bool mine;         /* we serve with the good one already */
	const char *asked; /* the methods */
	enum what ret;     /* NONE: a new one; BAD: failure */
	const char *says;
} rows[] = {
	{ "there is none: made", "n+", OURS, NONE, false, "GET POST ", NONE, NULL },
	{ "none any more: ours again", "n+", OURS, NONE, true, "GET POST ", GOOD, NULL },
	{ "another replica was faster", "nes", OURS, GOOD, false, "GET POST GET ", GOOD, NULL },
	{ "found", "s", OURS, GOOD, false, "GET ", GOOD, NULL },
	{ "due: renewed", "s+", OURS, DUE, false, "GET PUT ", NONE, NULL },
	{ "due, but not now", "sf", OURS, DUE, false, "GET PUT ", DUE, "it could not be renewed" },
	{ "due, and another replica did it", "scs", OURS, DUE, false, "GET PUT GET PUT ", DUE,
	  "it could not be renewed" },
	{ "damaged: renewed", "s+", OURS, BAD, false, "GET PUT ", NONE, NULL },
	{ "damaged, and no right", "sf", OURS, BAD, false, "GET PUT ", BAD, "the certificate of admission" },
	{ "not for our names: renewed", "s+", OURS, ELSEWHERE, false, "GET PUT ", NONE, NULL },
	{ "somebody else's", "s", OTHERS, GOOD, false, "GET ", GOOD, NULL },
	{ "somebody else's, due: theirs to renew", "s", OTHERS, DUE, false, "GET ", DUE, NULL },
	{ "somebody else's, for other names", "s", OTHERS, ELSEWHERE, false, "GET ", ELSEWHERE, NULL },
	{ "somebody else's, damaged", "s", OTHERS, BAD, false, "GET ", BAD,
	  "was not made by the controller" },
	{ "no right to read", "f", OURS, GOOD, false, "GET ", BAD, "the certificate of admission" },
};

static struct err err;
static struct certificate kinds[ELSEWHERE + 1];

static void secret_text(enum who who, enum what what, char *out, size_t size)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	CLEANUP(buf_clear) struct buf text = BUF_INIT(65536);

	assert_int_equal(fill(o, "ns", "sc" CERTIFICATE_SECRET, &kinds[what], &err), 0);
	json_set_str(json_get(o, "metadata"), "resourceVersion", "7", &err);
	if (who == OTHERS)
		json_object_object_del(json_get(o, "metadata"), "labels");
	assert_int_equal(json_print(o, false, &text, &err), 0);
	snprintf(out, size, "HTTP/1.1 200 OK\r\n\r\n%s", buf_cstr(&text));
}

static size_t script(const char *letters, const char *secret, struct fake_answer *out)
{
	size_t n = 0;

	for (; letters[n]; n++) {
		out[n] = (struct fake_answer){ .path = PATH, .times = 1 };
		out[n].text = letters[n] == 's'   ? secret
			      : letters[n] == '+' ? "HTTP/1.1 201 x\r\n\r\n{}"
			      : letters[n] == 'n' ? CODE("404", "NotFound")
			      : letters[n] == 'e' ? CODE("409", "AlreadyExists")
			      : letters[n] == 'c' ? CODE("409", "Conflict")
						  : CODE("403", "Forbidden");
	}
	return n;
}

static void check_answer(size_t i, int r, const struct certificate *c)
{
	struct certificate_names names;

	if (rows[i].ret == BAD) {
		if (r >= 0 || err.cni == ERR_CONFIG || !strstr(err.msg, rows[i].says))
			fail_msg("%s: %d %s", rows[i].rule, r, r < 0 ? err.msg : "");
		return;
	}
	if (r < 0)
		fail_msg("%s: %s", rows[i].rule, err.msg);
	if (r != !!rows[i].says || (r && !strstr(err.msg, rows[i].says)))
		fail_msg("%s: %d %s", rows[i].rule, r, r ? err.msg : "");
	certificate_names("sc", "ns", &names);
	if (rows[i].ret != NONE && !certificate_same(c, &kinds[rows[i].ret]))
		fail_msg("%s: another one", rows[i].rule);
	if (rows[i].ret == NONE &&
	    (certificate_check(c, &names, clock_wall_ms(), &err) || certificate_same(c, &kinds[GOOD])))
		fail_msg("%s: no new one", rows[i].rule);
}

static void check_row(size_t i)
{
	const struct controller_config conf = { .name = (char *)"sc", .ns = (char *)"ns" };
	const struct certificate none = { 0 };
	static char text[65536];
	struct fake_answer answers[ANSWERS_MAX];
	struct certificate ret;
	char asked[256] = "";
	struct kube *k;
	struct fake f;
	size_t n;
	int r;

	if (rows[i].what != NONE)
		secret_text(rows[i].who, rows[i].what, text, sizeof(text));
	n = script(rows[i].answers, text, answers);
	/* the last try of a conflict is refused, and then the old one does */
	if (strcmp(rows[i].answers, "scs") == 0)
		answers[n++] =
			(struct fake_answer){ .path = PATH, .text = CODE("403", "Forbidden"), .times = 1 };
	fake_start(&f, answers, n, &k);
	r = certificate_read_secret(k, &conf, rows[i].mine ? &kinds[GOOD] : &none, "", deadline_in(5000),
				    NULL, &ret, &err);
	fake_stop(&f, k);
	for (size_t a = 0; a < f.n_asked; a++)
		snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), "%.*s ",
			 (int)strcspn(f.asked[a], " "), f.asked[a]);
	if (strcmp(asked, rows[i].asked) != 0)
		fail_msg("%s: asked %s", rows[i].rule, asked);
	check_answer(i, r, &ret);
	certificate_clear(&ret);
}

static void secrets_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(i);
}

/* A renewal goes on trusting the authority of before; a new Secret, what the API server trusts now. */
static void overlap(void **state)
{
	const struct controller_config conf = { .name = (char *)"sc", .ns = (char *)"ns" };
	const struct certificate none = { 0 };
	static char text[65536];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fake_answer answers[ANSWERS_MAX];
		struct certificate ret;
		struct kube *k;
		struct fake f;

		secret_text(OURS, DUE, text, sizeof(text));
		fake_start(&f, answers, script(i ? "s+" : "n+", text, answers), &k);
		assert_int_equal(certificate_read_secret(k, &conf, &none, i ? "" : kinds[DUE].ca,
							 deadline_in(5000), NULL, &ret, &err),
				 0);
		fake_stop(&f, k);
		assert_non_null(strstr(ret.ca, kinds[DUE].ca));
		assert_ptr_not_equal(strstr(ret.ca, kinds[DUE].ca), ret.ca);
		certificate_clear(&ret);
	}
}

/* ---- files ---- */

static char dir[] = "/tmp/controller-certificate-XXXXXX";

static void put_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_replace(AT_FDCWD, path, 0600, text, strlen(text), false, &err), 0);
}

static void files(void **state)
{
	char cert[128], key[128], ca[128];
	const struct controller_config conf = { .cert = cert, .key = key };
	struct certificate c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/tls.crt", dir);
	snprintf(key, sizeof(key), "%s/tls.key", dir);
	snprintf(ca, sizeof(ca), "%s/ca.crt", dir);
	assert_int_equal(certificate_read_files(&conf, &c, &err), -ENOENT);
	assert_int_equal(err.cni, ERR_CONFIG);
	put_file("tls.crt", kinds[DUE].cert);
	put_file("tls.key", kinds[DUE].key);
	assert_int_equal(certificate_read_files(&conf, &c, &err), 0);
	assert_string_equal(c.ca, "");
	certificate_clear(&c);
	put_file("ca.crt", kinds[DUE].ca);
	assert_int_equal(certificate_read_files(&conf, &c, &err), 0);
	assert_string_equal(c.ca, kinds[DUE].ca);
	certificate_clear(&c);
	put_file("tls.key", kinds[GOOD].key);
	assert_int_equal(certificate_read_files(&conf, &c, &err), -EINVAL);
	assert_int_equal(err.cni, ERR_CONFIG);
	assert_int_equal(unlink(cert) | unlink(key) | unlink(ca) | rmdir(dir), 0);
}

static int make_all(void **state)
{
	const int64_t now = clock_wall_ms();
	struct certificate_names names, other;

	(void)state;
	certificate_names("sc", "ns", &names);
	certificate_names("x", "y", &other);
	if (certificate_make(&names, now, &kinds[GOOD], &err) < 0 ||
	    certificate_make(&names, now - 300 * DAY, &kinds[DUE], &err) < 0 ||
	    certificate_make(&names, now, &kinds[BAD], &err) < 0 ||
	    certificate_make(&other, now, &kinds[ELSEWHERE], &err) < 0)
		return -1;
	free(kinds[BAD].key);
	kinds[BAD].key = strdup("x");
	return 0;
}

static int clear_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		certificate_clear(&kinds[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_rows),
		cmocka_unit_test(overlap),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, make_all, clear_all);
}
