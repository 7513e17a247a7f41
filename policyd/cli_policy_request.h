/*
 * A policy request from the command line: attribute lines of a file, or NAME=VALUE arguments.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_CLI_POLICY_REQUEST_H
#define OUTRIDER_POLICYD_CLI_POLICY_REQUEST_H

#include "common/base/arena.h"
#include "common/cli/cli.h"
#include "policyd/policy_request.h"

/* What is not said is taken as Postfix would send it for a recipient. The request views into the
 * arena. CLI_YES, or the exit after having said why. */
int cli_policy_request_read(const struct cli *cli, struct arena *mem,
                            struct policy_request *request_out);

#endif
