/* What is decided before PAM is asked; PAM itself is in tests/e2e/test_pam.py. */
#include "authd/pam/pam_source.h"

#include "authd/pam/pam_check.h"
#include "tests/support/unit.h"

#include <string.h>

static const char *const domains[] = {"sys.test"};

static const struct pam_settings usual = {.service = "outrider",
                                          .domains = domains,
                                          .domain_count = 1,
                                          .first_uid = 1000,
                                          .timeout_ms = 1000};

START_TEST(test_settings_that_cannot_work)
{
    struct pam_settings no_domain = usual, no_service = usual, path = usual;
    struct account_source source = {.type = NULL};
    struct err e = {""};

    no_domain.domain_count = 0;
    no_service.service = "";
    path.service = "../shadow";
    ck_assert_int_eq(account_source_pam(&no_domain, "x", &source, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "domains"));
    ck_assert_int_eq(account_source_pam(&no_service, "x", &source, &e), OR_CONFIG);
    ck_assert_int_eq(account_source_pam(&path, "x", &source, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "/etc/pam.d"));
}
END_TEST

static const struct {
    const char *address;
    int64_t first_uid;
} strangers[] = {
    {"root@sys.test", 1},      /* has group 0 too */
    {"daemon@sys.test", 1000}, /* the system's own */
    {"daemon@else.test", 1},   /* not a domain of ours */
    {"nobody@sys.test", 1},    /* no number of anybody */
    {"no-such-user@sys.test", 1}, {"DAEMON@sys.test", 1000},
};

START_TEST(test_who_is_no_account)
{
    struct pam_settings settings = usual;
    struct account_source source = {.type = NULL};
    struct account_address address;
    struct account_row row;
    struct arena mem;
    struct err e = {""};

    settings.first_uid = strangers[_i].first_uid;
    arena_init(&mem, 65536);
    ck_assert_int_eq(account_source_pam(&settings, "x", &source, &e), OR_OK);
    ck_assert_int_eq(
        account_address_parse(span_cstr(strangers[_i].address), false, &mem, &address, &e), OR_OK);
    ck_assert_int_eq(source.type->find(source.self, &address, &mem, &row, &e), OR_ABSENT);
    source.type->close(source.self);
    arena_fini(&mem);
}
END_TEST

START_TEST(test_a_user_with_number_group_and_home)
{
    struct pam_settings settings = usual;
    struct account_source source = {.type = NULL};
    struct account_address address;
    struct account_row row;
    struct arena mem;
    struct err e = {""};

    settings.first_uid = 1;
    arena_init(&mem, 65536);
    ck_assert_int_eq(account_source_pam(&settings, "x", &source, &e), OR_OK);
    ck_assert_int_eq(account_address_parse(SPAN_LIT("daemon@sys.test"), false, &mem, &address, &e),
                     OR_OK);
    ck_assert_int_eq(source.type->find(source.self, &address, &mem, &row, &e), OR_OK);
    ck_assert_int_eq(row.uid, 1);
    ck_assert_int_eq(row.gid, 1);
    ck_assert(row.enabled);
    ck_assert(span_equal_cstr(row.home, "/usr/sbin"));
    ck_assert_str_eq(row.handle.p, "daemon");
    ck_assert_uint_eq(row.password.n, 0);
    ck_assert_int_eq(source.type->find_domain(source.self, SPAN_LIT("sys.test"), &e), OR_OK);
    ck_assert_int_eq(source.type->find_domain(source.self, SPAN_LIT("else.test"), &e), OR_ABSENT);
    source.type->close(source.self);
    arena_fini(&mem);
}
END_TEST

/* Modules would cut these off, and take what is left. */
START_TEST(test_passwords_that_are_not_passed_on)
{
    static char long_one[PAM_CHECK_MAX_PASSWORD_BYTES + 1];
    const struct span passwords[] = {SPAN_EMPTY, SPAN_LIT("right\0wrong"),
                                     span_make(long_one, sizeof(long_one))};
    struct account_source source = {.type = NULL};
    const struct account_row row = {.handle = SPAN_LIT("daemon")};
    struct err e = {""};

    memset(long_one, 'x', sizeof(long_one));
    ck_assert_int_eq(account_source_pam(&usual, "x", &source, &e), OR_OK);
    for (size_t i = 0; i < 3; i++) {
        const struct account_question q = {.password = passwords[i]};

        ck_assert_int_eq(source.type->verify(source.self, &row, &q, &e), OR_ABSENT);
    }
    const struct account_question late = {.password = SPAN_LIT("right")};
    ck_assert_int_eq(source.type->verify(source.self, &row, &late, &e), OR_TIMEOUT);
    source.type->close(source.self);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("pam_source");
    TCase *tc = tcase_create("before PAM");

    tcase_add_test(tc, test_settings_that_cannot_work);
    tcase_add_loop_test(tc, test_who_is_no_account, 0,
                        (int)(sizeof(strangers) / sizeof(strangers[0])));
    tcase_add_test(tc, test_a_user_with_number_group_and_home);
    tcase_add_test(tc, test_passwords_that_are_not_passed_on);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
