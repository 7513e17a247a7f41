/* Programs that are started: arguments, environment, failures, how many. */
#include "common/run/hook.h"

#include "common/base/clock.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[TEMP_TREE_PATH_BYTES];
static char script[TEMP_TREE_PATH_BYTES + 16], output[TEMP_TREE_PATH_BYTES + 16];

static void
write_script(const char *text)
{
    temp_tree_make(folder);
    (void)snprintf(script, sizeof(script), "%s/hook", folder);
    (void)snprintf(output, sizeof(output), "%s/output", folder);
    FILE *f = fopen(script, "w");
    fputs(text, f);
    fclose(f);
    ck_assert_int_eq(chmod(script, 0755), 0);
}

static const char *
read_output(void)
{
    static char text[1000];
    const struct timespec pause = {.tv_nsec = 20000000};
    int64_t end = clock_mono_ms() + 5000;

    for (; clock_mono_ms() < end; nanosleep(&pause, NULL)) {
        FILE *f = fopen(output, "r");

        if (f == NULL)
            continue;
        size_t n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
        text[n] = '\0';
        if (strstr(text, "end") != NULL)
            return text;
    }
    return "";
}

START_TEST(arguments_arrive_as_they_are)
{
    struct err e;

    write_script("#!/bin/sh\necho \"$1|$2|$#|$HOME|$(cat)\" > \"$3\"\necho end >> \"$3\"\n");
    const char *const argv[] = {script, "a; rm -rf $(x) `y`", "line\nline", output, NULL};
    ck_assert_msg(hook_run(argv, &e) == OR_OK, "%s", e.text);
    ck_assert_str_eq(read_output(), "a; rm -rf $(x) `y`|line\nline|3||\nend\n");
    temp_tree_remove(folder);
}
END_TEST

START_TEST(what_is_no_program_is_said)
{
    const char *const argv[] = {"/nonexistent/hook", NULL};
    struct err e;

    for (int i = 0; i < 2 * HOOK_MAX_RUNNING; i++) /* and gives its place back */
        ck_assert_int_eq(hook_run(argv, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/hook: "));
}
END_TEST

START_TEST(not_too_many_at_once)
{
    struct err e;
    int started = 0;

    sleep(1); /* what ran before is collected */
    write_script("#!/bin/sh\nexec sleep 1\n");
    const char *const argv[] = {script, NULL};
    while (started < 2 * HOOK_MAX_RUNNING && hook_run(argv, &e) == OR_OK)
        started++;
    ck_assert_int_eq(started, HOOK_MAX_RUNNING);
    sleep(2);
    ck_assert_int_eq(hook_run(argv, &e), OR_OK);
    sleep(2);
    temp_tree_remove(folder);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("hook");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, arguments_arrive_as_they_are);
    tcase_add_test(tcase, what_is_no_program_is_said);
    tcase_add_test(tcase, not_too_many_at_once);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
