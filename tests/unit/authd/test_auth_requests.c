/*
 * Logins that wait for their REQUEST: found by all three marks together, good once, bounded.
 */
#include "authd/auth_requests.h"

#include "tests/support/unit.h"

#include <stdio.h>

#define COOKIE SPAN_LIT("0123456789abcdef0123456789abcdef")
#define OTHER_COOKIE SPAN_LIT("0123456789abcdef0123456789abcdee")

static struct arena mem;
static struct auth_requests *requests;

static void
set_up(void)
{
    arena_init(&mem, 65536);
    requests = auth_requests_new();
    auth_requests_add(requests, 100, 1, COOKIE, SPAN_LIT("bob@example.org"), "PLAIN");
}

static void
tear_down(void)
{
    auth_requests_free(requests);
    arena_fini(&mem);
}

static or_status
take(uint32_t cpid, uint32_t id, struct span cookie)
{
    struct span user;
    const char *mechanism;
    or_status st = auth_requests_take(requests, cpid, id, cookie, &mem, &user, &mechanism);

    if (st == OR_OK) {
        ck_assert_span_eq(user, "bob@example.org");
        ck_assert_str_eq(mechanism, "PLAIN");
    }
    return st;
}

START_TEST(test_good_once)
{
    ck_assert_int_eq(take(100, 1, COOKIE), OR_OK);
    ck_assert_int_eq(take(100, 1, COOKIE), OR_ABSENT);
}
END_TEST

START_TEST(test_every_mark_counts)
{
    ck_assert_int_eq(take(101, 1, COOKIE), OR_ABSENT);
    ck_assert_int_eq(take(100, 2, COOKIE), OR_ABSENT);
    ck_assert_int_eq(take(100, 1, OTHER_COOKIE), OR_ABSENT);
    ck_assert_int_eq(take(100, 1, SPAN_LIT("")), OR_ABSENT);
    ck_assert_int_eq(take(100, 1, COOKIE), OR_OK);
}
END_TEST

START_TEST(test_oldest_goes_when_full)
{
    for (uint32_t id = 2; id <= AUTH_REQUESTS_MAX + 1; id++)
        auth_requests_add(requests, 100, id, COOKIE, SPAN_LIT("bob@example.org"), "PLAIN");
    ck_assert_int_eq(take(100, 1, COOKIE), OR_ABSENT);
    ck_assert_int_eq(take(100, 2, COOKIE), OR_OK);
    ck_assert_int_eq(take(100, AUTH_REQUESTS_MAX + 1, COOKIE), OR_OK);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("auth_requests");
    TCase *tcase = tcase_create("waiting");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_good_once);
    tcase_add_test(tcase, test_every_mark_counts);
    tcase_add_test(tcase, test_oldest_goes_when_full);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
