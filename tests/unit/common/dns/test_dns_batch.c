/* Several questions at once: as slow as the slowest, each with its own answer. */
#include "common/dns/dns_batch.h"

#include "common/base/clock.h"
#include "common/dns/dns_cache.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT 12
#define NAP_MS 150

/* A resolver that takes its time. */
struct slow_dns {
    struct dns base;
    struct dns *upstream;
};

static or_status
slow_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
           struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    return dns_query(((struct slow_dns *)dns)->upstream, type, name, deadline_mono_ms, mem,
                     answer_out, e);
}

static void
slow_free(struct dns *dns)
{
    dns_free(((struct slow_dns *)dns)->upstream);
    free(dns);
}

static struct dns *
slow_new(const char *zone)
{
    static const struct dns_ops ops = {.query = slow_query, .free = slow_free};
    struct slow_dns *d = calloc(1, sizeof(*d));

    ck_assert_ptr_nonnull(d);
    d->base.ops = &ops;
    d->upstream = fake_dns_new(zone);
    return &d->base;
}

static struct dns *dns;
static struct arena mem;

static void
set_up(void)
{
    const struct dns_cache_settings settings = {
        .max_bytes = 1 << 20, .max_ttl_s = 60, .failure_ttl_s = 5};

    dns = dns_cache_new(slow_new("n1.example A 192.0.2.1\n"
                                 "n2.example TXT \"two\"\n"
                                 "n3.example SERVFAIL\n"),
                        &settings);
    arena_init(&mem, 1 << 20);
}

static void
tear_down(void)
{
    dns_free(dns);
    arena_fini(&mem);
}

static int64_t
ask(struct dns_question *questions, size_t count)
{
    int64_t began = clock_mono_ms();

    dns_batch_query(dns, questions, count, began + 5000, &mem);
    return clock_mono_ms() - began;
}

START_TEST(all_at_once)
{
    struct dns_question questions[COUNT] = {{.type = DNS_A, .name = SPAN_LIT("n1.example")},
                                            {.type = DNS_TXT, .name = SPAN_LIT("n2.example")},
                                            {.type = DNS_A, .name = SPAN_LIT("n3.example")},
                                            {.type = DNS_A, .name = SPAN_LIT("n4.example")}};
    char names[COUNT][16];

    for (size_t i = 4; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "more%zu.test", i);
        questions[i] = (struct dns_question){.type = DNS_A, .name = span_cstr(names[i])};
    }
    int64_t cold_ms = ask(questions, COUNT);
    ck_assert_msg(cold_ms < COUNT * NAP_MS / 2, "%lld ms", (long long)cold_ms);
    ck_assert_int_eq(questions[0].status, OR_OK);
    ck_assert_uint_eq(questions[0].answer->count, 1);
    ck_assert_int_eq(questions[0].answer->records[0].ip.bytes[3], 1);
    ck_assert_span_eq(questions[1].answer->records[0].txt.joined, "two");
    ck_assert_int_eq(questions[2].status, OR_TEMPFAIL);
    ck_assert_int_eq(questions[3].answer->result, DNS_NXDOMAIN);
    int64_t warm_ms = ask(questions, COUNT);
    ck_assert_msg(warm_ms < NAP_MS, "%lld ms", (long long)warm_ms);
}
END_TEST

START_TEST(the_same_question_twice_is_asked_once)
{
    struct dns_question questions[3] = {{.type = DNS_A, .name = SPAN_LIT("n1.example")},
                                        {.type = DNS_A, .name = SPAN_LIT("n1.example")},
                                        {.type = DNS_A, .name = SPAN_LIT("N1.example.")}};
    struct dns_cache_stats stats;

    ask(questions, 3);
    dns_cache_stats(dns, &stats);
    ck_assert_uint_eq(stats.misses, 1);
    for (size_t i = 0; i < 3; i++)
        ck_assert(questions[i].status == OR_OK && questions[i].answer->count == 1);
}
END_TEST

START_TEST(none_and_no_memory)
{
    struct dns_question questions[2] = {{.type = DNS_A, .name = SPAN_LIT("n1.example")},
                                        {.type = DNS_A, .name = SPAN_LIT("n4.example")}};

    ask(questions, 0);
    arena_fini(&mem);
    arena_init(&mem, 16);
    ask(questions, 2);
    ck_assert_int_eq(questions[0].status, OR_LIMIT);
    ck_assert_int_eq(questions[1].status, OR_LIMIT);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dns_batch");
    TCase *tests = tcase_create("all");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, all_at_once);
    tcase_add_test(tests, the_same_question_twice_is_asked_once);
    tcase_add_test(tests, none_and_no_memory);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
