/*
 * outrider: one command for the whole suite. Each daemon folder brings its own verbs.
 */
#include "common/cli/cli.h"

int
main(int argc, char **argv)
{
    static const struct cli_verb *const tables[] = {
        common_cli_verbs, milter_cli_verbs, policyd_cli_verbs, authd_cli_verbs, lmtp_cli_verbs,
    };

    return cli_main(argc, argv, tables, sizeof(tables) / sizeof(tables[0]));
}
