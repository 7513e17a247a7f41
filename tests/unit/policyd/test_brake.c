/* The brake over a SQLite store, with the time passed in. */
#include "policyd/brake.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define NOW 1700006400 /* an hour and a day begin */
#define HOUR 3600
#define DAY 86400

static char tree[TEMP_TREE_PATH_BYTES];
static struct kvstore *store;
static const struct brake_settings settings = {
    .min_recipients = 100, .factor = 5, .bounces = 10, .hold_s = 7 * DAY};
static struct brake_outcome outcome;
static struct err e;

static void
set_up(void)
{
    char address[96];
    struct kvstore_settings s = {.address = address, .timeout_ms = 100};

    temp_tree_make(tree);
    snprintf(address, sizeof(address), "sqlite:%s/state", tree);
    ck_assert_msg(kvstore_open(&s, &store, &e) == OR_OK, "%s", e.text);
}

static void
tear_down(void)
{
    kvstore_close(store);
    temp_tree_remove(tree);
}

static bool
sent(const char *login, int64_t recipients, time_t now)
{
    ck_assert_msg(brake_sent(store, &settings, span_cstr(login), recipients, now, &outcome, &e) ==
                      OR_OK,
                  "%s", e.text);
    return outcome.held;
}

static bool
bounced(const char *login, time_t now)
{
    ck_assert_msg(brake_bounced(store, &settings, span_cstr(login), now, &outcome, &e) == OR_OK,
                  "%s", e.text);
    return outcome.held;
}

START_TEST(a_new_login_may_send_a_hundred_an_hour)
{
    ck_assert(!sent("ann@home.example", 60, NOW));
    ck_assert(!sent("Ann@Home.example", 40, NOW + 100));
    ck_assert(!sent("bob@home.example", 100, NOW + 100));
    ck_assert(sent("ann@home.example", 1, NOW + 200));
    ck_assert(outcome.is_new);
    ck_assert_str_eq(outcome.reason, "101 recipients in an hour, usual are 0 at most");
    ck_assert(sent("ann@home.example", 1, NOW + 300));
    ck_assert(!outcome.is_new);
    ck_assert_str_eq(outcome.reason, "101 recipients in an hour, usual are 0 at most");
    ck_assert(sent("ann@home.example", 1, NOW + 2 * DAY));
}
END_TEST

START_TEST(history_is_what_is_usual)
{
    /* 80 an hour, then up to five times as much */
    ck_assert(!sent("list", 80, NOW));
    ck_assert(!sent("list", 300, NOW + HOUR));
    ck_assert_msg(!sent("list", 90, NOW + HOUR + 1), "390 of 400");
    ck_assert(!sent("list", 1000, NOW + 2 * HOUR)); /* 390 are usual now */
    ck_assert(!sent("list", 900, NOW + 2 * HOUR + 1));
    ck_assert(sent("list", 100, NOW + 2 * HOUR + 2));
    ck_assert_ptr_nonnull(
        strstr(outcome.reason, "2000 recipients in an hour, usual are 390 at most"));
}
END_TEST

START_TEST(history_fades)
{
    ck_assert(!sent("x", 100, NOW));
    ck_assert(!sent("x", 1, NOW + 60 * DAY)); /* a quarter is left: 25, times 5 */
    ck_assert(!sent("x", 124, NOW + 60 * DAY + 1));
    ck_assert(sent("x", 1, NOW + 60 * DAY + 2));
}
END_TEST

START_TEST(what_comes_back_counts)
{
    ck_assert_msg(!bounced("nobody@home.example", NOW),
                  "who sent nothing has nothing to come back");
    ck_assert(!sent("ann@home.example", 40, NOW));
    for (int i = 0; i < 9; i++)
        ck_assert(!bounced("ANN@home.example", NOW + 10));
    ck_assert(bounced("ann@home.example", NOW + 10));
    ck_assert(outcome.is_new);
    ck_assert_str_eq(outcome.reason, "10 bounces to 40 recipients of a day or two");
    ck_assert(sent("ann@home.example", 1, NOW + 20));
    /* ten of many are usual */
    ck_assert(!sent("shop", 100, NOW));
    for (int i = 0; i < 24; i++)
        ck_assert(!bounced("shop", NOW + 10));
    ck_assert(bounced("shop", NOW + 10));
}
END_TEST

START_TEST(a_login_that_is_too_long_is_no_trouble)
{
    static char login[2000];

    memset(login, 'a', sizeof(login) - 1);
    ck_assert_int_eq(brake_sent(store, &settings, span_cstr(login), 1, NOW, &outcome, &e),
                     OR_LIMIT);
    ck_assert(!outcome.held);
    ck_assert(!bounced(login, NOW));
}
END_TEST

static bool
note_held(void *context, struct span login, struct span reason)
{
    ck_assert_span_eq(login, "ann@home.example");
    ck_assert(span_has_prefix(reason, SPAN_LIT("101 recipients in an hour")));
    ++*(int *)context;
    return true;
}

START_TEST(who_is_released_may_send_again)
{
    int held = 0;

    ck_assert_int_eq(brake_release(store, SPAN_LIT("ann@home.example"), NOW, &e), OR_ABSENT);
    ck_assert(sent("ann@home.example", 101, NOW));
    ck_assert(!sent("bob@home.example", 1, NOW));
    ck_assert_int_eq(brake_each(store, note_held, &held, &e), OR_OK);
    ck_assert_int_eq(held, 1);
    ck_assert_int_eq(brake_release(store, SPAN_LIT("Ann@home.example"), NOW, &e), OR_OK);
    ck_assert_int_eq(brake_release(store, SPAN_LIT("ann@home.example"), NOW, &e), OR_ABSENT);
    ck_assert(!sent("ann@home.example", 100, NOW));
    ck_assert(sent("ann@home.example", 1, NOW));
    ck_assert_msg(outcome.is_new, "told again");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("brake");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_new_login_may_send_a_hundred_an_hour);
    tcase_add_test(tcase, history_is_what_is_usual);
    tcase_add_test(tcase, history_fades);
    tcase_add_test(tcase, what_comes_back_counts);
    tcase_add_test(tcase, a_login_that_is_too_long_is_no_trouble);
    tcase_add_test(tcase, who_is_released_may_send_again);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
