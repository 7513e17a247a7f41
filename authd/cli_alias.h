/*
 * outrider alias add|list|del: addresses whose mail goes to other addresses.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_ALIAS_H
#define OUTRIDER_AUTHD_CLI_ALIAS_H

#include "common/cli/cli.h"

extern const char *const cli_alias_options[];

/* The exits of common/cli/cli.h; 1 also for what the accounts refuse (a circle, a taken name). */
int cli_alias_add(struct cli *cli);
int cli_alias_list(struct cli *cli);
int cli_alias_del(struct cli *cli);

#endif
