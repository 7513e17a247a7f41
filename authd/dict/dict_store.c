/*
 * One table; expired rows are not seen, and go with the next commit that changes something.
 */
#include "authd/dict/dict_store.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"
#include "common/run/sqlite_db.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 24
#define ADD_ARENA_BYTES 4096 /* a longer value is no number */

static const char *const migrations[] = {
    "CREATE TABLE entries (dict TEXT NOT NULL, user TEXT NOT NULL, key TEXT NOT NULL,"
    " value TEXT NOT NULL, expires INTEGER, PRIMARY KEY (dict, user, key)) WITHOUT ROWID;"
    "CREATE INDEX entries_expires ON entries (expires) WHERE expires IS NOT NULL;",
};

static const struct sqlite_db_schema schema = {
    .what = "dict",
    .migrations = migrations,
    .count = sizeof(migrations) / sizeof(migrations[0]),
};

/* ?1 dict, ?2 user, ?3 key, ?4 now; further ones as they stand. The prefix of a walk ends before
 * the first key that does not begin with it: SQLite compares bytes. */
#define LIVE "dict = ?1 AND user = ?2 AND (expires IS NULL OR expires > ?4)"
#define UNDER LIVE " AND key >= ?3 AND substr(key, 1, length(?3)) = ?3"
#define SHALLOW " AND (?5 OR instr(substr(key, length(?3) + 1), '/') = 0)"

enum statement {
    GET,
    EACH_BY_KEY,
    EACH_BY_VALUE,
    SET,
    REVISE,
    UNSET,
    PURGE,
    BEGIN,
    COMMIT,
    ROLLBACK
};
#define STATEMENTS (ROLLBACK + 1)

static const char *const sql[STATEMENTS] = {
    [GET] = "SELECT key, value FROM entries WHERE " LIVE " AND key = ?3",
    [EACH_BY_KEY] = "SELECT key, value FROM entries WHERE " UNDER SHALLOW " ORDER BY key LIMIT ?6",
    [EACH_BY_VALUE] =
        "SELECT key, value FROM entries WHERE " UNDER SHALLOW " ORDER BY value, key LIMIT ?6",
    [SET] = "INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3, ?5, ?6)",
    [REVISE] = "UPDATE entries SET value = ?5 WHERE dict = ?1 AND user = ?2 AND key = ?3",
    [UNSET] = "DELETE FROM entries WHERE dict = ?1 AND user = ?2 AND key = ?3",
    [PURGE] = "DELETE FROM entries WHERE expires <= ?4",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

struct dict_store {
    struct lock lock; /* db and statements */
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
};

/* ---- statements: prepared, stepped, done */

static void
bind_text(sqlite3_stmt *st, int at, struct span s)
{
    /* Not every statement has every parameter: then this fails, which is what is wanted. */
    (void)sqlite3_bind_text64(st, at, s.p == NULL ? "" : s.p, s.n, SQLITE_STATIC, SQLITE_UTF8);
}

static sqlite3_stmt *
prepared(struct dict_store *s, enum statement which, const struct dict_space *space,
         struct span key)
{
    sqlite3_stmt *st = s->statements[which];

    bind_text(st, 1, space->dict);
    bind_text(st, 2, space->user);
    bind_text(st, 3, key);
    (void)sqlite3_bind_int64(st, 4, clock_now());
    return st;
}

static void
done(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

/* Whatever is wrong with the file: the value may well be there. */
static or_status
step(struct dict_store *s, sqlite3_stmt *st, struct err *e)
{
    int rc = sqlite3_step(st);

    if (rc == SQLITE_ROW)
        return OR_OK;
    if (rc == SQLITE_DONE)
        return OR_ABSENT;
    return sqlite_db_status(s->db, rc, e) == OR_OK ? OR_BUG : OR_TEMPFAIL;
}

/* A statement whose rows nobody wants. */
static or_status
run(struct dict_store *s, sqlite3_stmt *st, struct err *e)
{
    or_status status = step(s, st, e);

    done(st);
    return status == OR_ABSENT ? OR_OK : status;
}

static struct span
column(sqlite3_stmt *st, int at)
{
    const char *p = (const char *)sqlite3_column_text(st, at);

    return span_make(p == NULL ? "" : p, (size_t)sqlite3_column_bytes(st, at));
}

/* ---- opening */

static or_status
prepare_all(struct dict_store *s, struct err *e)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i],
                                    NULL);

        if (rc != SQLITE_OK)
            return sqlite_db_status(s->db, rc, e) == OR_OK ? OR_BUG : OR_CONFIG;
    }
    return OR_OK;
}

or_status
dict_store_open(const char *path, bool may_write, struct dict_store **store_out, struct err *e)
{
    sqlite3 *db = NULL;
    or_status st =
        sqlite_db_open(path, &schema, may_write ? SQLITE_DB_CREATE : SQLITE_DB_READ_ONLY, &db, e);

    if (st != OR_OK)
        return st;
    struct dict_store *s = xcalloc(1, sizeof(*s));

    s->db = db;
    lock_init(&s->lock, LOCK_DICT);
    st = prepare_all(s, e);
    if (st != OR_OK) {
        dict_store_close(s);
        return st;
    }
    *store_out = s;
    return OR_OK;
}

void
dict_store_close(struct dict_store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    lock_fini(&s->lock);
    free(s);
}

/* ---- reading */

static or_status
get(struct dict_store *s, const struct dict_space *space, struct span key, struct arena *mem,
    struct span *value_out, struct err *e)
{
    sqlite3_stmt *st = prepared(s, GET, space, key);
    or_status status = step(s, st, e);

    if (status == OR_OK)
        status = arena_copy(mem, column(st, 1), value_out);
    done(st);
    return status;
}

or_status
dict_store_get(struct dict_store *s, const struct dict_space *space, struct span key,
               struct arena *mem, struct span *value_out, struct err *e)
{
    lock_take(&s->lock);
    or_status st = get(s, space, key, mem, value_out, e);

    lock_drop(&s->lock);
    return st;
}

static sqlite3_stmt *
prepared_query(struct dict_store *s, const struct dict_space *space, const struct dict_query *query)
{
    enum statement which = query->order == DICT_ORDER_VALUE ? EACH_BY_VALUE : EACH_BY_KEY;

    if (query->exact)
        return prepared(s, GET, space, query->prefix);
    sqlite3_stmt *st = prepared(s, which, space, query->prefix);
    (void)sqlite3_bind_int(st, 5, query->whole_tree);
    (void)sqlite3_bind_int64(st, 6,
                             query->max == 0 || query->max > INT64_MAX ? -1 : (int64_t)query->max);
    return st;
}

or_status
dict_store_each(struct dict_store *s, const struct dict_space *space,
                const struct dict_query *query,
                bool (*visit)(void *context, struct span key, struct span value), void *context,
                struct err *e)
{
    bool more = true;
    or_status status = OR_OK;

    lock_take(&s->lock);
    sqlite3_stmt *st = prepared_query(s, space, query);
    while (more && (status = step(s, st, e)) == OR_OK)
        more = visit(context, column(st, 0), column(st, 1));
    done(st);
    lock_drop(&s->lock);
    return status == OR_ABSENT ? OR_OK : status;
}

/* ---- writing */

static or_status
set(struct dict_store *s, const struct dict_change *c, struct err *e)
{
    sqlite3_stmt *st = prepared(s, SET, &c->space, c->key);

    bind_text(st, 5, c->value);
    if (c->ttl_s > 0)
        (void)sqlite3_bind_int64(st, 6, clock_now() + c->ttl_s);
    return run(s, st, e);
}

static or_status
parse_number(struct span text, int64_t *number_out)
{
    char copy[NUMBER_BYTES], *end = NULL;

    if (text.n == 0 || text.n >= sizeof(copy))
        return OR_MALFORMED;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    errno = 0;
    *number_out = strtoll(copy, &end, 10);
    return errno == 0 && *end == '\0' ? OR_OK : OR_MALFORMED;
}

/* It goes on to live as long as it was to. */
static or_status
add(struct dict_store *s, const struct dict_change *c, struct err *e)
{
    char text[NUMBER_BYTES];
    int64_t old = 0, sum = 0;
    struct span value = SPAN_EMPTY;
    struct arena mem;

    arena_init(&mem, ADD_ARENA_BYTES);
    or_status st = get(s, &c->space, c->key, &mem, &value, e);
    if (st == OR_LIMIT || (st == OR_OK && parse_number(value, &old) != OR_OK))
        st = err_set(e, OR_MALFORMED, "%.*s is no number", SPAN_ARG(c->key));
    else if (st == OR_OK && __builtin_add_overflow(old, c->by, &sum))
        st = err_set(e, OR_MALFORMED, "%.*s would be too large a number", SPAN_ARG(c->key));
    arena_fini(&mem);
    if (st != OR_OK)
        return st;
    snprintf(text, sizeof(text), "%" PRId64, sum);
    sqlite3_stmt *revise = prepared(s, REVISE, &c->space, c->key);
    bind_text(revise, 5, span_cstr(text));
    return run(s, revise, e);
}

static or_status
apply(struct dict_store *s, const struct dict_change *c, struct err *e)
{
    if (c->type == DICT_SET)
        return set(s, c, e);
    if (c->type == DICT_ADD)
        return add(s, c, e);
    return run(s, prepared(s, UNSET, &c->space, c->key), e);
}

static or_status
commit(struct dict_store *s, const struct dict_change *changes, size_t count, struct err *e)
{
    const struct dict_space none = {SPAN_EMPTY, SPAN_EMPTY};
    or_status st = run(s, s->statements[BEGIN], e);

    if (st != OR_OK)
        return st;
    st = run(s, prepared(s, PURGE, &none, SPAN_EMPTY), e);
    for (size_t i = 0; st == OR_OK && i < count; i++)
        st = apply(s, &changes[i], e);
    if (st == OR_OK)
        st = run(s, s->statements[COMMIT], e);
    /* A COMMIT that failed has left the transaction open. */
    if (st != OR_OK && run(s, s->statements[ROLLBACK], NULL) != OR_OK)
        return OR_TEMPFAIL;
    return st;
}

or_status
dict_store_commit(struct dict_store *s, const struct dict_change *changes, size_t count,
                  struct err *e)
{
    lock_take(&s->lock);
    or_status st = commit(s, changes, count, e);

    lock_drop(&s->lock);
    return st;
}
