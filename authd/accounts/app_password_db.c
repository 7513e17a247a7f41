/*
 * The table app_passwords. Its rows are found by account and hash together: what one account has
 * opens no other.
 */
#include "authd/accounts/app_password_db.h"

#include "authd/accounts/account_sql.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIME_TEXT_BYTES 24
#define SCOPE_MAX_BYTES 64
#define MAX_PENDING 64      /* uses that wait to be written */
#define WRITE_EVERY_MS 1000 /* on a busy server */
#define MAX_PER_ACCOUNT_TEXT "64"
_Static_assert(APP_PASSWORD_MAX_PER_ACCOUNT == 64, "the number in the statement is another");

#define COLUMNS "name, scope, created, coalesce(expires, 0), coalesce(used, 0)"

struct use {
    char *address, *name;
    int64_t at_s;
};

struct app_password_uses {
    struct use pending[MAX_PENDING];
    size_t count;
    int64_t written_mono_ms;
};

/* Absent (p == NULL) for 0, which stands for never. */
static struct span
time_text(int64_t s, char out[TIME_TEXT_BYTES])
{
    if (s == 0)
        return (struct span){0};
    snprintf(out, TIME_TEXT_BYTES, "%" PRId64, s);
    return span_cstr(out);
}

/* ---- changes */

/* OR_OK when the account is there and has room. */
static or_status
check_room(struct account_db *db, const struct account_sql *name, struct err *e)
{
    const struct span address = name->params[0];
    struct account_sql account = {
        .text = "SELECT 1 FROM accounts WHERE address = ?1", .params = {address}, .count = 1};
    struct account_sql full = {.text = "SELECT 1 FROM app_passwords WHERE address = ?1"
                                       " GROUP BY address HAVING count(*) >= " MAX_PER_ACCOUNT_TEXT,
                               .params = {address},
                               .count = 1};
    or_status st = account_sql_exists(db, &account, e);

    if (st == OR_ABSENT)
        return err_set(e, OR_ABSENT, "there is no account %.*s", SPAN_ARG(address));
    if (st == OR_OK)
        st = account_sql_exists(db, name, e);
    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "the account has an application password %.*s already",
                       SPAN_ARG(name->params[1]));
    if (st == OR_ABSENT)
        st = account_sql_exists(db, &full, e);
    if (st == OR_OK)
        return err_set(e, OR_MALFORMED, "the account has %d application passwords already",
                       APP_PASSWORD_MAX_PER_ACCOUNT);
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
add(struct account_db *db, const struct account_sql *insert, struct err *e)
{
    struct account_sql name = {.text = "SELECT 1 FROM app_passwords"
                                       " WHERE address = ?1 AND name = ?2",
                               .params = {insert->params[0], insert->params[1]},
                               .count = 2};
    or_status st = account_sql_begin(db, e);

    if (st != OR_OK)
        return st;
    st = check_room(db, &name, e);
    if (st == OR_OK)
        st = account_sql_run(db, insert, e);
    return account_sql_end(db, st, e);
}

or_status
app_password_db_add(struct account_db *db, const struct account_address *address,
                    const struct app_password *p, const char hash[APP_PASSWORD_HASH_BYTES],
                    struct err *e)
{
    char created[TIME_TEXT_BYTES], expires[TIME_TEXT_BYTES];
    struct buf scope;

    buf_init(&scope, SCOPE_MAX_BYTES);
    app_password_format_scope(p->scope, &scope);
    struct account_sql insert = {
        .text = "INSERT INTO app_passwords (address, name, hash, scope, created, expires)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        .params = {address->whole, p->name, span_cstr(hash), buf_span(&scope),
                   time_text(p->created_s, created), time_text(p->expires_s, expires)},
        .count = 6};

    lock_take(&db->lock);
    or_status st = add(db, &insert, e);

    lock_drop(&db->lock);
    buf_fini(&scope);
    return st;
}

or_status
app_password_db_delete(struct account_db *db, const struct account_address *address,
                       struct span name, struct err *e)
{
    struct account_sql sql = {.text = "DELETE FROM app_passwords WHERE address = ?1 AND name = ?2",
                              .params = {address->whole, name},
                              .count = 2};

    lock_take(&db->lock);
    or_status st = account_sql_run(db, &sql, e);
    bool deleted = st == OR_OK && sqlite3_changes(db->sqlite) > 0;

    lock_drop(&db->lock);
    if (st == OR_OK && !deleted)
        return err_set(e, OR_ABSENT, "%.*s has no application password %.*s",
                       SPAN_ARG(address->whole), SPAN_ARG(name));
    return st;
}

/* ---- looking them up */

/* A row of COLUMNS. A scope that somebody wrote by hand and that is none opens nothing. */
static or_status
read_row(sqlite3_stmt *step, struct arena *mem, struct app_password *p_out, struct err *e)
{
    struct app_password p = {.created_s = sqlite3_column_int64(step, 2),
                             .expires_s = sqlite3_column_int64(step, 3),
                             .used_s = sqlite3_column_int64(step, 4)};
    struct span scope = SPAN_EMPTY;
    or_status st = account_sql_text(step, 0, mem, &p.name, e);

    if (st == OR_OK)
        st = account_sql_text(step, 1, mem, &scope, e);
    if (st != OR_OK)
        return st;
    if (app_password_parse_scope(scope, &p.scope, NULL) != OR_OK)
        p.scope = 0;
    *p_out = p;
    return OR_OK;
}

static or_status
read_all(struct account_db *db, const struct account_sql *sql, struct arena *mem,
         struct app_password *list, size_t *count)
{
    sqlite3_stmt *step = NULL;
    or_status st = account_sql_open(db, sql, &step, NULL);

    while (st == OR_OK && *count < APP_PASSWORD_MAX_PER_ACCOUNT) {
        st = account_sql_next(db, step, NULL);
        if (st == OR_OK)
            st = read_row(step, mem, &list[*count], NULL);
        if (st == OR_OK)
            ++*count;
    }
    account_sql_close(step);
    return st == OR_ABSENT ? OR_OK : st;
}

or_status
app_password_db_list(struct account_db *db, const struct account_address *address,
                     struct arena *mem, struct app_password **list_out, size_t *count_out,
                     struct err *e)
{
    struct account_sql sql = {.text = "SELECT " COLUMNS
                                      " FROM app_passwords WHERE address = ?1 ORDER BY name",
                              .params = {address->whole},
                              .count = 1};
    struct app_password *list = arena_alloc_array(mem, APP_PASSWORD_MAX_PER_ACCOUNT, sizeof(*list));
    size_t count = 0;

    if (list == NULL)
        return err_set(e, OR_TEMPFAIL, "no room for the application passwords");
    lock_take(&db->lock);
    or_status st = read_all(db, &sql, mem, list, &count);

    lock_drop(&db->lock);
    if (st != OR_OK)
        return err_set(e, st, "the application passwords cannot be read");
    *list_out = list;
    *count_out = count;
    return OR_OK;
}

or_status
app_password_db_find(struct account_db *db, const struct account_address *address,
                     const char hash[APP_PASSWORD_HASH_BYTES], struct arena *mem,
                     struct app_password *p_out, struct err *e)
{
    struct account_sql sql = {.text = "SELECT " COLUMNS
                                      " FROM app_passwords WHERE address = ?1 AND hash = ?2",
                              .params = {address->whole, span_cstr(hash)},
                              .count = 2};

    lock_take(&db->lock);
    or_status st = account_sql_open_kept(db, &sql, &db->find_app_password, e);

    if (st == OR_OK)
        st = account_sql_next(db, db->find_app_password, e);
    if (st == OR_OK)
        st = read_row(db->find_app_password, mem, p_out, e);
    if (db->find_app_password != NULL)
        account_sql_close_kept(db->find_app_password);
    lock_drop(&db->lock);
    return st;
}

/* ---- last use */

static or_status
write_one(struct account_db *db, const struct use *use, struct err *e)
{
    char at[TIME_TEXT_BYTES];
    struct account_sql sql = {
        .text = "UPDATE app_passwords SET used = ?3 WHERE address = ?1 AND name = ?2",
        .params = {span_cstr(use->address), span_cstr(use->name), time_text(use->at_s, at)},
        .count = 3};

    return account_sql_run(db, &sql, e);
}

static or_status
write_transaction(struct account_db *db, const struct app_password_uses *uses, struct err *e)
{
    lock_take(&db->lock);
    or_status st = account_sql_begin(db, e);

    if (st == OR_OK) {
        for (size_t i = 0; st == OR_OK && i < uses->count; i++)
            st = write_one(db, &uses->pending[i], e);
        st = account_sql_end(db, st, e);
    }
    lock_drop(&db->lock);
    return st;
}

/* All of them together, over a connection of its own: look-ups wait for nobody's turn at writing.
 * What fails is forgotten: the next use says it again. */
static or_status
write_uses(const char *path, struct app_password_uses *uses, struct err *e)
{
    struct account_db *writer = NULL;
    or_status st = account_db_open(path, true, &writer, e);

    if (st == OR_OK)
        st = write_transaction(writer, uses, e);
    account_db_close(writer);
    for (size_t i = 0; i < uses->count; i++) {
        free(uses->pending[i].address);
        free(uses->pending[i].name);
    }
    uses->count = 0;
    return st;
}

static bool
is_pending(const struct app_password_uses *uses, struct span address, struct span name)
{
    for (size_t i = 0; i < uses->count; i++)
        if (span_equal_cstr(address, uses->pending[i].address) &&
            span_equal_cstr(name, uses->pending[i].name))
            return true;
    return false;
}

/* The lock is held. True: those in *due_out are to be written now. */
static bool
note_use(struct account_db *db, const struct account_address *address, const struct app_password *p,
         int64_t now_s, struct app_password_uses *due_out)
{
    if (db->uses == NULL)
        db->uses = xcalloc(1, sizeof(*db->uses));
    struct app_password_uses *uses = db->uses;
    int64_t now_ms = clock_mono_ms();

    if (is_pending(uses, address->whole, p->name))
        return false;
    uses->pending[uses->count++] =
        (struct use){.address = xmemdup0(address->whole.p, address->whole.n),
                     .name = xmemdup0(p->name.p, p->name.n),
                     .at_s = now_s};
    if (uses->count < MAX_PENDING && now_ms - uses->written_mono_ms < WRITE_EVERY_MS)
        return false;
    *due_out = *uses;
    *uses = (struct app_password_uses){.written_mono_ms = now_ms};
    return true;
}

or_status
app_password_db_used(struct account_db *db, const struct account_address *address,
                     const struct app_password *p, int64_t now_s, struct err *e)
{
    struct app_password_uses due;

    if (now_s - p->used_s < APP_PASSWORD_USED_EVERY_S && now_s >= p->used_s)
        return OR_OK;
    lock_take(&db->lock);
    bool is_due = note_use(db, address, p, now_s, &due);

    lock_drop(&db->lock);
    return is_due ? write_uses(db->path, &due, e) : OR_OK;
}

void
app_password_db_close(struct account_db *db)
{
    if (db->uses == NULL)
        return;
    if (db->uses->count > 0)
        (void)!write_uses(db->path, db->uses, NULL);
    free(db->uses);
    db->uses = NULL;
}
