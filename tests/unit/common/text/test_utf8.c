#include "common/text/utf8.h"

#include "tests/support/unit.h"

static const struct {
    struct span bytes;
    bool is_valid;
} rows[] = {
    {SPAN_INIT(""), true},
    {SPAN_INIT("plain"), true},
    {SPAN_INIT("b\xc3\xbc"), true},
    {SPAN_INIT("\xe2\x82\xac"), true},
    {SPAN_INIT("\xf0\x9f\x93\xa8"), true},
    {SPAN_INIT("\xf4\x8f\xbf\xbf"), true},
    {SPAN_INIT("\xc0\xaf"), false},         /* overlong "/" */
    {SPAN_INIT("\xe0\x80\xaf"), false},     /* the same in three bytes */
    {SPAN_INIT("\xf0\x80\x80\xaf"), false}, /* and in four */
    {SPAN_INIT("\xed\xa0\x80"), false},     /* surrogate */
    {SPAN_INIT("\xf4\x90\x80\x80"), false}, /* past U+10FFFF */
    {SPAN_INIT("\xfc"), false},             /* Latin-1 */
    {SPAN_INIT("\x80"), false},
    {SPAN_INIT("\xe2\x82"), false},
    {SPAN_INIT("\xe2\x82<"), false},
};

START_TEST(validity)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(utf8_is_valid(rows[i].bytes) == rows[i].is_valid, "row %zu", i);
}
END_TEST

START_TEST(code_points)
{
    struct span s = SPAN_LIT("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa8");
    static const uint32_t want[] = {'a', 0xfc, 0x20ac, 0x1f4e8};
    uint32_t c = 0;

    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(utf8_next(&s, &c), OR_OK);
        ck_assert_uint_eq(c, want[i]);
    }
    ck_assert_int_eq(utf8_next(&s, &c), OR_ABSENT);
    s = SPAN_LIT("\xff");
    ck_assert_int_eq(utf8_next(&s, &c), OR_MALFORMED);
    ck_assert_uint_eq(s.n, 1);
}
END_TEST

START_TEST(ascii)
{
    ck_assert(utf8_is_ascii(SPAN_LIT("")));
    ck_assert(utf8_is_ascii(SPAN_LIT("a\x7f\0z")));
    ck_assert(!utf8_is_ascii(SPAN_LIT("a\x80")));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("utf8");
    TCase *cases = tcase_create("utf8");

    tcase_add_test(cases, validity);
    tcase_add_test(cases, code_points);
    tcase_add_test(cases, ascii);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
