/*
 * outrider app-password: makes the secret, shows it this once, and keeps its hash.
 */
#include "authd/cli_app_password.h"

#include "authd/accounts/app_password_db.h"
#include "authd/cli_accounts.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/run/conf_value.h"

#include <inttypes.h>
#include <stdio.h>

#define DEFAULT_SCOPE "imap,smtp" /* what a mail program needs */
#define MAX_LIFETIME_MS (INT64_C(100) * 366 * 24 * 3600 * 1000)
#define SCOPE_BYTES 64
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
parse(const struct cli *cli, struct app_password *p)
{
    const char *scope = cli_option(cli, "scope");
    struct err e;

    p->name = span_cstr(cli->argv[1]);
    p->created_s = clock_now();
    if (!app_password_is_name(p->name))
        return cli_fail(cli, CLI_USAGE, "the name: at most %d bytes without control characters",
                        APP_PASSWORD_MAX_NAME_BYTES);
    if (app_password_parse_scope(span_cstr(scope != NULL ? scope : DEFAULT_SCOPE), &p->scope, &e) !=
        OR_OK)
        return cli_fail(cli, CLI_USAGE, "--scope: %s", e.text);
    return parse_expires(cli, p->created_s, &p->expires_s);
}

static int
report_secret(struct cli_accounts *a, const struct app_password *p, const char *secret)
{
    if (a->cli->json)
        cli_print_json(json_pack("{s:s%, s:s}", "added", p->name.p, p->name.n, "password", secret));
    else
        printf("%s\nThis is shown once; type it into the program it is for.\n", secret);
    return CLI_YES;
}

static int
add(struct cli_accounts *a, const struct account_address *address, const struct app_password *p)
{
    char secret[APP_PASSWORD_TEXT_BYTES], hash[APP_PASSWORD_HASH_BYTES];

    app_password_make(secret);
    bool hashed = app_password_hash(span_cstr(secret), address->whole, hash);
    or_status st = hashed ? app_password_db_add(a->db, address, p, hash, &a->e) : OR_BUG;
    int status =
        st == OR_OK ? report_secret(a, p, secret) : cli_accounts_report(a, st, "added", p->name);
    crypto_wipe(secret, sizeof(secret));
    return status;
}

int
cli_app_password_add(struct cli *cli)
{
    struct cli_accounts a;
    struct account_address address;
    struct app_password p = {.scope = 0};
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], false, &address);
    if (status == CLI_YES)
        status = parse(cli, &p);
    if (status == CLI_YES)
        status = add(&a, &address, &p);
    cli_accounts_end(&a);
    return status;
}

int
cli_app_password_del(struct cli *cli)
{
    struct cli_accounts a;
    struct account_address address;
    struct span name = span_cstr(cli->argv[1]);
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], false, &address);
    if (status == CLI_YES)
        status = cli_accounts_report(&a, app_password_db_delete(a.db, &address, name, &a.e),
                                     "deleted", name);
    cli_accounts_end(&a);
    return status;
}

/* UTC, to the minute. */
static const char *
date(int64_t s, const char *none, char out[DATE_BYTES])
{
    struct tm tm;
    time_t t = (time_t)s;

    if (s == 0 || gmtime_r(&t, &tm) == NULL)
        snprintf(out, DATE_BYTES, "%s", none);
    else
        strftime(out, DATE_BYTES, "%Y-%m-%dT%H:%MZ", &tm);
    return out;
}

static json_t *
json_time(int64_t s)
{
    return s == 0 ? json_null() : json_integer(s);
}

static void
show(const struct app_password *p, json_t *list)
{
    char created[DATE_BYTES], expires[DATE_BYTES], used[DATE_BYTES];
    struct buf scope;

    buf_init(&scope, SCOPE_BYTES);
    app_password_format_scope(p->scope, &scope);
    if (list != NULL)
        json_array_append_new(list,
                              json_pack("{s:s%, s:s%, s:o, s:o, s:o}", "name", p->name.p, p->name.n,
                                        "scope", scope.n != 0 ? scope.p : "", scope.n, "created",
                                        json_time(p->created_s), "expires", json_time(p->expires_s),
                                        "last_used", json_time(p->used_s)));
    else
        printf("%.*s scope=%.*s created=%s expires=%s last-used=%s\n", SPAN_ARG(p->name),
               SPAN_ARG(buf_span(&scope)), date(p->created_s, "never", created),
               date(p->expires_s, "never", expires), date(p->used_s, "never", used));
    buf_fini(&scope);
}

static int
show_all(struct cli_accounts *a, const struct account_address *address, json_t *list)
{
    struct app_password *all = NULL;
    size_t count = 0;
    or_status st = app_password_db_list(a->db, address, &a->mem, &all, &count, &a->e);

    if (st != OR_OK)
        return cli_accounts_fail(a, st);
    for (size_t i = 0; i < count; i++)
        show(&all[i], list);
    return CLI_YES;
}

int
cli_app_password_list(struct cli *cli)
{
    struct cli_accounts a;
    struct account_address address;
    json_t *list = cli->json ? json_array() : NULL;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], false, &address);
    if (status == CLI_YES)
        status = show_all(&a, &address, list);
    if (status == CLI_YES && list != NULL)
        cli_print_json(json_pack("{s:O}", "app_passwords", list));
    json_decref(list);
    cli_accounts_end(&a);
    return status;
}
