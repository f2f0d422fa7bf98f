/* SPDX-License-Identifier: Apache-2.0 */
/* admit_lab.h - the admission part of the controller, with a pretended API server behind it */
#ifndef TEST_ADMIT_LAB_H
#define TEST_ADMIT_LAB_H

#include "kube_fake.h"

#include "base/own.h"

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/review.c"
#include "../../cmd/controller/review_diff.c"
#include "../../cmd/controller/intents.c"
#define take_out book_take_out
#include "../../cmd/controller/intents_book.c"
#undef take_out
#include "../../cmd/controller/admit_pending.c"
#define range_of job_range_of
#include "../../cmd/controller/admit_range.c"
#undef range_of
#define text inject_text
#include "../../cmd/controller/inject.c"
#undef text
#include "../../cmd/controller/admit_world.c"
#include "../../cmd/controller/admit_held.c"
#include "../../cmd/controller/admit_other.c"
#include "../../cmd/controller/admit_pod.c"
#include "../../cmd/controller/admit_self.c"
#include "../../cmd/controller/admit.c"

#define DATE       "Date: Mon, 23 Nov 2026 08:00:00 GMT\r\n"
#define HTTP(code) "HTTP/1.1 " code "\r\nContent-Type: application/json\r\n" DATE "\r\n"
#define OK         HTTP("200 OK")
#define SPIDER     "/apis/spiderpool.spidernet.io/v2beta1"
#define LIST(plural, items) \
	{ \
		SPIDER "/" plural "?", \
			.text = OK \
			"{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" items \
			"]}", \
			.times = 1 \
	}
#define POOL(name, more, spec) \
	"{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderIPPool\",\"metadata\":{\"name\":\"" name \
	"\",\"uid\":\"u-" name "\",\"resourceVersion\":\"1\"" more "},\"spec\":{\"ipVersion\":4," spec "}}"

static struct err err;

static struct json_object *parse(const char *s)
{
	struct json_object *o = NULL;

	if (s && json_parse(s, strlen(s), "row", &o, &err) < 0)
		fail_msg("%s: %s", s, err.msg);
	return o;
}

static void open_admit(struct admit *a, struct kube *k, const struct controller_config *conf)
{
	*a = (struct admit){ .k = k, .conf = conf, .self = (char *)"" };
	assert_int_equal(intents_book_new(k, "kube-system", &a->book, &err), 0);
	assert_int_equal(admit_world_new(true, &a->all, &err), 0);
	assert_int_equal(admit_world_new(false, &a->subnets, &err), 0);
}

static void close_admit(struct admit *a)
{
	admit_world_free(a->subnets);
	admit_world_free(a->all);
	intents_book_free(a->book);
}

#endif
