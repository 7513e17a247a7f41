/* The verbs of `outrider` that lmtpd contributes. */
#include "lmtp/cli_quota_usage.h"
#include "lmtp/cli_sieve.h"

const struct cli_verb lmtp_cli_verbs[] = {
    {
        .group = "sieve",
        .name = "check",
        .arguments = "FILE",
        .help = "is this Sieve script without error?",
        .min_args = 1,
        .max_args = 1,
        .run = cli_sieve_check,
    },
    {
        .group = "sieve",
        .name = "test",
        .arguments = "FILE MESSAGE",
        .help = "what would this Sieve script do with this message?",
        .min_args = 2,
        .max_args = 2,
        .options = cli_sieve_test_options,
        .run = cli_sieve_test,
    },
    {
        .group = "quota",
        .name = "show",
        .arguments = "ADDRESS",
        .help = "how full is this mailbox?",
        .min_args = 1,
        .max_args = 1,
        .run = cli_quota_usage_show,
    },
    {
        .group = "quota",
        .name = "recalc",
        .arguments = "ADDRESS",
        .help = "count anew what is in this mailbox",
        .min_args = 1,
        .max_args = 1,
        .run = cli_quota_usage_recalc,
    },
    {.group = NULL},
};
