#include "common/base/span.h"

#include "tests/support/unit.h"

START_TEST(equality)
{
    ck_assert(span_equal(SPAN_LIT("a\0b"), SPAN_LIT("a\0b")));
    ck_assert(!span_equal(SPAN_LIT("a\0b"), SPAN_LIT("a\0c")));
    ck_assert(!span_equal(SPAN_LIT("ab"), SPAN_LIT("a")));
    ck_assert(span_equal(span_make(NULL, 0), SPAN_EMPTY));
    ck_assert(span_equal_nocase(SPAN_LIT("DKIM-Signature"), SPAN_LIT("dkim-signature")));
    /* ASCII only: "@" and "`", "[" and "{" differ in the same bit as letters do. */
    ck_assert(!span_equal_nocase(SPAN_LIT("@["), SPAN_LIT("`{")));
    ck_assert(!span_equal_nocase(SPAN_LIT("\xc4"), SPAN_LIT("\xe4")));
    ck_assert(span_equal_cstr(span_cstr(NULL), ""));
    ck_assert(!span_equal_cstr(SPAN_LIT("a\0"), "a"));
    ck_assert(span_equal_nocase_cstr(SPAN_LIT("Pass"), "pASS"));
}
END_TEST

START_TEST(order)
{
    ck_assert_int_lt(span_compare(SPAN_LIT("a"), SPAN_LIT("b")), 0);
    ck_assert_int_gt(span_compare(SPAN_LIT("b"), SPAN_LIT("aa")), 0);
    ck_assert_int_lt(span_compare(SPAN_LIT("a"), SPAN_LIT("aa")), 0);
    ck_assert_int_gt(span_compare(SPAN_LIT("\xff"), SPAN_LIT("a")), 0);
    ck_assert_int_eq(span_compare(SPAN_EMPTY, span_make(NULL, 0)), 0);
}
END_TEST

START_TEST(prefix_and_suffix)
{
    ck_assert(span_has_prefix(SPAN_LIT("v=spf1 -all"), SPAN_LIT("v=spf1")));
    ck_assert(!span_has_prefix(SPAN_LIT("v=spf"), SPAN_LIT("v=spf1")));
    ck_assert(span_has_prefix(SPAN_LIT("x"), SPAN_EMPTY));
    ck_assert(span_has_prefix_nocase(SPAN_LIT("V=SPF1"), SPAN_LIT("v=spf1")));
    ck_assert(span_has_suffix_nocase(SPAN_LIT("a.EXAMPLE"), SPAN_LIT(".example")));
    ck_assert(!span_has_suffix_nocase(SPAN_LIT("example"), SPAN_LIT(".example")));
}
END_TEST

START_TEST(find)
{
    struct span s = SPAN_LIT("a@b@c");

    ck_assert_uint_eq(span_find(s, '@'), 1);
    ck_assert_uint_eq(span_rfind(s, '@'), 3);
    ck_assert_uint_eq(span_find(s, 'x'), s.n);
    ck_assert_uint_eq(span_rfind(s, 'x'), s.n);
    ck_assert_uint_eq(span_find(span_make(NULL, 0), 'x'), 0);
    ck_assert(span_contains_byte(SPAN_LIT("a\0"), '\0'));
    ck_assert(!span_contains_byte(SPAN_LIT("a"), '\0'));
}
END_TEST

START_TEST(slices_are_clamped)
{
    struct span s = SPAN_LIT("abcdef");

    ck_assert_span_eq(span_slice(s, 1, 3), "bc");
    ck_assert_span_eq(span_slice(s, 4, 99), "ef");
    ck_assert_span_eq(span_slice(s, 4, 2), "");
    ck_assert_span_eq(span_slice(s, 99, SIZE_MAX), "");
    ck_assert_span_eq(span_from(s, 5), "f");
    ck_assert_span_eq(span_from(s, 7), "");
    ck_assert_ptr_null(span_slice(span_make(NULL, 0), 0, 9).p);
}
END_TEST

START_TEST(trim)
{
    ck_assert_span_eq(span_trim(SPAN_LIT(" \t\r\na b\r\n ")), "a b");
    ck_assert_span_eq(span_trim(SPAN_LIT(" \r\n")), "");
    ck_assert_uint_eq(span_trim(SPAN_LIT("\0 ")).n, 1);
}
END_TEST

START_TEST(split)
{
    static const struct {
        const char *text;
        size_t count;
        const char *parts[4];
    } rows[] = {
        {"a,,b", 3, {"a", "", "b"}},
        {"a,", 2, {"a", ""}},
        {",", 2, {"", ""}},
        {"a", 1, {"a"}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span rest = span_cstr(rows[i].text), part;

        for (size_t k = 0; k < rows[i].count; k++) {
            ck_assert(span_split(&rest, ',', &part));
            ck_assert_span_eq(part, rows[i].parts[k]);
        }
        ck_assert(!span_split(&rest, ',', &part));
        ck_assert_ptr_null(rest.p);
        ck_assert(!span_split(&rest, ',', &part));
    }
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        struct span text;
        uint64_t max;
        or_status status;
        uint64_t value;
    } rows[] = {
        {SPAN_INIT("0"), 0, OR_OK, 0},
        {SPAN_INIT("10"), 10, OR_OK, 10},
        {SPAN_INIT("11"), 10, OR_LIMIT, 0},
        {SPAN_INIT("5"), 4, OR_LIMIT, 0},
        {SPAN_INIT("007"), 10, OR_OK, 7},
        {SPAN_INIT("18446744073709551615"), UINT64_MAX, OR_OK, UINT64_MAX},
        {SPAN_INIT("18446744073709551616"), UINT64_MAX, OR_LIMIT, 0},
        {SPAN_INIT("99999999999999999999999"), UINT64_MAX, OR_LIMIT, 0},
        {SPAN_INIT(""), 9, OR_MALFORMED, 0},
        {SPAN_INIT("-1"), 9, OR_MALFORMED, 0},
        {SPAN_INIT("+1"), 9, OR_MALFORMED, 0},
        {SPAN_INIT(" 1"), 9, OR_MALFORMED, 0},
        {SPAN_INIT("1\0"), 9, OR_MALFORMED, 0},
        {SPAN_INIT("99999999999999999999999x"), 9, OR_MALFORMED, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 0;
        or_status st = span_parse_u64(rows[i].text, rows[i].max, &value);

        ck_assert_msg(st == rows[i].status, "row %zu: %s", i, or_status_name(st));
        ck_assert_msg(value == rows[i].value, "row %zu", i);
    }
}
END_TEST

START_TEST(split_of_the_empty_string)
{
    struct span rest = span_make(NULL, 0), part;

    ck_assert(!span_split(&rest, ',', &part));
}
END_TEST

START_TEST(errors)
{
    struct err e;

    ck_assert_int_eq(err_set(&e, OR_LIMIT, "%s", "a\r\nb\x7f"), OR_LIMIT);
    ck_assert_str_eq(e.text, "a??b?");
    ck_assert_int_eq(err_wrap(&e, OR_TEMPFAIL, "line %d", 7), OR_TEMPFAIL);
    ck_assert_str_eq(e.text, "line 7: a??b?");
    ck_assert_int_eq(err_set(NULL, OR_BUG, "nobody listens"), OR_BUG);
    ck_assert_int_eq(err_wrap(NULL, OR_BUG, "nobody listens"), OR_BUG);
    ck_assert_str_eq(or_status_name(OR_TEMPFAIL), "tempfail");
    ck_assert_str_eq(or_status_name((or_status)99), "unknown");
}
END_TEST

START_TEST(long_errors_are_cut)
{
    struct err e;

    ck_assert_int_eq(err_set(&e, OR_LIMIT, "%0*d", 2 * ERR_TEXT_BYTES, 1), OR_LIMIT);
    ck_assert_uint_eq(span_cstr(e.text).n, ERR_TEXT_BYTES - 1);
    ck_assert_int_eq(err_wrap(&e, OR_LIMIT, "%0*d", 2 * ERR_TEXT_BYTES, 1), OR_LIMIT);
    ck_assert_uint_eq(span_cstr(e.text).n, ERR_TEXT_BYTES - 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("span");
    TCase *cases = tcase_create("span");

    tcase_add_test(cases, equality);
    tcase_add_test(cases, order);
    tcase_add_test(cases, prefix_and_suffix);
    tcase_add_test(cases, find);
    tcase_add_test(cases, slices_are_clamped);
    tcase_add_test(cases, trim);
    tcase_add_test(cases, split);
    tcase_add_test(cases, split_of_the_empty_string);
    tcase_add_test(cases, numbers);
    tcase_add_test(cases, errors);
    tcase_add_test(cases, long_errors_are_cut);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
