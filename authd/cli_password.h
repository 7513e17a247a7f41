/*
 * A new password from a person: two times at the terminal, unseen, or one line of standard input.
 * Never an argument: those are seen by everybody on the machine (ps) and kept in histories.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CLI_PASSWORD_H
#define OUTRIDER_AUTHD_CLI_PASSWORD_H

#include "common/base/buf.h"
#include "common/cli/cli.h"

/* Appends to `password` (initialised by the caller, who wipes it). With --password-stdin from
 * standard input. CLI_YES, or CLI_USAGE after printing why: none, two different ones, too long, no
 * terminal. */
int cli_password_read(const struct cli *cli, struct buf *password);

#endif
