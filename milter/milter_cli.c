/* The verbs of `outrider` that the milter contributes. */
#include "milter/cli_arc.h"
#include "milter/cli_dkim.h"

const struct cli_verb milter_cli_verbs[] = {
    {
        .group = "arc",
        .name = "verify",
        .arguments = "FILE",
        .help = "validate the ARC chain of a message (\"-\": standard input)",
        .min_args = 1,
        .max_args = 1,
        .options = cli_arc_verify_options,
        .run = cli_arc_verify,
    },
    {
        .group = "dkim",
        .name = "keygen",
        .arguments = "DOMAIN",
        .help = "make signing keys for a domain and print their DNS records",
        .min_args = 1,
        .max_args = 1,
        .options = cli_dkim_keygen_options,
        .run = cli_dkim_keygen,
    },
    {
        .group = "dkim",
        .name = "status",
        .arguments = "[DOMAIN]",
        .help = "list signing keys, and whether DNS publishes them",
        .min_args = 0,
        .max_args = 1,
        .options = cli_dkim_status_options,
        .run = cli_dkim_status,
    },
    {
        .group = "dkim",
        .name = "sign",
        .arguments = "FILE",
        .help = "sign a message (\"-\": standard input), print it",
        .min_args = 1,
        .max_args = 1,
        .options = cli_dkim_sign_options,
        .run = cli_dkim_sign,
    },
    {
        .group = "dkim",
        .name = "verify",
        .arguments = "FILE",
        .help = "verify the DKIM signatures of a message (\"-\": standard input)",
        .min_args = 1,
        .max_args = 1,
        .options = cli_dkim_verify_options,
        .run = cli_dkim_verify,
    },
    {.group = NULL},
};
