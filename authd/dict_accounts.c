/*
 * Dovecot checks the password itself: the passdb's value holds the hash.
 */
#include "authd/dict_accounts.h"

#include "authd/authd_metrics.h"
#include "authd/dict/dict_line.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

static const struct {
    struct span prefix;
    enum dict_account_value value;
} kinds[] = {
    {SPAN_INIT("shared/passdb/"), DICT_ACCOUNT_PASSDB},
    {SPAN_INIT("shared/userdb/"), DICT_ACCOUNT_USERDB},
};

enum dict_account_value
dict_accounts_match(struct span key, struct span *name_out)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (span_has_prefix(key, kinds[i].prefix)) {
            *name_out = span_from(key, kinds[i].prefix.n);
            return kinds[i].value;
        }
    return DICT_ACCOUNT_NONE;
}

static json_t *
passdb_json(const struct account_row *row)
{
    return json_pack("{s:s%, s:s%}", "password", row->password.p, row->password.n, "user",
                     row->address.whole.p, row->address.whole.n);
}

static json_t *
userdb_json(const struct daemon_snapshot *snapshot, const struct account_row *row,
            struct arena *mem, struct err *e)
{
    struct authd_mailbox mailbox;

    if (authd_find_mailbox(snapshot, row, mem, &mailbox, e) != OR_OK)
        return NULL;
    const char *quota = arena_printf(mem, "*:storage=%" PRId64 "B:messages=%" PRId64,
                                     row->quota.bytes, row->quota.messages);
    bool limited = row->quota.bytes > 0 || row->quota.messages > 0;
    return json_pack("{s:I, s:I, s:s%, s:s*}", "uid", (json_int_t)mailbox.uid, "gid",
                     (json_int_t)mailbox.gid, "home", mailbox.home.p, mailbox.home.n, "quota_rule",
                     limited ? quota : NULL);
}

static or_status
print(json_t *json, struct arena *mem, struct span *json_out, struct err *e)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    or_status st = text == NULL ? err_set(e, OR_TEMPFAIL, "the account cannot be told as JSON")
                                : arena_copy(mem, span_cstr(text), json_out);

    free(text);
    json_decref(json);
    return st;
}

or_status
dict_accounts_get(const struct daemon_snapshot *snapshot, enum dict_account_value value,
                  struct span name, struct arena *mem, struct span *json_out, struct err *e)
{
    bool passdb = value == DICT_ACCOUNT_PASSDB;
    struct account_row row;
    or_status st = dict_line_unescape_name(name, mem, &name);

    if (st == OR_OK)
        st = authd_find_account(snapshot, name, mem, &row, e);
    /* Dovecot compares with what it is given, and knows nothing of application passwords. */
    if (st == OR_OK && passdb && (!row.enabled || row.password.n == 0 || row.app_passwords_only))
        st = OR_ABSENT;
    authd_metrics_lookup(passdb ? "passdb" : "userdb", st);
    if (st != OR_OK)
        return st;
    return print(passdb ? passdb_json(&row) : userdb_json(snapshot, &row, mem, e), mem, json_out,
                 e);
}
