/*
 * The mail-home template.
 */
#include "authd/mail_home.h"

#include "tests/support/unit.h"

START_TEST(test_check)
{
    static const struct {
        const char *template;
        or_status status;
    } rows[] = {
        {"/var/mail/%d/%n", OR_OK}, {"/m/%u", OR_OK},      {"/m/%%/%n@%d", OR_OK},
        {"mail/%u", OR_CONFIG},     {"/m/%n", OR_CONFIG},  {"/m/%d", OR_CONFIG},
        {"/m/%x/%u", OR_CONFIG},    {"/m/%u%", OR_CONFIG}, {"/m", OR_CONFIG},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(mail_home_check(rows[i].template, NULL) == rows[i].status, "%s",
                      rows[i].template);
}
END_TEST

START_TEST(test_expand)
{
    struct account_address address = {SPAN_LIT("bob"), SPAN_LIT("example.org"),
                                      SPAN_LIT("bob@example.org")};
    struct arena mem;
    struct span home;

    arena_init(&mem, 65536);
    ck_assert(mail_home_expand("/m/%d/%n/%u/%%", &address, &mem, &home) == OR_OK);
    ck_assert_span_eq(home, "/m/example.org/bob/bob@example.org/%");
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mail_home");
    TCase *tcase = tcase_create("template");

    tcase_add_test(tcase, test_check);
    tcase_add_test(tcase, test_expand);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
