/* What is listed of the limits' buckets, in which order, and what a reset forgets; over SQLite. */
#include "policyd/ratelimit_list.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define NOW_MS 1700000000000

static char tree[TEMP_TREE_PATH_BYTES];
static struct policyd_rate users = {.head = {.title = (char[]){"users"}}};
static struct policyd_rate odd = {.head = {.title = (char[]){"users/3600"}}};
static struct ratelimit_rule rules[] = {
    {.conf = &users,
     .by = {RATELIMIT_SASL_USER},
     .by_count = 1,
     .windows = {{100, 3600000}, {500, 86400000}},
     .window_count = 2},
    {.conf = &odd,
     .by = {RATELIMIT_CLIENT, RATELIMIT_SENDER_DOMAIN},
     .by_count = 2,
     .windows = {{4, 60000}},
     .window_count = 1},
};
static const struct ratelimit limits = {.rules = rules, .count = 2};
static struct kvstore *store;
static struct arena mem;
static struct err e;

static void
charge(const struct ratelimit_rule *rule, const char *who, const char *domain, int64_t cost)
{
    struct ratelimit_request request = {
        .values = {[RATELIMIT_SASL_USER] = span_cstr(who),
                   [RATELIMIT_CLIENT] = span_cstr(who),
                   [RATELIMIT_SENDER_DOMAIN] = span_cstr(domain)},
        .cost = cost,
        .now_ms = NOW_MS,
    };
    struct kvstore_taken taken;

    ck_assert_int_eq(ratelimit_check(rule, store, &request, &taken, &e), OR_OK);
    ck_assert(taken.granted);
}

static void
set_up(void)
{
    static char address[128];
    struct kvstore_settings settings = {.address = address, .timeout_ms = 1000};

    temp_tree_make(tree);
    snprintf(address, sizeof(address), "sqlite:%s/state.sqlite", tree);
    ck_assert_msg(kvstore_open(&settings, &store, &e) == OR_OK, "%s", e.text);
    arena_init(&mem, RATELIMIT_LIST_BYTES);
    charge(&rules[0], "Alice", "", 30);
    charge(&rules[0], "bob", "", 90);
    charge(&rules[1], "192.0.2.1", "Far.test", 4);
    /* Not ours, or of a rule that is gone. */
    ck_assert_int_eq(
        kvstore_put(store, SPAN_LIT("rate/gone/60/x"), SPAN_LIT("9999999999999999"), 100, &e),
        OR_OK);
    ck_assert_int_eq(kvstore_put(store, SPAN_LIT("rate/users/3600/x"), SPAN_LIT("word"), 100, &e),
                     OR_OK);
}

static void
tear_down(void)
{
    arena_fini(&mem);
    kvstore_close(store);
    temp_tree_remove(tree);
}

static const char *
list(const char *part, int64_t now_ms)
{
    static char text[1024];
    const struct ratelimit_list_query query = {
        .limits = &limits, .store = store, .part = span_cstr(part), .now_ms = now_ms};
    struct ratelimit_list found;

    ck_assert_int_eq(ratelimit_list_read(&query, &mem, &found, &e), OR_OK);
    ck_assert(!found.cut);
    text[0] = '\0';
    for (size_t i = 0; i < found.count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %.*s %d/%d wait=%d; ",
                 found.items[i].rule->conf->head.title, SPAN_ARG(found.items[i].key),
                 (int)found.items[i].used,
                 (int)found.items[i].rule->windows[found.items[i].window].limit,
                 (int)found.items[i].wait_ms);
    return text;
}

START_TEST(fullest_comes_first)
{
    static const struct {
        const char *part;
        int64_t later_ms;
        const char *listed;
    } rows[] = {
        {"", 0,
         "users/3600 192.0.2.1|far.test 4/4 wait=15000; users bob 90/100 wait=0; "
         "users alice 30/100 wait=0; users bob 90/500 wait=0; users alice 30/500 wait=0; "},
        {"ALI", 0, "users alice 30/100 wait=0; users alice 30/500 wait=0; "},
        {"192.0.2.1|far", 1000, "users/3600 192.0.2.1|far.test 4/4 wait=14000; "},
        {"192.0.2.1|far", 15000, "users/3600 192.0.2.1|far.test 3/4 wait=0; "},
        {"192.0.2.1|far", 60000, ""},
        {"nobody", 0, ""},
    };

    set_up();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(list(rows[i].part, NOW_MS + rows[i].later_ms), rows[i].listed);
    tear_down();
}
END_TEST

START_TEST(reset_forgets_all_windows_of_one_key)
{
    set_up();
    ck_assert_int_eq(ratelimit_list_reset(&rules[0], store, SPAN_LIT("ALICE"), &e), OR_OK);
    ck_assert_str_eq(list("alice", NOW_MS), "");
    ck_assert_str_ne(list("bob", NOW_MS), "");
    ck_assert_int_eq(ratelimit_list_reset(&rules[0], store, SPAN_LIT("alice"), &e), OR_ABSENT);
    ck_assert_int_eq(ratelimit_list_reset(&rules[1], store, SPAN_LIT("bob"), &e), OR_ABSENT);
    ck_assert_int_eq(ratelimit_list_reset(&rules[1], store, SPAN_LIT("192.0.2.1|far.test"), &e),
                     OR_OK);
    tear_down();
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("ratelimit_list");
    TCase *c = tcase_create("all");

    tcase_add_test(c, fullest_comes_first);
    tcase_add_test(c, reset_forgets_all_windows_of_one_key);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
