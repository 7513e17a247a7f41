/*
 * The verbs `outrider brake list` and `release`: which logins policyd holds, and letting one go.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_BRAKE_H
#define OUTRIDER_POLICYD_CLI_BRAKE_H

#include "common/cli/cli.h"

int cli_brake_list(struct cli *cli);
/* LOGIN; CLI_NO where it is not held. */
int cli_brake_release(struct cli *cli);

#endif
