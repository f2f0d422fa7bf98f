/* SPDX-License-Identifier: Apache-2.0 */
/* admit_pod.c - Pods that ask for networks by one annotation: only with podResourceInject */
#include <errno.h>
#include <string.h>

#include "admit.h"
#include "base/own.h"
#include "inject.h"
#include "kube/object.h"
#include "kube/views.h"

static int read_namespace(const struct admit_call *c, const char *ns, struct kube_namespace *ret,
			  struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = {
		.res = &kube_resources[KUBE_NAMESPACES], .name = ns, .metadata_only = true, .until = c->until
	};
	int r = kube_get(c->a->k, &op, &o, e);

	*ret = (struct kube_namespace){ 0 };
	if (r == 0)
		r = json_decode(&kube_namespace_table, o, NULL, ret, e);
	return r < 0 ? err_wrap(e, "namespace %s", ns) : 0;
}

static int inject(const struct admit_call *c, const char *key, const char *value, struct json_object **patch,
		  struct err *e)
{
	CLEANUP(json_put_p) struct json_object *pod = NULL;
	CLEANUP(buf_clear) struct buf labels = BUF_INIT(1024);
	struct admit_multus_list configs;
	int r;

	buf_fmt(&labels, "%s=%s", key, value);
	r = admit_list_multus(c, NULL, buf_cstr(&labels), &configs, e);
	if (r == -EINVAL) /* what no label can be, no config can have */
		r = 0;
	if (r == 0)
		r = json_dup(c->q->object, &pod, e);
	if (r == 0)
		r = inject_pod(pod, key, value, configs.v, configs.n, e);
	if (r == 0)
		r = review_diff(c->q->object, c->q->object, pod, patch, e);
	admit_clear_multus(&configs);
	return r;
}

int admit_mutate_pod(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	const struct daemon_inject *conf = &c->a->conf->file.inject;
	const char *ns = c->q->ns ? c->q->ns : "", *key, *value;
	struct kube_namespace view;
	int r;

	if (!conf->enabled || !admit_is_object(c->q) || !c->q->object ||
	    strcmp(c->q->operation, "CREATE") != 0 || !strcmp(ns, "kube-system") ||
	    !strcmp(ns, c->a->conf->ns) || inject_left_alone(ns, &conf->exclude, &conf->include))
		return 0;
	r = read_namespace(c, ns, &view, e);
	if (r < 0)
		return r;
	key = inject_wanted(c->q->object, &view.meta.annotations, &value);
	if (key)
		r = inject(c, key, value, patch, e);
	json_clear(&kube_namespace_table, &view);
	return r;
}
