/* SPDX-License-Identifier: Apache-2.0 */
/* backup.h - the logical backup beside the store, renewed now and then */
#ifndef PLUGIN_IPAM_BACKUP_H
#define PLUGIN_IPAM_BACKUP_H

/* With the store closed: when the last backup is old, a process of low priority makes a new one. The runtime
 * does not wait for it, and one that is killed leaves the old backup. */
void backup_if_due(const char *state_dir);

#endif
