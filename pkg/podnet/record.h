/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - what a plugin did for one attachment, written down before it is done (architecture.md section 4)
 *
 * One file an attachment and plugin, STATE_DIR/PLUGIN/CONTAINER/IFNAME.HASH.json, HASH of the network name.
 * What one sandbox has from one plugin lies in one directory. The kernel's state does not survive a reboot,
 * so neither do the files: they are replaced atomically but not flushed, and belong below /run.
 */
#ifndef PODNET_RECORD_H
#define PODNET_RECORD_H

#include "json/json.h"
#include "podnet/change.h"

#define PODNET_STATE_DIR  "/run/spiderpool"
#define PODNET_RECORD_MAX ((size_t)4 << 20)

struct podnet_record {
	char *container, *ifname, *network, *netns_path;
	char *netns;     /* "device:inode", "" when it was not known */
	int64_t created; /* wall time, ms */
	char *mode;      /* what the plugin made of its configuration, in its own words; may be NULL */
	uint32_t table;  /* policy table of this NIC, 0: none */
	struct json_object *conf; /* the plugin's configuration without prevResult */
	JSON_LIST(struct podnet_change) changes;
};

struct podnet_records {
	struct podnet_record *v;
	size_t n;
};

/* The directory of one plugin's records. */
struct podnet_dir {
	int fd; /* -1: not open */
	char path[256];
};

/* Makes what is missing, 0700. The state directory must be absolute, a real directory, root's (ours) and
 * closed to others, else ERR_CONFIG. create false: -ENOENT when there is none. */
int podnet_dir_open(const char *state_dir, const char *plugin, bool create, struct podnet_dir *ret,
		    struct err *e);
void podnet_dir_close(struct podnet_dir *d);

int podnet_record_save(const struct podnet_dir *d, const struct podnet_record *r, struct err *e);
/* -ENOENT: there is none (e is not set). A file that cannot be read is -EBADMSG, named. */
int podnet_record_load(const struct podnet_dir *d, const char *container, const char *ifname,
		       const char *network, struct podnet_record *ret, struct err *e);
/* Those of one sandbox. Files that make no sense are left out and counted in *bad (may be NULL). */
int podnet_records_of(const struct podnet_dir *d, const char *container, struct podnet_records *ret,
		      size_t *bad, struct err *e);
/* All of a network, NULL: of all. */
int podnet_records_all(const struct podnet_dir *d, const char *network, struct podnet_records *ret,
		       size_t *bad, struct err *e);
/* Success also when there is none. The sandbox's directory goes with its last record. */
int podnet_record_remove(const struct podnet_dir *d, const char *container, const char *ifname,
			 const char *network, struct err *e);
void podnet_record_clear(struct podnet_record *r);
void podnet_records_clear(struct podnet_records *l);

#endif
