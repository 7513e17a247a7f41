/*
 * outrider domain: each verb is one request.
 */
#include "authd/cli_domain.h"

#include "authd/accounts/account_quota.h"
#include "authd/cli_accounts.h"
#include "authd/cli_quota.h"

#include <stdio.h>
#include <string.h>

const char *const cli_domain_options[] = {"database=PATH", NULL};
const char *const cli_domain_set_options[] = {
    "database=PATH",  "quota=SIZE", "max-users=N", "max-aliases=N",
    "max-quota=SIZE", "relay=HOST", NULL};

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

/* --max-users, --max-aliases, --max-quota; "none" is 0. */
static int
put_limits(const struct cli *cli, json_t *request)
{
    static const struct {
        const char *option, *key;
        bool is_size;
    } limits[] = {{"max-users", "max_users", false},
                  {"max-aliases", "max_aliases", false},
                  {"max-quota", "max_quota", true}};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const char *text = cli_option(cli, limits[i].option);
        uint64_t number = 0;
        int64_t bytes = 0;

        if (text == NULL)
            continue;
        bool is_none = strcmp(text, "none") == 0;
        or_status st = limits[i].is_size ? account_quota_parse_size(span_cstr(text), 1, &bytes)
                                         : span_parse_u64(span_cstr(text), INT64_MAX, &number);

        if (st != OR_OK && !is_none)
            return cli_fail(cli, CLI_USAGE, "--%s=%s: %s or none", limits[i].option, text,
                            limits[i].is_size ? "a size" : "a number");
        json_object_set_new(request, limits[i].key,
                            json_integer(limits[i].is_size ? bytes : (int64_t)number));
    }
    return CLI_YES;
}

static int
put_quota(const struct cli *cli, json_t *request)
{
    const char *text = cli_option(cli, "quota");
    struct account_quota quota;
    int status = text == NULL ? CLI_YES : cli_quota_parse(cli, text, &quota);

    if (text != NULL && status == CLI_YES)
        cli_quota_put(request, &quota);
    return status;
}

/* --relay; "none": the mail is kept here. */
static void
put_relay(const struct cli *cli, json_t *request)
{
    const char *relay = cli_option(cli, "relay");

    if (relay != NULL)
        cli_accounts_put(request, "relay",
                         strcmp(relay, "none") == 0 ? SPAN_EMPTY : span_cstr(relay));
}

int
cli_domain_set(struct cli *cli)
{
    struct cli_accounts a;
    struct span domain;
    json_t *request = NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_domain(&a, cli->argv[0], &domain);
    if (status == CLI_YES) {
        request = cli_accounts_request("domain-set", "domain", domain);
        status = put_quota(cli, request);
    }
    if (status == CLI_YES)
        status = put_limits(cli, request);
    if (status == CLI_YES)
        put_relay(cli, request);
    if (status == CLI_YES && json_object_size(request) == 2)
        status =
            cli_fail(cli, CLI_USAGE,
                     "nothing to set: --quota, --relay, --max-users, --max-aliases or --max-quota");
    if (status == CLI_YES)
        status = cli_accounts_change(&a, json_incref(request), "changed", domain);
    json_decref(request);
    cli_accounts_end(&a);
    return status;
}

static void
print(const char *domain, const json_t *row)
{
    struct account_quota largest = {json_integer_value(json_object_get(row, "max_quota")), 0};
    json_int_t users = json_integer_value(json_object_get(row, "max_users"));
    json_int_t aliases = json_integer_value(json_object_get(row, "max_aliases"));
    char quota[CLI_QUOTA_BYTES];

    fputs(domain, stdout);
    if (json_string_length(json_object_get(row, "relay")) > 0)
        printf(" relay=%s", json_string_value(json_object_get(row, "relay")));
    if (users > 0)
        printf(" max-users=%" JSON_INTEGER_FORMAT, users);
    if (aliases > 0)
        printf(" max-aliases=%" JSON_INTEGER_FORMAT, aliases);
    cli_quota_format(&largest, quota);
    if (largest.bytes > 0)
        printf(" max-quota=%s", quota);
    putchar('\n');
}

static bool
show(void *list, json_t *row)
{
    json_t *domain = json_object_get(row, "domain");

    if (list != NULL)
        json_array_append(list, domain);
    else
        print(json_string_value(domain), row);
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
