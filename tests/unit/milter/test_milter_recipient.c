/* Which recipients are somewhere else, and which section `seal` is theirs. */
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
    struct addr address;

    arena_init(&mem, 1 << 16);
    bool elsewhere = milter_recipient_parse(span_cstr(rows[_i].path), &mem, &address) &&
                     milter_recipient_is_elsewhere(&settings, &address);
    ck_assert_int_eq(elsewhere, rows[_i].elsewhere);
    arena_fini(&mem);
}
END_TEST

static const struct {
    const char *path;
    int section; /* -1: none */
} seal_rows[] = {
    {"<chat@home.test>", 0},
    {"<Chat@HOME.test>", 0},
    {"<bob@home.test>", 1},
    {"<bob@else.test>", -1},
};

START_TEST(test_seal)
{
    struct milter_seal seals[] = {{.never = true}, {.never = false}};
    struct milter_settings settings = {.seals = {.items = seals, .count = 2}};
    struct addrpattern patterns[2];
    struct arena mem;
    struct addr address;

    arena_init(&mem, 1 << 16);
    ck_assert_int_eq(addrpattern_parse(SPAN_LIT("chat@home.test"), &mem, &patterns[0], NULL),
                     OR_OK);
    ck_assert_int_eq(addrpattern_parse(SPAN_LIT("home.test"), &mem, &patterns[1], NULL), OR_OK);
    ck_assert(milter_recipient_parse(span_cstr(seal_rows[_i].path), &mem, &address));
    const struct milter_seal *found = milter_recipient_seal(&settings, patterns, &address);
    if (seal_rows[_i].section < 0)
        ck_assert_ptr_null(found);
    else
        ck_assert_ptr_eq(found, &seals[seal_rows[_i].section]);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("milter_recipient");
    TCase *tcase = tcase_create("elsewhere");

    tcase_add_loop_test(tcase, test_elsewhere, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tcase, test_seal, 0, sizeof(seal_rows) / sizeof(seal_rows[0]));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
