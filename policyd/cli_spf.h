/*
 * The verb `outrider spf check`: what policyd would make of a client, and why.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_SPF_H
#define OUTRIDER_POLICYD_CLI_SPF_H

#include "common/cli/cli.h"

/* IP HELO SENDER; CLI_YES for pass, CLI_TEMPFAIL for temperror, else CLI_NO. */
int cli_spf_check(struct cli *cli);
/* Its options, for the verb's row. */
extern const char *const cli_spf_options[];

#endif
