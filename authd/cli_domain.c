/*
 * outrider domain: each verb is one call of account_db.
 */
#include "authd/cli_domain.h"

#include "authd/cli_accounts.h"
#include "authd/cli_quota.h"

#include <stdio.h>

const char *const cli_domain_options[] = {"database=PATH", NULL};
const char *const cli_domain_set_options[] = {"database=PATH", "quota=SIZE", NULL};

int
cli_domain_add(struct cli *cli)
{
    struct cli_accounts a;
    struct span domain;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CREATE);

    if (status == CLI_YES)
        status = cli_accounts_domain(&a, cli->argv[0], &domain);
    if (status == CLI_YES)
        status =
            cli_accounts_report(&a, account_db_add_domain(a.db, domain, &a.e), "added", domain);
    cli_accounts_end(&a);
    return status;
}

int
cli_domain_set(struct cli *cli)
{
    struct cli_accounts a;
    struct account_quota quota;
    struct span domain;
    const char *text = cli_option(cli, "quota");
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_domain(&a, cli->argv[0], &domain);
    if (status == CLI_YES)
        status = text != NULL ? cli_quota_parse(cli, text, &quota)
                              : cli_fail(cli, CLI_USAGE, "nothing to set: --quota");
    if (status == CLI_YES)
        status = cli_accounts_report(&a, account_db_set_domain_quota(a.db, domain, &quota, &a.e),
                                     "changed", domain);
    cli_accounts_end(&a);
    return status;
}

int
cli_domain_del(struct cli *cli)
{
    struct cli_accounts a;
    struct span domain;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_domain(&a, cli->argv[0], &domain);
    if (status == CLI_YES)
        status = cli_accounts_report(&a, account_db_delete_domain(a.db, domain, &a.e), "deleted",
                                     domain);
    cli_accounts_end(&a);
    return status;
}

static bool
show(void *context, struct span domain)
{
    json_t *list = context;

    if (list != NULL)
        json_array_append_new(list, json_stringn(domain.p, domain.n));
    else
        printf("%.*s\n", SPAN_ARG(domain));
    return true;
}

int
cli_domain_list(struct cli *cli)
{
    struct cli_accounts a;
    json_t *list = cli->json ? json_array() : NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES) {
        or_status st = account_db_each_domain(a.db, show, list, &a.e);

        status = st == OR_OK ? CLI_YES : cli_accounts_fail(&a, st);
    }
    if (status == CLI_YES && list != NULL)
        cli_print_json(json_pack("{s:O}", "domains", list));
    json_decref(list);
    cli_accounts_end(&a);
    return status;
}
