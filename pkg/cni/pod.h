/* SPDX-License-Identifier: Apache-2.0 */
/* pod.h - what a runtime says about the pod: annotations and labels
 *
 * containerd and CRI-O fill runtimeConfig in for plugins that declare the capability of that name; who calls
 * a plugin by hand may write single annotations into args.cni.
 */
#ifndef CNI_POD_H
#define CNI_POD_H

#include "base/err.h"
#include "cni/conf.h"

#define CNI_POD_ANNOTATIONS  "io.kubernetes.cri.pod-annotations"
#define CNI_POD_LABELS       "io.kubernetes.cri.pod-labels"
#define CNI_NAMESPACE_LABELS "io.kubernetes.cri.namespace-labels"

/* An object of strings below key; the map is not set when it is absent. Code ERR_CONFIG. */
int cni_pod_map(struct json_object *from, const char *key, struct json_map *ret, struct err *e);
/* All annotations of runtimeConfig; of keys (n) also what args.cni says: the text of an annotation, or the
 * JSON that the text would hold. *ret is not set when nobody said anything; release it with json_map_clear(),
 * after an error too. */
int cni_pod_annotations(const struct cni_conf *c, const char *const *keys, size_t n, struct json_map *ret,
			struct err *e);

#endif
