/*
 * outrider app-password: the secret is made where the database is (control_users.c), and shown
 * this once.
 */
#include "authd/cli_app_password.h"

#include "authd/accounts/app_password.h"
#include "authd/cli_accounts.h"
#include "common/base/clock.h"
#include "common/run/conf_value.h"

#include <stdio.h>

#define DEFAULT_SCOPE "imap,smtp" /* what a mail program needs */
#define MAX_LIFETIME_MS (INT64_C(100) * 366 * 24 * 3600 * 1000)
#define DATE_BYTES 32

const char *const cli_app_password_options[] = {"database=PATH", NULL};
const char *const cli_app_password_add_options[] = {"database=PATH", "scope=SERVICES",
                                                    "expires=DURATION", NULL};

/* --expires, from now; 0 when it is not given. */
static int
parse_expires(const struct cli *cli, int64_t now_s, int64_t *expires_out)
{
    static const struct conf_option lifetime = {.name = "--expires",
                                                .type = CONF_DURATION,
                                                .def = "90d",
                                                .min = 1000,
                                                .max = MAX_LIFETIME_MS};
    const char *text = cli_option(cli, "expires");
    int64_t ms = 0;
    struct err e;

    *expires_out = 0;
    if (text == NULL)
        return CLI_YES;
    if (conf_value_set(&lifetime, &ms, text, &e) != OR_OK)
        return cli_fail(cli, CLI_USAGE, "--expires: %s", e.text);
    *expires_out = now_s + ms / 1000;
    return CLI_YES;
}

static int
put_options(const struct cli *cli, json_t *request)
{
    const char *scope = cli_option(cli, "scope");
    int64_t expires_s = 0;
    unsigned parsed;
    struct err e;

    if (scope != NULL && app_password_parse_scope(span_cstr(scope), &parsed, &e) != OR_OK)
        return cli_fail(cli, CLI_USAGE, "--scope: %s", e.text);
    json_object_set_new(request, "scope", json_string(scope != NULL ? scope : DEFAULT_SCOPE));
    int status = parse_expires(cli, clock_now(), &expires_s);
    json_object_set_new(request, "expires", json_integer(expires_s));
    return status;
}

/* A request with address and name, the verb's arguments. */
static int
make_request(struct cli_accounts *a, const char *command, json_t **request_out)
{
    struct account_address address;
    struct span name = span_cstr(a->cli->argv[1]);
    int status = cli_accounts_address(a, a->cli->argv[0], false, &address);

    if (status == CLI_YES && !app_password_is_name(name))
        status = cli_fail(a->cli, CLI_USAGE, "the name: 1 to %d bytes without control characters",
                          APP_PASSWORD_MAX_NAME_BYTES);
    if (status != CLI_YES)
        return status;
    *request_out = cli_accounts_request(command, "address", address.whole);
    cli_accounts_put(*request_out, "name", name);
    return CLI_YES;
}

static int
add(struct cli_accounts *a, json_t *request)
{
    json_t *answer = NULL;
    or_status st = cli_accounts_ask(a, json_incref(request), NULL, NULL, &answer);

    if (st != OR_OK)
        return cli_accounts_fail(a, st);
    json_t *secret = json_object_get(answer, "password");

    if (a->cli->json)
        cli_print_json(
            json_pack("{s:O, s:O}", "added", json_object_get(request, "name"), "password", secret));
    else
        printf("%s\nThis is shown once; type it into the program it is for.\n",
               json_string_value(secret));
    json_decref(answer);
    return CLI_YES;
}

int
cli_app_password_add(struct cli *cli)
{
    struct cli_accounts a;
    json_t *request = NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = make_request(&a, "app-password-add", &request);
    if (status == CLI_YES)
        status = put_options(cli, request);
    if (status == CLI_YES)
        status = add(&a, request);
    json_decref(request);
    cli_accounts_end(&a);
    return status;
}

int
cli_app_password_del(struct cli *cli)
{
    struct cli_accounts a;
    json_t *request = NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = make_request(&a, "app-password-del", &request);
    if (status == CLI_YES)
        status = cli_accounts_change(&a, request, "deleted", span_cstr(cli->argv[1]));
    cli_accounts_end(&a);
    return status;
}

/* UTC, to the minute. */
static void
print_time(const char *key, const json_t *value)
{
    char text[DATE_BYTES] = "never";
    time_t t = (time_t)json_integer_value(value);
    struct tm tm;

    if (json_is_integer(value) && gmtime_r(&t, &tm) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%MZ", &tm);
    printf(" %s=%s", key, text);
}

static bool
print(void *context, json_t *row)
{
    const char *scope = json_string_value(json_object_get(row, "scope"));

    (void)context;
    printf("%s scope=%s", json_string_value(json_object_get(row, "name")),
           scope != NULL ? scope : "none");
    print_time("created", json_object_get(row, "created"));
    print_time("expires", json_object_get(row, "expires"));
    print_time("last-used", json_object_get(row, "last_used"));
    putchar('\n');
    return true;
}

int
cli_app_password_list(struct cli *cli)
{
    struct cli_accounts a;
    struct account_address address;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], false, &address);
    if (status == CLI_YES)
        status = cli_accounts_list(
            &a, cli_accounts_request("app-password-list", "address", address.whole),
            "app_passwords", print);
    cli_accounts_end(&a);
    return status;
}
