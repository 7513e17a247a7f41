/*
 * Asking PostgreSQL: a few connections, each question with a deadline from connecting to the last
 * row. Parameters are bound, never written into the statement.
 *
 * Threads: locked (LOCK_PGSQL around the list of idle connections; not held while asking).
 */
#ifndef OUTRIDER_AUTHD_PGSQL_PGSQL_H
#define OUTRIDER_AUTHD_PGSQL_PGSQL_H

#include "common/base/arena.h"

#define PGSQL_MAX_PARAMS 3

struct pgsql;

struct pgsql_settings {
    const char *connect; /* libpq's connection string */
    int64_t timeout_ms;  /* one question */
};

/* `settings` strings must outlive it. Nobody is asked yet. */
struct pgsql *pgsql_new(const struct pgsql_settings *settings);
void pgsql_free(struct pgsql *p); /* NULL is allowed; nobody may be asking */

/* A statement with parameters $1 to $3, of which it may use the first few only. They hold no NUL.
 */
struct pgsql_question {
    const char *sql;
    struct span params[PGSQL_MAX_PARAMS];
};

/* One answer: rows and columns of text. */
struct pgsql_rows;

/* OR_TEMPFAIL: the server cannot be asked, or refuses; `e` says why. A connection that was kept and
 * is gone is made anew. */
or_status pgsql_ask(struct pgsql *p, const struct pgsql_question *question,
                    struct pgsql_rows **rows_out, struct err *e) OR_MUST_USE;
void pgsql_rows_free(struct pgsql_rows *rows);
size_t pgsql_rows_count(const struct pgsql_rows *rows);
/* The column of that name, or -1. */
int pgsql_rows_column(const struct pgsql_rows *rows, const char *name);
/* A view into the rows; p == NULL for NULL and for column -1. */
struct span pgsql_rows_text(const struct pgsql_rows *rows, size_t row, int column);

#endif
