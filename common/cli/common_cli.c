/* The verbs of `outrider` that concern no single daemon. */
#include "common/cli/cli_client_config.h"

const struct cli_verb common_cli_verbs[] = {
    {
        .group = "client-config",
        .name = "",
        .arguments = "DOMAIN",
        .help = "write the files by which mail programs find their settings",
        .min_args = 1,
        .max_args = 1,
        .options = cli_client_config_options,
        .run = cli_client_config,
    },
    {0},
};
