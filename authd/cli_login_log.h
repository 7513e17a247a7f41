/*
 * What authd has kept about logins: `outrider user log ADDRESS`, and the part of `outrider ban
 * explain` that says what a client tried.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_LOGIN_LOG_H
#define OUTRIDER_AUTHD_CLI_LOGIN_LOG_H

#include "authd/authd_conf.h"
#include "common/cli/cli.h"

extern const char *const cli_login_log_options[];

int cli_login_log(struct cli *cli); /* ADDRESS; CLI_NO: nothing is kept */

/* The configuration of --config or the default path; without a file there *settings_out is NULL,
 * and the defaults hold. CLI_YES or the exit. The caller frees it. */
int cli_authd_load(const struct cli *cli, struct authd_settings **settings_out);
void cli_authd_free(struct authd_settings *settings);

/* Prints the newest of what is kept under `name`, or appends it to `list` where that is not NULL;
 * how many there were is added to *count. OR_OK also when nothing is kept. */
or_status cli_login_log_print(const char *path, struct span name, json_t *list, size_t *count,
                              struct err *e) OR_MUST_USE;

#endif
