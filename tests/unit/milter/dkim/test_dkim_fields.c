/* The list of signed fields: order, repetition, limits. */
#include "milter/dkim/dkim_fields.h"

#include "tests/support/unit.h"

#include <stdio.h>

START_TEST(default_list)
{
    struct dkim_fields f;
    size_t oversigned = 0;

    dkim_fields_init_default(&f);
    ck_assert_uint_eq(f.count, 31);
    for (size_t i = 0; i < f.count; i++)
        oversigned += f.items[i].oversigned;
    ck_assert_uint_eq(oversigned, 10);
    ck_assert_span_eq(f.items[0].name, "From");
    ck_assert(f.items[0].oversigned);
    ck_assert(dkim_fields_has(&f, SPAN_LIT("list-unsubscribe-post")));
    ck_assert(!dkim_fields_has(&f, SPAN_LIT("Received")));
    ck_assert(!dkim_fields_has(&f, SPAN_LIT("Fro")));
}
END_TEST

START_TEST(add_oversign_remove)
{
    struct dkim_fields f = {.count = 0};

    ck_assert_int_eq(dkim_fields_add(&f, SPAN_LIT("A"), NULL), OR_OK);
    ck_assert_int_eq(dkim_fields_add(&f, SPAN_LIT("B"), NULL), OR_OK);
    dkim_fields_oversign(&f, SPAN_LIT("b"));
    dkim_fields_oversign(&f, SPAN_LIT("C"));
    ck_assert_int_eq(dkim_fields_add(&f, SPAN_LIT("b"), NULL), OR_OK);
    ck_assert_int_eq(dkim_fields_add(&f, SPAN_LIT("C"), NULL), OR_OK);
    ck_assert_uint_eq(f.count, 3);
    ck_assert(f.items[1].oversigned && !f.items[0].oversigned && !f.items[2].oversigned);
    dkim_fields_remove(&f, SPAN_LIT("a"));
    dkim_fields_remove(&f, SPAN_LIT("a"));
    ck_assert_uint_eq(f.count, 2);
    ck_assert_span_eq(f.items[0].name, "B");
    ck_assert(f.items[0].oversigned);
    dkim_fields_remove(&f, SPAN_LIT("C"));
    ck_assert_uint_eq(f.count, 1);
}
END_TEST

START_TEST(only_so_many)
{
    struct dkim_fields f = {.count = 0};
    char names[DKIM_FIELDS_MAX + 1][8];
    struct err e;

    for (size_t i = 0; i <= DKIM_FIELDS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "X-%zu", i);
        ck_assert_int_eq(dkim_fields_add(&f, span_cstr(names[i]), &e),
                         i < DKIM_FIELDS_MAX ? OR_OK : OR_LIMIT);
    }
    ck_assert_int_eq(dkim_fields_add(&f, SPAN_LIT("x-0"), &e), OR_OK); /* is there already */
}
END_TEST

static const char *const bad_names[] = {"", "a b", "a:", "a;b", "a\t", "\x7f", "\xc3\xa4"};

START_TEST(bad_name)
{
    struct dkim_fields f = {.count = 0};
    struct err e;

    ck_assert_int_eq(dkim_fields_add(&f, span_cstr(bad_names[_i]), &e), OR_MALFORMED);
    ck_assert_uint_eq(f.count, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_fields");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, default_list);
    tcase_add_test(tc, add_oversign_remove);
    tcase_add_test(tc, only_so_many);
    tcase_add_loop_test(tc, bad_name, 0, sizeof(bad_names) / sizeof(bad_names[0]));
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
