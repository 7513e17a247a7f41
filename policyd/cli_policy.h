/*
 * The verbs `outrider policy explain`: what policyd decided about a mail, and why; and `outrider
 * policy test`: what it would decide about a request.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_POLICY_H
#define OUTRIDER_POLICYD_CLI_POLICY_H

#include "common/cli/cli.h"

/* QUEUE-ID or INSTANCE; CLI_NO where nothing is kept about it. */
int cli_policy_explain(struct cli *cli);
/* FILE or NAME=VALUE...; CLI_NO where the answer refuses or holds, CLI_TEMPFAIL where it defers. */
int cli_policy_test(struct cli *cli);
/* The options of each, for the rows. */
extern const char *const cli_policy_explain_options[];
extern const char *const cli_policy_test_options[];

#endif
