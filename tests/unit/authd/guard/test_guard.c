/* The defence: what costs how much, who is banned and for how long, who is let through. */
#include "authd/guard/guard.h"

#include "authd/guard/guard_store.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>

#define NOW ((time_t)1795386070)
#define MINUTE 60
#define DAY 86400

static char directory[TEMP_TREE_PATH_BYTES];
static struct kvstore *store;
static struct guard *guard;
static struct cidr never_items[1];
static struct conf_cidrs never = {never_items, 1};
static const struct guard_policy policy = {
    .threshold = 10, .ban_s = 600, .ban_max_s = DAY, .delay_ms = 1000, .never = &never};

static void
set_up(void)
{
    char address[TEMP_TREE_PATH_BYTES + 32];
    struct kvstore_settings settings = {.address = address, .timeout_ms = 1000};
    struct err e = {""};

    temp_tree_make(directory);
    snprintf(address, sizeof(address), "sqlite:%s/state.sqlite", directory);
    ck_assert_int_eq(kvstore_open(&settings, &store, &e), OR_OK);
    ck_assert_int_eq(cidr_parse(SPAN_LIT("10.0.0.0/8"), &never_items[0], &e), OR_OK);
    guard = guard_new(store);
}

static void
tear_down(void)
{
    guard_free(guard);
    kvstore_close(store);
    temp_tree_remove(directory);
}

static struct guard_attempt
attempt(const char *client, const char *user, const char *password)
{
    return (struct guard_attempt){span_cstr(client), span_cstr(user), span_cstr(password)};
}

static struct guard_outcome
bad(const char *client, const char *user, const char *password, time_t now)
{
    struct guard_attempt a = attempt(client, user, password);

    return guard_bad(guard, &policy, &a, false, now);
}

/* `count` different wrong passwords; whether the last one led to a ban. */
static struct guard_outcome
guess(const char *client, const char *user, int count, time_t now)
{
    struct guard_outcome outcome = {.banned = false};
    char password[64];
    static int number;

    for (int i = 0; i < count; i++) {
        snprintf(password, sizeof(password), "guess %d", number++);
        outcome = bad(client, user, password, now);
    }
    return outcome;
}

static bool
good(const char *client, const char *user, const char *country, time_t now)
{
    struct guard_attempt a = attempt(client, user, "right");

    return guard_good(guard, &a, span_cstr(country), now);
}

static struct guard_verdict
ask(const char *client, const char *user, time_t now)
{
    struct guard_attempt a = attempt(client, user, "x");

    return guard_ask(guard, &policy, &a, now);
}

START_TEST(threshold)
{
    struct guard_outcome last = guess("192.0.2.1", "bob", 9, NOW);

    ck_assert(!last.banned && last.counted);
    ck_assert(!ask("192.0.2.1", "bob", NOW).banned);
    last = guess("192.0.2.1", "bob", 1, NOW);
    ck_assert(last.banned);
    ck_assert_int_eq(last.ban.until - last.ban.since, 600);
    ck_assert(ask("192.0.2.1", "bob", NOW).banned);
    ck_assert(ask("192.0.2.1", "eve", NOW + 599).banned);
    ck_assert(!ask("192.0.2.2", "bob", NOW).banned);
    ck_assert(!ask("192.0.2.1", "bob", NOW + 600).banned);
}
END_TEST

/* Slowly enough is no guessing: half is gone after ten minutes. */
START_TEST(decay)
{
    for (int i = 0; i < 50; i++)
        ck_assert(!guess("192.0.2.1", "bob", 1, NOW + (time_t)i * 10 * MINUTE).banned);
}
END_TEST

START_TEST(same_mistake_counts_once)
{
    ck_assert(bad("192.0.2.1", "bob", "old password", NOW).counted);
    for (int i = 0; i < 1000; i++) {
        struct guard_outcome outcome = bad("192.0.2.1", "bob", "old password", NOW + i);

        ck_assert(!outcome.counted && !outcome.banned);
    }
    /* For another user it is another one. */
    ck_assert(bad("192.0.2.1", "eve", "old password", NOW).counted);
    /* What shows no password (SCRAM) cannot be told apart. */
    for (int i = 0; i < 9; i++)
        ck_assert(!bad("198.51.100.1", "bob", "", NOW).banned);
    ck_assert(bad("198.51.100.1", "bob", "", NOW).banned);
}
END_TEST

START_TEST(longer_each_time)
{
    time_t now = NOW;
    int64_t want = 600;

    for (int i = 0; i < 10; i++) {
        struct guard_outcome last = guess("192.0.2.1", "bob", 10, now);

        ck_assert_msg(last.banned, "time %d", i);
        ck_assert_int_eq(last.ban.until - last.ban.since, want);
        now = last.ban.until;
        want = want * 2 < DAY ? want * 2 : DAY;
    }
}
END_TEST

/* Names that nobody has cost twice as much. */
START_TEST(strangers)
{
    struct guard_attempt a = attempt("192.0.2.1", "root", "");
    int count = 1;

    while (!guard_bad(guard, &policy, &a, true, NOW).banned)
        count++;
    ck_assert_int_eq(count, 5);
}
END_TEST

/* One name every twenty minutes from changing addresses of one network: a scan all the same. */
START_TEST(slow_scan)
{
    struct guard_outcome outcome = {.banned = false};
    char client[32], user[32];
    int count = 0;

    for (; count < 300 && !outcome.banned; count++) {
        snprintf(client, sizeof(client), "192.0.2.%d", count % 250 + 1);
        snprintf(user, sizeof(user), "name%d", count);
        struct guard_attempt a = attempt(client, user, "123456");
        struct guard_policy lax = policy;

        lax.threshold = 10000;
        outcome = guard_bad(guard, &lax, &a, true, NOW + (time_t)count * 20 * MINUTE);
    }
    ck_assert_int_gt(count, 50);
    ck_assert_int_lt(count, 200);
    ck_assert_int_eq(outcome.ban.network.prefix, 24);
    ck_assert_ptr_nonnull(strstr(outcome.ban.reason, "that nobody has"));
}
END_TEST

/* One password for many users, each tried once: it costs more from the fifth on. */
START_TEST(spraying)
{
    char user[32];
    int count = 0;
    bool banned = false;

    for (; count < 20 && !banned; count++) {
        snprintf(user, sizeof(user), "user%d", count);
        banned = bad("192.0.2.1", user, "Summer2026", NOW).banned;
    }
    ck_assert_int_eq(count, 6); /* 4 + 4 + 4 */
}
END_TEST

START_TEST(networks)
{
    char client[64];
    struct guard_outcome last = {.banned = false};
    int count = 0;

    /* Each address keeps below the threshold; the network does not. */
    for (; count < 30 && !last.banned; count++) {
        snprintf(client, sizeof(client), "192.0.2.%d", count + 1);
        last = guess(client, "bob", 5, NOW);
    }
    ck_assert_int_eq(count, 10);
    ck_assert_int_eq(last.ban.network.prefix, 24);
    ck_assert(ask("192.0.2.200", "bob", NOW).banned);
    ck_assert(!ask("192.0.3.1", "bob", NOW).banned);
    /* A /64 is one customer, however many addresses he takes. */
    for (count = 0, last.banned = false; count < 30 && !last.banned; count++) {
        snprintf(client, sizeof(client), "2001:db8::%x", count + 1);
        last = guess(client, "bob", 1, NOW);
    }
    ck_assert_int_eq(count, 10);
    ck_assert_int_eq(last.ban.network.prefix, 64);
    ck_assert(ask("2001:db8::ffff", "bob", NOW).banned);
}
END_TEST

/* Nobody locks a user out from where he logs in. */
START_TEST(trusted)
{
    (void)good("192.0.2.7", "bob", "", NOW);
    ck_assert(ask("192.0.2.9", "bob", NOW).trusted);
    ck_assert(!ask("192.0.2.9", "eve", NOW).trusted);
    ck_assert(!ask("198.51.100.1", "bob", NOW).trusted);
    ck_assert(guess("192.0.2.7", "eve", 10, NOW).banned);
    ck_assert(ask("192.0.2.7", "eve", NOW).banned);
    ck_assert(!ask("192.0.2.7", "bob", NOW).banned);
    /* His own mistakes cost a quarter. */
    ck_assert(!guess("192.0.2.8", "bob", 37, NOW).banned);
    ck_assert(guess("192.0.2.8", "bob", 1, NOW).banned);
    ck_assert(!ask("192.0.2.8", "bob", NOW).banned);
}
END_TEST

START_TEST(never_and_off)
{
    struct guard_policy off = policy;
    struct guard_attempt unknown = attempt("", "bob", "");

    ck_assert(!guess("10.1.2.3", "bob", 200, NOW).banned);
    ck_assert(!ask("10.1.2.3", "bob", NOW).banned);
    off.threshold = 0;
    for (int i = 0; i < 100; i++) {
        struct guard_attempt a = attempt("192.0.2.1", "bob", "");

        ck_assert(!guard_bad(guard, &off, &a, true, NOW).banned);
        ck_assert(!guard_bad(guard, &policy, &unknown, true, NOW).banned);
    }
    ck_assert(!guard_ask(guard, &policy, &unknown, NOW).banned);
}
END_TEST

/* Ever longer, but within what Postfix waits; not for who is known. */
START_TEST(delays)
{
    int64_t before = 0;

    for (int i = 0; i < 9; i++) {
        int64_t delay = guess("192.0.2.1", "bob", 1, NOW).delay_ms;

        ck_assert_int_ge(delay, policy.delay_ms);
        ck_assert_int_gt(delay, before);
        ck_assert_int_le(delay, GUARD_MAX_DELAY_MS);
        before = delay;
    }
    (void)good("198.51.100.7", "eve", "", NOW);
    ck_assert_int_eq(guess("198.51.100.7", "eve", 1, NOW).delay_ms, policy.delay_ms);
    /* Many addresses at one account: each new one waits, too. */
    for (int i = 0; i < 40; i++) {
        char client[32];

        snprintf(client, sizeof(client), "203.0.%d.1", i);
        before = guess(client, "alice", 1, NOW).delay_ms;
    }
    ck_assert_int_gt(before, 5 * policy.delay_ms);
}
END_TEST

/* First login ever, same place, elsewhere, same country. */
START_TEST(new_places)
{
    ck_assert(!good("192.0.2.7", "bob", "", NOW));
    ck_assert(!good("192.0.2.8", "bob", "", NOW));
    ck_assert(good("198.51.100.1", "bob", "", NOW));
    ck_assert(!good("198.51.100.1", "bob", "", NOW));
    ck_assert(!good("198.51.100.1", "eve", "", NOW));
    ck_assert(!good("192.0.2.1", "alice", "DE", NOW));
    ck_assert(!good("198.51.100.1", "alice", "DE", NOW));
    ck_assert(good("203.0.113.1", "alice", "FR", NOW));
    ck_assert(!good("203.0.112.1", "alice", "FR", NOW));
}
END_TEST

/* Another process with the same store: a restart, another machine. */
START_TEST(shared)
{
    struct guard_news news[8];
    struct guard *other = guard_new(store);
    struct guard_attempt bob = attempt("192.0.2.1", "bob", "x"),
                         eve = attempt("192.0.2.7", "eve", "");
    struct err e = {""};

    (void)good("192.0.2.7", "eve", "", NOW);
    ck_assert(guess("192.0.2.1", "bob", 10, NOW).banned);
    ck_assert(!guard_ask(other, &policy, &bob, NOW).banned);
    ck_assert_uint_eq(guard_refresh(other, NOW, news, 8), 1);
    ck_assert(!news[0].lifted);
    ck_assert(guard_ask(other, &policy, &bob, NOW).banned);
    ck_assert(guard_ask(other, &policy, &eve, NOW).trusted);
    ck_assert_uint_eq(guard_refresh(other, NOW, news, 8), 0); /* told once */
    ck_assert_uint_eq(guard_refresh(guard, NOW, news, 8), 1);
    /* Lifted by somebody: both hear of it. */
    ck_assert_int_eq(guard_store_remove_ban(store, &news[0].ban.network, &e), OR_OK);
    ck_assert_int_eq(guard_store_remove_ban(store, &news[0].ban.network, &e), OR_ABSENT);
    ck_assert_uint_eq(guard_refresh(other, NOW + 1, news, 8), 1);
    ck_assert(news[0].lifted);
    ck_assert(!guard_ask(other, &policy, &bob, NOW + 1).banned);
    ck_assert_uint_eq(guard_refresh(guard, NOW + 1, news, 8), 1);
    ck_assert(!guard_ask(guard, &policy, &bob, NOW + 1).banned);
    guard_free(other);
}
END_TEST

START_TEST(news_that_could_not_be_told_come_again)
{
    struct guard_news news[8];

    ck_assert(guess("192.0.2.1", "bob", 10, NOW).banned);
    ck_assert_uint_eq(guard_refresh(guard, NOW, news, 0), 0);
    ck_assert_uint_eq(guard_refresh(guard, NOW, news, 8), 1);
    guard_untold(guard, &news[0]);
    ck_assert_uint_eq(guard_refresh(guard, NOW, news, 8), 1);
    ck_assert(!news[0].lifted);
    ck_assert_uint_eq(guard_refresh(guard, NOW + 600, news, 8), 1);
    ck_assert(news[0].lifted);
    guard_untold(guard, &news[0]);
    ck_assert_uint_eq(guard_refresh(guard, NOW + 601, news, 8), 1);
    ck_assert(news[0].lifted);
    ck_assert_uint_eq(guard_refresh(guard, NOW + 602, news, 8), 0);
}
END_TEST

START_TEST(without_store)
{
    struct guard *alone = guard_new(NULL);
    struct guard_outcome last = {.banned = false};

    for (int i = 0; i < 10; i++) {
        struct guard_attempt a = attempt("192.0.2.1", "bob", "");

        last = guard_bad(alone, &policy, &a, false, NOW);
    }
    struct guard_attempt a = attempt("192.0.2.1", "eve", "");
    ck_assert(last.banned && guard_ask(alone, &policy, &a, NOW).banned);
    ck_assert(!guard_good(alone, &a, SPAN_EMPTY, NOW));
    ck_assert(!guard_ask(alone, &policy, &a, NOW).banned);
    guard_free(alone);
}
END_TEST

static const struct {
    const char *network, *value;
    bool good;
} values[] = {
    {"192.0.2.1", "10 20 1 why", true},   {"2001:db8::/64", "10 20 3 why not", true},
    {"192.0.2.1", "10 20 1 ", true},      {"192.0.2.1", "10 20", false},
    {"192.0.2.1", "ten 20 1 why", false}, {"192.0.2.1", "", false},
    {"nowhere", "10 20 1 why", false},    {"192.0.2.1", "10 99999999999999999999 1 x", false},
};

START_TEST(stored_values)
{
    struct guard_ban ban;

    ck_assert_int_eq(
        guard_store_parse(span_cstr(values[_i].network), span_cstr(values[_i].value), &ban),
        values[_i].good ? OR_OK : OR_MALFORMED);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("guard");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, threshold);
    tcase_add_test(c, decay);
    tcase_add_test(c, same_mistake_counts_once);
    tcase_add_test(c, longer_each_time);
    tcase_add_test(c, strangers);
    tcase_add_test(c, slow_scan);
    tcase_add_test(c, spraying);
    tcase_add_test(c, networks);
    tcase_add_test(c, trusted);
    tcase_add_test(c, never_and_off);
    tcase_add_test(c, delays);
    tcase_add_test(c, new_places);
    tcase_add_test(c, shared);
    tcase_add_test(c, news_that_could_not_be_told_come_again);
    tcase_add_test(c, without_store);
    tcase_add_loop_test(c, stored_values, 0, sizeof(values) / sizeof(values[0]));
    suite_add_tcase(s, c);
    return unit_main(s);
}
