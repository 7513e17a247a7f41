#include "common/base/log.h"

#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int saved_stderr;
static FILE *capture;
static char captured[200000];

static void
setup(void)
{
    unsetenv("JOURNAL_STREAM");
    capture = tmpfile();
    ck_assert_ptr_nonnull(capture);
    saved_stderr = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(capture), STDERR_FILENO), 0);
    clock_fake(1000000000);
}

static void
teardown(void)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    fclose(capture);
    clock_fake(0);
}

/* What was logged since the last call. */
static const char *
take_captured(void)
{
    rewind(capture);
    size_t n = fread(captured, 1, sizeof(captured) - 1, capture);

    captured[n] = '\0';
    rewind(capture);
    ck_assert_int_eq(ftruncate(fileno(capture), 0), 0);
    return captured;
}

/* The line without its time and "program[pid]: ", whose own form is checked. */
static const char *
take_message(void)
{
    const char *line = take_captured();
    const char *behind = strstr(line, "]: ");

    ck_assert_msg(behind != NULL, "\"%s\"", line);
    ck_assert_ptr_nonnull(strstr(line, " outrider-test["));
    return behind + 3;
}

START_TEST(plain_lines)
{
    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_DEBUG);
    log_info("listening on %s", "unix:/x");
    ck_assert_str_eq(take_message(), "info: listening on unix:/x\n");
    log_error("two\r\nlines\x7f");
    ck_assert_str_eq(take_message(), "error: two??lines?\n");
    log_warning("w");
    ck_assert_str_eq(take_message(), "warning: w\n");
    log_debug("d");
    ck_assert_str_eq(take_message(), "debug: d\n");
}
END_TEST

START_TEST(levels)
{
    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_WARNING);
    ck_assert(log_wants(LOG_LEVEL_ERROR));
    ck_assert(log_wants(LOG_LEVEL_WARNING));
    ck_assert(!log_wants(LOG_LEVEL_INFO));
    log_info("no");
    log_debug("no");
    struct log_line l;
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("4bXk2"));
    log_line_add(&l, "spf", SPAN_LIT("fail"));
    log_line_end(&l);
    ck_assert_str_eq(take_captured(), "");
}
END_TEST

START_TEST(request_line)
{
    struct log_line l;

    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("4bXk2"));
    log_line_add(&l, "spf", SPAN_LIT("fail"));
    log_line_add(&l, "from", SPAN_LIT(""));
    log_line_add(&l, "helo", SPAN_LIT("a b"));
    log_line_addf(&l, "ms", "%d", 12);
    log_line_end(&l);
    ck_assert_str_eq(take_message(), "4bXk2: spf=fail from=\"\" helo=\"a b\" ms=12\n");
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_EMPTY);
    log_line_end(&l);
    ck_assert_str_eq(take_message(), "NOQUEUE:\n");
}
END_TEST

START_TEST(record_has_every_pair_even_when_no_line_is_written)
{
    static char value[LOG_RECORD_MAX_VALUE_BYTES + 1];
    struct log_line l;
    struct buf record;

    memset(value, 'x', sizeof(value));
    buf_init(&record, 8192);
    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_WARNING);
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("q"));
    log_line_add(&l, "before", SPAN_LIT("x"));
    log_line_record(&l, &record);
    log_line_add(&l, "from", SPAN_LIT("a \"b\"\\\n=c"));
    log_line_addf(&l, "ms", "%d", 12);
    log_line_note(&l, "note", SPAN_EMPTY);
    log_line_end(&l);
    ck_assert_span_eq(buf_span(&record), "from=a \"b\"\\x5c\\x0a=c\nms=12\nnote=\n");
    buf_reset(&record);
    log_line_start(&l, LOG_LEVEL_WARNING, SPAN_LIT("q"));
    log_line_record(&l, &record);
    log_line_note(&l, "note", span_make(value, sizeof(value)));
    log_line_record(&l, NULL);
    log_line_add(&l, "from", SPAN_LIT("a"));
    log_line_end(&l);
    ck_assert_str_eq(take_message(), "q: from=a\n");
    ck_assert_uint_eq(record.n, 5 + LOG_RECORD_MAX_VALUE_BYTES + 4);
    buf_fini(&record);
}
END_TEST

START_TEST(peers_cannot_forge)
{
    struct log_line l;

    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("id x\n"));
    log_line_add(&l, "helo", SPAN_LIT("x action=accept"));
    log_line_add(&l, "from", SPAN_LIT("a\"\\b\r\nNov 23 x: \x1b[2J\0"));
    log_line_end(&l);
    ck_assert_str_eq(take_message(), "\"id x\\x0a\": helo=\"x action=accept\" "
                                     "from=\"a\\\"\\\\b\\x0d\\x0aNov 23 x: \\x1b[2J\\x00\"\n");
}
END_TEST

START_TEST(long_values_are_cut)
{
    struct log_line l;
    char value[600];

    memset(value, 'x', sizeof(value));
    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("q"));
    log_line_add(&l, "k", span_make(value, 512));
    log_line_end(&l);
    ck_assert_ptr_null(strstr(take_message(), "..."));
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("q"));
    log_line_add(&l, "k", span_make(value, 513));
    log_line_end(&l);
    const char *message = take_message();
    ck_assert_uint_eq(strlen(message), strlen("q: k=") + 512 + strlen("...\n"));
    ck_assert_ptr_nonnull(strstr(message, "x...\n"));
}
END_TEST

START_TEST(lines_end_at_their_ceiling)
{
    struct log_line l;
    char value[512];

    memset(value, '\n', sizeof(value));
    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("q"));
    for (int i = 0; i < 100; i++)
        log_line_add(&l, "k", span_make(value, sizeof(value)));
    log_line_end(&l);
    const char *line = take_captured();
    ck_assert_uint_le(strlen(line), 66000);
    ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
}
END_TEST

START_TEST(json)
{
    struct log_line l;

    log_open("outrider-test", LOG_TARGET_STDERR, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    log_line_start(&l, LOG_LEVEL_INFO, SPAN_LIT("4bXk2"));
    log_line_add(&l, "from", SPAN_LIT("a\"\\\n\xc3\xbc"));
    log_line_end(&l);
    ck_assert_str_eq(take_captured(),
                     "{\"time\":1000000000,\"program\":\"outrider-test\",\"level\":\"info\","
                     "\"id\":\"4bXk2\",\"from\":\"a\\\"\\\\\\u000a\\u00c3\\u00bc\"}\n");
    log_warning("%s", "a\"b");
    ck_assert_str_eq(take_captured(),
                     "{\"time\":1000000000,\"program\":\"outrider-test\",\"level\":\"warning\","
                     "\"text\":\"a\\\"b\"}\n");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("log");
    TCase *cases = tcase_create("log");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, plain_lines);
    tcase_add_test(cases, levels);
    tcase_add_test(cases, request_line);
    tcase_add_test(cases, peers_cannot_forge);
    tcase_add_test(cases, record_has_every_pair_even_when_no_line_is_written);
    tcase_add_test(cases, long_values_are_cut);
    tcase_add_test(cases, lines_end_at_their_ceiling);
    tcase_add_test(cases, json);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
