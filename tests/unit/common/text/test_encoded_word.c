/* RFC 2047: its own examples (section 8), and words that are none. */
#include "common/text/encoded_word.h"

#include "tests/support/unit.h"

static const struct {
    const char *text, *decoded;
} rows[] = {
    {"plain", "plain"},
    {"what? =?", "what? =?"},
    {"=?ISO-8859-1?Q?a?=", "a"},
    {"=?ISO-8859-1?Q?a?= b", "a b"},
    {"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
    {"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"},
    {"=?ISO-8859-1?Q?a_b?=", "a b"},
    {"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
    {"=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik F\xc3\xa4ltstr\xc3\xb6m"},
    {"=?iso-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"},
    {"=?utf-8*de?q?=C3=A4?=", "\xc3\xa4"}, /* RFC 2231 5: with a language */
    {"=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
    /* what stays as it is */
    {"=?utf-8?Q?=ff?=", "=?utf-8?Q?=ff?="},
    {"=?utf-8?Q?=4?=", "=?utf-8?Q?=4?="},
    {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
    {"=?utf-8?B?a?=", "=?utf-8?B?a?="},
    {"=?utf-8?Q?a", "=?utf-8?Q?a"},
    {"=?utf-16?Q?a?=", "=?utf-16?Q?a?="},
    /* CVE-2024-2961: never handed to iconv() */
    {"=?ISO-2022-CN-EXT?Q?a?=", "=?ISO-2022-CN-EXT?Q?a?="},
    {"=?../../tmp/x?Q?a?=", "=?../../tmp/x?Q?a?="},
};

START_TEST(test_decode)
{
    struct arena mem;
    struct span out = SPAN_EMPTY;

    arena_init(&mem, 65536);
    ck_assert_int_eq(encoded_word_decode(span_cstr(rows[_i].text), &mem, &out), OR_OK);
    ck_assert_span_eq(out, rows[_i].decoded);
    arena_fini(&mem);
}
END_TEST

START_TEST(test_no_memory)
{
    struct arena mem;
    struct span out = SPAN_EMPTY;

    arena_init(&mem, 4);
    ck_assert_int_eq(encoded_word_decode(SPAN_LIT("=?utf-8?Q?abcdefgh?="), &mem, &out), OR_LIMIT);
    arena_fini(&mem);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("encoded_word");
    TCase *t = tcase_create("encoded_word");

    tcase_add_loop_test(t, test_decode, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(t, test_no_memory);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
