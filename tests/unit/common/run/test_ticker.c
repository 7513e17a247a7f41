/* A thread that does something every so often. */
#include "common/run/ticker.h"

#include "tests/support/unit.h"

#include <stdatomic.h>
#include <unistd.h>

static atomic_int ticks;

static void
tick(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

static void
wait_for(int wanted)
{
    for (int i = 0; i < 60000 && atomic_load(&ticks) < wanted; i++)
        usleep(1000);
    ck_assert_int_ge(atomic_load(&ticks), wanted);
}

START_TEST(test_at_once_and_again)
{
    atomic_store(&ticks, 0);
    struct ticker *t = ticker_start(1, tick, &ticks);
    wait_for(3);
    ticker_stop(t);
    int at_stop = atomic_load(&ticks);
    usleep(20000);
    ck_assert_int_eq(atomic_load(&ticks), at_stop);
}
END_TEST

/* Stopping does not wait for the pause to end. */
START_TEST(test_stopped_in_a_long_pause)
{
    atomic_store(&ticks, 0);
    struct ticker *t = ticker_start(INT64_C(86400000), tick, &ticks);
    wait_for(1);
    ticker_stop(t);
    ck_assert_int_eq(atomic_load(&ticks), 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ticker");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 90);
    tcase_add_test(tcase, test_at_once_and_again);
    tcase_add_test(tcase, test_stopped_in_a_long_pause);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
