/*
 * The verbs `outrider quota show` and `outrider quota recalc`: how full is a mailbox, as lmtpd sees
 * it; and count it anew.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_CLI_QUOTA_USAGE_H
#define OUTRIDER_LMTP_CLI_QUOTA_USAGE_H

#include "common/cli/cli.h"

/* ADDRESS; CLI_NO where nobody has it, or the mailbox is on another server. */
int cli_quota_usage_show(struct cli *cli);
int cli_quota_usage_recalc(struct cli *cli);

#endif
