/*
 * --quota=SIZE[,MESSAGES]: how much a mailbox may hold.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_QUOTA_H
#define OUTRIDER_AUTHD_CLI_QUOTA_H

#include "authd/accounts/account_db.h"
#include "common/cli/cli.h"

/* "5G", "5G,10000", "0,10000", "none". CLI_YES, or CLI_USAGE: said why. */
int cli_quota_parse(const struct cli *cli, const char *text, struct account_quota *quota_out);

/* As a request has it (control/control_args.h). */
void cli_quota_put(json_t *request, const struct account_quota *quota);

/* As above, "none" where there is none; the size in the largest unit without a remainder. */
#define CLI_QUOTA_BYTES 64
void cli_quota_format(const struct account_quota *quota, char out[CLI_QUOTA_BYTES]);

#endif
