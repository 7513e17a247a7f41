/*
 * outrider alias: "@domain" stands for every address of the domain that is neither account nor
 * alias.
 */
#include "authd/cli_alias.h"

#include "authd/cli_accounts.h"

#include <stdio.h>

const char *const cli_alias_options[] = {"database=PATH", NULL};

/* The arguments behind the alias, in canonical form. */
static int
parse_targets(struct cli_accounts *a, struct span **targets_out, size_t *count_out)
{
    size_t count = (size_t)a->cli->argc - 1;
    struct span *targets = arena_alloc_array(&a->mem, count, sizeof(*targets));

    for (size_t i = 0; i < count; i++) {
        struct account_address address;
        int status = cli_accounts_address(a, a->cli->argv[i + 1], false, &address);

        if (status != CLI_YES)
            return status;
        targets[i] = address.whole;
    }
    *targets_out = targets;
    *count_out = count;
    return CLI_YES;
}

int
cli_alias_add(struct cli *cli)
{
    struct cli_accounts a;
    struct account_address alias;
    struct span *targets = NULL;
    size_t count = 0;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], true, &alias);
    if (status == CLI_YES)
        status = parse_targets(&a, &targets, &count);
    if (status == CLI_YES)
        status = cli_accounts_report(&a, account_db_add_alias(a.db, &alias, targets, count, &a.e),
                                     "added", alias.whole);
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
    if (status == CLI_YES)
        status = cli_accounts_report(&a, account_db_delete_alias(a.db, &alias, target.whole, &a.e),
                                     cli->argc > 1 ? "changed" : "deleted", alias.whole);
    cli_accounts_end(&a);
    return status;
}

struct listing {
    struct span domain; /* empty: all */
    json_t *list;       /* NULL: for people */
};

/* Targets of one alias come one after the other: they join the last object of the list. */
static void
add_json(json_t *list, struct span alias, struct span target)
{
    size_t count = json_array_size(list);
    json_t *last = count > 0 ? json_array_get(list, count - 1) : NULL;
    json_t *name = json_object_get(last, "alias");

    if (name == NULL ||
        !span_equal(alias, span_make(json_string_value(name), json_string_length(name)))) {
        last = json_pack("{s:o, s:[]}", "alias", json_stringn(alias.p, alias.n), "targets");
        json_array_append_new(list, last);
    }
    json_array_append_new(json_object_get(last, "targets"), json_stringn(target.p, target.n));
}

static bool
show(void *context, struct span alias, struct span target)
{
    const struct listing *l = context;

    if (l->domain.n != 0 && !span_equal(span_from(alias, span_rfind(alias, '@') + 1), l->domain))
        return true;
    if (l->list != NULL)
        add_json(l->list, alias, target);
    else
        printf("%.*s -> %.*s\n", SPAN_ARG(alias), SPAN_ARG(target));
    return true;
}

int
cli_alias_list(struct cli *cli)
{
    struct cli_accounts a;
    struct listing l = {.list = cli->json ? json_array() : NULL};
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES)
        status = cli_accounts_filter(&a, &l.domain);
    if (status == CLI_YES) {
        or_status st = account_db_each_alias(a.db, show, &l, &a.e);

        status = st == OR_OK ? CLI_YES : cli_accounts_fail(&a, st);
    }
    if (status == CLI_YES && l.list != NULL)
        cli_print_json(json_pack("{s:O}", "aliases", l.list));
    json_decref(l.list);
    cli_accounts_end(&a);
    return status;
}
