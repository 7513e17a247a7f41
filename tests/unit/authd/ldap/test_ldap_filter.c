/* Filters: what somebody types as his name stays a value (RFC 4515 3). */
#include "authd/ldap/ldap_filter.h"

#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *template, *local, *domain, *filter;
} rows[] = {
    {"(mail=%u)", "bob", "home.test", "(mail=bob@home.test)"},
    {"(&(uid=%n)(o=%d))", "bob", "home.test", "(&(uid=bob)(o=home.test))"},
    {"(mail=%u)", "*", "home.test", "(mail=\\2a@home.test)"},
    {"(mail=%u)", "bob)(uid=*", "home.test", "(mail=bob\\29\\28uid\\3d\\2a@home.test)"},
    {"(mail=%u)", "a\\b", "home.test", "(mail=a\\5cb@home.test)"},
    {"(mail=%u)", "j\xc3\xb6rg", "home.test", "(mail=j\\c3\\b6rg@home.test)"},
    {"(x=100%%)(mail=%u)", "b", "h.t", "(x=100%)(mail=b@h.t)"},
};

START_TEST(test_expand)
{
    struct arena mem;
    struct buf out;

    arena_init(&mem, 65536);
    buf_init(&out, LDAP_FILTER_MAX_BYTES);
    const char *whole = arena_printf(&mem, "%s@%s", rows[_i].local, rows[_i].domain);
    const struct account_address address = {.local = span_cstr(rows[_i].local),
                                            .domain = span_cstr(rows[_i].domain),
                                            .whole = span_cstr(whole)};
    ck_assert_int_eq(ldap_filter_check(rows[_i].template, NULL), OR_OK);
    ck_assert_int_eq(ldap_filter_expand(rows[_i].template, &address, &out), OR_OK);
    ck_assert_span_eq(buf_span(&out), rows[_i].filter);
    buf_fini(&out);
    arena_fini(&mem);
}
END_TEST

START_TEST(test_wrong)
{
    static const char *const wrong[] = {"", "(mail=x)", "(mail=%%)", "(mail=%x)", "(mail=%u)%"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(ldap_filter_check(wrong[i], NULL) == OR_CONFIG, "%s", wrong[i]);
}
END_TEST

START_TEST(test_too_long)
{
    static char name[LDAP_FILTER_MAX_BYTES];
    struct buf out;

    memset(name, '*', sizeof(name) / 2);
    const struct account_address address = {.whole = span_cstr(name)};
    buf_init(&out, LDAP_FILTER_MAX_BYTES);
    ck_assert_int_ne(ldap_filter_expand("(mail=%u)", &address, &out), OR_OK);
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ldap_filter");
    TCase *tcase = tcase_create("filters");

    tcase_add_loop_test(tcase, test_expand, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, test_wrong);
    tcase_add_test(tcase, test_too_long);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
