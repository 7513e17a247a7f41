/*
 * outrider user: passwords are hashed here; the database never sees them.
 */
#include "authd/cli_user.h"

#include "authd/accounts/password_make.h"
#include "authd/cli_accounts.h"
#include "authd/cli_password.h"
#include "authd/cli_quota.h"
#include "common/base/crypto.h"
#include "common/text/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LAST_ID 4294967293 /* the two above it mean "none" here and there */

const char *const cli_user_options[] = {"database=PATH", NULL};
const char *const cli_user_passwd_options[] = {"database=PATH", "password-stdin", "scheme=SCHEME",
                                               NULL};
const char *const cli_user_add_options[] = {"database=PATH", "password-stdin", "uid=N",
                                            "gid=N",         "home=DIR",       "quota=SIZE",
                                            "scheme=SCHEME", "host=ADDRESS",   NULL};
const char *const cli_user_set_options[] = {
    "database=PATH", "quota=SIZE", "enable", "disable", "app-passwords-only=yes|no",
    "host=ADDRESS",  NULL};

/* --uid or --gid; -1 when not given. */
static int
parse_id(const struct cli *cli, const char *option, int64_t *id_out)
{
    const char *text = cli_option(cli, option);
    uint64_t id = 0;

    *id_out = -1;
    if (text == NULL)
        return CLI_YES;
    /* Nobody's mailbox is root's. */
    if (span_parse_u64(span_cstr(text), LAST_ID, &id) != OR_OK || id == 0)
        return cli_fail(cli, CLI_USAGE, "--%s=%s: a number from 1 to %" PRId64, option, text,
                        (int64_t)LAST_ID);
    *id_out = (int64_t)id;
    return CLI_YES;
}

static int
parse_home(const struct cli *cli, struct span *home_out)
{
    struct span home = span_cstr(cli_option(cli, "home"));
    bool bad = home.n > 0 && (home.p[0] != '/' || !utf8_is_valid(home));

    for (size_t i = 0; i < home.n; i++)
        bad |= (unsigned char)home.p[i] < ' ' || home.p[i] == '\x7f';
    if (bad || (home.n == 0 && cli_option(cli, "home") != NULL))
        return cli_fail(cli, CLI_USAGE, "--home: an absolute path without control characters");
    *home_out = home;
    return CLI_YES;
}

/* --scheme, or what is configured. */
static int
parse_scheme(const struct cli_accounts *a, enum password_scheme *scheme_out)
{
    const char *name = cli_option(a->cli, "scheme");
    int at = 0;

    *scheme_out = (enum password_scheme)a->password_scheme;
    if (name == NULL)
        return CLI_YES;
    for (; password_scheme_words[at] != NULL; at++)
        if (span_equal_nocase_cstr(span_cstr(name), password_scheme_words[at])) {
            *scheme_out = (enum password_scheme)at;
            return CLI_YES;
        }
    return cli_fail(a->cli, CLI_USAGE,
                    "--scheme=%s: yescrypt, ARGON2ID, BLF-CRYPT, SHA512-CRYPT or SCRAM-SHA-1, "
                    "-256, -512",
                    name);
}

/* Asks for a password and makes what is stored of it. */
static int
read_password(struct cli_accounts *a, struct password_made *made_out)
{
    struct buf password;
    enum password_scheme scheme;
    int status = parse_scheme(a, &scheme);

    if (status != CLI_YES)
        return status;
    buf_init(&password, PASSWORD_MAX_BYTES);
    status = cli_password_read(a->cli, &password);

    if (status == CLI_YES) {
        or_status st = password_make(scheme, buf_span(&password), made_out, &a->e);

        status = st == OR_OK ? CLI_YES : cli_fail_status(a->cli, st, &a->e);
    }
    buf_fini_wiped(&password);
    return status;
}

/* --uid, --gid, --home. */
static int
put_place(const struct cli *cli, json_t *request)
{
    static const char *const keys[] = {"uid", "gid"};
    struct span home = SPAN_EMPTY;
    int64_t id = -1;
    int status = CLI_YES;

    for (size_t i = 0; status == CLI_YES && i < 2; i++) {
        status = parse_id(cli, keys[i], &id);
        if (id >= 0)
            json_object_set_new(request, keys[i], json_integer(id));
    }
    if (status == CLI_YES)
        status = parse_home(cli, &home);
    if (home.n > 0)
        cli_accounts_put(request, "home", home);
    return status;
}

/* --quota; "default": the domain's. */
static int
put_quota(const struct cli *cli, json_t *request)
{
    const char *text = cli_option(cli, "quota");
    struct account_quota quota;
    int status = CLI_YES;

    if (text == NULL)
        return CLI_YES;
    if (strcmp(text, "default") == 0)
        json_object_set_new(request, "quota_of_domain", json_true());
    else if ((status = cli_quota_parse(cli, text, &quota)) == CLI_YES)
        cli_quota_put(request, &quota);
    return status;
}

/* --enable, --disable, --app-passwords-only. */
static int
put_flags(const struct cli *cli, json_t *request)
{
    bool enable = cli_option(cli, "enable") != NULL, disable = cli_option(cli, "disable") != NULL;
    const char *only = cli_option(cli, "app-passwords-only");

    if (enable && disable)
        return cli_fail(cli, CLI_USAGE, "--enable and --disable: one of them");
    if (enable || disable)
        json_object_set_new(request, "enabled", json_boolean(enable));
    if (only == NULL)
        return CLI_YES;
    if (strcmp(only, "yes") != 0 && strcmp(only, "no") != 0)
        return cli_fail(cli, CLI_USAGE, "--app-passwords-only=%s: yes or no", only);
    json_object_set_new(request, "app_passwords_only", json_boolean(strcmp(only, "yes") == 0));
    return CLI_YES;
}

/* --host; "none": this machine. */
static void
put_host(const struct cli *cli, json_t *request)
{
    const char *host = cli_option(cli, "host");

    if (host != NULL)
        cli_accounts_put(request, "host", strcmp(host, "none") == 0 ? SPAN_EMPTY : span_cstr(host));
}

/* Asks for a password, and puts what is stored of it. */
static int
put_password(struct cli_accounts *a, json_t *request)
{
    struct password_made made;
    int status = read_password(a, &made);

    if (status == CLI_YES) {
        cli_accounts_put(request, "password", span_cstr(made.stored));
        if (made.scram_keys[0] != '\0')
            cli_accounts_put(request, "scram_keys", span_cstr(made.scram_keys));
        crypto_wipe(&made, sizeof(made));
    }
    return status;
}

/* What the verbs that change an account begin with: the request, with its address. */
static int
begin(struct cli_accounts *a, struct cli *cli, const char *command, json_t **request_out)
{
    struct account_address address = {.whole = SPAN_EMPTY};
    int status = cli_accounts_begin(a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_address(a, cli->argv[0], false, &address);
    *request_out = cli_accounts_request(command, "address", address.whole);
    return status;
}

/* What they end with. */
static int
end(struct cli_accounts *a, int status, json_t *request, const char *done)
{
    json_t *address = json_incref(json_object_get(request, "address"));

    if (status == CLI_YES)
        status =
            cli_accounts_change(a, json_incref(request), done,
                                span_make(json_string_value(address), json_string_length(address)));
    json_decref(address);
    json_decref(request);
    cli_accounts_end(a);
    return status;
}

int
cli_user_add(struct cli *cli)
{
    struct cli_accounts a;
    json_t *request = NULL;
    int status = begin(&a, cli, "user-add", &request);

    if (status == CLI_YES)
        status = put_place(cli, request);
    if (status == CLI_YES)
        status = put_quota(cli, request);
    put_host(cli, request);
    if (status == CLI_YES)
        status = put_password(&a, request);
    return end(&a, status, request, "added");
}

int
cli_user_set(struct cli *cli)
{
    struct cli_accounts a;
    json_t *request = NULL;
    int status = begin(&a, cli, "user-set", &request);

    if (status == CLI_YES)
        status = put_quota(cli, request);
    if (status == CLI_YES)
        status = put_flags(cli, request);
    put_host(cli, request);
    if (status == CLI_YES && json_object_size(request) == 2)
        status = cli_fail(
            cli, CLI_USAGE,
            "nothing to set: --quota, --host, --enable, --disable or --app-passwords-only");
    return end(&a, status, request, "changed");
}

/* The account must be there: nobody should type a password in vain. */
static int
check_account(struct cli_accounts *a, const json_t *request)
{
    json_t *question = json_pack("{s:s, s:O}", "command", "user-show", "address",
                                 json_object_get(request, "address"));
    or_status st = cli_accounts_ask(a, question, NULL, NULL, NULL);

    return st == OR_OK ? CLI_YES : cli_accounts_fail(a, st);
}

int
cli_user_passwd(struct cli *cli)
{
    struct cli_accounts a;
    json_t *request = NULL;
    int status = begin(&a, cli, "user-passwd", &request);

    if (status == CLI_YES)
        status = check_account(&a, request);
    if (status == CLI_YES)
        status = put_password(&a, request);
    return end(&a, status, request, "changed");
}

int
cli_user_del(struct cli *cli)
{
    struct cli_accounts a;
    json_t *request = NULL;
    int status = begin(&a, cli, "user-del", &request);

    status = end(&a, status, request, "deleted");
    if (status == CLI_YES && !cli->json)
        puts("Its Maildir stays on disk; remove it by hand when nobody wants it any more.");
    return status;
}

static void
print_number(const char *key, const json_t *value)
{
    if (json_is_integer(value))
        printf(" %s=%" JSON_INTEGER_FORMAT, key, json_integer_value(value));
}

static void
print_quota(const json_t *row)
{
    struct account_quota quota = {json_integer_value(json_object_get(row, "quota_bytes")),
                                  json_integer_value(json_object_get(row, "quota_messages"))};
    char text[CLI_QUOTA_BYTES];

    if (quota.bytes <= 0 && quota.messages <= 0)
        return;
    cli_quota_format(&quota, text);
    printf(" quota=%s", text);
}

static bool
print(void *context, json_t *row)
{
    const char *home = json_string_value(json_object_get(row, "home")),
               *host = json_string_value(json_object_get(row, "host"));

    (void)context;
    fputs(json_string_value(json_object_get(row, "address")), stdout);
    if (!json_is_true(json_object_get(row, "enabled")))
        fputs(" disabled", stdout);
    if (!json_is_true(json_object_get(row, "password")))
        fputs(" no-password", stdout);
    if (json_is_true(json_object_get(row, "app_passwords_only")))
        fputs(" app-passwords-only", stdout);
    print_number("uid", json_object_get(row, "uid"));
    print_number("gid", json_object_get(row, "gid"));
    if (home != NULL)
        printf(" home=%s", home);
    if (host != NULL)
        printf(" host=%s", host);
    print_quota(row);
    putchar('\n');
    return true;
}

int
cli_user_list(struct cli *cli)
{
    struct cli_accounts a;
    struct span domain = SPAN_EMPTY;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES && cli->argc > 0)
        status = cli_accounts_domain(&a, cli->argv[0], &domain);
    if (status == CLI_YES)
        status = cli_accounts_list(&a, cli_accounts_request("user-list", "domain", domain),
                                   "accounts", print);
    cli_accounts_end(&a);
    return status;
}
