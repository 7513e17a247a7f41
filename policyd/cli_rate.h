/*
 * The verbs `outrider rate list` and `outrider rate reset`: the buckets of policyd's limits, in the
 * daemon's own store.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_RATE_H
#define OUTRIDER_POLICYD_CLI_RATE_H

#include "common/cli/cli.h"

/* [KEY]: only keys that contain it. CLI_YES, also when there are none. */
int cli_rate_list(struct cli *cli);
/* RULE KEY; CLI_NO where there is no such rule, or nothing used of it. */
int cli_rate_reset(struct cli *cli);

#endif
