/* The verbs of `outrider` that policyd contributes. */
#include "policyd/cli_brake.h"
#include "policyd/cli_greylist.h"
#include "policyd/cli_policy.h"
#include "policyd/cli_rate.h"
#include "policyd/cli_spf.h"

const struct cli_verb policyd_cli_verbs[] = {
    {
        .group = "spf",
        .name = "check",
        .arguments = "IP HELO SENDER",
        .help = "may this client send mail in the name of this sender?",
        .min_args = 3,
        .max_args = 3,
        .options = cli_spf_options,
        .run = cli_spf_check,
    },
    {
        .group = "spf",
        .name = "explain",
        .arguments = "DOMAIN",
        .help = "what does this domain's SPF record come to?",
        .min_args = 1,
        .max_args = 1,
        .options = cli_spf_options,
        .run = cli_spf_explain,
    },
    {
        .group = "policy",
        .name = "explain",
        .arguments = "QUEUE-ID|INSTANCE",
        .help = "what did policyd decide about this mail, and why?",
        .min_args = 1,
        .max_args = 1,
        .options = cli_policy_explain_options,
        .run = cli_policy_explain,
    },
    {
        .group = "policy",
        .name = "test",
        .arguments = "FILE|NAME=VALUE...",
        .help = "what would policyd say to this request, check by check?",
        .min_args = 1,
        .max_args = 64,
        .options = cli_policy_test_options,
        .run = cli_policy_test,
    },
    {
        .group = "rate",
        .name = "list",
        .arguments = "[KEY]",
        .help = "who has used how much of which limit",
        .max_args = 1,
        .run = cli_rate_list,
    },
    {
        .group = "rate",
        .name = "reset",
        .arguments = "RULE KEY",
        .help = "let someone begin anew with a limit",
        .min_args = 2,
        .max_args = 2,
        .run = cli_rate_reset,
    },
    {
        .group = "brake",
        .name = "list",
        .arguments = "",
        .help = "logins whose mail is put on hold",
        .run = cli_brake_list,
    },
    {
        .group = "brake",
        .name = "release",
        .arguments = "LOGIN",
        .help = "let a login send again",
        .min_args = 1,
        .max_args = 1,
        .run = cli_brake_release,
    },
    {
        .group = "greylist",
        .name = "import",
        .arguments = "DIRECTORY",
        .help = "take over what postgrey knows",
        .min_args = 1,
        .max_args = 1,
        .run = cli_greylist_import,
    },
    {.group = NULL},
};
