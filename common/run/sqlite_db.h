/*
 * Opening SQLite databases the one right way: WAL, synchronous=FULL, foreign keys, busy timeout,
 * schema versions in PRAGMA user_version.
 *
 * A database made by root (the CLI) gets the owner and group of the directory it lies in, mode 0640
 * less group write: the daemon, which is not root, must be able to go on with it.
 *
 * Threads: opened in serialised mode; callers hold their own lock per handle.
 */
#ifndef OUTRIDER_COMMON_RUN_SQLITE_DB_H
#define OUTRIDER_COMMON_RUN_SQLITE_DB_H

#include "common/base/status.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* migrations[i] takes the schema from version i to i+1 (one or more statements), in a transaction.
 */
struct sqlite_db_schema {
    const char *what; /* "accounts", for errors */
    const char *const *migrations;
    size_t count;
};

enum sqlite_db_mode {
    SQLITE_DB_CREATE,    /* create and migrate */
    SQLITE_DB_READ_ONLY, /* must exist with the current version */
};

/* OR_CONFIG: cannot be opened, is no database, or is newer than this program; `e` names path and
 * cure. OR_ABSENT: SQLITE_DB_READ_ONLY and no such file. The caller closes with sqlite3_close(). */
or_status sqlite_db_open(const char *path, const struct sqlite_db_schema *schema,
                         enum sqlite_db_mode mode, sqlite3 **db_out, struct err *e) OR_MUST_USE;

/* Maps an SQLite result code of a failed step: BUSY, LOCKED, FULL, IOERR -> OR_TEMPFAIL; CONSTRAINT
 * -> OR_MALFORMED; others OR_BUG. Text from sqlite3_errmsg(). */
or_status sqlite_db_status(sqlite3 *db, int rc, struct err *e) OR_MUST_USE;

#endif
