/*
 * main() for a Check program: runs the suite without forking under sanitizers and debuggers alike,
 * exits non-zero on a failure or when nothing ran.
 *
 *     int main(void) { return unit_main(suite()); }
 */
#ifndef OUTRIDER_TESTS_SUPPORT_UNIT_H
#define OUTRIDER_TESTS_SUPPORT_UNIT_H

#include "common/base/span.h"

#include <check.h>

static inline int
unit_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int bad = srunner_ntests_failed(runner) != 0 || srunner_ntests_run(runner) == 0;
    srunner_free(runner);
    return bad;
}

/* A span against a C string, both shown on failure. */
#define ck_assert_span_eq(span_, cstr_)                                                            \
    do {                                                                                           \
        struct span ck_s_ = (span_);                                                               \
        ck_assert_msg(span_equal_cstr(ck_s_, (cstr_)), "\"%.*s\" is not \"%s\"", SPAN_ARG(ck_s_),  \
                      (cstr_));                                                                    \
    } while (0)

#endif
