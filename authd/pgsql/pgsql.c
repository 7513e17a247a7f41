/*
 * libpq's asynchronous half, waited for with poll(): its blocking half knows no deadline.
 */
#include "authd/pgsql/pgsql.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDLE 8
#define PARAM_ARENA_BYTES 16384
#define TEXT_OID 25 /* pg_type.dat; the same in every server */

struct pgsql {
    struct pgsql_settings settings;
    struct lock lock; /* idle, idle_count */
    PGconn *idle[MAX_IDLE];
    size_t idle_count;
};

/* PGresult, under a name of ours. */
struct pgsql_rows {
    PGresult *result;
};

struct pgsql *
pgsql_new(const struct pgsql_settings *settings)
{
    struct pgsql *p = xcalloc(1, sizeof(*p));

    p->settings = *settings;
    lock_init(&p->lock, LOCK_PGSQL);
    return p;
}

void
pgsql_free(struct pgsql *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->idle_count; i++)
        PQfinish(p->idle[i]);
    lock_fini(&p->lock);
    free(p);
}

/* ---- connections */

/* libpq's texts have several lines; the first says what is wrong. */
static or_status
failed(struct err *e, const char *text)
{
    return err_set(e, OR_TEMPFAIL, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Waits for the socket. OR_TIMEOUT at the deadline. */
static or_status
await(PGconn *c, short events, int64_t deadline_mono_ms, struct err *e)
{
    struct pollfd fd = {.fd = PQsocket(c), .events = events};
    int64_t left_ms = deadline_mono_ms - clock_mono_ms();
    int n = left_ms > 0 ? poll(&fd, 1, (int)left_ms) : 0;

    if (n > 0 || (n < 0 && errno == EINTR))
        return OR_OK;
    return err_set(e, OR_TEMPFAIL, "no answer in time");
}

static or_status
finish_connecting(PGconn *c, int64_t deadline_mono_ms, struct err *e)
{
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    or_status st = OR_OK;

    while (st == OR_OK && step != PGRES_POLLING_OK) {
        st = await(c, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_mono_ms, e);
        if (st == OR_OK)
            step = PQconnectPoll(c);
        if (step == PGRES_POLLING_FAILED)
            return failed(e, PQerrorMessage(c));
    }
    return st;
}

static or_status
connect_new(const struct pgsql *p, int64_t deadline_mono_ms, PGconn **conn_out, struct err *e)
{
    PGconn *c = PQconnectStart(p->settings.connect);
    or_status st = OR_OK;

    if (c == NULL)
        return err_set(e, OR_TEMPFAIL, "no memory for a connection");
    if (PQstatus(c) == CONNECTION_BAD)
        st = failed(e, PQerrorMessage(c));
    if (st == OR_OK)
        st = finish_connecting(c, deadline_mono_ms, e);
    if (st == OR_OK && PQsetnonblocking(c, 1) != 0)
        st = failed(e, PQerrorMessage(c));
    if (st == OR_OK)
        *conn_out = c;
    else
        PQfinish(c);
    return st;
}

static PGconn *
take_idle(struct pgsql *p)
{
    lock_take(&p->lock);
    PGconn *c = p->idle_count > 0 ? p->idle[--p->idle_count] : NULL;
    lock_drop(&p->lock);
    return c;
}

static void
keep_idle(struct pgsql *p, PGconn *c)
{
    lock_take(&p->lock);
    bool room = p->idle_count < MAX_IDLE;
    if (room)
        p->idle[p->idle_count++] = c;
    lock_drop(&p->lock);
    if (!room)
        PQfinish(c);
}

/* ---- questions */

/* How many parameters a statement uses: the server insists on exactly those. */
static int
count_params(const char *sql)
{
    int count = 0;

    for (const char *p = strchr(sql, '$'); p != NULL; p = strchr(p + 1, '$'))
        if (p[1] > '0' && p[1] <= '0' + PGSQL_MAX_PARAMS && p[1] - '0' > count)
            count = p[1] - '0';
    return count;
}

static or_status
send_question(PGconn *c, const struct pgsql_question *q, struct err *e)
{
    /* Said, not guessed: the server cannot guess the type of one that the statement leaves out. */
    static const Oid types[PGSQL_MAX_PARAMS] = {TEXT_OID, TEXT_OID, TEXT_OID};
    const char *values[PGSQL_MAX_PARAMS];
    int count = count_params(q->sql);
    struct arena mem;

    arena_init(&mem, PARAM_ARENA_BYTES);
    or_status st = OR_OK;
    for (int i = 0; i < count; i++) {
        values[i] = arena_strdup(&mem, q->params[i]);
        if (values[i] == NULL)
            st = err_set(e, OR_TEMPFAIL, "no memory for the question");
    }
    if (st == OR_OK && PQsendQueryParams(c, q->sql, count, types, values, NULL, NULL, 0) != 1)
        st = failed(e, PQerrorMessage(c));
    arena_fini(&mem);
    return st;
}

static or_status
flush(PGconn *c, int64_t deadline_mono_ms, struct err *e)
{
    or_status st = OR_OK;
    int left;

    while (st == OR_OK && (left = PQflush(c)) != 0) {
        if (left < 0)
            return failed(e, PQerrorMessage(c));
        st = await(c, POLLIN | POLLOUT, deadline_mono_ms, e);
        if (st == OR_OK && PQconsumeInput(c) != 1)
            st = failed(e, PQerrorMessage(c));
    }
    return st;
}

/* Waits until PQgetResult() does not block. */
static or_status
await_result(PGconn *c, int64_t deadline_mono_ms, struct err *e)
{
    or_status st = OR_OK;

    while (st == OR_OK && PQisBusy(c)) {
        st = await(c, POLLIN, deadline_mono_ms, e);
        if (st == OR_OK && PQconsumeInput(c) != 1)
            st = failed(e, PQerrorMessage(c));
    }
    return st;
}

/* The rows of the last statement; all results must be fetched before the next question. */
static or_status
fetch(PGconn *c, int64_t deadline_mono_ms, PGresult **result_out, struct err *e)
{
    PGresult *result = NULL, *next;
    or_status st;

    while ((st = await_result(c, deadline_mono_ms, e)) == OR_OK &&
           (next = PQgetResult(c)) != NULL) {
        PQclear(result);
        result = next;
    }
    if (st == OR_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        st = failed(e, PQresultErrorMessage(result));
    if (st == OR_OK)
        *result_out = result;
    else
        PQclear(result);
    return st;
}

static or_status
ask_on(PGconn *c, const struct pgsql_question *q, int64_t deadline_mono_ms, PGresult **result_out,
       struct err *e)
{
    or_status st = send_question(c, q, e);

    if (st == OR_OK)
        st = flush(c, deadline_mono_ms, e);
    return st == OR_OK ? fetch(c, deadline_mono_ms, result_out, e) : st;
}

/* `again_out`: the connection had been kept and was gone; another one may do. */
static or_status
ask_once(struct pgsql *p, const struct pgsql_question *q, int64_t deadline_mono_ms,
         PGresult **result_out, bool *again_out, struct err *e)
{
    PGconn *c = take_idle(p);
    bool kept = c != NULL;
    or_status st = kept ? OR_OK : connect_new(p, deadline_mono_ms, &c, e);

    *again_out = false;
    if (st != OR_OK)
        return st;
    st = ask_on(c, q, deadline_mono_ms, result_out, e);
    /* One in the middle of something cannot be used again. */
    if (PQstatus(c) == CONNECTION_OK && PQtransactionStatus(c) == PQTRANS_IDLE) {
        keep_idle(p, c);
        return st;
    }
    *again_out = kept && st != OR_OK && PQstatus(c) == CONNECTION_BAD;
    PQfinish(c);
    return st;
}

or_status
pgsql_ask(struct pgsql *p, const struct pgsql_question *q, struct pgsql_rows **rows_out,
          struct err *e)
{
    int64_t deadline = clock_mono_ms() + p->settings.timeout_ms;
    PGresult *result = NULL;
    bool again = true;
    or_status st = OR_TEMPFAIL;

    /* A server that was restarted has closed all of them. */
    for (size_t i = 0; again && i <= MAX_IDLE; i++)
        st = ask_once(p, q, deadline, &result, &again, e);
    if (st != OR_OK)
        return st;
    *rows_out = xcalloc(1, sizeof(**rows_out));
    (*rows_out)->result = result;
    return OR_OK;
}

/* ---- answers */

void
pgsql_rows_free(struct pgsql_rows *rows)
{
    if (rows == NULL)
        return;
    PQclear(rows->result);
    free(rows);
}

size_t
pgsql_rows_count(const struct pgsql_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

int
pgsql_rows_column(const struct pgsql_rows *rows, const char *name)
{
    return PQfnumber(rows->result, name);
}

struct span
pgsql_rows_text(const struct pgsql_rows *rows, size_t row, int column)
{
    if (column < 0 || PQgetisnull(rows->result, (int)row, column))
        return (struct span){NULL, 0};
    return span_make(PQgetvalue(rows->result, (int)row, column),
                     (size_t)PQgetlength(rows->result, (int)row, column));
}
