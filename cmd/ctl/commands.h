/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - every command's entry in the table of main.c */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "options.h"

extern const struct command cmd_program; /* main.c: the program itself, with the global options */

extern const struct command cmd_apply, cmd_delete, cmd_get, cmd_ip, cmd_ip_show, cmd_gc, cmd_fsck, cmd_import,
	cmd_why, cmd_plan, cmd_top, cmd_backup, cmd_restore, cmd_status, cmd_cni, cmd_describe, cmd_complete,
	cmd_help, cmd_install_plugins, cmd_clean;

#endif
