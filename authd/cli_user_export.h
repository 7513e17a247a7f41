/*
 * The verb `outrider user export`: the accounts of the database as a passwd-file for Dovecot.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_USER_EXPORT_H
#define OUTRIDER_AUTHD_CLI_USER_EXPORT_H

#include "common/cli/cli.h"

extern const char *const cli_user_export_options[];

int cli_user_export(struct cli *cli);

#endif
