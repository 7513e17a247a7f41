#include "common/text/header.h"

#include "common/base/buf.h"
#include "tests/support/unit.h"

static struct arena mem;

static void
setup(void)
{
    arena_init(&mem, 1u << 20);
}

static void
teardown(void)
{
    arena_fini(&mem);
}

START_TEST(fields_keep_their_bytes)
{
    struct span message = SPAN_LIT("From: a@b.example\r\n"
                                   "Subject :  folded\r\n\tsubject \r\n"
                                   "X-Lf: y\n"
                                   "subject:\r\n"
                                   "\r\n"
                                   "body");
    struct header_block block;

    ck_assert_int_eq(header_parse(message, &mem, &block, NULL), OR_OK);
    ck_assert_uint_eq(block.count, 4);
    ck_assert_span_eq(block.fields[0].name, "From");
    ck_assert_span_eq(block.fields[0].value, " a@b.example");
    ck_assert_span_eq(block.fields[1].name, "Subject");
    ck_assert_span_eq(block.fields[1].value, "  folded\r\n\tsubject ");
    ck_assert_span_eq(block.fields[1].raw, "Subject :  folded\r\n\tsubject ");
    ck_assert_span_eq(block.fields[2].raw, "X-Lf: y");
    ck_assert_span_eq(block.fields[3].value, "");
    ck_assert_span_eq(span_from(message, block.body_offset), "body");
    ck_assert_uint_eq(header_count(&block, "SUBJECT"), 2);
    ck_assert_ptr_eq(header_find(&block, "sUBJECT"), &block.fields[1]);
    ck_assert_ptr_null(header_find(&block, "Sub"));
    ck_assert_uint_eq(header_count(&block, "To"), 0);
}
END_TEST

static const struct {
    const char *why;
    struct span message;
    size_t fields;
    const char *body;
} rows[] = {
    {"nothing", SPAN_INIT(""), 0, ""},
    {"empty header", SPAN_INIT("\r\nbody"), 0, "body"},
    {"no empty line", SPAN_INIT("A: b\r\nC: d"), 2, ""},
    {"no header", SPAN_INIT("hello: not\0 a field? yes\r\n"), 1, ""},
    {"text only", SPAN_INIT("hello\r\nA: b\r\n"), 0, "hello\r\nA: b\r\n"},
    {"text after fields", SPAN_INIT("A: b\r\nhello\r\n"), 1, "hello\r\n"},
    {"mbox line", SPAN_INIT("From a@b Mon Nov 23 00:00:00 2026\nA: b\n\n"), 0,
     "From a@b Mon Nov 23 00:00:00 2026\nA: b\n\n"},
    {"fold before any field", SPAN_INIT(" A: b\r\n\r\n"), 0, " A: b\r\n\r\n"},
    {"empty name", SPAN_INIT(": b\r\n"), 0, ": b\r\n"},
    {"blank in the name", SPAN_INIT("A B: c\r\n"), 0, "A B: c\r\n"},
    {"8-bit name", SPAN_INIT("\xc3\xa4: c\r\n"), 0, "\xc3\xa4: c\r\n"},
    {"8-bit value", SPAN_INIT("A: \xfc\r\n\r\n"), 1, ""},
    {"line of blanks is a fold", SPAN_INIT("A: b\r\n \r\n c\r\n\r\nx"), 1, "x"},
    {"bare CR ends nothing", SPAN_INIT("A: b\rC: d\r\n\r\nx"), 1, "x"},
    {"CR alone is no empty line", SPAN_INIT("A: b\r\n\rC: d\r\n"), 1, "\rC: d\r\n"},
};

START_TEST(splitting)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct header_block block;

        ck_assert_int_eq(header_parse(rows[i].message, &mem, &block, NULL), OR_OK);
        ck_assert_msg(block.count == rows[i].fields, "%s: %zu", rows[i].why, block.count);
        ck_assert_msg(span_equal_cstr(span_from(rows[i].message, block.body_offset), rows[i].body),
                      "%s", rows[i].why);
    }
}
END_TEST

START_TEST(limits)
{
    struct header_block block;
    struct arena small;
    struct buf text;

    buf_init(&text, 65536);
    for (int i = 0; i < HEADER_MAX_FIELDS; i++)
        buf_add_cstr(&text, "A: b\r\n c\r\n");
    ck_assert_int_eq(header_parse(buf_span(&text), &mem, &block, NULL), OR_OK);
    ck_assert_uint_eq(block.count, HEADER_MAX_FIELDS);
    arena_init(&small, 1024);
    ck_assert_int_eq(header_parse(buf_span(&text), &small, &block, NULL), OR_LIMIT);
    arena_fini(&small);
    buf_add_cstr(&text, "A: b\r\n");
    ck_assert_int_eq(header_parse(buf_span(&text), &mem, &block, NULL), OR_LIMIT);
    buf_fini(&text);
}
END_TEST

START_TEST(unfold)
{
    static const struct {
        struct span value;
        const char *text;
    } values[] = {
        {SPAN_INIT(" a\r\n b\n\tc "), "a b\tc"},
        {SPAN_INIT("a\r\nb"), "a  b"}, /* no fold: two spaces, not a second line */
        {SPAN_INIT("a\rb\nc\0d"), "a b c d"},
        {SPAN_INIT(" \r\n "), ""},
        {SPAN_INIT(""), ""},
        {SPAN_INIT("a\r\n"), "a"},
    };
    struct arena small;
    struct span text;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ck_assert_int_eq(header_unfold(values[i].value, &mem, &text), OR_OK);
        ck_assert_span_eq(text, values[i].text);
    }
    arena_init(&small, 4);
    ck_assert_int_eq(header_unfold(SPAN_LIT("too long for this arena"), &small, &text), OR_LIMIT);
    arena_fini(&small);
}
END_TEST

START_TEST(cfws)
{
    static const struct {
        const char *text;
        or_status status;
        const char *rest;
    } texts[] = {
        {"", OR_OK, ""},
        {"x", OR_OK, "x"},
        {" \t\r\n x", OR_OK, "x"},
        {"(a) x", OR_OK, "x"},
        {"(a (b) c)(d) x(y)", OR_OK, "x(y)"},
        {"(a \\) b) x", OR_OK, "x"},
        {"(\"a) x", OR_OK, "x"}, /* quotes mean nothing in a comment */
        {"(a", OR_MALFORMED, "(a"},
        {" (a) (b", OR_MALFORMED, " (a) (b"},
        {"(a\\", OR_MALFORMED, "(a\\"},
    };
    struct buf deep;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct span s = span_cstr(texts[i].text);

        ck_assert_msg(header_skip_cfws(&s) == texts[i].status, "%s", texts[i].text);
        ck_assert_span_eq(s, texts[i].rest);
    }
    buf_init(&deep, 1024);
    for (int i = 0; i < 33; i++)
        buf_add_char(&deep, '(');
    for (int i = 0; i < 33; i++)
        buf_add_char(&deep, ')');
    struct span at_limit = span_slice(buf_span(&deep), 1, 65), over = buf_span(&deep);
    ck_assert_int_eq(header_skip_cfws(&at_limit), OR_OK);
    ck_assert_uint_eq(at_limit.n, 0);
    ck_assert_int_eq(header_skip_cfws(&over), OR_LIMIT);
    buf_fini(&deep);
}
END_TEST

START_TEST(dates)
{
    char date[HEADER_DATE_BYTES];

    header_format_date(1795386070, date);
    ck_assert_str_eq(date, "Sun, 22 Nov 2026 22:21:10 +0000");
    header_format_date(0, date);
    ck_assert_str_eq(date, "Thu, 01 Jan 1970 00:00:00 +0000");
    header_format_date((time_t)INT64_MAX, date);
    ck_assert_str_eq(date, "Thu, 01 Jan 1970 00:00:00 +0000");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("header");
    TCase *cases = tcase_create("header");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, fields_keep_their_bytes);
    tcase_add_test(cases, splitting);
    tcase_add_test(cases, limits);
    tcase_add_test(cases, unfold);
    tcase_add_test(cases, cfws);
    tcase_add_test(cases, dates);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
