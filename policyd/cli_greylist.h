/*
 * The verb `outrider greylist import`: postgrey's databases into the store.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_GREYLIST_H
#define OUTRIDER_POLICYD_CLI_GREYLIST_H

#include "common/cli/cli.h"

/* DIRECTORY, postgrey's; CLI_NO where it has no database. */
int cli_greylist_import(struct cli *cli);

#endif
