/*
 * Prepares, binds, steps; turns SQLite's result codes into statuses.
 */
#include "authd/accounts/account_sql.h"

#include "common/run/sqlite_db.h"

/* Whatever is wrong with the file: the account may well be there, so it is never "unknown". */
static or_status
failed(struct account_db *db, int rc, struct err *e)
{
    if ((rc & 0xff) == SQLITE_READONLY)
        return err_set(e, OR_CONFIG,
                       "the accounts cannot be changed: the database is not writable for this "
                       "user; run as root");
    /* The status is ours to choose; the text is SQLite's. */
    return sqlite_db_status(db->sqlite, rc, e) == OR_OK ? OR_BUG : OR_TEMPFAIL;
}

static int
bind(sqlite3_stmt *step, const struct account_sql *sql)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < sql->count; i++)
        if (sql->params[i].p != NULL)
            rc = sqlite3_bind_text64(step, (int)i + 1, sql->params[i].p, sql->params[i].n,
                                     SQLITE_STATIC, SQLITE_UTF8);
    return rc;
}

or_status
account_sql_open(struct account_db *db, const struct account_sql *sql, sqlite3_stmt **step_out,
                 struct err *e)
{
    sqlite3_stmt *step = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, sql->text, -1, &step, NULL);

    if (rc == SQLITE_OK)
        rc = bind(step, sql);
    if (rc != SQLITE_OK) {
        sqlite3_finalize(step);
        return failed(db, rc, e);
    }
    *step_out = step;
    return OR_OK;
}

void
account_sql_close(sqlite3_stmt *step)
{
    sqlite3_finalize(step);
}

or_status
account_sql_open_kept(struct account_db *db, const struct account_sql *sql, sqlite3_stmt **kept,
                      struct err *e)
{
    int rc = SQLITE_OK;

    if (*kept == NULL)
        rc = sqlite3_prepare_v3(db->sqlite, sql->text, -1, SQLITE_PREPARE_PERSISTENT, kept, NULL);
    if (rc == SQLITE_OK)
        rc = bind(*kept, sql);
    return rc == SQLITE_OK ? OR_OK : failed(db, rc, e);
}

void
account_sql_close_kept(sqlite3_stmt *kept)
{
    sqlite3_reset(kept);
    sqlite3_clear_bindings(kept);
}

or_status
account_sql_next(struct account_db *db, sqlite3_stmt *step, struct err *e)
{
    int rc = sqlite3_step(step);

    if (rc == SQLITE_ROW)
        return OR_OK;
    return rc == SQLITE_DONE ? OR_ABSENT : failed(db, rc, e);
}

or_status
account_sql_exists(struct account_db *db, const struct account_sql *sql, struct err *e)
{
    sqlite3_stmt *step = NULL;
    or_status st = account_sql_open(db, sql, &step, e);

    if (st != OR_OK)
        return st;
    st = account_sql_next(db, step, e);
    account_sql_close(step);
    return st;
}

or_status
account_sql_run(struct account_db *db, const struct account_sql *sql, struct err *e)
{
    or_status st = account_sql_exists(db, sql, e);

    return st == OR_ABSENT ? OR_OK : st;
}

or_status
account_sql_begin(struct account_db *db, struct err *e)
{
    /* IMMEDIATE: what is looked at first is still so when the change is made. */
    return account_sql_run(db, &(struct account_sql){.text = "BEGIN IMMEDIATE"}, e);
}

or_status
account_sql_end(struct account_db *db, or_status st, struct err *e)
{
    if (st == OR_OK)
        st = account_sql_run(db, &(struct account_sql){.text = "COMMIT"}, e);
    /* The first failure is the one to tell. */
    if (st != OR_OK && sqlite3_get_autocommit(db->sqlite) == 0)
        (void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

or_status
account_sql_text(sqlite3_stmt *step, int column, struct arena *mem, struct span *text_out,
                 struct err *e)
{
    const char *p = (const char *)sqlite3_column_text(step, column);
    int n = sqlite3_column_bytes(step, column);

    if (p == NULL) {
        *text_out = SPAN_EMPTY;
        return OR_OK;
    }
    if (arena_copy(mem, span_make(p, (size_t)n), text_out) != OR_OK)
        /* The caller's memory is at its ceiling: that says nothing about the account. */
        return err_set(e, OR_TEMPFAIL, "no room for the account's record");
    return OR_OK;
}
