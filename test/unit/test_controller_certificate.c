/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_certificate.c - a certificate of our own, when it is good, bundles, caBundle */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/certificate.c"
#define failed    cabundle_failed
#define operation cabundle_operation
#include "../../cmd/controller/cabundle.c"
#undef failed
#undef operation
#include "json/json.h"

#define NOW  1795420800000LL /* 2026-11-23T08:00:00Z */
#define DAY  86400000LL
#define HOUR 3600000LL

static struct err err;
static struct certificate a, b; /* made at NOW, and 200 days later */
static struct certificate_names names;

static int make(void **state)
{
	(void)state;
	certificate_names("spiderpool-controller", "kube-system", &names);
	return certificate_make(&names, NOW, &a, &err) || certificate_make(&names, NOW + 200 * DAY, &b, &err);
}

static int clear(void **state)
{
	(void)state;
	certificate_clear(&a);
	certificate_clear(&b);
	return 0;
}

static void times(void **state)
{
	static const struct {
		int64_t at;
		int r;
		const char *says;
	} rows[] = {
		{ NOW, 0, NULL },
		{ NOW - HOUR, 0, NULL },
		{ NOW - HOUR - 1000, -EINVAL, "not valid yet" },
		{ NOW + 243 * DAY, 0, NULL },
		{ NOW + 244 * DAY, 1, NULL },
		{ NOW + 365 * DAY - 1000, 1, NULL },
		{ NOW + 365 * DAY, -EINVAL, "not valid any more" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int r = certificate_check(&a, &names, rows[i].at, &err);

		if (r != rows[i].r || (r < 0 && !strstr(err.msg, rows[i].says)))
			fail_msg("row %zu: %d %s", i, r, r < 0 ? err.msg : "");
	}
}

static void no_use(void **state)
{
	const struct {
		struct certificate c;
		const char *says;
	} rows[] = {
		{ { a.ca, a.cert, b.key }, "tls.key: does not fit" },
		{ { b.ca, a.cert, a.key }, "ca.crt: is not the authority" },
		{ { (char *)"x", a.cert, a.key }, "ca.crt: " },
		{ { a.ca, (char *)"", a.key }, "tls.crt: " },
		{ { a.ca, a.cert, (char *)"" }, "tls.key: " },
		{ { a.ca, a.key, a.cert }, "tls.crt: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (certificate_check(&rows[i].c, &names, NOW, &err) != -EINVAL ||
		    !strstr(err.msg, rows[i].says))
			fail_msg("row %zu: %s", i, err.msg);
	}
	/* Nobody is told of an authority: whoever gave the certificate takes care of that. */
	assert_int_equal(
		certificate_check(&(struct certificate){ (char *)"", a.cert, a.key }, &names, NOW, &err), 0);
}

static void for_others(void **state)
{
	struct certificate_names other;

	(void)state;
	certificate_names("spiderpool-controller", "elsewhere", &other);
	assert_int_equal(certificate_check(&a, &other, NOW, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "is not for spiderpool-controller.elsewhere.svc"));
	assert_int_equal(certificate_check(&a, NULL, NOW, &err), 0);
}

/* What is in a bundle is still the authority of both. */
static void overlap(void **state)
{
	struct buf bundle = BUF_INIT(CERTIFICATE_PEM_MAX);
	struct certificate c = { NULL, a.cert, a.key };
	size_t n;

	(void)state;
	assert_int_equal(certificate_bundle(b.ca, a.ca, NOW + 200 * DAY, &bundle, &err), 0);
	c.ca = bundle.s;
	assert_int_equal(certificate_check(&c, &names, NOW, &err), 0);
	c.cert = b.cert;
	c.key = b.key;
	assert_int_equal(certificate_check(&c, &names, NOW + 200 * DAY, &err), 0);
	n = bundle.len;
	/* Each once; what is over, and what is nothing, not at all. */
	buf_reset(&bundle);
	assert_int_equal(certificate_bundle(b.ca, a.ca, NOW + 400 * DAY, &bundle, &err), 0);
	assert_string_equal(buf_cstr(&bundle), b.ca);
	buf_reset(&bundle);
	assert_int_equal(certificate_bundle(b.ca, b.ca, NOW + 200 * DAY, &bundle, &err), 0);
	assert_string_equal(buf_cstr(&bundle), b.ca);
	assert_true(n > bundle.len);
	buf_reset(&bundle);
	assert_int_equal(certificate_bundle("garbage", NULL, NOW, &bundle, &err), 0);
	assert_string_equal(buf_cstr(&bundle), "");
	buf_clear(&bundle);
}

static void bounded(void **state)
{
	struct buf bundle = BUF_INIT(CERTIFICATE_PEM_MAX), all = BUF_INIT(CERTIFICATE_PEM_MAX);
	size_t n = 0;

	(void)state;
	for (int i = 0; i < CHAIN + 2; i++) {
		struct certificate c;

		assert_int_equal(certificate_make(&names, NOW + i * HOUR, &c, &err), 0);
		buf_str(&all, c.ca);
		certificate_clear(&c);
	}
	assert_int_equal(certificate_bundle(a.ca, buf_cstr(&all), NOW, &bundle, &err), 0);
	for (const char *p = buf_cstr(&bundle); (p = strstr(p, "-----BEGIN")); p++)
		n++;
	assert_int_equal(n, CERTIFICATE_BUNDLE);
	buf_clear(&bundle);
	buf_clear(&all);
}

/* ---- caBundle ---- */

#define CONFIG(meta, hooks) "{\"metadata\":{\"resourceVersion\":\"7\"" meta "},\"webhooks\":[" hooks "]}"
#define TEST                "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"},"

static const struct {
	const char *config, *patch;
} patches[] = {
	{ CONFIG("", "{\"clientConfig\":{\"caBundle\":\"WA==\"}}"), NULL },
	{ CONFIG("", "{\"clientConfig\":{\"url\":\"x\"}}"),
	  TEST "{\"op\":\"add\",\"path\":\"/webhooks/0/clientConfig/caBundle\",\"value\":\"WA==\"}]" },
	{ CONFIG("", "{\"clientConfig\":{\"caBundle\":\"WA==\"}},{\"clientConfig\":{\"caBundle\":\"WQ==\"}}"),
	  TEST "{\"op\":\"add\",\"path\":\"/webhooks/1/clientConfig/caBundle\",\"value\":\"WA==\"}]" },
	{ CONFIG(",\"annotations\":{\"cert-manager.io/inject-ca-from\":\"a/b\"}", "{\"clientConfig\":{}}"),
	  NULL },
	{ CONFIG("", ""), NULL },
	{ CONFIG("", "{}"), NULL },
	{ "{\"webhooks\":[{\"clientConfig\":{}}]}", NULL },
	{ "{}", NULL },
};

static void ca_bundles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		CLEANUP(json_put_p) struct json_object *config = NULL;
		CLEANUP(json_put_p) struct json_object *patch = NULL;
		CLEANUP(buf_clear) struct buf text = BUF_INIT(4096);

		assert_int_equal(
			json_parse(patches[i].config, strlen(patches[i].config), "row", &config, &err), 0);
		assert_int_equal(cabundle_patch(config, "WA==", &patch, &err), 0);
		if (patch)
			assert_int_equal(json_print(patch, false, &text, &err), 0);
		if (!patch != !patches[i].patch || (patch && strcmp(buf_cstr(&text), patches[i].patch) != 0))
			fail_msg("row %zu: %s", i, buf_cstr(&text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),   cmocka_unit_test(no_use),  cmocka_unit_test(for_others),
		cmocka_unit_test(overlap), cmocka_unit_test(bounded), cmocka_unit_test(ca_bundles),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
