/*
 * outrider alias: "@domain" stands for every address of the domain that is neither account nor
 * alias.
 */
#include "authd/cli_alias.h"

#include "authd/cli_accounts.h"

#include <stdio.h>
#include <string.h>

const char *const cli_alias_options[] = {"database=PATH", NULL};

/* The arguments behind the alias, in canonical form. */
static int
put_targets(struct cli_accounts *a, json_t *request)
{
    json_t *targets = json_array();
    int status = CLI_YES;

    for (int i = 1; status == CLI_YES && i < a->cli->argc; i++) {
        struct account_address target = {.whole = SPAN_EMPTY};

        status = cli_accounts_address(a, a->cli->argv[i], false, &target);
        json_array_append_new(targets, json_stringn(target.whole.p, target.whole.n));
    }
    json_object_set_new(request, "targets", targets);
    return status;
}

int
cli_alias_add(struct cli *cli)
{
    struct cli_accounts a;
    struct account_address alias;
    json_t *request = NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], true, &alias);
    if (status == CLI_YES) {
        request = cli_accounts_request("alias-add", "address", alias.whole);
        status = put_targets(&a, request);
    }
    if (status == CLI_YES)
        status = cli_accounts_change(&a, json_incref(request), "added", alias.whole);
    json_decref(request);
    cli_accounts_end(&a);
    return status;
}

int
cli_alias_del(struct cli *cli)
{
    struct cli_accounts a;
    struct account_address alias, target = {.whole = SPAN_EMPTY};
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], true, &alias);
    if (status == CLI_YES && cli->argc > 1)
        status = cli_accounts_address(&a, cli->argv[1], false, &target);
    if (status == CLI_YES) {
        json_t *request = cli_accounts_request("alias-del", "address", alias.whole);

        if (cli->argc > 1)
            cli_accounts_put(request, "target", target.whole);
        status =
            cli_accounts_change(&a, request, cli->argc > 1 ? "changed" : "deleted", alias.whole);
    }
    cli_accounts_end(&a);
    return status;
}

/* Targets of one alias come one after the other: they join the last object of the list. */
static void
add_json(json_t *list, json_t *alias, json_t *target)
{
    size_t count = json_array_size(list);
    json_t *last = count > 0 ? json_array_get(list, count - 1) : NULL;

    if (!json_equal(json_object_get(last, "alias"), alias)) {
        last = json_pack("{s:O, s:[]}", "alias", alias, "targets");
        json_array_append_new(list, last);
    }
    json_array_append(json_object_get(last, "targets"), target);
}

static bool
show(void *list, json_t *row)
{
    json_t *alias = json_object_get(row, "alias"), *target = json_object_get(row, "target");

    if (list != NULL)
        add_json(list, alias, target);
    else
        printf("%s -> %s\n", json_string_value(alias), json_string_value(target));
    return true;
}

int
cli_alias_list(struct cli *cli)
{
    struct cli_accounts a;
    struct span domain = SPAN_EMPTY;
    json_t *list = cli->json ? json_array() : NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES && cli->argc > 0)
        status = cli_accounts_domain(&a, cli->argv[0], &domain);
    if (status == CLI_YES) {
        json_t *request = cli_accounts_request("alias-list", "domain", domain);
        or_status st = cli_accounts_ask(&a, request, show, list, NULL);

        status = st == OR_OK ? CLI_YES : cli_accounts_fail(&a, st);
    }
    if (status == CLI_YES && list != NULL)
        cli_print_json(json_pack("{s:O}", "aliases", list));
    json_decref(list);
    cli_accounts_end(&a);
    return status;
}
