#include "common/text/tabline.h"

#include "tests/support/unit.h"

static struct tabline line;
static struct arena mem;

static void
setup(void)
{
    arena_init(&mem, 65536);
}

static void
teardown(void)
{
    arena_fini(&mem);
}

START_TEST(auth_line)
{
    struct span s = SPAN_LIT("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tcert_username=\tresp=AGEA==");

    ck_assert_int_eq(tabline_parse(s, &mem, &line, NULL), OR_OK);
    ck_assert_uint_eq(line.count, 7);
    ck_assert_span_eq(line.fields[2], "PLAIN");
    ck_assert_span_eq(tabline_get(&line, 3, "resp"), "AGEA==");
    /* Present without a value, present with an empty one, absent. */
    ck_assert_ptr_nonnull(tabline_get(&line, 3, "nologin").p);
    ck_assert_uint_eq(tabline_get(&line, 3, "nologin").n, 0);
    ck_assert_ptr_nonnull(tabline_get(&line, 3, "cert_username").p);
    ck_assert_ptr_null(tabline_get(&line, 3, "res").p);
    ck_assert_ptr_null(tabline_get(&line, 4, "service").p);
    ck_assert_ptr_null(tabline_get(&line, 99, "resp").p);
}
END_TEST

START_TEST(escapes)
{
    ck_assert_int_eq(tabline_parse(SPAN_LIT("a\x01"
                                            "tb\t\x01"
                                            "0\x01"
                                            "1\x01r\x01n"),
                                   &mem, &line, NULL),
                     OR_OK);
    ck_assert_uint_eq(line.count, 2);
    ck_assert_span_eq(line.fields[0], "a\tb");
    ck_assert(span_equal(line.fields[1], SPAN_LIT("\0\x01\r\n")));
}
END_TEST

START_TEST(empty_fields)
{
    ck_assert_int_eq(tabline_parse(SPAN_LIT(""), &mem, &line, NULL), OR_OK);
    ck_assert_uint_eq(line.count, 1);
    ck_assert_span_eq(line.fields[0], "");
    ck_assert_int_eq(tabline_parse(SPAN_LIT("\t\t"), &mem, &line, NULL), OR_OK);
    ck_assert_uint_eq(line.count, 3);
}
END_TEST

START_TEST(bad_escapes)
{
    ck_assert_int_eq(tabline_parse(SPAN_LIT("a\x01"), &mem, &line, NULL), OR_MALFORMED);
    ck_assert_int_eq(tabline_parse(SPAN_LIT("a\x01\tb"), &mem, &line, NULL), OR_MALFORMED);
    ck_assert_int_eq(tabline_parse(SPAN_LIT("a\x01x"), &mem, &line, NULL), OR_MALFORMED);
}
END_TEST

START_TEST(limits)
{
    struct buf text;
    struct arena small;

    buf_init(&text, 4096);
    for (int i = 1; i < TABLINE_MAX_FIELDS; i++)
        buf_add_cstr(&text, "a\t");
    ck_assert_int_eq(tabline_parse(buf_span(&text), &mem, &line, NULL), OR_OK);
    ck_assert_uint_eq(line.count, TABLINE_MAX_FIELDS);
    buf_add_cstr(&text, "\t");
    ck_assert_int_eq(tabline_parse(buf_span(&text), &mem, &line, NULL), OR_LIMIT);
    buf_fini(&text);
    arena_init(&small, 16);
    ck_assert_int_eq(
        tabline_parse(SPAN_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x01t"), &small, &line, NULL),
        OR_LIMIT);
    arena_fini(&small);
}
END_TEST

START_TEST(escape_cannot_be_broken_out_of)
{
    struct buf out;

    buf_init(&out, 256);
    tabline_escape(&out, SPAN_LIT("a\tb\nOK\r\0\x01z"));
    ck_assert_span_eq(buf_span(&out), "a\x01"
                                      "tb\x01nOK\x01r\x01"
                                      "0\x01"
                                      "1z");
    ck_assert_int_eq(tabline_parse(buf_span(&out), &mem, &line, NULL), OR_OK);
    ck_assert(span_equal(line.fields[0], SPAN_LIT("a\tb\nOK\r\0\x01z")));
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("tabline");
    TCase *cases = tcase_create("tabline");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, auth_line);
    tcase_add_test(cases, escapes);
    tcase_add_test(cases, empty_fields);
    tcase_add_test(cases, bad_escapes);
    tcase_add_test(cases, limits);
    tcase_add_test(cases, escape_cannot_be_broken_out_of);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
