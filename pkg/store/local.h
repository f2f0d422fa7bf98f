/* SPDX-License-Identifier: Apache-2.0 */
/* local.h - the embedded store: one LMDB environment in a state directory, shared by any number of processes
 *
 * The directory is 0700 and root's, its files 0600:
 *
 *	data.mdb lock.mdb   LMDB            backup.json  the last logical backup
 *	owner               boot ID and PID namespace of the processes that have it open
 *
 * An acknowledged commit survives power loss unless opened relaxed (then the last one may be lost, the state
 * stays consistent). Every value carries a checksum, checked on read; what is damaged is -EUCLEAN and names
 * restore. Refused, each with a sentence that says what to do: NFS and other network file systems and FUSE,
 * another live PID namespace, wrong owner or mode, a newer schema, a truncated or damaged file, a full disk
 * (STORE_WRITE), a read-only file system.
 *
 * A process may open a directory once. It must not use a store in a child after fork(): close it before, or
 * exec (all descriptors are close-on-exec).
 */
#ifndef STORE_LOCAL_H
#define STORE_LOCAL_H

#include "store/store.h"

#define STORE_LOCAL_DIR     "/var/lib/spiderpool"
#define STORE_LOCAL_DIR_MAX (4096 - 64) /* bytes in its path */

struct store_local_opts {
	const char *dir;
	bool create;    /* make it when it does not exist; otherwise -ENOENT, which names spiderpoolctl */
	bool read_only; /* no transaction but STORE_READ; works on a read-only file system */
	bool relaxed;   /* commits are not flushed one by one */
	/* LMDB's locks have no deadline of their own. When open or begin() has waited until its deadline this
	 * is called from the handler of SIGALRM; it must not return (nothing has been written: print and
	 * _exit). For programs of one thread. NULL: wait. */
	void (*on_lock_timeout)(void);
	/* Called from the SIGBUS/SIGSEGV/SIGABRT handler when the fault lies in the map (the file was cut or
	 * the disk fails) or in LMDB, with a prepared sentence; must not return nor use the heap, which may
	 * be what is damaged. NULL: the process dies. */
	void (*on_damage)(const char *sentence);
};

#define STORE_LOCAL_DAMAGE_MAX 1024
/* What on_damage will be given, for who must prepare something of it. */
void store_local_damage(const char *dir, char out[STORE_LOCAL_DAMAGE_MAX]);

int store_local_open(const struct store_local_opts *o, struct deadline until, struct store **ret,
		     struct err *e);

/* Checks every value's checksum, every key, the index and the free hint against the objects. Each finding
 * goes to found(); repair rebuilds index and hint (never objects). Returns the number of findings. */
int store_local_verify(struct store *st, bool repair, void (*found)(const char *sentence, void *arg),
		       void *arg, struct err *e);

/* Logical backup: one JSON document per line (a header with schema, time and count first, a checksum last;
 * see local_line.h), written atomically to path ("" is backup.json in the directory; another one must be new
 * or a regular file). Runs in its own STORE_READ. A store of which a record cannot be reached is -EUCLEAN and
 * what was at path stays. -EBUSY, code ERR_TRY_AGAIN: another process is just writing backup.json. */
int store_local_backup(struct store *st, const char *path, struct err *e);
/* Milliseconds since the epoch at which backup.json was written, 0 when there is none. */
int64_t store_local_backup_time(struct store *st);
/* Makes dir's store anew from a backup (path "": its own backup.json; with another path dir may be missing or
 * empty). The old data.mdb is kept beside it as data.mdb.damaged-<time>. Refuses while another process has
 * the store open; changes nothing unless the whole backup is readable and its checksum right. Objects keep
 * their versions, later ones are higher than any before; a STORE_META object "restored" tells that it
 * happened. *ret_time is when the backup was made (to the second), *ret_count its objects. */
int store_local_restore(const char *dir, const char *path, int64_t *ret_time, uint64_t *ret_count,
			struct err *e);

struct store_local_info {
	uint64_t schema, objects, revision, used_bytes, file_bytes, map_bytes, readers;
};
int store_local_info(struct store *st, struct store_local_info *ret, struct err *e);

#endif
