/*
 * Asked after a change and before it is committed, so that two changes at once cannot pass
 * together.
 */
#include "authd/accounts/account_limits.h"

#include "authd/accounts/account_sql.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_TEXT_BYTES 24

/* By enum account_limit: a row when the subject is past it. */
static const struct {
    const char *sql;
    const char *what;
} limits[] = {
    [ACCOUNT_LIMIT_USERS] =
        {"SELECT 1 FROM domains d WHERE d.name = ?1 AND d.max_users > 0"
         " AND (SELECT count(*) FROM accounts a WHERE a.domain = d.name) > d.max_users",
         "more accounts than the domain may have"},
    [ACCOUNT_LIMIT_ALIASES] =
        {"SELECT 1 FROM domains d WHERE d.name = ?1 AND d.max_aliases > 0"
         " AND (SELECT count(DISTINCT a.address) FROM aliases a WHERE a.domain = d.name)"
         " > d.max_aliases",
         "more aliases than the domain may have"},
    /* "BYTES,MESSAGES": as a number it is the bytes, and none of them no quota at all. */
    [ACCOUNT_LIMIT_QUOTA] =
        {"SELECT 1 FROM accounts a JOIN domains d ON d.name = a.domain WHERE a.address = ?1"
         " AND d.max_quota > 0 AND a.quota IS NOT NULL"
         " AND (CAST(a.quota AS INTEGER) = 0 OR CAST(a.quota AS INTEGER) > d.max_quota)",
         "more quota than a mailbox of the domain may have"},
};

or_status
account_limits_check(struct account_db *db, enum account_limit limit, struct span subject,
                     struct err *e)
{
    struct account_sql sql = {.text = limits[limit].sql, .params = {subject}, .count = 1};

    if (!db->heeds_limits)
        return OR_OK;
    or_status st = account_sql_exists(db, &sql, e);

    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "%s", limits[limit].what);
    return st == OR_ABSENT ? OR_OK : st;
}

void
account_limits_heed(struct account_db *db, bool heed)
{
    db->heeds_limits = heed;
}

/* Absent (p == NULL) for -1. */
static struct span
number_text(int64_t number, char out[NUMBER_TEXT_BYTES])
{
    if (number < 0)
        return (struct span){.p = NULL};
    snprintf(out, NUMBER_TEXT_BYTES, "%" PRId64, number);
    return span_cstr(out);
}

or_status
account_limits_set(struct account_db *db, struct span domain, const struct account_limits *given,
                   struct err *e)
{
    char users[NUMBER_TEXT_BYTES], aliases[NUMBER_TEXT_BYTES], quota[NUMBER_TEXT_BYTES];
    struct account_sql sql = {
        .text = "UPDATE domains SET max_users = coalesce(?2, max_users),"
                " max_aliases = coalesce(?3, max_aliases), max_quota = coalesce(?4, max_quota)"
                " WHERE name = ?1",
        .params = {domain, number_text(given->users, users), number_text(given->aliases, aliases),
                   number_text(given->quota_bytes, quota)},
        .count = 4};

    lock_take(&db->lock);
    or_status st = account_sql_run(db, &sql, e);
    bool changed = st == OR_OK && sqlite3_changes(db->sqlite) > 0;

    lock_drop(&db->lock);
    return st == OR_OK && !changed
               ? err_set(e, OR_ABSENT, "there is no domain %.*s", SPAN_ARG(domain))
               : st;
}

or_status
account_limits_find(struct account_db *db, struct span domain, struct account_limits *limits_out,
                    struct err *e)
{
    struct account_sql sql = {
        .text = "SELECT max_users, max_aliases, max_quota FROM domains WHERE name = ?1",
        .params = {domain},
        .count = 1};
    sqlite3_stmt *step = NULL;

    lock_take(&db->lock);
    or_status st = account_sql_open(db, &sql, &step, e);

    if (st == OR_OK)
        st = account_sql_next(db, step, e);
    if (st == OR_OK)
        *limits_out = (struct account_limits){.users = sqlite3_column_int64(step, 0),
                                              .aliases = sqlite3_column_int64(step, 1),
                                              .quota_bytes = sqlite3_column_int64(step, 2)};
    account_sql_close(step);
    lock_drop(&db->lock);
    return st;
}
