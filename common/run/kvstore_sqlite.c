/*
 * The state store in one SQLite file: a table of keys, and a thread that takes out what has expired
 * and moves the write-ahead log into the file, so that no request waits for a disk.
 *
 * synchronous=NORMAL: the database is whole after a power cut, its last seconds may be missing.
 */
#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/kvstore_backend.h"
#include "common/run/kvstore_bucket.h"
#include "common/run/sqlite_db.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PURGE_EVERY_MS 1000
#define PURGE_KEYS "1000"   /* looked at each time, while requests wait: about a millisecond */
#define CHECKPOINT_EVERY 5  /* purges */
#define LOG_MAX_PAGES 16384 /* 64 MiB of write-ahead log: then writers wait for once */
#define NUMBER_BYTES 24

static const char *const migrations[] = {
    "CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB NOT NULL, expires INTEGER NOT NULL)"
    " WITHOUT ROWID",
};
static const struct sqlite_db_schema schema = {"state", migrations, 1};

enum statement { GET, PUT, ADD, REMOVE, COUNT, EACH, PURGE_TO, PURGE, BEGIN, COMMIT, ROLLBACK };
#define STATEMENTS (ROLLBACK + 1)

/* ?1 key, ?2 value, ?3 expiry, ?4 now. */
static const char *const sql[STATEMENTS] = {
    [GET] = "SELECT value FROM kv WHERE key = ?1 AND expires > ?4",
    [PUT] = "INSERT INTO kv VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE"
            " SET value = excluded.value, expires = excluded.expires",
    [ADD] = "INSERT INTO kv VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE"
            " SET value = excluded.value, expires = excluded.expires WHERE kv.expires <= ?4",
    [REMOVE] = "DELETE FROM kv WHERE key = ?1",
    [COUNT] = "INSERT INTO kv VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET"
              " value = CASE WHEN kv.expires <= ?4 THEN excluded.value"
              " ELSE CAST(CAST(kv.value AS TEXT) + CAST(?2 AS TEXT) AS TEXT) END,"
              " expires = CASE WHEN kv.expires <= ?4 THEN excluded.expires ELSE kv.expires END"
              " RETURNING value",
    [EACH] = "SELECT key, value FROM kv WHERE key >= ?1 AND expires > ?4 ORDER BY key",
    [PURGE_TO] = "SELECT key FROM kv WHERE key > ?1 ORDER BY key LIMIT 1 OFFSET " PURGE_KEYS " - 1",
    [PURGE] = "DELETE FROM kv WHERE key > ?1 AND key <= ?2 AND expires <= ?4",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

struct sqlite_store {
    struct lock lock; /* db, statements */
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    sqlite3 *side; /* the maintenance thread's own: a checkpoint holds no lock; NULL: read-only,
                      there is no such thread */
    char purged_to[KVSTORE_MAX_KEY_BYTES];
    size_t purged_to_n;
    pthread_t maintainer;
    struct lock wake_lock;
    pthread_cond_t wake;
    bool stopping;
};

/* ---- statements: bind, step, done */

static void
bind_bytes(sqlite3_stmt *st, int at, struct span s)
{
    /* No statement uses all four: binding what is not there fails, which is what is wanted. */
    (void)sqlite3_bind_blob64(st, at, s.p == NULL ? "" : s.p, s.n, SQLITE_STATIC);
}

static sqlite3_stmt *
prepared(struct sqlite_store *s, enum statement which, struct span key)
{
    sqlite3_stmt *st = s->statements[which];

    bind_bytes(st, 1, key);
    (void)sqlite3_bind_int64(st, 4, clock_now());
    return st;
}

static sqlite3_stmt *
prepared_item(struct sqlite_store *s, enum statement which, const struct kvstore_item *item)
{
    sqlite3_stmt *st = prepared(s, which, item->key);

    bind_bytes(st, 2, item->value);
    (void)sqlite3_bind_int64(st, 3, clock_now() + item->ttl_s);
    return st;
}

static void
done(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

/* Whatever keeps SQLite from answering may be over later; what is wrong for good shows in the log.
 */
static or_status
failure(struct sqlite_store *s, int rc, struct err *e)
{
    or_status st = sqlite_db_status(s->db, rc, e);

    return st == OR_OK ? OR_OK : OR_TEMPFAIL;
}

/* A statement without rows. */
static or_status
run(struct sqlite_store *s, sqlite3_stmt *st, struct err *e)
{
    int rc = sqlite3_step(st);
    or_status status = rc == SQLITE_DONE ? OR_OK : failure(s, rc, e);

    done(st);
    return status;
}

static or_status
run_plain(struct sqlite_store *s, enum statement which, struct err *e)
{
    return run(s, s->statements[which], e);
}

static struct span
column(sqlite3_stmt *st, int at)
{
    const char *p = sqlite3_column_blob(st, at);

    return p == NULL ? SPAN_EMPTY : span_make(p, (size_t)sqlite3_column_bytes(st, at));
}

/* ---- calls, each under the lock */

static or_status
get_locked(struct sqlite_store *s, struct span key, struct arena *mem, struct span *value_out,
           struct err *e)
{
    sqlite3_stmt *st = prepared(s, GET, key);
    int rc = sqlite3_step(st);
    or_status status;

    if (rc == SQLITE_ROW)
        status = arena_copy(mem, column(st, 0), value_out) == OR_OK
                     ? OR_OK
                     : err_set(e, OR_LIMIT, "no memory left for a stored value");
    else
        status = rc == SQLITE_DONE ? OR_ABSENT : failure(s, rc, e);
    done(st);
    return status;
}

static or_status
sqlite_get(void *self, struct span key, struct arena *mem, struct span *value_out, struct err *e)
{
    struct sqlite_store *s = self;

    lock_take(&s->lock);
    or_status st = get_locked(s, key, mem, value_out, e);
    lock_drop(&s->lock);
    return st;
}

static or_status
sqlite_put(void *self, const struct kvstore_item *item, struct err *e)
{
    struct sqlite_store *s = self;

    lock_take(&s->lock);
    or_status st = run(s, prepared_item(s, PUT, item), e);
    lock_drop(&s->lock);
    return st;
}

static or_status
sqlite_add(void *self, const struct kvstore_item *item, bool *made_out, struct err *e)
{
    struct sqlite_store *s = self;

    lock_take(&s->lock);
    or_status st = run(s, prepared_item(s, ADD, item), e);
    if (st == OR_OK)
        *made_out = sqlite3_changes(s->db) != 0;
    lock_drop(&s->lock);
    return st;
}

static or_status
sqlite_remove(void *self, struct span key, struct err *e)
{
    struct sqlite_store *s = self;

    lock_take(&s->lock);
    or_status st = run(s, prepared(s, REMOVE, key), e);
    lock_drop(&s->lock);
    return st;
}

static or_status
parse_number(struct span text, int64_t *value_out)
{
    char digits[NUMBER_BYTES];
    char *end;

    if (text.n == 0 || text.n >= sizeof(digits))
        return OR_MALFORMED;
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    *value_out = strtoll(digits, &end, 10);
    return *end == '\0' ? OR_OK : OR_MALFORMED;
}

static or_status
count_locked(struct sqlite_store *s, const struct kvstore_counter *c, int64_t *value_out,
             struct err *e)
{
    char by[NUMBER_BYTES];
    int n = snprintf(by, sizeof(by), "%" PRId64, c->by);
    struct kvstore_item item = {
        .key = c->key, .value = span_make(by, (size_t)n), .ttl_s = c->ttl_s};
    sqlite3_stmt *st = prepared_item(s, COUNT, &item);
    int rc = sqlite3_step(st);
    or_status status =
        rc == SQLITE_ROW ? parse_number(column(st, 0), value_out) : failure(s, rc, e);

    if (status == OR_MALFORMED)
        err_set(e, OR_MALFORMED, "the key holds no number");
    /* RETURNING hands out its row before the statement is finished. */
    if (rc == SQLITE_ROW && (rc = sqlite3_step(st)) != SQLITE_DONE)
        status = failure(s, rc, e);
    done(st);
    return status;
}

/* Adding to what is no number must leave it alone, as Redis does. */
static or_status
check_number(struct sqlite_store *s, struct span key, struct err *e)
{
    sqlite3_stmt *st = prepared(s, GET, key);
    int rc = sqlite3_step(st);
    int64_t ignored;
    or_status status = OR_OK;

    if (rc == SQLITE_ROW && parse_number(column(st, 0), &ignored) != OR_OK)
        status = err_set(e, OR_MALFORMED, "the key holds no number");
    else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        status = failure(s, rc, e);
    done(st);
    return status;
}

static or_status
sqlite_count(void *self, const struct kvstore_counter *counter, int64_t *value_out, struct err *e)
{
    struct sqlite_store *s = self;

    lock_take(&s->lock);
    or_status st = check_number(s, counter->key, e);
    if (st == OR_OK)
        st = count_locked(s, counter, value_out, e);
    lock_drop(&s->lock);
    return st;
}

/* ---- buckets */

static or_status
read_bucket(struct sqlite_store *s, struct span key, int64_t *full_at_us_out, struct err *e)
{
    sqlite3_stmt *st = prepared(s, GET, key);
    int rc = sqlite3_step(st);

    *full_at_us_out = 0;
    if (rc == SQLITE_ROW && parse_number(column(st, 0), full_at_us_out) != OR_OK)
        *full_at_us_out = 0; /* something else's key: as if never used */
    done(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? OR_OK : failure(s, rc, e);
}

static or_status
write_bucket(struct sqlite_store *s, const struct kvstore_bucket *b, int64_t full_at_us,
             struct err *e)
{
    char text[NUMBER_BYTES];
    int n = snprintf(text, sizeof(text), "%" PRId64, full_at_us);
    struct kvstore_item item = {
        .key = b->key, .value = span_make(text, (size_t)n), .ttl_s = b->window_ms / 1000 + 1};

    return run(s, prepared_item(s, PUT, &item), e);
}

static or_status
take_in_transaction(struct sqlite_store *s, const struct kvstore_take *t,
                    struct kvstore_taken *taken, struct err *e)
{
    int64_t full_at_us[KVSTORE_MAX_BUCKETS];
    int64_t longest_us = 0;
    or_status st = OR_OK;

    for (size_t i = 0; i < t->count && st == OR_OK; i++) {
        int64_t wait_us;

        st = read_bucket(s, t->buckets[i].key, &full_at_us[i], e);
        full_at_us[i] = kvstore_bucket_spend(&t->buckets[i], t->now_us, full_at_us[i], &wait_us);
        if (wait_us > longest_us) {
            longest_us = wait_us;
            taken->refused = i;
        }
    }
    taken->granted = longest_us == 0;
    taken->wait_ms = (longest_us + 999) / 1000;
    for (size_t i = 0; i < t->count && st == OR_OK && taken->granted; i++)
        st = write_bucket(s, &t->buckets[i], full_at_us[i], e);
    return st;
}

static or_status
sqlite_take(void *self, const struct kvstore_take *take, struct kvstore_taken *taken_out,
            struct err *e)
{
    struct sqlite_store *s = self;
    struct kvstore_taken taken = {0};
    struct err ignored;

    lock_take(&s->lock);
    or_status st = run_plain(s, BEGIN, e);
    if (st == OR_OK) {
        st = take_in_transaction(s, take, &taken, e);
        if (st == OR_OK)
            st = run_plain(s, COMMIT, e);
        if (st != OR_OK)
            (void)run_plain(s, ROLLBACK, &ignored);
    }
    lock_drop(&s->lock);
    if (st == OR_OK)
        *taken_out = taken;
    return st;
}

/* ---- all keys of a prefix; on a connection of its own, so that a long list holds nobody up */

static int
walk_rows(sqlite3_stmt *st, const struct kvstore_walk *walk)
{
    int rc;

    bind_bytes(st, 1, walk->prefix);
    (void)sqlite3_bind_int64(st, 4, clock_now());
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct span key = column(st, 0);

        if (!span_has_prefix(key, walk->prefix) || !walk->visit(walk->context, key, column(st, 1)))
            return SQLITE_DONE;
    }
    return rc;
}

static or_status
sqlite_each(void *self, const struct kvstore_walk *walk, struct err *e)
{
    struct sqlite_store *s = self;
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    if (sqlite_db_open(sqlite3_db_filename(s->db, "main"), &schema, SQLITE_DB_READ_ONLY, &db, e) !=
        OR_OK)
        return OR_TEMPFAIL;
    int rc = sqlite3_prepare_v2(db, sql[EACH], -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = walk_rows(statement, walk);
    or_status st = rc == SQLITE_DONE ? OR_OK : err_set(e, OR_TEMPFAIL, "%s", sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return st;
}

/* ---- maintenance */

/* One slice of the keys: from where the last one ended, round and round. */
static void
purge_slice(struct sqlite_store *s)
{
    struct span from = span_make(s->purged_to, s->purged_to_n);
    char end[KVSTORE_MAX_KEY_BYTES];
    size_t end_n = 0;
    struct err e;

    lock_take(&s->lock);
    sqlite3_stmt *st = prepared(s, PURGE_TO, from);
    if (sqlite3_step(st) == SQLITE_ROW && column(st, 0).n <= sizeof(end)) {
        end_n = column(st, 0).n;
        memcpy(end, column(st, 0).p, end_n);
    }
    done(st);
    st = prepared(s, PURGE, from);
    /* Fewer keys are left than a slice has: up to the last there can be (they begin in ASCII). */
    bind_bytes(st, 2, end_n != 0 ? span_make(end, end_n) : SPAN_LIT("\xff"));
    if (run(s, st, &e) != OR_OK)
        log_debug("state store: expired keys were not removed: %s", e.text);
    lock_drop(&s->lock);
    memcpy(s->purged_to, end, end_n);
    s->purged_to_n = end_n;
}

/* A passive checkpoint waits for nobody; only a log that grows without end makes the writers wait.
 */
static void
checkpoint(struct sqlite_store *s)
{
    int pages = 0;

    if (sqlite3_wal_checkpoint_v2(s->side, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, NULL) ==
            SQLITE_OK &&
        pages > LOG_MAX_PAGES)
        (void)sqlite3_wal_checkpoint_v2(s->side, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
}

static void *
maintain(void *self)
{
    struct sqlite_store *s = self;

    lock_take(&s->wake_lock);
    for (unsigned round = 0; !s->stopping; round++) {
        (void)lock_wait(&s->wake_lock, &s->wake, clock_mono_ms() + PURGE_EVERY_MS);
        if (s->stopping)
            break;
        lock_drop(&s->wake_lock);
        purge_slice(s);
        if (round % CHECKPOINT_EVERY == 0)
            checkpoint(s);
        lock_take(&s->wake_lock);
    }
    lock_drop(&s->wake_lock);
    return NULL;
}

/* ---- open and close */

static or_status
set_up(struct sqlite_store *s, int64_t timeout_ms, struct err *e)
{
    int timeout = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;

    sqlite3_busy_timeout(s->db, timeout);
    int rc = sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0", NULL,
                          NULL, NULL);
    for (size_t i = 0; i < STATEMENTS && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i],
                                NULL);
    if (rc != SQLITE_OK)
        return err_set(e, OR_CONFIG, "%s: %s", sqlite3_db_filename(s->db, "main"),
                       sqlite3_errmsg(s->db));
    return OR_OK;
}

static void
free_store(struct sqlite_store *s)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->side);
    sqlite3_close(s->db);
    pthread_cond_destroy(&s->wake);
    lock_fini(&s->wake_lock);
    lock_fini(&s->lock);
    free(s);
}

static or_status
sqlite_open(const char *address, const struct kvstore_settings *settings, void **out, struct err *e)
{
    struct sqlite_store *s = xcalloc(1, sizeof(*s));

    lock_init(&s->lock, LOCK_KVSTORE);
    lock_init(&s->wake_lock, LOCK_KVSTORE_WAKE);
    lock_cond_init(&s->wake);
    enum sqlite_db_mode mode = settings->read_only ? SQLITE_DB_READ_ONLY : SQLITE_DB_CREATE;
    or_status st = sqlite_db_open(address, &schema, mode, &s->db, e);
    if (st == OR_OK && !settings->read_only)
        st = sqlite_db_open(address, &schema, mode, &s->side, e);
    if (st == OR_OK)
        st = set_up(s, settings->timeout_ms, e);
    if (st == OR_OK && s->side != NULL && pthread_create(&s->maintainer, NULL, maintain, s) != 0)
        st = err_set(e, OR_TEMPFAIL, "%s: no thread to be had", address);
    if (st != OR_OK) {
        free_store(s);
        return st;
    }
    *out = s;
    return OR_OK;
}

static void
stop_maintainer(struct sqlite_store *s)
{
    lock_take(&s->wake_lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    lock_drop(&s->wake_lock);
    pthread_join(s->maintainer, NULL);
    checkpoint(s);
}

static void
sqlite_close(void *self)
{
    struct sqlite_store *s = self;

    if (s->side != NULL)
        stop_maintainer(s);
    free_store(s);
}

const struct kvstore_backend kvstore_sqlite = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .get = sqlite_get,
    .put = sqlite_put,
    .add = sqlite_add,
    .remove = sqlite_remove,
    .count = sqlite_count,
    .take = sqlite_take,
    .each = sqlite_each,
};
