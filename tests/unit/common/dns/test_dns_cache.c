/*
 * The shared answer cache over an upstream that counts, blocks and fails as told.
 */
#include "common/dns/dns_cache.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FOLLOWERS 8

/* What the upstream answers with, and what it saw. */
static struct {
    atomic_uint queries;
    or_status status;
    enum dns_result result;
    uint32_t ttl_s;
    size_t txt_bytes;
    atomic_int delay_ms;
} upstream;

static void
sleep_ms(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static or_status
fill_txt(struct arena *mem, struct dns_record *record)
{
    char *text = arena_alloc(mem, upstream.txt_bytes);

    record->txt.strings = arena_alloc_array(mem, 2, sizeof(struct span));
    if (text == NULL || record->txt.strings == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < upstream.txt_bytes; i++)
        text[i] = (char)('a' + i % 26);
    record->txt.count = 2;
    record->txt.joined = span_make(text, upstream.txt_bytes);
    record->txt.strings[0] = span_slice(record->txt.joined, 0, 3);
    record->txt.strings[1] = span_from(record->txt.joined, 3);
    return OR_OK;
}

static or_status
upstream_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
               struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    int64_t until = clock_mono_ms() + atomic_load(&upstream.delay_ms);

    (void)dns, (void)type;
    atomic_fetch_add(&upstream.queries, 1);
    while (clock_mono_ms() < until) {
        if (clock_mono_ms() >= deadline_mono_ms)
            return err_set(e, OR_TIMEOUT, "out of time");
        sleep_ms(1);
    }
    if (upstream.status != OR_OK)
        return err_set(e, upstream.status, "%.*s: told to fail", SPAN_ARG(name));
    struct dns_answer *answer = arena_alloc(mem, sizeof(*answer));
    ck_assert_ptr_nonnull(answer);
    answer->result = upstream.result;
    answer->ttl_s = upstream.ttl_s;
    answer->count = upstream.result == DNS_FOUND;
    answer->records = arena_alloc(mem, sizeof(*answer->records));
    if (answer->count != 0)
        ck_assert_int_eq(fill_txt(mem, answer->records), OR_OK);
    *answer_out = answer;
    return OR_OK;
}

static void
upstream_free(struct dns *dns)
{
    free(dns);
}

static const struct dns_ops upstream_ops = {.query = upstream_query, .free = upstream_free};
static struct dns *cache;

static void
make_cache(size_t max_bytes, uint32_t failure_ttl_s)
{
    const struct dns_cache_settings settings = {
        .max_bytes = max_bytes, .max_ttl_s = 3600, .failure_ttl_s = failure_ttl_s};
    struct dns *dns = xcalloc(1, sizeof(*dns));

    dns->ops = &upstream_ops;
    cache = dns_cache_new(dns, &settings);
}

static void
set_up(void)
{
    atomic_store(&upstream.queries, 0);
    atomic_store(&upstream.delay_ms, 0);
    upstream.status = OR_OK;
    upstream.result = DNS_FOUND;
    upstream.ttl_s = 300;
    upstream.txt_bytes = 10;
    make_cache(1 << 20, 5);
}

static void
tear_down(void)
{
    dns_free(cache);
}

/* Asks with `ms` to spare; checks a found answer's text. */
static or_status
ask(const char *name, int64_t ms)
{
    const struct dns_answer *answer;
    struct arena mem;
    struct err e = {""};

    arena_init(&mem, 1 << 20);
    or_status st =
        dns_query(cache, DNS_TXT, span_cstr(name), clock_mono_ms() + ms, &mem, &answer, &e);
    if (st == OR_OK && answer->result == DNS_FOUND) {
        ck_assert_uint_eq(answer->records[0].txt.count, 2);
        ck_assert_span_eq(answer->records[0].txt.strings[0], "abc");
        ck_assert_uint_eq(answer->records[0].txt.joined.n, upstream.txt_bytes);
        ck_assert(answer->ttl_s <= upstream.ttl_s);
    }
    arena_fini(&mem);
    return st;
}

START_TEST(test_second_asker_gets_the_kept_answer)
{
    struct dns_cache_stats stats;

    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    ck_assert_int_eq(ask("EXAMPLE.org.", 1000), OR_OK);
    ck_assert_int_eq(ask("other.example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 2);
    dns_cache_stats(cache, &stats);
    ck_assert_uint_eq(stats.hits, 1);
    ck_assert_uint_eq(stats.misses, 2);
    ck_assert_uint_eq(stats.entries, 2);
}
END_TEST

START_TEST(test_ttl_zero_is_not_kept)
{
    upstream.ttl_s = 0;
    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 2);
}
END_TEST

START_TEST(test_ttl_runs_out)
{
    upstream.ttl_s = 1;
    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 1);
    sleep_ms(1100);
    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 2);
}
END_TEST

START_TEST(test_negative_answers_are_kept)
{
    upstream.result = DNS_NXDOMAIN;
    ck_assert_int_eq(ask("none.example.org", 1000), OR_OK);
    ck_assert_int_eq(ask("none.example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 1);
}
END_TEST

START_TEST(test_failures_are_kept_for_a_while)
{
    upstream.status = OR_TEMPFAIL;
    ck_assert_int_eq(ask("dead.example.org", 1000), OR_TEMPFAIL);
    ck_assert_int_eq(ask("dead.example.org", 1000), OR_TEMPFAIL);
    ck_assert_uint_eq(upstream.queries, 1);
}
END_TEST

START_TEST(test_what_cannot_be_asked_is_not_kept)
{
    upstream.status = OR_MALFORMED;
    ck_assert_int_eq(ask("bad", 1000), OR_MALFORMED);
    ck_assert_int_eq(ask("bad", 1000), OR_MALFORMED);
    ck_assert_uint_eq(upstream.queries, 2);
    ck_assert_int_eq(dns_query(cache, DNS_TXT, SPAN_LIT("a\0b"), 0, NULL, NULL, NULL),
                     OR_MALFORMED);
}
END_TEST

START_TEST(test_memory_is_bounded_and_the_oldest_goes)
{
    struct dns_cache_stats stats;

    dns_free(cache);
    make_cache(65536, 5);
    upstream.txt_bytes = 4000;
    for (int i = 0; i < 200; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%d.example.org", i);
        ck_assert_int_eq(ask(name, 1000), OR_OK);
    }
    dns_cache_stats(cache, &stats);
    ck_assert_uint_le(stats.bytes, 65536);
    ck_assert_uint_lt(stats.entries, 20);
    ck_assert_int_eq(ask("n199.example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 200);
    ck_assert_int_eq(ask("n0.example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 201);
}
END_TEST

START_TEST(test_full_arena_is_a_limit_not_a_crash)
{
    const struct dns_answer *answer;
    struct arena mem;

    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    arena_init(&mem, 64);
    ck_assert_int_eq(dns_query(cache, DNS_TXT, SPAN_LIT("example.org"), clock_mono_ms() + 1000,
                               &mem, &answer, NULL),
                     OR_LIMIT);
    arena_fini(&mem);
}
END_TEST

/* Once such an answer was taken for a failure and kept for its TTL. */
START_TEST(test_answer_too_large_to_keep_is_handed_on)
{
    upstream.txt_bytes = 200000;
    ck_assert_int_eq(ask("large.example.org", 1000), OR_OK);
    ck_assert_int_eq(ask("large.example.org", 1000), OR_OK);
    ck_assert_uint_eq(upstream.queries, 2);
}
END_TEST

/* Rounds over all servers may well take longer than the deadline: a dead domain is one all the
 * same. */
START_TEST(test_long_silence_is_kept_though_the_deadline_ended_it)
{
    atomic_store(&upstream.delay_ms, 10000);
    ck_assert_int_eq(ask("silent.example.org", 2100), OR_TIMEOUT);
    ck_assert_int_eq(ask("silent.example.org", 2100), OR_TIMEOUT);
    ck_assert_uint_eq(upstream.queries, 1);
}
END_TEST

START_TEST(test_short_deadline_says_nothing_about_the_domain)
{
    atomic_store(&upstream.delay_ms, 100);
    ck_assert_int_eq(ask("slow.example.org", 20), OR_TIMEOUT);
    ck_assert_int_eq(ask("slow.example.org", 2000), OR_OK);
}
END_TEST

START_TEST(test_ttl_is_what_is_left_of_it)
{
    const struct dns_answer *answer;
    struct arena mem;

    upstream.ttl_s = 100;
    ck_assert_int_eq(ask("example.org", 1000), OR_OK);
    sleep_ms(1100);
    arena_init(&mem, 1 << 20);
    ck_assert_int_eq(dns_query(cache, DNS_TXT, SPAN_LIT("example.org"), clock_mono_ms() + 1000,
                               &mem, &answer, NULL),
                     OR_OK);
    ck_assert_uint_le(answer->ttl_s, 99);
    ck_assert_uint_ge(answer->ttl_s, 90);
    arena_fini(&mem);
}
END_TEST

struct asker {
    pthread_t thread;
    int64_t ms;
    or_status status;
    int64_t took_ms;
};

static void *
asker_main(void *arg)
{
    struct asker *a = arg;
    int64_t began = clock_mono_ms();

    a->status = ask("example.org", a->ms);
    a->took_ms = clock_mono_ms() - began;
    return NULL;
}

static void
start(struct asker *a, int64_t ms)
{
    a->ms = ms;
    ck_assert_int_eq(pthread_create(&a->thread, NULL, asker_main, a), 0);
}

START_TEST(test_one_query_in_the_air_per_question)
{
    struct asker askers[FOLLOWERS];

    atomic_store(&upstream.delay_ms, 200);
    for (size_t i = 0; i < FOLLOWERS; i++)
        start(&askers[i], 5000);
    for (size_t i = 0; i < FOLLOWERS; i++) {
        pthread_join(askers[i].thread, NULL);
        ck_assert_int_eq(askers[i].status, OR_OK);
    }
    ck_assert_uint_eq(upstream.queries, 1);
}
END_TEST

START_TEST(test_followers_share_a_failure)
{
    struct asker askers[FOLLOWERS];

    upstream.status = OR_TEMPFAIL;
    atomic_store(&upstream.delay_ms, 200);
    for (size_t i = 0; i < FOLLOWERS; i++)
        start(&askers[i], 5000);
    for (size_t i = 0; i < FOLLOWERS; i++) {
        pthread_join(askers[i].thread, NULL);
        ck_assert_int_eq(askers[i].status, OR_TEMPFAIL);
    }
    ck_assert_uint_eq(upstream.queries, 1);
}
END_TEST

START_TEST(test_follower_waits_no_longer_than_its_own_deadline)
{
    struct asker leader, follower;

    atomic_store(&upstream.delay_ms, 1000);
    start(&leader, 5000);
    sleep_ms(100);
    start(&follower, 200);
    pthread_join(follower.thread, NULL);
    pthread_join(leader.thread, NULL);
    ck_assert_int_eq(follower.status, OR_TIMEOUT);
    ck_assert_int_lt(follower.took_ms, 800);
    ck_assert_int_eq(leader.status, OR_OK);
}
END_TEST

START_TEST(test_follower_with_more_time_asks_again)
{
    struct asker leader, follower;

    atomic_store(&upstream.delay_ms, 500);
    start(&leader, 200);
    sleep_ms(100);
    start(&follower, 5000);
    pthread_join(leader.thread, NULL);
    pthread_join(follower.thread, NULL);
    ck_assert_int_eq(leader.status, OR_TIMEOUT);
    ck_assert_int_eq(follower.status, OR_OK);
    ck_assert_uint_eq(upstream.queries, 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dns_cache");
    TCase *tcase = tcase_create("cache");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_second_asker_gets_the_kept_answer);
    tcase_add_test(tcase, test_ttl_zero_is_not_kept);
    tcase_add_test(tcase, test_ttl_runs_out);
    tcase_add_test(tcase, test_negative_answers_are_kept);
    tcase_add_test(tcase, test_failures_are_kept_for_a_while);
    tcase_add_test(tcase, test_what_cannot_be_asked_is_not_kept);
    tcase_add_test(tcase, test_memory_is_bounded_and_the_oldest_goes);
    tcase_add_test(tcase, test_full_arena_is_a_limit_not_a_crash);
    tcase_add_test(tcase, test_answer_too_large_to_keep_is_handed_on);
    tcase_add_test(tcase, test_long_silence_is_kept_though_the_deadline_ended_it);
    tcase_add_test(tcase, test_short_deadline_says_nothing_about_the_domain);
    tcase_add_test(tcase, test_ttl_is_what_is_left_of_it);
    tcase_add_test(tcase, test_one_query_in_the_air_per_question);
    tcase_add_test(tcase, test_followers_share_a_failure);
    tcase_add_test(tcase, test_follower_waits_no_longer_than_its_own_deadline);
    tcase_add_test(tcase, test_follower_with_more_time_asks_again);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
