/*
 * The verbs `outrider spf check`: what policyd would make of a client, and why; and `outrider spf
 * explain`: what a domain's record comes to.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_SPF_H
#define OUTRIDER_POLICYD_CLI_SPF_H

#include "common/cli/cli.h"

/* IP HELO SENDER; CLI_YES for pass, CLI_TEMPFAIL for temperror, else CLI_NO. */
int cli_spf_check(struct cli *cli);
/* DOMAIN; CLI_NO where the record is in error, CLI_TEMPFAIL where DNS did not say. */
int cli_spf_explain(struct cli *cli);
/* The options of both, for the rows. */
extern const char *const cli_spf_options[];

#endif
