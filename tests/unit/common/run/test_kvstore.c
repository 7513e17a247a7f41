/*
 * The state store: every test runs over SQLite and over a real redis-server on a unix socket, and
 * must see the same.
 */
#include "common/run/kvstore.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 1700000000000

enum { SQLITE, REDIS, BACKENDS };

static char tree[TEMP_TREE_PATH_BYTES];
static struct kvstore *store;
static struct arena mem;
static struct err e;
static char address[128];
static char socket_path[96];
static pid_t redis;

static struct kvstore *
open_store(void)
{
    struct kvstore_settings settings = {.address = address, .timeout_ms = 1000};
    struct kvstore *opened = NULL;

    ck_assert_msg(kvstore_open(&settings, &opened, &e) == OR_OK, "%s", e.text);
    return opened;
}

static void
start_redis(void)
{
    redis = fork();
    ck_assert_int_ge(redis, 0);
    if (redis == 0) {
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path, "--dir",
               tree, "--save", "", "--appendonly", "no", "--loglevel", "warning", "--logfile",
               "/dev/null", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && access(socket_path, F_OK) != 0; i++)
        usleep(10000);
    ck_assert_msg(access(socket_path, F_OK) == 0, "redis-server did not start");
    usleep(50000);
}

static void
stop_redis(void)
{
    if (redis <= 0)
        return;
    kill(redis, SIGKILL);
    waitpid(redis, NULL, 0);
    redis = 0;
    unlink(socket_path);
}

static void
set_up(int backend)
{
    temp_tree_make(tree);
    arena_init(&mem, 1 << 20);
    if (backend == SQLITE) {
        snprintf(address, sizeof(address), "sqlite:%s/state.sqlite", tree);
    } else {
        snprintf(socket_path, sizeof(socket_path), "%s/redis", tree);
        snprintf(address, sizeof(address), "redis:unix:%s", socket_path);
        start_redis();
    }
    store = open_store();
}

static void
tear_down(void)
{
    kvstore_close(store);
    stop_redis();
    arena_fini(&mem);
    temp_tree_remove(tree);
}

static const char *
get(const char *key)
{
    struct span value;
    or_status st = kvstore_get(store, span_cstr(key), &mem, &value, &e);

    if (st == OR_ABSENT)
        return NULL;
    ck_assert_msg(st == OR_OK, "%s", e.text);
    return value.p;
}

static void
put(const char *key, const char *value, int64_t ttl_s)
{
    ck_assert_int_eq(kvstore_put(store, span_cstr(key), span_cstr(value), ttl_s, &e), OR_OK);
}

static bool
add(const char *key, const char *value, int64_t ttl_s)
{
    struct kvstore_item item = {span_cstr(key), span_cstr(value), ttl_s};
    bool made = false;

    ck_assert_int_eq(kvstore_add(store, &item, &made, &e), OR_OK);
    return made;
}

static int64_t
count(const char *key, int64_t by, int64_t ttl_s)
{
    struct kvstore_counter counter = {span_cstr(key), by, ttl_s};
    int64_t value = -1;

    ck_assert_msg(kvstore_count(store, &counter, &value, &e) == OR_OK, "%s", e.text);
    return value;
}

START_TEST(values_are_kept_overwritten_and_removed)
{
    char bytes[] = {'a', '\0', (char)0xff, 'b'};
    struct span value;

    set_up(_i);
    ck_assert_ptr_null(get("k"));
    put("k", "one", 100);
    ck_assert_str_eq(get("k"), "one");
    put("k", "two", 100);
    ck_assert_str_eq(get("k"), "two");
    put("empty", "", 100);
    ck_assert_str_eq(get("empty"), "");
    ck_assert_int_eq(kvstore_remove(store, SPAN_LIT("k"), &e), OR_OK);
    ck_assert_int_eq(kvstore_remove(store, SPAN_LIT("k"), &e), OR_OK);
    ck_assert_ptr_null(get("k"));
    ck_assert_int_eq(kvstore_put(store, span_make(bytes, 4), span_make(bytes, 4), 9, &e), OR_OK);
    ck_assert_int_eq(kvstore_get(store, span_make(bytes, 4), &mem, &value, &e), OR_OK);
    ck_assert(span_equal(value, span_make(bytes, 4)));
    tear_down();
}
END_TEST

START_TEST(a_key_is_made_once)
{
    set_up(_i);
    ck_assert(add("k", "first", 100));
    ck_assert(!add("k", "second", 100));
    ck_assert_str_eq(get("k"), "first");
    tear_down();
}
END_TEST

START_TEST(counters_count_and_refuse_what_is_no_number)
{
    struct kvstore_counter counter = {SPAN_LIT("text"), 1, 100};
    int64_t value = 7;

    set_up(_i);
    ck_assert_int_eq(count("n", 1, 100), 1);
    ck_assert_int_eq(count("n", 41, 100), 42);
    ck_assert_int_eq(count("n", -2, 100), 40);
    ck_assert_str_eq(get("n"), "40");
    put("text", "many", 100);
    ck_assert_int_eq(kvstore_count(store, &counter, &value, &e), OR_MALFORMED);
    ck_assert_int_eq(value, 7);
    ck_assert_str_eq(get("text"), "many");
    tear_down();
}
END_TEST

START_TEST(what_expires_is_gone_and_can_be_made_again)
{
    set_up(_i);
    put("k", "v", 1);
    ck_assert(add("a", "v", 1));
    ck_assert_int_eq(count("n", 5, 1), 5);
    /* The window of a counter is that of its first count. */
    ck_assert_int_eq(count("n", 5, 100), 10);
    usleep(2100000);
    ck_assert_ptr_null(get("k"));
    ck_assert_ptr_null(get("n"));
    ck_assert(add("a", "again", 100));
    ck_assert_str_eq(get("a"), "again");
    ck_assert_int_eq(count("n", 5, 100), 5);
    tear_down();
}
END_TEST

static struct kvstore_taken
take(const struct kvstore_bucket *buckets, size_t n, int64_t now_ms)
{
    struct kvstore_taken taken = {0};

    ck_assert_msg(kvstore_take(store, buckets, n, now_ms, &taken, &e) == OR_OK, "%s", e.text);
    return taken;
}

START_TEST(a_bucket_gives_its_limit_and_fills_evenly)
{
    struct kvstore_bucket b = {SPAN_LIT("b"), .limit = 10, .window_ms = 60000, .cost = 1};
    struct kvstore_taken taken;

    set_up(_i);
    for (int i = 0; i < 10; i++)
        ck_assert_msg(take(&b, 1, START_MS).granted, "token %d", i);
    taken = take(&b, 1, START_MS);
    ck_assert(!taken.granted);
    ck_assert_int_eq(taken.wait_ms, 6000);
    ck_assert(!take(&b, 1, START_MS + 5999).granted);
    ck_assert(take(&b, 1, START_MS + 6000).granted);
    ck_assert(!take(&b, 1, START_MS + 6001).granted);
    /* After a whole window without use all are back, and no more than that. */
    b.cost = 10;
    ck_assert(take(&b, 1, START_MS + 6000 + 60000).granted);
    ck_assert(!take(&b, 1, START_MS + 6000 + 60001).granted);
    /* More than there ever are. */
    b.cost = 11;
    ck_assert(!take(&b, 1, START_MS + 10 * 60000).granted);
    tear_down();
}
END_TEST

START_TEST(all_buckets_or_none)
{
    struct kvstore_bucket b[] = {
        {SPAN_LIT("hour"), .limit = 5, .window_ms = 3600000, .cost = 2},
        {SPAN_LIT("minute"), .limit = 3, .window_ms = 60000, .cost = 2},
    };
    struct kvstore_taken taken;

    set_up(_i);
    ck_assert(take(b, 2, START_MS).granted);
    taken = take(b, 2, START_MS);
    ck_assert(!taken.granted);
    ck_assert_uint_eq(taken.refused, 1);
    ck_assert_int_eq(taken.wait_ms, 20000);
    /* The refusal took nothing from the hour: 3 of 5 are left. */
    b[0].cost = 3;
    ck_assert(take(b, 1, START_MS).granted);
    b[0].cost = 1;
    taken = take(b, 2, START_MS);
    ck_assert_uint_eq(taken.refused, 0);
    ck_assert_int_eq(taken.wait_ms, 720000);
    ck_assert(take(NULL, 0, START_MS).granted);
    tear_down();
}
END_TEST

START_TEST(a_clock_set_back_empties_no_bucket_for_ever)
{
    struct kvstore_bucket b = {SPAN_LIT("b"), .limit = 2, .window_ms = 2000, .cost = 2};

    set_up(_i);
    ck_assert(take(&b, 1, START_MS + 86400000).granted);
    ck_assert(!take(&b, 1, START_MS).granted);
    ck_assert_int_le(take(&b, 1, START_MS).wait_ms, 2000);
    tear_down();
}
END_TEST

struct seen {
    size_t count;
    bool stop_at_first;
    char keys[256];
};

static bool
note_key(void *context, struct span key, struct span value)
{
    struct seen *s = context;

    ck_assert_span_eq(value, "v");
    s->count++;
    snprintf(s->keys + strlen(s->keys), sizeof(s->keys) - strlen(s->keys), "%.*s ", SPAN_ARG(key));
    return !s->stop_at_first;
}

START_TEST(keys_of_a_prefix_are_walked)
{
    struct seen one = {0}, many = {0}, first = {.stop_at_first = true};
    char key[32];

    set_up(_i);
    put("rate/*/a", "v", 100);
    put("rate/xx/a", "v", 100);
    put("ratf", "v", 100);
    ck_assert_int_eq(kvstore_each(store, SPAN_LIT("rate/*"), note_key, &one, &e), OR_OK);
    ck_assert_str_eq(one.keys, "rate/*/a ");
    for (int i = 0; i < 1200; i++) {
        snprintf(key, sizeof(key), "many/%d", i);
        put(key, "v", 100);
    }
    ck_assert_int_eq(kvstore_each(store, SPAN_LIT("many/"), note_key, &many, &e), OR_OK);
    ck_assert_uint_eq(many.count, 1200);
    ck_assert_int_eq(kvstore_each(store, SPAN_LIT("many/"), note_key, &first, &e), OR_OK);
    ck_assert_uint_eq(first.count, 1);
    tear_down();
}
END_TEST

/* A second store on the same data that must leave no trace. */
START_TEST(read_only_answers_as_if_and_writes_nothing)
{
    struct kvstore_settings settings = {.address = address, .timeout_ms = 1000, .read_only = true};
    struct kvstore_bucket b = {SPAN_LIT("b"), .limit = 3, .window_ms = 3000, .cost = 2};
    struct kvstore_counter counter = {SPAN_LIT("n"), 5, 1000};
    struct kvstore_item there = {SPAN_LIT("k"), SPAN_LIT("x"), 100};
    struct kvstore_item absent = {SPAN_LIT("k2"), SPAN_LIT("x"), 100};
    struct kvstore_taken taken;
    struct kvstore *shown = NULL;
    struct seen seen = {0};
    bool made;
    int64_t value;

    set_up(_i);
    put("k", "v", 100);
    put("n", "2", 100);
    ck_assert_int_eq(kvstore_open(&settings, &shown, &e), OR_OK);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(kvstore_put(shown, SPAN_LIT("k"), SPAN_LIT("x"), 10, &e), OR_OK);
        ck_assert_int_eq(kvstore_remove(shown, SPAN_LIT("k"), &e), OR_OK);
        ck_assert_int_eq(kvstore_add(shown, &there, &made, &e), OR_OK);
        ck_assert(!made);
        ck_assert_int_eq(kvstore_add(shown, &absent, &made, &e), OR_OK);
        ck_assert(made);
        ck_assert_int_eq(kvstore_count(shown, &counter, &value, &e), OR_OK);
        ck_assert_int_eq(value, 7);
        ck_assert_int_eq(kvstore_take(shown, &b, 1, START_MS, &taken, &e), OR_OK);
        ck_assert(taken.granted);
    }
    ck_assert_int_eq(kvstore_take(store, &b, 1, START_MS, &taken, &e), OR_OK);
    ck_assert_int_eq(kvstore_take(shown, &b, 1, START_MS, &taken, &e), OR_OK);
    ck_assert(!taken.granted);
    ck_assert_int_eq(taken.wait_ms, 1000);
    counter.key = SPAN_LIT("k");
    ck_assert_int_eq(kvstore_count(shown, &counter, &value, &e), OR_MALFORMED);
    ck_assert_int_eq(kvstore_each(shown, SPAN_LIT("k"), note_key, &seen, &e), OR_OK);
    ck_assert_str_eq(seen.keys, "k ");
    kvstore_close(shown);
    ck_assert_str_eq(get("k"), "v");
    ck_assert_str_eq(get("n"), "2");
    ck_assert_ptr_null(get("k2"));
    tear_down();
}
END_TEST

START_TEST(read_only_makes_no_file)
{
    struct kvstore_settings settings = {
        .address = "sqlite:/tmp/outrider-no-such-store", .timeout_ms = 1000, .read_only = true};
    struct kvstore *shown = NULL;

    ck_assert_int_eq(kvstore_open(&settings, &shown, &e), OR_ABSENT);
    ck_assert_int_ne(access("/tmp/outrider-no-such-store", F_OK), 0);
}
END_TEST

#define THREADS 8
#define ROUNDS 200

static void *
count_and_take(void *shared)
{
    struct kvstore_counter counter = {SPAN_LIT("n"), 1, 1000};
    struct kvstore_bucket b = {SPAN_LIT("b"), .limit = 100, .window_ms = 1000000, .cost = 1};
    struct kvstore_taken taken;
    struct err mine;
    int64_t value;
    size_t granted = 0;

    for (int i = 0; i < ROUNDS; i++) {
        if (kvstore_count(shared, &counter, &value, &mine) != OR_OK ||
            kvstore_take(shared, &b, 1, START_MS, &taken, &mine) != OR_OK)
            return NULL;
        granted += taken.granted;
    }
    return (void *)(granted + 1);
}

/* Two stores over one database, as two policyd have them. */
START_TEST(two_users_at_once_lose_no_count)
{
    pthread_t threads[THREADS];
    struct kvstore *other;
    size_t granted = 0;

    set_up(_i);
    other = open_store();
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, count_and_take, i % 2 == 0 ? store : other), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        ck_assert_ptr_nonnull(result);
        granted += (size_t)result - 1;
    }
    ck_assert_int_eq(count("n", 0, 1000), THREADS * ROUNDS);
    ck_assert_uint_eq(granted, 100);
    kvstore_close(other);
    tear_down();
}
END_TEST

START_TEST(ceilings_are_kept)
{
    static char big[KVSTORE_MAX_VALUE_BYTES + 1];
    struct kvstore_bucket buckets[KVSTORE_MAX_BUCKETS + 1] = {{{NULL, 0}, 0, 0, 0}};
    struct kvstore_taken taken;

    set_up(_i);
    ck_assert_int_eq(kvstore_put(store, SPAN_EMPTY, SPAN_LIT("v"), 1, &e), OR_LIMIT);
    ck_assert_int_eq(
        kvstore_put(store, span_make(big, KVSTORE_MAX_KEY_BYTES + 1), SPAN_LIT("v"), 1, &e),
        OR_LIMIT);
    ck_assert_int_eq(kvstore_put(store, SPAN_LIT("k"), span_make(big, sizeof(big)), 1, &e),
                     OR_LIMIT);
    ck_assert_int_eq(kvstore_put(store, SPAN_LIT("k"), SPAN_LIT("v"), 0, &e), OR_LIMIT);
    ck_assert_int_eq(kvstore_put(store, SPAN_LIT("k"), SPAN_LIT("v"), INT64_MAX, &e), OR_LIMIT);
    ck_assert_int_eq(kvstore_take(store, buckets, KVSTORE_MAX_BUCKETS + 1, START_MS, &taken, &e),
                     OR_LIMIT);
    ck_assert_int_eq(kvstore_take(store, buckets, 1, START_MS, &taken, &e), OR_LIMIT);
    ck_assert_int_eq(kvstore_put(store, span_make(big, KVSTORE_MAX_KEY_BYTES),
                                 span_make(big, KVSTORE_MAX_VALUE_BYTES), 1, &e),
                     OR_OK);
    tear_down();
}
END_TEST

/* Redis goes away, is not asked for a second, and comes back without anybody's help. */
START_TEST(a_redis_that_is_gone_fails_fast_and_returns)
{
    struct span value;

    set_up(REDIS);
    put("k", "v", 100);
    ck_assert(kvstore_is_up(store));
    stop_redis();
    ck_assert_int_eq(kvstore_get(store, SPAN_LIT("k"), &mem, &value, &e), OR_TEMPFAIL);
    ck_assert(!kvstore_is_up(store));
    int64_t before = clock_mono_ms();
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(kvstore_get(store, SPAN_LIT("k"), &mem, &value, &e), OR_TEMPFAIL);
    ck_assert_int_lt(clock_mono_ms() - before, 500);
    start_redis();
    usleep(1100000);
    put("k", "again", 100);
    ck_assert_str_eq(get("k"), "again");
    ck_assert(kvstore_is_up(store));
    tear_down();
}
END_TEST

/* Restarted between two calls: connections that were kept are dead, nobody notices. */
START_TEST(a_redis_that_was_restarted_is_not_missed)
{
    set_up(REDIS);
    put("k", "v", 100);
    stop_redis();
    start_redis();
    put("k", "v", 100);
    ck_assert_str_eq(get("k"), "v");
    tear_down();
}
END_TEST

START_TEST(a_redis_that_hangs_costs_one_timeout)
{
    struct span value;

    set_up(REDIS);
    put("k", "v", 100);
    kill(redis, SIGSTOP);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(kvstore_get(store, SPAN_LIT("k"), &mem, &value, &e), OR_TEMPFAIL);
    ck_assert_int_eq(kvstore_get(store, SPAN_LIT("k"), &mem, &value, &e), OR_TEMPFAIL);
    ck_assert_int_lt(clock_mono_ms() - before, 1900);
    kill(redis, SIGCONT);
    tear_down();
}
END_TEST

static int
count_rows(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *st;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM kv", -1, &st, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    int rows = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return rows;
}

START_TEST(sqlite_survives_its_user_and_drops_what_expired)
{
    set_up(SQLITE);
    put("k", "v", 100);
    put("old", "v", 1);
    kvstore_close(store);
    store = open_store();
    ck_assert_str_eq(get("k"), "v");
    usleep(3500000); /* the second that it lives, and a round of the purge */
    kvstore_close(store);
    store = NULL;
    ck_assert_int_eq(count_rows(address + strlen("sqlite:")), 1);
    tear_down();
}
END_TEST

START_TEST(addresses_that_are_none_are_refused)
{
    static const char *const rows[] = {"",
                                       "sqlite",
                                       "mysql:/x",
                                       "redis:/x",
                                       "redis:inet:host:1",
                                       "sqlite:/nowhere/at/all/state.sqlite"};
    struct kvstore_settings settings = {.address = rows[_i], .timeout_ms = 100};
    struct kvstore *opened = NULL;

    ck_assert_int_eq(kvstore_open(&settings, &opened, &e), OR_CONFIG);
    ck_assert_ptr_null(opened);
}
END_TEST

static Suite *
suite(void)
{
    const TTest *const both[] = {
        values_are_kept_overwritten_and_removed,
        a_key_is_made_once,
        counters_count_and_refuse_what_is_no_number,
        what_expires_is_gone_and_can_be_made_again,
        a_bucket_gives_its_limit_and_fills_evenly,
        all_buckets_or_none,
        a_clock_set_back_empties_no_bucket_for_ever,
        keys_of_a_prefix_are_walked,
        read_only_answers_as_if_and_writes_nothing,
        two_users_at_once_lose_no_count,
        ceilings_are_kept,
    };
    Suite *s = suite_create("kvstore");
    TCase *t = tcase_create("kvstore");

    tcase_set_timeout(t, 60);
    for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
        tcase_add_loop_test(t, both[i], 0, BACKENDS);
    tcase_add_test(t, read_only_makes_no_file);
    tcase_add_test(t, a_redis_that_is_gone_fails_fast_and_returns);
    tcase_add_test(t, a_redis_that_was_restarted_is_not_missed);
    tcase_add_test(t, a_redis_that_hangs_costs_one_timeout);
    tcase_add_test(t, sqlite_survives_its_user_and_drops_what_expired);
    tcase_add_loop_test(t, addresses_that_are_none_are_refused, 0, 6);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    return unit_main(suite());
}
