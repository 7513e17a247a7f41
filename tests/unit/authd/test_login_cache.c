/* Passwords found right: what makes two of them the same, and what is forgotten. */
#include "authd/login_cache.h"

#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct login_cache *cache;

static void
set_up(void)
{
    cache = login_cache_new();
}

static void
tear_down(void)
{
    login_cache_free(cache);
}

static struct login_cache_key
key_of(const char *account, const char *stored, const char *password)
{
    const struct login_cache_question q = {span_cstr(account), span_cstr(stored),
                                           span_cstr(password)};
    struct login_cache_key key;

    login_cache_key(cache, &q, &key);
    return key;
}

static bool
knows(const char *account, const char *stored, const char *password)
{
    struct login_cache_key key = key_of(account, stored, password);

    return login_cache_has(cache, &key);
}

START_TEST(test_only_what_was_right)
{
    struct login_cache_key key = key_of("bob@home.test", "{CRYPT}x", "pw");

    ck_assert(!login_cache_has(cache, &key));
    login_cache_add(cache, &key, 60000);
    ck_assert(knows("bob@home.test", "{CRYPT}x", "pw"));
    ck_assert(!knows("bob@home.test", "{CRYPT}x", "pw2"));
    ck_assert(!knows("bob@home.test", "{CRYPT}y", "pw")); /* it was changed */
    ck_assert(!knows("eve@home.test", "{CRYPT}x", "pw"));
    ck_assert(!knows("bob@home.tes", "t{CRYPT}x", "pw")); /* nor by moving the borders */
    ck_assert(!knows("bob@home.test", "{CRYPT}xp", "w"));
}
END_TEST

START_TEST(test_time)
{
    const struct timespec wait = {.tv_nsec = 30000000};
    struct login_cache_key key = key_of("bob@home.test", "x", "pw");

    login_cache_add(cache, &key, 10);
    nanosleep(&wait, NULL);
    ck_assert(!login_cache_has(cache, &key));
}
END_TEST

/* Another process cannot tell what we keep. */
START_TEST(test_secret)
{
    struct login_cache *other = login_cache_new();
    const struct login_cache_question q = {SPAN_LIT("a"), SPAN_LIT("b"), SPAN_LIT("c")};
    struct login_cache_key ours, theirs;

    login_cache_key(cache, &q, &ours);
    login_cache_key(other, &q, &theirs);
    ck_assert_int_ne(memcmp(&ours, &theirs, sizeof(ours)), 0);
    login_cache_free(other);
}
END_TEST

/* More than fit: the table does not grow, the newest are there. */
START_TEST(test_overflow)
{
    char account[32];
    size_t known = 0;

    for (int i = 0; i < 2 * LOGIN_CACHE_ENTRIES; i++) {
        snprintf(account, sizeof(account), "u%d", i);
        struct login_cache_key key = key_of(account, "x", "pw");

        login_cache_add(cache, &key, 3600000);
        ck_assert(login_cache_has(cache, &key));
    }
    for (int i = LOGIN_CACHE_ENTRIES; i < 2 * LOGIN_CACHE_ENTRIES; i++) {
        snprintf(account, sizeof(account), "u%d", i);
        known += knows(account, "x", "pw");
    }
    ck_assert_uint_gt(known, LOGIN_CACHE_ENTRIES / 2);
}
END_TEST

/* What is too long is never known. */
START_TEST(test_long)
{
    static char account[10000];

    memset(account, 'a', sizeof(account) - 1);
    struct login_cache_key key = key_of(account, "x", "pw");
    login_cache_add(cache, &key, 60000);
    ck_assert(!knows(account, "x", "pw"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("login_cache");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_only_what_was_right);
    tcase_add_test(tcase, test_time);
    tcase_add_test(tcase, test_secret);
    tcase_add_test(tcase, test_overflow);
    tcase_add_test(tcase, test_long);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
