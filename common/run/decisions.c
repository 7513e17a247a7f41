/*
 * Records on their way: copied into a list under the lock, taken off by the writer's thread as a
 * whole, written in one transaction. Only that thread touches the database.
 */
#include "common/run/decisions.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/metrics.h"
#include "common/run/sqlite_db.h"

#include <stdlib.h>
#include <string.h>

#define GATHER_MS 200        /* a batch waits this long for company */
#define PRUNE_EVERY_MS 60000 /* when nothing is written */
#define PRUNE_SLICE "200"    /* rows that go at once */
#define PRUNE_SLICES 100     /* after one batch, which has fewer records */
#define WARNING_EVERY_MS 60000
#define QUEUE_MAX_BYTES ((size_t)4 << 20)
#define QUEUE_SHARE 16         /* of max_bytes: a batch must not carry the file past its bound */
#define RECORD_EXTRA_BYTES 256 /* what a row costs beside its text */

/* NULL and not '' for an id that there is none of: the indexes leave those rows out. */
static const char *const migrations[] = {
    "CREATE TABLE decisions (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, queue_id BLOB,"
    " instance BLOB, text BLOB NOT NULL);"
    "CREATE INDEX by_queue_id ON decisions (queue_id) WHERE queue_id IS NOT NULL;"
    "CREATE INDEX by_instance ON decisions (instance) WHERE instance IS NOT NULL",
};
static const struct sqlite_db_schema schema = {"decisions", migrations, 1};

enum statement { ADD, PRUNE_AGE, PRUNE_SIZE, PAGES, BEGIN, COMMIT, ROLLBACK };
#define STATEMENTS (ROLLBACK + 1)

#define OLDEST "(SELECT id FROM decisions ORDER BY id LIMIT " PRUNE_SLICE ")"
#define USED                                                                                       \
    "SELECT (page_count - freelist_count) * page_size"                                             \
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"

static const char *const sql[STATEMENTS] = {
    [ADD] = "INSERT INTO decisions (time, queue_id, instance, text) VALUES (?1, ?2, ?3, ?4)",
    [PRUNE_AGE] = "DELETE FROM decisions WHERE id IN " OLDEST " AND time < ?1",
    [PRUNE_SIZE] = "DELETE FROM decisions WHERE id IN " OLDEST,
    [PAGES] = USED,
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

struct record {
    struct record *next;
    struct decision decision; /* its spans view into `bytes` */
    char bytes[];
};

struct decisions {
    char *path;
    int64_t keep_ms;
    int64_t max_bytes;
    size_t queue_max_bytes;
    unsigned metric;
    sqlite3 *db; /* the thread's, like all down to the lock */
    sqlite3_stmt *statements[STATEMENTS];
    int64_t next_warning_ms; /* monotonic */
    uint64_t warned;         /* of `dropped` */
    struct lock lock;        /* all below */
    struct record *first, **last;
    size_t queued_bytes;
    struct decisions_counts counts;
    bool stopping;
    pthread_cond_t wake;
    pthread_t writer;
};

/* ---- callers */

static struct span
copy_span(char **at, struct span s)
{
    char *p = *at;

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    *at += s.n;
    return span_make(p, s.n);
}

static struct record *
record_new(const struct decision *d, size_t *bytes_out)
{
    struct span queue_id = span_slice(d->queue_id, 0, DECISIONS_MAX_ID_BYTES);
    struct span instance = span_slice(d->instance, 0, DECISIONS_MAX_ID_BYTES);
    struct span text = span_slice(d->text, 0, DECISIONS_MAX_TEXT_BYTES);
    size_t bytes = queue_id.n + instance.n + text.n;
    struct record *r = xmalloc(sizeof(*r) + bytes);
    char *at = r->bytes;

    r->next = NULL;
    r->decision.time_ms = d->time_ms;
    r->decision.queue_id = copy_span(&at, queue_id);
    r->decision.instance = copy_span(&at, instance);
    r->decision.text = copy_span(&at, text);
    *bytes_out = bytes + RECORD_EXTRA_BYTES;
    return r;
}

static void
count(const struct decisions *ring, enum decisions_metric what, uint64_t n)
{
    if (ring->metric != 0)
        metrics_add(ring->metric, what, 0, (int64_t)n);
}

static bool
is_half_full(const struct decisions *ring)
{
    return ring->queued_bytes > ring->queue_max_bytes / 2;
}

void
decisions_add(struct decisions *ring, const struct decision *decision)
{
    size_t bytes;

    if (ring == NULL)
        return;
    struct record *r = record_new(decision, &bytes);
    lock_take(&ring->lock);
    bool taken = ring->queued_bytes + bytes <= ring->queue_max_bytes;
    if (taken) {
        *ring->last = r;
        ring->last = &r->next;
        ring->queued_bytes += bytes;
        if (ring->first == r || is_half_full(ring))
            pthread_cond_signal(&ring->wake);
    } else {
        ring->counts.dropped++;
    }
    lock_drop(&ring->lock);
    if (taken)
        return;
    count(ring, DECISIONS_DROPPED, 1);
    free(r);
}

struct decisions_counts
decisions_count(struct decisions *ring)
{
    lock_take(&ring->lock);
    struct decisions_counts counts = ring->counts;
    lock_drop(&ring->lock);
    return counts;
}

/* ---- the writer's thread */

static or_status
step(struct decisions *ring, enum statement which, struct err *e)
{
    sqlite3_stmt *st = ring->statements[which];
    int rc = sqlite3_step(st);

    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return sqlite_db_status(ring->db, rc, e);
}

static void
bind_id(sqlite3_stmt *st, int at, struct span id)
{
    if (id.n > 0)
        (void)sqlite3_bind_blob64(st, at, id.p, id.n, SQLITE_STATIC);
}

static or_status
write_record(struct decisions *ring, const struct decision *d, struct err *e)
{
    sqlite3_stmt *st = ring->statements[ADD];

    (void)sqlite3_bind_int64(st, 1, d->time_ms);
    bind_id(st, 2, d->queue_id);
    bind_id(st, 3, d->instance);
    (void)sqlite3_bind_blob64(st, 4, d->text.n > 0 ? d->text.p : "", d->text.n, SQLITE_STATIC);
    return step(ring, ADD, e);
}

/* All of them or none. */
static or_status
write_batch(struct decisions *ring, const struct record *first, struct err *e)
{
    struct err ignored;
    or_status st = step(ring, BEGIN, e);

    if (st != OR_OK)
        return st;
    for (const struct record *r = first; r != NULL && st == OR_OK; r = r->next)
        st = write_record(ring, &r->decision, e);
    if (st == OR_OK)
        st = step(ring, COMMIT, e);
    if (st != OR_OK)
        (void)step(ring, ROLLBACK, &ignored);
    return st;
}

static int64_t
used_bytes(struct decisions *ring)
{
    sqlite3_stmt *st = ring->statements[PAGES];
    int64_t used = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;

    sqlite3_reset(st);
    return used;
}

/* What goes: rows over the age, then whatever stands over the size. A failure shows with the next
 * batch. */
static void
prune(struct decisions *ring)
{
    int64_t room = ring->max_bytes - 2 * (int64_t)ring->queue_max_bytes;
    int64_t oldest = (int64_t)clock_now() * 1000 - ring->keep_ms;
    struct err ignored;

    for (int i = 0; i < PRUNE_SLICES; i++) {
        (void)sqlite3_bind_int64(ring->statements[PRUNE_AGE], 1, oldest);
        if (step(ring, PRUNE_AGE, &ignored) != OR_OK || sqlite3_changes(ring->db) == 0)
            break;
    }
    for (int i = 0; i < PRUNE_SLICES && used_bytes(ring) > room; i++)
        if (step(ring, PRUNE_SIZE, &ignored) != OR_OK)
            break;
}

static void
warn_of_losses(struct decisions *ring, const char *why)
{
    uint64_t dropped = decisions_count(ring).dropped;

    if (dropped == ring->warned || clock_mono_ms() < ring->next_warning_ms)
        return;
    log_warning("decisions %s: %llu were not kept: %s", ring->path,
                (unsigned long long)(dropped - ring->warned), why);
    ring->warned = dropped;
    ring->next_warning_ms = clock_mono_ms() + WARNING_EVERY_MS;
}

/* Takes the list over. */
static void
keep(struct decisions *ring, struct record *first)
{
    struct err e = {.text = "they came faster than the disk takes them"};
    uint64_t records = 0;
    or_status st = first == NULL ? OR_OK : write_batch(ring, first, &e);

    while (first != NULL) {
        struct record *next = first->next;

        free(first);
        first = next;
        records++;
    }
    lock_take(&ring->lock);
    if (st == OR_OK)
        ring->counts.written += records;
    else
        ring->counts.dropped += records;
    lock_drop(&ring->lock);
    count(ring, st == OR_OK ? DECISIONS_KEPT : DECISIONS_DROPPED, records);
    warn_of_losses(ring, e.text);
    prune(ring);
}

/* Under the lock: waits for records, and then a moment for more. */
static struct record *
await_batch(struct decisions *ring)
{
    int64_t until = clock_mono_ms() + PRUNE_EVERY_MS;

    while (!ring->stopping && ring->first == NULL && clock_mono_ms() < until)
        (void)lock_wait(&ring->lock, &ring->wake, until);
    until = clock_mono_ms() + GATHER_MS;
    while (!ring->stopping && ring->first != NULL && !is_half_full(ring) && clock_mono_ms() < until)
        (void)lock_wait(&ring->lock, &ring->wake, until);
    struct record *first = ring->first;
    ring->first = NULL;
    ring->last = &ring->first;
    ring->queued_bytes = 0;
    return first;
}

static void *
write_all(void *context)
{
    struct decisions *ring = context;
    bool more = true;

    while (more) {
        lock_take(&ring->lock);
        struct record *first = await_batch(ring);
        more = !ring->stopping;
        lock_drop(&ring->lock);
        keep(ring, first);
    }
    return NULL;
}

/* ---- open and close */

/* synchronous=NORMAL: whole after a power cut, without its last moments. */
static or_status
set_up(struct decisions *ring, struct err *e)
{
    int rc =
        sqlite3_exec(ring->db, "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304",
                     NULL, NULL, NULL);

    for (size_t i = 0; i < STATEMENTS && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(ring->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &ring->statements[i], NULL);
    if (rc != SQLITE_OK)
        return err_set(e, OR_CONFIG, "%s: %s", ring->path, sqlite3_errmsg(ring->db));
    return OR_OK;
}

static void
free_ring(struct decisions *ring)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(ring->statements[i]);
    sqlite3_close(ring->db);
    pthread_cond_destroy(&ring->wake);
    lock_fini(&ring->lock);
    free(ring->path);
    free(ring);
}

static size_t
queue_bound(int64_t max_bytes)
{
    size_t share = (size_t)max_bytes / QUEUE_SHARE;

    return share < QUEUE_MAX_BYTES ? share : QUEUE_MAX_BYTES;
}

or_status
decisions_open(const struct decisions_settings *settings, struct decisions **ring_out,
               struct err *e)
{
    struct decisions *ring = xcalloc(1, sizeof(*ring));

    ring->path = xstrdup(settings->path);
    ring->keep_ms = settings->keep_s * 1000;
    ring->max_bytes =
        settings->max_bytes > DECISIONS_MIN_BYTES ? settings->max_bytes : DECISIONS_MIN_BYTES;
    ring->queue_max_bytes = queue_bound(ring->max_bytes);
    ring->metric = settings->metric;
    ring->last = &ring->first;
    lock_init(&ring->lock, LOCK_DECISIONS);
    lock_cond_init(&ring->wake);
    or_status st = sqlite_db_open(settings->path, &schema, SQLITE_DB_CREATE, &ring->db, e);
    if (st == OR_OK)
        st = set_up(ring, e);
    if (st == OR_OK && pthread_create(&ring->writer, NULL, write_all, ring) != 0)
        st = err_set(e, OR_CONFIG, "%s: no thread to be had", settings->path);
    if (st != OR_OK) {
        free_ring(ring);
        return st;
    }
    *ring_out = ring;
    return OR_OK;
}

void
decisions_close(struct decisions *ring)
{
    if (ring == NULL)
        return;
    lock_take(&ring->lock);
    ring->stopping = true;
    pthread_cond_signal(&ring->wake);
    lock_drop(&ring->lock);
    pthread_join(ring->writer, NULL);
    free_ring(ring);
}

/* ---- reading */

/* ?1 the id: rows with it, rows that share their instance, and rows that share a queue id with
 * those. */
static const char find_sql[] =
    "WITH i (v) AS (SELECT ?1 UNION SELECT instance FROM decisions"
    "  WHERE queue_id = ?1 AND instance IS NOT NULL),"
    " q (v) AS (SELECT ?1 UNION SELECT queue_id FROM decisions"
    "  WHERE instance IN (SELECT v FROM i) AND queue_id IS NOT NULL),"
    " found (id) AS (SELECT id FROM decisions WHERE instance IN (SELECT v FROM i)"
    "  UNION SELECT id FROM decisions WHERE queue_id IN (SELECT v FROM q))"
    " SELECT time, queue_id, instance, text FROM decisions WHERE id IN (SELECT id FROM found)"
    " ORDER BY id LIMIT ?2";

static struct span
column(sqlite3_stmt *st, int at)
{
    const char *p = sqlite3_column_blob(st, at);

    return p == NULL ? SPAN_EMPTY : span_make(p, (size_t)sqlite3_column_bytes(st, at));
}

static int
visit_rows(sqlite3_stmt *st, decisions_visit visit, void *context)
{
    int rc;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const struct decision d = {.time_ms = sqlite3_column_int64(st, 0),
                                   .queue_id = column(st, 1),
                                   .instance = column(st, 2),
                                   .text = column(st, 3)};

        if (!visit(context, &d))
            return SQLITE_DONE;
    }
    return rc;
}

bool
decision_next_pair(struct span *rest, struct span *key_out, struct span *value_out)
{
    struct span line = SPAN_EMPTY;

    if (!span_split(rest, '\n', &line) || line.n == 0)
        return false;
    size_t equals = span_find(line, '=');
    *key_out = span_slice(line, 0, equals);
    *value_out = span_from(line, equals + 1);
    return true;
}

static const char last_sql[] =
    "SELECT time, queue_id, instance, text FROM"
    " (SELECT * FROM decisions WHERE queue_id = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id";

/* ?1 is the id, ?2 how many at most. */
static or_status
ask(const char *path, const char *text, struct span id, int most, decisions_visit visit,
    void *context, struct err *e)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *found = NULL;
    or_status st = sqlite_db_open(path, &schema, SQLITE_DB_READ_ONLY, &db, e);

    if (st != OR_OK)
        return st;
    int rc = sqlite3_prepare_v2(db, text, -1, &found, NULL);
    if (rc == SQLITE_OK) {
        bind_id(found, 1, span_slice(id, 0, DECISIONS_MAX_ID_BYTES));
        (void)sqlite3_bind_int(found, 2, most);
        rc = visit_rows(found, visit, context);
    }
    st = rc == SQLITE_DONE ? OR_OK : err_set(e, OR_TEMPFAIL, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_finalize(found);
    sqlite3_close(db);
    return st;
}

or_status
decisions_find(const char *path, struct span id, decisions_visit visit, void *context,
               struct err *e)
{
    return ask(path, find_sql, id, DECISIONS_MAX_FOUND, visit, context, e);
}

or_status
decisions_last(const char *path, struct span queue_id, int most, decisions_visit visit,
               void *context, struct err *e)
{
    return ask(path, last_sql, queue_id, most, visit, context, e);
}
