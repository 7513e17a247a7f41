#include "common/base/buf.h"

#include "tests/support/unit.h"

START_TEST(appends)
{
    struct buf b;

    buf_init(&b, 4096);
    ck_assert_ptr_null(b.p);
    ck_assert_span_eq(buf_span(&b), "");
    buf_add(&b, "ab", 2);
    buf_add_span(&b, SPAN_LIT("cd"));
    buf_add_span(&b, span_make(NULL, 0));
    buf_add_cstr(&b, "ef");
    buf_add_char(&b, 'g');
    buf_addf(&b, "%d-%s", 42, "x");
    ck_assert_span_eq(buf_span(&b), "abcdefg42-x");
    ck_assert_int_eq(buf_finish(&b), OR_OK);
    buf_fini(&b);
    ck_assert_ptr_null(b.p);
    ck_assert_uint_eq(b.n, 0);
}
END_TEST

START_TEST(long_formats)
{
    struct buf b;

    buf_init(&b, 4096);
    buf_addf(&b, "%0*d", 1000, 7);
    ck_assert_uint_eq(b.n, 1000);
    ck_assert_int_eq(b.p[999], '7');
    buf_addf(&b, "%0*d", 255, 7);
    buf_addf(&b, "%0*d", 256, 8);
    ck_assert_uint_eq(b.n, 1511);
    ck_assert_int_eq(b.p[1254], '7');
    ck_assert_int_eq(b.p[1510], '8');
    buf_fini(&b);
}
END_TEST

START_TEST(ceiling_is_sticky)
{
    struct buf b;

    buf_init(&b, 5);
    buf_add_cstr(&b, "12345");
    ck_assert_int_eq(buf_finish(&b), OR_OK);
    buf_add_char(&b, '6');
    ck_assert_int_eq(buf_finish(&b), OR_LIMIT);
    ck_assert_uint_eq(b.n, 5);
    /* What would fit now does not hide what was lost. */
    buf_consume(&b, 3);
    buf_add_char(&b, '7');
    ck_assert_span_eq(buf_span(&b), "45");
    ck_assert_int_eq(buf_finish(&b), OR_LIMIT);
    buf_reset(&b);
    ck_assert_int_eq(buf_finish(&b), OR_OK);
    buf_addf(&b, "%s", "123456");
    ck_assert_int_eq(buf_finish(&b), OR_LIMIT);
    ck_assert_uint_eq(b.n, 0);
    buf_fini(&b);
}
END_TEST

START_TEST(grows_to_the_ceiling_exactly)
{
    struct buf b;

    buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++)
        buf_add_char(&b, (char)('a' + i % 26));
    ck_assert_int_eq(buf_finish(&b), OR_OK);
    ck_assert_uint_eq(b.n, 1000);
    ck_assert_uint_le(b.cap, 1000);
    ck_assert_int_eq(b.p[27], 'b');
    buf_add_char(&b, 'x');
    ck_assert_int_eq(buf_finish(&b), OR_LIMIT);
    buf_fini(&b);
}
END_TEST

START_TEST(huge_append_does_not_overflow)
{
    struct buf b;

    buf_init(&b, SIZE_MAX);
    buf_add_cstr(&b, "abc");
    buf_add(&b, "x", SIZE_MAX);
    ck_assert_int_eq(buf_finish(&b), OR_LIMIT);
    ck_assert_uint_eq(b.n, 3);
    buf_fini(&b);
}
END_TEST

START_TEST(consume)
{
    struct buf b;

    buf_init(&b, 64);
    buf_add_cstr(&b, "line one\nline two\n");
    buf_consume(&b, 9);
    ck_assert_span_eq(buf_span(&b), "line two\n");
    buf_consume(&b, 99);
    ck_assert_span_eq(buf_span(&b), "");
    buf_consume(&b, 1);
    ck_assert_uint_eq(b.n, 0);
    buf_fini(&b);
}
END_TEST

START_TEST(wiped_and_zeroed)
{
    struct buf b, zeroed = {0};

    buf_init(&b, 64);
    buf_fini_wiped(&b);
    buf_add_cstr(&b, "secret");
    buf_fini_wiped(&b);
    ck_assert_ptr_null(b.p);
    buf_fini(&zeroed);
    buf_fini_wiped(&zeroed);
    buf_add_char(&zeroed, 'x'); /* a ceiling of nothing */
    ck_assert_int_eq(buf_finish(&zeroed), OR_LIMIT);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("buf");
    TCase *cases = tcase_create("buf");

    tcase_add_test(cases, appends);
    tcase_add_test(cases, long_formats);
    tcase_add_test(cases, ceiling_is_sticky);
    tcase_add_test(cases, grows_to_the_ceiling_exactly);
    tcase_add_test(cases, huge_append_does_not_overflow);
    tcase_add_test(cases, consume);
    tcase_add_test(cases, wiped_and_zeroed);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
