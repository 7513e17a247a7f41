/* Numbers that fade. */
#include "authd/guard/guard_scores.h"

#include "tests/support/unit.h"

#include <stdio.h>

#define NOW 1795386070

static struct guard_scores *scores;

static void
set_up(void)
{
    scores = guard_scores_new();
}

static void
tear_down(void)
{
    guard_scores_free(scores);
}

static struct guard_key
key(enum guard_kind kind, const char *a, const char *b)
{
    return guard_scores_key(scores, kind, span_cstr(a), span_cstr(b), SPAN_EMPTY);
}

static bool
is_about(double got, double want)
{
    return got > want - 0.001 && got < want + 0.001;
}

START_TEST(half_lives)
{
    struct guard_key client = key(GUARD_CLIENT, "192.0.2.1", "");

    ck_assert(is_about(guard_scores_get(scores, client, NOW), 0));
    ck_assert(is_about(guard_scores_add(scores, client, 4, NOW), 4));
    ck_assert(is_about(guard_scores_get(scores, client, NOW + 600), 2));
    ck_assert(is_about(guard_scores_get(scores, client, NOW + 1200), 1));
    ck_assert(is_about(guard_scores_add(scores, client, 1, NOW + 600), 3));
    ck_assert(is_about(guard_scores_get(scores, client, NOW + 1200), 1.5));
    /* A clock that went back does not make it grow. */
    ck_assert(is_about(guard_scores_get(scores, client, NOW - 86400), 3));
    guard_scores_forget(scores, client);
    ck_assert(is_about(guard_scores_get(scores, client, NOW + 1200), 0));
}
END_TEST

START_TEST(apart)
{
    (void)guard_scores_add(scores, key(GUARD_CLIENT, "a", "bc"), 1, NOW);
    ck_assert(is_about(guard_scores_get(scores, key(GUARD_CLIENT, "ab", "c"), NOW), 0));
    ck_assert(is_about(guard_scores_get(scores, key(GUARD_CLIENT, "abc", ""), NOW), 0));
    ck_assert(is_about(guard_scores_get(scores, key(GUARD_NETWORK, "a", "bc"), NOW), 0));
    ck_assert(is_about(guard_scores_get(scores, key(GUARD_CLIENT, "a", "bc"), NOW), 1));
}
END_TEST

/* A million things do not make it grow, and what counts much stays before what counts little. */
START_TEST(crowded)
{
    char name[32];

    (void)guard_scores_add(scores, key(GUARD_STRANGERS, "scanner", ""), 40, NOW);
    for (int i = 0; i < 1000000; i++) {
        snprintf(name, sizeof(name), "%d", i);
        (void)guard_scores_add(scores, key(GUARD_CLIENT, name, ""), 1, NOW);
    }
    ck_assert(is_about(guard_scores_get(scores, key(GUARD_STRANGERS, "scanner", ""), NOW), 40));
    ck_assert(is_about(guard_scores_get(scores, key(GUARD_CLIENT, "999999", ""), NOW), 1));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("guard_scores");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, half_lives);
    tcase_add_test(c, apart);
    tcase_add_test(c, crowded);
    suite_add_tcase(s, c);
    return unit_main(s);
}
