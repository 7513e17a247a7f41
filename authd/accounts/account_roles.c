/*
 * The table roles. NULL in both columns means the whole system, so that no text can be taken for
 * it.
 */
#include "authd/accounts/account_roles.h"

#include "authd/accounts/account_sql.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_TEXT_BYTES 24

static struct span
number_text(int64_t number, char out[NUMBER_TEXT_BYTES])
{
    snprintf(out, NUMBER_TEXT_BYTES, "%" PRId64, number);
    return span_cstr(out);
}

static struct span
text_or_null(struct span s)
{
    return s.n != 0 ? s : (struct span){.p = NULL};
}

#define THIS_ROLE "uid = ?1 AND domain IS ?2 AND address IS ?3"

/* What the role is about must be there, the role itself not. */
static or_status
check_new(struct account_db *db, const struct account_sql *role, struct err *e)
{
    struct account_sql subject = {
        .text = "SELECT 1 WHERE (?2 IS NULL OR EXISTS (SELECT 1 FROM domains WHERE name = ?2))"
                " AND (?3 IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE address = ?3))",
        .params = {role->params[0], role->params[1], role->params[2]},
        .count = 3};
    struct account_sql same = {.text = "SELECT 1 FROM roles WHERE " THIS_ROLE,
                               .params = {role->params[0], role->params[1], role->params[2]},
                               .count = 3};
    or_status st = account_sql_exists(db, &subject, e);

    if (st == OR_ABSENT)
        return err_set(e, OR_ABSENT, "there is no such domain or account");
    if (st == OR_OK)
        st = account_sql_exists(db, &same, e);
    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "the user has that role already");
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
add(struct account_db *db, const struct account_sql *insert, struct err *e)
{
    or_status st = account_sql_begin(db, e);

    if (st != OR_OK)
        return st;
    st = check_new(db, insert, e);
    if (st == OR_OK)
        st = account_sql_run(db, insert, e);
    return account_sql_end(db, st, e);
}

or_status
account_roles_add(struct account_db *db, const struct account_role_row *role, struct err *e)
{
    char uid[NUMBER_TEXT_BYTES];
    struct account_sql insert = {
        .text = "INSERT INTO roles (uid, domain, address, name) VALUES (?1, ?2, ?3, ?4)",
        .params = {number_text(role->uid, uid), text_or_null(role->domain),
                   text_or_null(role->address), role->name},
        .count = 4};

    lock_take(&db->lock);
    or_status st = add(db, &insert, e);

    lock_drop(&db->lock);
    return st;
}

or_status
account_roles_delete(struct account_db *db, const struct account_role_row *role, struct err *e)
{
    char uid[NUMBER_TEXT_BYTES];
    struct account_sql sql = {.text = "DELETE FROM roles WHERE " THIS_ROLE,
                              .params = {number_text(role->uid, uid), text_or_null(role->domain),
                                         text_or_null(role->address)},
                              .count = 3};

    lock_take(&db->lock);
    or_status st = account_sql_run(db, &sql, e);
    bool deleted = st == OR_OK && sqlite3_changes(db->sqlite) > 0;

    lock_drop(&db->lock);
    return st == OR_OK && !deleted ? err_set(e, OR_ABSENT, "the user has no such role") : st;
}

static or_status
read_role(sqlite3_stmt *step, struct arena *mem, struct account_role_row *role_out, struct err *e)
{
    struct account_role_row role = {.id = sqlite3_column_int64(step, 0),
                                    .uid = sqlite3_column_int64(step, 1)};
    or_status st = account_sql_text(step, 2, mem, &role.name, e);

    if (st == OR_OK)
        st = account_sql_text(step, 3, mem, &role.domain, e);
    if (st == OR_OK)
        st = account_sql_text(step, 4, mem, &role.address, e);
    if (st == OR_OK)
        *role_out = role;
    return st;
}

or_status
account_roles_next(struct account_db *db, int64_t id, struct arena *mem,
                   struct account_role_row *role_out, struct err *e)
{
    char after[NUMBER_TEXT_BYTES];
    struct account_sql sql = {.text = "SELECT id, uid, name, domain, address FROM roles"
                                      " WHERE id > ?1 ORDER BY id LIMIT 1",
                              .params = {number_text(id, after)},
                              .count = 1};
    sqlite3_stmt *step = NULL;

    lock_take(&db->lock);
    or_status st = account_sql_open(db, &sql, &step, e);

    if (st == OR_OK)
        st = account_sql_next(db, step, e);
    if (st == OR_OK)
        st = read_role(step, mem, role_out, e);
    account_sql_close(step);
    lock_drop(&db->lock);
    return st;
}

or_status
account_roles_find(struct account_db *db, uid_t uid, struct span domain, struct span address,
                   enum account_role *role_out, struct err *e)
{
    char text[NUMBER_TEXT_BYTES];
    struct account_sql sql = {
        .text = "SELECT max(CASE WHEN domain IS NULL AND address IS NULL THEN 3"
                " WHEN domain = ?2 THEN 2 WHEN address = ?3 THEN 1 ELSE 0 END)"
                " FROM roles WHERE uid = ?1",
        .params = {number_text((int64_t)uid, text), text_or_null(domain), text_or_null(address)},
        .count = 3};
    sqlite3_stmt *step = NULL;

    _Static_assert(ACCOUNT_ROLE_OWNER == 1 && ACCOUNT_ROLE_DOMAIN == 2 && ACCOUNT_ROLE_SYSTEM == 3,
                   "the statement has other numbers");
    lock_take(&db->lock);
    or_status st = account_sql_open(db, &sql, &step, e);

    if (st == OR_OK)
        st = account_sql_next(db, step, e);
    if (st == OR_OK)
        *role_out = (enum account_role)sqlite3_column_int(step, 0); /* NULL, no role at all: 0 */
    account_sql_close(step);
    lock_drop(&db->lock);
    return st;
}
