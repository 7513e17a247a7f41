/*
 * outrider app-password add, list, del.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_APP_PASSWORD_H
#define OUTRIDER_AUTHD_CLI_APP_PASSWORD_H

#include "common/cli/cli.h"

extern const char *const cli_app_password_options[];
extern const char *const cli_app_password_add_options[];

int cli_app_password_add(struct cli *cli);
int cli_app_password_list(struct cli *cli);
int cli_app_password_del(struct cli *cli);

#endif
