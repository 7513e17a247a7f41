/* Cells, words and text, against tables made for the purpose and the one that all daemons share. */
#include "common/run/metrics.h"

#include "common/base/clock.h"
#include "common/run/dns_metered.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 4
#define ROUNDS 20000

enum { PLAIN = METRICS_FIRST, LABELLED, GAUGE, TIMED, ASKED, AWKWARD };

static const char *const colours[] = {"red", "green", NULL};
static const char *const shapes[] = {"round", "square", "other", NULL};
static const char *const awkward[] = {"a \"word\" with \\ and\nmore", NULL};

static double
half(void)
{
    return 0.5;
}

static const struct metrics_row rows[] = {
    {.name = "test_plain_total", .type = METRICS_COUNTER, .help = "Plain."},
    {.name = "test_labelled_total",
     .type = METRICS_COUNTER,
     .labels = {{"colour", colours}, {"shape", shapes}},
     .help = "Two labels."},
    {.name = "test_gauge", .type = METRICS_GAUGE, .help = "Up and down."},
    {.name = "test_timed_seconds",
     .type = METRICS_HISTOGRAM,
     .labels = {{"colour", colours}},
     .help = "Time."},
    {.name = "test_asked", .type = METRICS_GAUGE, .read = half, .help = "Read when asked."},
    {.name = "test_awkward_total",
     .type = METRICS_COUNTER,
     .labels = {{"text", awkward}},
     .help = "A \\ and \"quotes\"\nover two lines."},
};
static const struct metrics_schema schema = {.rows = rows, .count = sizeof(rows) / sizeof(rows[0])};

static char text[METRICS_MAX_TEXT_BYTES];

static const char *
formatted(void)
{
    struct buf out;

    buf_init(&out, METRICS_MAX_TEXT_BYTES);
    metrics_format(&out);
    ck_assert_int_eq(buf_finish(&out), OR_OK);
    ck_assert_uint_lt(out.n, sizeof(text));
    memcpy(text, out.p == NULL ? "" : out.p, out.n);
    text[out.n] = '\0';
    buf_fini(&out);
    return text;
}

/* `line` stands there as a whole line. */
static bool
has_line(const char *line)
{
    char wanted[256];

    snprintf(wanted, sizeof(wanted), "\n%s\n", line);
    return strstr(formatted(), wanted) != NULL;
}

static void
expect(const char *line)
{
    ck_assert_msg(has_line(line), "no line \"%s\" in:\n%s", line, text);
}

static void
set_up(void)
{
    metrics_start(&schema, true);
}

static void
tear_down(void)
{
    metrics_stop();
}

START_TEST(nothing_is_counted_before_the_start)
{
    metrics_stop();
    metrics_inc(PLAIN, 0);
    metrics_set(GAUGE, 7);
    metrics_observe(TIMED, 0, 5);
    ck_assert_str_eq(formatted(), "");
    metrics_start(&schema, true);
    expect("test_plain_total 0");
}
END_TEST

START_TEST(every_series_is_there_from_the_start)
{
    const char *whole = "# HELP test_labelled_total Two labels.\n"
                        "# TYPE test_labelled_total counter\n"
                        "test_labelled_total{colour=\"red\",shape=\"round\"} 0\n"
                        "test_labelled_total{colour=\"red\",shape=\"square\"} 0\n"
                        "test_labelled_total{colour=\"red\",shape=\"other\"} 0\n"
                        "test_labelled_total{colour=\"green\",shape=\"round\"} 0\n"
                        "test_labelled_total{colour=\"green\",shape=\"square\"} 0\n"
                        "test_labelled_total{colour=\"green\",shape=\"other\"} 0\n"
                        "# HELP test_gauge Up and down.\n";

    ck_assert_ptr_nonnull(strstr(formatted(), whole));
}
END_TEST

START_TEST(counts_go_to_their_own_series)
{
    metrics_inc(PLAIN, 0);
    metrics_add(PLAIN, 0, 0, 41);
    metrics_add(LABELLED, 0, 2, 1);
    metrics_add(LABELLED, 1, 0, 2);
    metrics_add(GAUGE, 0, 0, 3);
    metrics_add(GAUGE, 0, 0, -4);
    expect("test_plain_total 42");
    expect("test_labelled_total{colour=\"red\",shape=\"other\"} 1");
    expect("test_labelled_total{colour=\"green\",shape=\"round\"} 2");
    expect("test_labelled_total{colour=\"green\",shape=\"square\"} 0");
    expect("test_gauge -1");
    metrics_set(GAUGE, 1);
    expect("test_gauge 1");
    expect("test_asked 0.5");
}
END_TEST

START_TEST(what_is_not_in_the_table_counts_nothing)
{
    char before[METRICS_MAX_TEXT_BYTES];

    metrics_set(METRICS_START_TIME, 1);
    /* The process's figures change between two looks. */
    snprintf(before, sizeof(before), "%s", strstr(formatted(), "# HELP outrider_connections "));
    metrics_add(LABELLED, 2, 0, 1);
    metrics_add(LABELLED, 0, 3, 1);
    metrics_inc(PLAIN, 1);
    metrics_inc(AWKWARD + 1, 0);
    metrics_inc(~0u, ~0u);
    metrics_observe(TIMED, 2, 1);
    ck_assert_str_eq(strstr(formatted(), "# HELP outrider_connections "), before);
}
END_TEST

/* A value on a bound is in that bucket: le is "less or equal". */
START_TEST(a_histogram_has_its_values_in_the_right_buckets)
{
    static const int64_t values[] = {0, 1000, 1001, 2500, 60000000, 60000001};
    static const char *const lines[] = {
        "test_timed_seconds_bucket{colour=\"green\",le=\"0.001\"} 2",
        "test_timed_seconds_bucket{colour=\"green\",le=\"0.0025\"} 4",
        "test_timed_seconds_bucket{colour=\"green\",le=\"0.005\"} 4",
        "test_timed_seconds_bucket{colour=\"green\",le=\"30\"} 4",
        "test_timed_seconds_bucket{colour=\"green\",le=\"60\"} 5",
        "test_timed_seconds_bucket{colour=\"green\",le=\"+Inf\"} 6",
        "test_timed_seconds_sum{colour=\"green\"} 120.004502",
        "test_timed_seconds_count{colour=\"green\"} 6",
        "test_timed_seconds_bucket{colour=\"red\",le=\"+Inf\"} 0",
        "test_timed_seconds_sum{colour=\"red\"} 0.000000",
        "outrider_dns_lookup_seconds_bucket{le=\"+Inf\"} 0",
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        metrics_observe(TIMED, 1, values[i]);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect(lines[i]);
}
END_TEST

START_TEST(help_and_label_values_are_escaped)
{
    expect("# HELP test_awkward_total A \\\\ and \"quotes\"\\nover two lines.");
    expect("test_awkward_total{text=\"a \\\"word\\\" with \\\\ and\\nmore\"} 0");
}
END_TEST

START_TEST(a_daemon_without_dns_has_no_metrics_of_it)
{
    metrics_start(&schema, false);
    metrics_inc(METRICS_DNS_QUESTIONS, METRICS_DNS_FOUND);
    ck_assert_ptr_null(strstr(formatted(), "dns"));
    expect("test_plain_total 0");
    metrics_start(NULL, true);
    ck_assert_ptr_nonnull(strstr(formatted(), "outrider_dns_lookups_total{result=\"failed\"} 0\n"));
}
END_TEST

START_TEST(words_that_are_none_of_ours_are_the_last)
{
    static const struct {
        const char *word;
        unsigned index;
    } cases[] = {{"round", 0}, {"square", 1}, {"other", 2}, {"", 2}, {"roun", 2}, {"Round", 2}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_uint_eq(metrics_word(shapes, span_cstr(cases[i].word)), cases[i].index);
    ck_assert_uint_eq(metrics_word(shapes, span_make("round\0x", 7)), 2);
}
END_TEST

START_TEST(the_process_has_figures)
{
    static const char *const names[] = {"process_resident_memory_bytes",
                                        "process_virtual_memory_bytes",
                                        "process_cpu_seconds_total",
                                        "process_open_fds",
                                        "process_max_fds",
                                        "process_start_time_seconds",
                                        "outrider_build_info"};
    char none[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(none, sizeof(none), "%s 0", names[i]);
        ck_assert_msg(!has_line(none), "%s is 0", names[i]);
        ck_assert_ptr_nonnull(strstr(text, names[i]));
    }
    ck_assert_ptr_nonnull(
        strstr(text, "outrider_build_info{version=\"" OUTRIDER_VERSION "\"} 1\n"));
}
END_TEST

static void *
count_on(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        metrics_inc(PLAIN, 0);
        metrics_add(GAUGE, 0, 0, i % 2 == 0 ? 1 : -1);
        metrics_observe(TIMED, 0, i);
    }
    return unused;
}

/* Also what ThreadSanitizer looks at: counting and formatting at once. */
START_TEST(nothing_is_lost_between_threads)
{
    pthread_t threads[THREADS];
    char count[64];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_on, NULL), 0);
    for (int i = 0; i < 50; i++)
        (void)formatted();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    snprintf(count, sizeof(count), "test_plain_total %d", THREADS * ROUNDS);
    expect(count);
    expect("test_gauge 0");
    snprintf(count, sizeof(count), "test_timed_seconds_count{colour=\"red\"} %d", THREADS * ROUNDS);
    expect(count);
}
END_TEST

START_TEST(dns_questions_are_counted_by_result)
{
    static const char *const names[] = {"a.test", "a.test", "b.test", "c.test", "d.test", "x.test"};
    struct dns *dns = dns_metered_new(fake_dns_new("a.test A 192.0.2.1\n"
                                                   "b.test TXT \"x\"\n"
                                                   "c.test SERVFAIL\n"
                                                   "d.test TIMEOUT\n"),
                                      METRICS_DNS_QUESTIONS, METRICS_DNS_LOOKUP_SECONDS);
    const struct dns_answer *answer;
    struct arena mem;

    arena_init(&mem, 65536);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)!dns_query(dns, DNS_A, span_cstr(names[i]), clock_mono_ms() + 1000, &mem, &answer,
                         NULL);
    arena_fini(&mem);
    dns_free(dns);
    expect("outrider_dns_questions_total{result=\"found\"} 2");
    expect("outrider_dns_questions_total{result=\"nodata\"} 1");
    expect("outrider_dns_questions_total{result=\"nxdomain\"} 1");
    expect("outrider_dns_questions_total{result=\"timeout\"} 1");
    expect("outrider_dns_questions_total{result=\"failed\"} 1");
    expect("outrider_dns_lookups_total{result=\"found\"} 0");
    expect("outrider_dns_lookup_seconds_count 6");
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("metrics");
    TCase *t = tcase_create("metrics");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, nothing_is_counted_before_the_start);
    tcase_add_test(t, every_series_is_there_from_the_start);
    tcase_add_test(t, counts_go_to_their_own_series);
    tcase_add_test(t, what_is_not_in_the_table_counts_nothing);
    tcase_add_test(t, a_histogram_has_its_values_in_the_right_buckets);
    tcase_add_test(t, help_and_label_values_are_escaped);
    tcase_add_test(t, a_daemon_without_dns_has_no_metrics_of_it);
    tcase_add_test(t, words_that_are_none_of_ours_are_the_last);
    tcase_add_test(t, the_process_has_figures);
    tcase_add_test(t, nothing_is_lost_between_threads);
    tcase_add_test(t, dns_questions_are_counted_by_result);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
