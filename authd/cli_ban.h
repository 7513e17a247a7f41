/*
 * The verbs `outrider ban list|add|remove|explain`: over the store that authd takes them from
 * within a second.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_BAN_H
#define OUTRIDER_AUTHD_CLI_BAN_H

#include "common/cli/cli.h"

extern const char *const cli_ban_add_options[];
extern const char *const cli_ban_explain_options[];

int cli_ban_list(struct cli *cli);
int cli_ban_add(struct cli *cli);     /* ADDRESS|NETWORK */
int cli_ban_remove(struct cli *cli);  /* ADDRESS|NETWORK; CLI_NO: it is not banned */
int cli_ban_explain(struct cli *cli); /* ADDRESS; CLI_NO: nothing is known of it */

#endif
