/*
 * outrider admin add, list, del: roles of the machine's users.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_ADMIN_H
#define OUTRIDER_AUTHD_CLI_ADMIN_H

#include "common/cli/cli.h"

extern const char *const cli_admin_options[];
extern const char *const cli_admin_list_options[];

int cli_admin_add(struct cli *cli);
int cli_admin_list(struct cli *cli);
int cli_admin_del(struct cli *cli);

#endif
