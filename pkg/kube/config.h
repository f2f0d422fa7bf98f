/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - where the API server is and who we are: a kubeconfig, or what a pod is given
 *
 * Only the cluster's own authority is trusted, never the system's bundle. Credentials go over TLS alone: an
 * http:// server may be had without any. What would start a program (exec), ask somebody else
 * (auth-provider), or act as somebody else (as, proxy-url) is refused with a sentence.
 */
#ifndef KUBE_CONFIG_H
#define KUBE_CONFIG_H

#include <stdbool.h>

#include "base/err.h"

#define KUBE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"
#define KUBE_CONFIG_MAX  ((size_t)4 << 20) /* bytes of a kubeconfig */
#define KUBE_PEM_MAX     ((size_t)1 << 20) /* bytes of a key, certificate or authority */
#define KUBE_TOKEN_MAX   ((size_t)64 << 10)

/* A file, or text that was in the kubeconfig; neither when both are NULL. */
struct kube_pem {
	char *file, *text;
};

struct kube_config {
	char *server;   /* https://host:port and maybe a path; no "/" at its end */
	char *tls_name; /* the name in the server's certificate when it is not the host's; or NULL */
	char *ns;       /* the namespace to work in; or NULL */
	struct kube_pem ca, cert, key;
	char *token, *token_file; /* one of them, or none; the file is read again when it changes */
	bool insecure;            /* nobody checks who the server is */
};

enum kube_config_flags {
	KUBE_ALLOW_INSECURE = 1 << 0, /* insecure-skip-tls-verify is obeyed instead of refused */
};

/* A kubeconfig and one of its contexts, NULL or "": the current one. Files it names are looked for beside it.
 * Code ERR_CONFIG for all that is wrong with it; -ENOENT: there is no such file. out is overwritten. */
int kube_config_file(const char *path, const char *context, unsigned flags, struct kube_config *out,
		     struct err *e);
/* The same from text; dir is what relative names start from. what names the source in errors. */
int kube_config_text(const char *text, const char *what, const char *dir, const char *context, unsigned flags,
		     struct kube_config *out, struct err *e);
/* What a pod is given: host and port (the values of KUBERNETES_SERVICE_HOST and _PORT, which the caller has
 * read), and the service account's directory (NULL: the usual one). */
int kube_config_pod(const char *host, const char *port, const char *dir, struct kube_config *out,
		    struct err *e);
/* A file when there is one (not NULL, not ""), else what a pod is given. */
int kube_config_any(const char *file, const char *context, const char *host, const char *port,
		    struct kube_config *out, struct err *e);
void kube_config_clear(struct kube_config *c);

#endif
