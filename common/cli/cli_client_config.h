/*
 * outrider client-config: writes the documents of client_config.h below a web server's root.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_CLI_CLI_CLIENT_CONFIG_H
#define OUTRIDER_COMMON_CLI_CLI_CLIENT_CONFIG_H

#include "common/cli/cli.h"

extern const char *const cli_client_config_options[];
/* CLI_USAGE: a name that is none; CLI_CONFIG: a file cannot be written. */
int cli_client_config(struct cli *cli);

#endif
