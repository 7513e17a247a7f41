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
const char *const cli_user_add_options[] = {
    "database=PATH", "password-stdin", "uid=N",         "gid=N",
    "home=DIR",      "quota=SIZE",     "scheme=SCHEME", NULL};
const char *const cli_user_set_options[] = {
    "database=PATH", "quota=SIZE", "enable", "disable", "app-passwords-only=yes|no", NULL};

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

        status = st == OR_OK ? CLI_YES : cli_accounts_fail(a, st);
    }
    buf_fini_wiped(&password);
    return status;
}

static int
parse_row(struct cli_accounts *a, struct account_row *row)
{
    int status = cli_accounts_address(a, a->cli->argv[0], false, &row->address);

    if (status == CLI_YES)
        status = parse_id(a->cli, "uid", &row->uid);
    if (status == CLI_YES)
        status = parse_id(a->cli, "gid", &row->gid);
    return status == CLI_YES ? parse_home(a->cli, &row->home) : status;
}

/* --app-passwords-only; `only` is what `change` points to. */
static int
parse_only(const struct cli *cli, bool *only, struct account_change *change)
{
    const char *text = cli_option(cli, "app-passwords-only");

    if (text == NULL)
        return CLI_YES;
    *only = strcmp(text, "yes") == 0;
    if (!*only && strcmp(text, "no") != 0)
        return cli_fail(cli, CLI_USAGE, "--app-passwords-only=%s: yes or no", text);
    change->app_passwords_only = only;
    return CLI_YES;
}

/* --quota, --enable, --disable; `quota` and `enabled` are what `change` points to. "default": the
 * domain's. */
static int
parse_change(const struct cli *cli, struct account_quota *quota, bool *enabled,
             struct account_change *change)
{
    const char *text = cli_option(cli, "quota");
    bool enable = cli_option(cli, "enable") != NULL, disable = cli_option(cli, "disable") != NULL;
    int status = CLI_YES;

    if (enable && disable)
        return cli_fail(cli, CLI_USAGE, "--enable and --disable: one of them");
    *enabled = enable;
    if (enable || disable)
        change->enabled = enabled;
    change->quota_of_domain = text != NULL && strcmp(text, "default") == 0;
    if (text != NULL && !change->quota_of_domain) {
        status = cli_quota_parse(cli, text, quota);
        change->quota = quota;
    }
    return status;
}

static or_status
add_account(struct cli_accounts *a, const struct account_row *row,
            const struct account_change *change)
{
    or_status st = account_db_add(a->db, row, &a->e);

    if (st == OR_OK && change->quota != NULL)
        st = account_db_set(a->db, &row->address, change, &a->e);
    return st;
}

int
cli_user_add(struct cli *cli)
{
    struct cli_accounts a;
    struct account_row row = {.enabled = true};
    struct account_change change = {.enabled = NULL};
    struct account_quota quota;
    bool enabled;
    struct password_made made;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = parse_row(&a, &row);
    if (status == CLI_YES)
        status = parse_change(cli, &quota, &enabled, &change);
    if (status == CLI_YES)
        status = read_password(&a, &made);
    if (status == CLI_YES) {
        row.password = span_cstr(made.stored);
        row.scram_keys = span_cstr(made.scram_keys);
        status =
            cli_accounts_report(&a, add_account(&a, &row, &change), "added", row.address.whole);
    }
    crypto_wipe(&made, sizeof(made));
    cli_accounts_end(&a);
    return status;
}

/* The account named by the first argument must be there: nobody should type a password in vain. */
static int
find_account(struct cli_accounts *a, struct account_row *row)
{
    struct account_address address;
    int status = cli_accounts_address(a, a->cli->argv[0], false, &address);

    if (status != CLI_YES)
        return status;
    or_status st = account_db_find(a->db, &address, &a->mem, row, &a->e);

    if (st == OR_ABSENT)
        return cli_fail(a->cli, CLI_NO, "there is no account %.*s", SPAN_ARG(address.whole));
    return st == OR_OK ? CLI_YES : cli_accounts_fail(a, st);
}

int
cli_user_set(struct cli *cli)
{
    struct cli_accounts a;
    struct account_change change = {.enabled = NULL};
    struct account_quota quota;
    struct account_address address;
    bool enabled, only;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = cli_accounts_address(&a, cli->argv[0], false, &address);
    if (status == CLI_YES)
        status = parse_change(cli, &quota, &enabled, &change);
    if (status == CLI_YES)
        status = parse_only(cli, &only, &change);
    if (status == CLI_YES && change.enabled == NULL && change.quota == NULL &&
        !change.quota_of_domain && change.app_passwords_only == NULL)
        status = cli_fail(cli, CLI_USAGE,
                          "nothing to set: --quota, --enable, --disable or --app-passwords-only");
    if (status == CLI_YES)
        status = cli_accounts_report(&a, account_db_set(a.db, &address, &change, &a.e), "changed",
                                     address.whole);
    cli_accounts_end(&a);
    return status;
}

int
cli_user_passwd(struct cli *cli)
{
    struct cli_accounts a;
    struct account_row row;
    struct password_made made;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = find_account(&a, &row);
    if (status == CLI_YES)
        status = read_password(&a, &made);
    if (status == CLI_YES)
        status =
            cli_accounts_report(&a,
                                account_db_set_password(a.db, &row.address, span_cstr(made.stored),
                                                        span_cstr(made.scram_keys), &a.e),
                                "changed", row.address.whole);
    crypto_wipe(&made, sizeof(made));
    cli_accounts_end(&a);
    return status;
}

int
cli_user_del(struct cli *cli)
{
    struct cli_accounts a;
    struct account_row row;
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_CHANGE);

    if (status == CLI_YES)
        status = find_account(&a, &row);
    if (status == CLI_YES)
        status = cli_accounts_report(&a, account_db_delete(a.db, &row.address, &a.e), "deleted",
                                     row.address.whole);
    if (status == CLI_YES && !cli->json)
        puts("Its Maildir stays on disk; remove it by hand when nobody wants it any more.");
    cli_accounts_end(&a);
    return status;
}

struct listing {
    struct span domain; /* empty: all */
    json_t *list;       /* NULL: for people */
};

static json_t *
json_id(int64_t id)
{
    return id < 0 ? json_null() : json_integer(id);
}

static json_t *
json_account(const struct account_row *row)
{
    const struct span *address = &row->address.whole;

    return json_pack("{s:o, s:b, s:b, s:b, s:I, s:I, s:o, s:o, s:o}", "address",
                     json_stringn(address->p, address->n), "enabled", row->enabled, "password",
                     row->password.n != 0, "app_passwords_only", row->app_passwords_only,
                     "quota_bytes", (json_int_t)row->quota.bytes, "quota_messages",
                     (json_int_t)row->quota.messages, "uid", json_id(row->uid), "gid",
                     json_id(row->gid), "home",
                     row->home.n != 0 ? json_stringn(row->home.p, row->home.n) : json_null());
}

static void
print_account(const struct account_row *row)
{
    printf("%.*s", SPAN_ARG(row->address.whole));
    if (!row->enabled)
        fputs(" disabled", stdout);
    if (row->password.n == 0)
        fputs(" no-password", stdout);
    if (row->app_passwords_only)
        fputs(" app-passwords-only", stdout);
    if (row->uid >= 0)
        printf(" uid=%" PRId64, row->uid);
    if (row->gid >= 0)
        printf(" gid=%" PRId64, row->gid);
    if (row->home.n != 0)
        printf(" home=%.*s", SPAN_ARG(row->home));
    if (row->quota.bytes > 0 || row->quota.messages > 0) {
        char quota[CLI_QUOTA_BYTES];

        cli_quota_format(&row->quota, quota);
        printf(" quota=%s", quota);
    }
    putchar('\n');
}

static bool
show(void *context, const struct account_row *row)
{
    const struct listing *l = context;

    if (l->domain.n != 0 && !span_equal(row->address.domain, l->domain))
        return true;
    if (l->list != NULL)
        json_array_append_new(l->list, json_account(row));
    else
        print_account(row);
    return true;
}

int
cli_user_list(struct cli *cli)
{
    struct cli_accounts a;
    struct listing l = {.list = cli->json ? json_array() : NULL};
    int status = cli_accounts_begin(&a, cli, CLI_ACCOUNTS_READ);

    if (status == CLI_YES)
        status = cli_accounts_filter(&a, &l.domain);
    if (status == CLI_YES) {
        or_status st = account_db_each(a.db, show, &l, &a.e);

        status = st == OR_OK ? CLI_YES : cli_accounts_fail(&a, st);
    }
    if (status == CLI_YES && l.list != NULL)
        cli_print_json(json_pack("{s:O}", "accounts", l.list));
    json_decref(l.list);
    cli_accounts_end(&a);
    return status;
}
