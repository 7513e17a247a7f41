/*
 * One SQL statement at a time on the accounts' database: what account_db.c (reading) and
 * account_db_change.c (changing) share.
 *
 * Parameters are spans, bound as text to ?1, ?2, ...; p == NULL binds NULL. Columns of type INTEGER
 * turn decimal text into numbers by themselves.
 *
 * Threads: per-thread; the caller holds the database's lock from account_sql_open() to
 * account_sql_close().
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_SQL_H
#define OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_SQL_H

#include "authd/accounts/account_db.h"
#include "common/base/locks.h"

#include <sqlite3.h>

struct account_db {
    sqlite3 *sqlite;
    char *path;
    struct lock lock;                /* LOCK_ACCOUNT_DB */
    sqlite3_stmt *find;              /* what every login asks; prepared once. NULL: not yet */
    sqlite3_stmt *find_app_password; /* likewise */
    bool heeds_limits;               /* account_limits_heed() */
    struct app_password_uses *uses;  /* app_password_db.c; NULL: none yet */
};

/* A statement with its parameters, which stay the caller's and must outlive it. */
struct account_sql {
    const char *text;
    struct span params[7];
    size_t count;
};

/* Failures are OR_TEMPFAIL, but for OR_CONFIG when the file cannot be written. */
or_status account_sql_open(struct account_db *db, const struct account_sql *sql,
                           sqlite3_stmt **step_out, struct err *e) OR_MUST_USE;
void account_sql_close(sqlite3_stmt *step);
/* The same with a statement that is kept in *kept, for those that are asked all the time. */
or_status account_sql_open_kept(struct account_db *db, const struct account_sql *sql,
                                sqlite3_stmt **kept, struct err *e) OR_MUST_USE;
void account_sql_close_kept(sqlite3_stmt *kept);
/* OR_OK: there is a row; OR_ABSENT: no more. */
or_status account_sql_next(struct account_db *db, sqlite3_stmt *step, struct err *e) OR_MUST_USE;

/* Runs a statement that gives no rows. */
or_status
account_sql_run(struct account_db *db, const struct account_sql *sql, struct err *e) OR_MUST_USE;
/* OR_OK when there is at least one row, else OR_ABSENT. */
or_status
account_sql_exists(struct account_db *db, const struct account_sql *sql, struct err *e) OR_MUST_USE;

/* A transaction around changes, under the lock: a failed account_sql_begin() has none to end. With
 * OR_OK account_sql_end() commits, else it takes everything back; what it returns is `st`, or why
 * committing failed. */
or_status account_sql_begin(struct account_db *db, struct err *e) OR_MUST_USE;
or_status account_sql_end(struct account_db *db, or_status st, struct err *e) OR_MUST_USE;

/* A column of the row at hand. NULL gives an empty span. OR_TEMPFAIL past the arena. */
or_status account_sql_text(sqlite3_stmt *step, int column, struct arena *mem, struct span *text_out,
                           struct err *e) OR_MUST_USE;

#endif
