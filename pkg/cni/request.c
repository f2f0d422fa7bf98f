/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - what the runtime asks for one attachment: addresses, MAC, device */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/conf.h"

struct asked {
	struct json_strv ips;
	char *mac, *device_id;
};

static const struct json_field fields[] = {
	JF(struct asked, ips, "ips"),
	JF(struct asked, mac, "mac"),
	JF(struct asked, device_id, "deviceID"),
};
static const struct json_table table = JSON_TABLE(struct asked, "request", fields);

static void asked_clear(struct asked *a)
{
	json_clear(&table, a);
}

void cni_request_clear(struct cni_request *r)
{
	cni_ips_clear(&r->ips);
	free(r->device_id);
	*r = (struct cni_request){ 0 };
}

/* One of the JSON places; does not touch what a better place has said. */
static int read_place(struct json_object *o, const char *what, struct cni_request *q, struct err *e)
{
	CLEANUP(asked_clear) struct asked a = { 0 };
	bool want_ips = !q->ips.n;
	int r;

	if (!o)
		return 0;
	r = json_decode(&table, o, what, &a, e);
	for (size_t i = 0; want_ips && r == 0 && i < a.ips.n; i++) {
		r = cni_ips_add(&q->ips, a.ips.v[i], e);
		if (r < 0)
			err_wrap(e, "%s: ips", what);
	}
	if (r < 0)
		return r;
	if (a.mac && *a.mac && !*q->mac && !cni_mac_normalize(a.mac, q->mac))
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s: mac \"%.64s\": want six bytes, for example 02:00:0a:00:00:05", what,
				a.mac);
	if (a.device_id && *a.device_id && !q->device_id)
		q->device_id = TAKE_PTR(a.device_id);
	return 0;
}

static int read_args(const struct cni_args *a, struct cni_request *q, struct err *e)
{
	if (a->ips.n && !q->ips.n) {
		q->ips.v = calloc(a->ips.n, sizeof(*q->ips.v));
		if (!q->ips.v)
			return err_nomem(e);
		memcpy(q->ips.v, a->ips.v, a->ips.n * sizeof(*q->ips.v));
		q->ips.n = a->ips.n;
	}
	if (!*q->mac)
		memcpy(q->mac, a->mac, sizeof(q->mac));
	return 0;
}

/* Multus writes the device into each plugin's configuration too, without a capability. */
static int read_plain_device(struct json_object *tree, struct cni_request *q, struct err *e)
{
	static const char *const plain[] = { "deviceID", "pciBusID" };

	for (size_t i = 0; i < ARRAY_LEN(plain) && !q->device_id; i++) {
		const char *id = json_get_str(tree, plain[i]);

		if (id && *id && cni_result_set_text(&q->device_id, id, e) < 0)
			return -ENOMEM;
	}
	return 0;
}

int cni_request_read(const struct cni_conf *c, const struct cni_args *a, struct cni_request *ret,
		     struct err *e)
{
	CLEANUP(cni_request_clear) struct cni_request q = { 0 };
	int r;

	*ret = (struct cni_request){ 0 };
	r = read_place(c->runtime_config, "runtimeConfig", &q, e);
	if (r == 0)
		r = read_place(cni_conf_args_cni(c), "args.cni", &q, e);
	if (r == 0)
		r = read_args(a, &q, e);
	if (r == 0)
		r = read_plain_device(c->tree, &q, e);
	if (r < 0)
		return r;
	*ret = q;
	q = (struct cni_request){ 0 };
	return 0;
}
