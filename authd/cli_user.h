/*
 * outrider user add|set|passwd|list|del: the accounts with a mailbox.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_USER_H
#define OUTRIDER_AUTHD_CLI_USER_H

#include "common/cli/cli.h"

extern const char *const cli_user_add_options[];
extern const char *const cli_user_set_options[];
extern const char *const cli_user_passwd_options[];
extern const char *const cli_user_options[];

/* The exits of common/cli/cli.h; 1 also for an address that is taken. */
int cli_user_add(struct cli *cli);
int cli_user_set(struct cli *cli);
int cli_user_passwd(struct cli *cli);
int cli_user_list(struct cli *cli);
int cli_user_del(struct cli *cli);

#endif
