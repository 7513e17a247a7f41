/*
 * outrider domain: each verb is one request.
 */
#include "authd/cli_domain.h"

#include "authd/cli_accounts.h"
#include "authd/cli_quota.h"

#include <stdio.h>

const char *const cli_domain_options[] = {"database=PATH", NULL};
const char *const cli_domain_set_options[] = {"database=PATH", "quota=SIZE", NULL};

static int
change(struct cli *cli, enum cli_accounts_mode mode, const char *command, const char *done)
{
    struct cli_accounts a;
    struct span domain;
    int status = cli_accounts_begin(&a, cli, mode);

    if (status == CLI_YES)
        status = cli_accounts_domain(&a, cli->argv[0], &domain);
    if (status == CLI_YES)
        status =
            cli_accounts_change(&a, cli_accounts_request(command, "domain", domain), done, domain);
    cli_accounts_end(&a);
    return status;
}

int
cli_domain_add(struct cli *cli)
{
    return change(cli, CLI_ACCOUNTS_CREATE, "domain-add", "added");
}

int
cli_domain_del(struct cli *cli)
{
    return change(cli, CLI_ACCOUNTS_CHANGE, "domain-del", "deleted");
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
    if (status == CLI_YES) {
        json_t *request = cli_accounts_request("domain-set", "domain", domain);

        cli_quota_put(request, &quota);
        status = cli_accounts_change(&a, request, "changed", domain);
    }
    cli_accounts_end(&a);
    return status;
}

static bool
show(void *list, json_t *row)
{
    json_t *domain = json_object_get(row, "domain");

    if (list != NULL)
        json_array_append(list, domain);
    else
        printf("%s\n", json_string_value(domain));
    return true;
}

int
cli_domain_list(struct cli *cli)
{
    struct cli_accounts a;
    json_t *list = cli->json ? json_array() : NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES) {
        json_t *request = cli_accounts_request("domain-list", "domain", SPAN_EMPTY);
        or_status st = cli_accounts_ask(&a, request, show, list, NULL);

        status = st == OR_OK ? CLI_YES : cli_accounts_fail(&a, st);
    }
    if (status == CLI_YES && list != NULL)
        cli_print_json(json_pack("{s:O}", "domains", list));
    json_decref(list);
    cli_accounts_end(&a);
    return status;
}
