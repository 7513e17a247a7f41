/* Which recipients are somewhere else, for arc-seal = forwarded. */
#include "milter/milter_recipient.h"

#include "tests/support/unit.h"

static const struct {
    const char *path;
    bool elsewhere;
} rows[] = {
    {"<bob@home.test>", false},
    {"<Bob@HOME.test>", false},
    {"bob", false},
    {"<bob@sub.home.test>", true},
    {"<bob@else.test>", true},
    {"<\"b@home.test\"@else.test>", true},
    {"<chat@home.test>", true},
    {"<Chat@Home.test>", true},
    {"<any@lists.test>", true},
    {"<chat@home.test@", false},
};

START_TEST(test_elsewhere)
{
    static char *domains[] = {(char *)"home.test", (char *)"lists.test"};
    static char *forwarded[] = {(char *)"chat@home.test", (char *)"lists.test"};
    const struct milter_settings settings = {
        .local_domains = {.items = domains, .count = 2},
        .forwarded_recipients = {.items = forwarded, .count = 2},
    };
    struct arena mem;

    arena_init(&mem, 1 << 16);
    ck_assert_int_eq(milter_recipient_is_elsewhere(&settings, span_cstr(rows[_i].path), &mem),
                     rows[_i].elsewhere);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("milter_recipient");
    TCase *tcase = tcase_create("elsewhere");

    tcase_add_loop_test(tcase, test_elsewhere, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
