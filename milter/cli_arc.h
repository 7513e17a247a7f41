/*
 * The verb `outrider arc verify`.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_CLI_ARC_H
#define OUTRIDER_MILTER_CLI_ARC_H

#include "common/cli/cli.h"

/* FILE, or "-": verifies a message's ARC chain. CLI_YES when it passes, CLI_TEMPFAIL when only a
 * look-up failed, else CLI_NO. */
int cli_arc_verify(struct cli *cli);
extern const char *const cli_arc_verify_options[];

#endif
