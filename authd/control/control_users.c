/*
 * Accounts and application passwords.
 */
#include "authd/control/control_users.h"

#include "authd/accounts/account_host.h"
#include "authd/accounts/app_password_db.h"
#include "authd/control/control_args.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/text/utf8.h"

#define LAST_ID 4294967293 /* the two above it mean "none" here and there */
#define SCOPE_BYTES 64
#define LATEST_EXPIRY_S INT64_C(253402300799) /* the year 9999 */

/* ---- accounts */

static or_status
parse_id(struct control_call *c, const char *key, int64_t *id)
{
    *id = -1;
    or_status st = control_args_number(c->request, key, LAST_ID, id, c->e);

    /* Nobody's mailbox is root's. */
    return st == OR_OK && *id == 0 ? err_set(c->e, OR_MALFORMED, "%s: not 0", key) : st;
}

static or_status
parse_home(struct control_call *c, struct span *home)
{
    or_status st = control_args_text(c->request, "home", home, c->e);
    bool bad = home->n > 0 && (home->p[0] != '/' || !utf8_is_valid(*home));

    for (size_t i = 0; i < home->n; i++)
        bad |= (unsigned char)home->p[i] < ' ' || home->p[i] == '\x7f';
    if (st == OR_OK && bad)
        return err_set(c->e, OR_MALFORMED, "home: an absolute path without control characters");
    return st;
}

/* "": this machine. */
static or_status
parse_host(struct control_call *c, struct span *host, struct account_change *change)
{
    struct account_host parsed;
    or_status st = control_args_text(c->request, "host", host, c->e);

    if (st != OR_OK || host->p == NULL)
        return st;
    /* Mail for the account goes there: that is not a domain administrator's to say. */
    if (c->role != ACCOUNT_ROLE_SYSTEM)
        return err_set(c->e, OR_MALFORMED, "host: not allowed");
    if (host->n > 0)
        st = account_host_parse(*host, c->mem, &parsed, c->e);
    if (st == OR_OK && host->n > 0 && !parsed.is_address)
        st = err_set(c->e, OR_MALFORMED, "host: an IP address is wanted, not a name");
    if (st == OR_OK)
        change->host = host;
    return st;
}

static or_status
parse_change(struct control_call *c, struct account_quota *quota, struct span *host,
             struct account_change *change)
{
    const bool *of_domain = NULL;
    or_status st = control_args_flag(c->request, "enabled", &change->enabled, c->e);

    if (st == OR_OK)
        st = control_args_flag(c->request, "app_passwords_only", &change->app_passwords_only, c->e);
    if (st == OR_OK)
        st = control_args_flag(c->request, "quota_of_domain", &of_domain, c->e);
    change->quota_of_domain = of_domain != NULL && *of_domain;
    if (st == OR_OK)
        st = parse_host(c, host, change);
    return st == OR_OK ? control_args_quota(c->request, quota, &change->quota, c->e) : st;
}

or_status
control_user_add(struct control_call *c)
{
    struct account_row row = {.address = c->address, .enabled = true};
    struct account_change change = {.enabled = NULL};
    struct account_quota quota;
    struct span host;
    or_status st = control_args_password(c->request, &row.password, &row.scram_keys, c->e);

    if (st == OR_OK)
        st = parse_id(c, "uid", &row.uid);
    if (st == OR_OK)
        st = parse_id(c, "gid", &row.gid);
    if (st == OR_OK)
        st = parse_home(c, &row.home);
    if (st == OR_OK)
        st = parse_change(c, &quota, &host, &change);
    /* With these a mailbox can be laid over anybody's. */
    if (st == OR_OK && c->role != ACCOUNT_ROLE_SYSTEM &&
        (row.uid >= 0 || row.gid >= 0 || row.home.n != 0))
        st = err_set(c->e, OR_MALFORMED, "uid, gid, home: not allowed");
    return st == OR_OK ? account_db_add_with(c->db, &row, &change, c->e) : st;
}

or_status
control_user_set(struct control_call *c)
{
    struct account_change change = {.enabled = NULL};
    struct account_quota quota;
    struct span host;
    or_status st = parse_change(c, &quota, &host, &change);

    return st == OR_OK ? account_db_set(c->db, &c->address, &change, c->e) : st;
}

or_status
control_user_passwd(struct control_call *c)
{
    struct span stored, scram_keys;
    or_status st = control_args_password(c->request, &stored, &scram_keys, c->e);

    return st == OR_OK ? account_db_set_password(c->db, &c->address, stored, scram_keys, c->e) : st;
}

static json_t *
json_id(int64_t id)
{
    return id < 0 ? json_null() : json_integer(id);
}

static json_t *
json_text(struct span s)
{
    return s.n == 0 ? json_null() : json_stringn(s.p, s.n);
}

static json_t *
json_account(const struct account_row *row)
{
    return json_pack("{s:o, s:b, s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o}", "address",
                     json_text(row->address.whole), "enabled", row->enabled, "password",
                     row->password.n != 0, "app_passwords_only", row->app_passwords_only,
                     "quota_bytes", (json_int_t)row->quota.bytes, "quota_messages",
                     (json_int_t)row->quota.messages, "uid", json_id(row->uid), "gid",
                     json_id(row->gid), "home", json_text(row->home), "host", json_text(row->host));
}

static bool
show(struct control_call *c, json_t *row)
{
    bool go_on = c->show(c->context, row);

    json_decref(row);
    return go_on;
}

static bool
show_account(void *call, const struct account_row *row)
{
    struct control_call *c = call;

    return (c->domain.n != 0 && !span_equal(row->address.domain, c->domain)) ||
           show(c, json_account(row));
}

or_status
control_user_show(struct control_call *c)
{
    struct account_row row;
    or_status st = account_db_find(c->db, &c->address, c->mem, &row, c->e);

    if (st == OR_ABSENT)
        return err_set(c->e, OR_ABSENT, "there is no account %.*s", SPAN_ARG(c->address.whole));
    if (st == OR_OK)
        (void)show(c, json_account(&row));
    return st;
}

or_status
control_user_list(struct control_call *c)
{
    return account_db_each(c->db, show_account, c, c->e);
}

or_status
control_user_del(struct control_call *c)
{
    return account_db_delete(c->db, &c->address, c->e);
}

/* ---- application passwords */

static or_status
parse_name(struct control_call *c, struct span *name)
{
    or_status st = control_args_text(c->request, "name", name, c->e);

    if (st == OR_OK && !app_password_is_name(*name))
        return err_set(c->e, OR_MALFORMED, "the name: 1 to %d bytes without control characters",
                       APP_PASSWORD_MAX_NAME_BYTES);
    return st;
}

static or_status
parse_app_password(struct control_call *c, struct app_password *p)
{
    struct span scope = SPAN_EMPTY;
    or_status st = parse_name(c, &p->name);

    if (st == OR_OK)
        st = control_args_text(c->request, "scope", &scope, c->e);
    if (st == OR_OK)
        st = app_password_parse_scope(scope, &p->scope, c->e);
    return st == OR_OK
               ? control_args_number(c->request, "expires", LATEST_EXPIRY_S, &p->expires_s, c->e)
               : st;
}

or_status
control_app_password_add(struct control_call *c)
{
    struct app_password p = {.created_s = clock_now()};
    char secret[APP_PASSWORD_TEXT_BYTES], hash[APP_PASSWORD_HASH_BYTES];
    or_status st = parse_app_password(c, &p);

    if (st != OR_OK)
        return st;
    app_password_make(secret);
    st = app_password_hash(span_cstr(secret), c->address.whole, hash)
             ? app_password_db_add(c->db, &c->address, &p, hash, c->e)
             : OR_BUG;
    if (st == OR_OK)
        json_object_set_new(c->answer, "password", json_string(secret));
    crypto_wipe(secret, sizeof(secret));
    return st;
}

or_status
control_app_password_del(struct control_call *c)
{
    struct span name;
    or_status st = parse_name(c, &name);

    return st == OR_OK ? app_password_db_delete(c->db, &c->address, name, c->e) : st;
}

static json_t *
json_time(int64_t s)
{
    return s == 0 ? json_null() : json_integer(s);
}

static json_t *
json_app_password(const struct app_password *p)
{
    struct buf scope;

    buf_init(&scope, SCOPE_BYTES);
    app_password_format_scope(p->scope, &scope);
    json_t *row = json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_text(p->name), "scope",
                            json_text(buf_span(&scope)), "created", json_time(p->created_s),
                            "expires", json_time(p->expires_s), "last_used", json_time(p->used_s));
    buf_fini(&scope);
    return row;
}

or_status
control_app_password_list(struct control_call *c)
{
    struct app_password *all = NULL;
    size_t count = 0;
    or_status st = app_password_db_list(c->db, &c->address, c->mem, &all, &count, c->e);

    for (size_t i = 0; st == OR_OK && i < count; i++)
        if (!show(c, json_app_password(&all[i])))
            break;
    return st;
}
