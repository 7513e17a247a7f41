/*
 * The verbs `outrider sieve check`: does this script mean something; and `outrider sieve test`:
 * what would it do with this message.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_CLI_SIEVE_H
#define OUTRIDER_LMTP_CLI_SIEVE_H

#include "common/cli/cli.h"

/* FILE; CLI_NO where the script is in error. */
int cli_sieve_check(struct cli *cli);
/* FILE MESSAGE; CLI_NO where the script is in error or fails on this message. */
int cli_sieve_test(struct cli *cli);
/* The options of the latter, for its row. */
extern const char *const cli_sieve_test_options[];

#endif
