/* A file that changes under the daemon. */
#include "policyd/access_file.h"

#include "common/base/clock.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char folder[TEMP_TREE_PATH_BYTES];
static char path[TEMP_TREE_PATH_BYTES + 16];

static void
write_rules(const char *text)
{
    char next[TEMP_TREE_PATH_BYTES + 16];

    (void)snprintf(next, sizeof(next), "%s/next", folder);
    FILE *f = fopen(next, "w");
    fputs(text, f);
    fclose(f);
    ck_assert_int_eq(rename(next, path), 0);
}

/* How many rules are in force, once they are `wanted` or after 3 seconds. */
static size_t
rules_in_force(struct access_file *f, size_t wanted)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int64_t end = clock_mono_ms() + 3000;
    size_t count;

    do {
        const struct access_rules *rules = access_file_take(f);

        count = access_rules_count(rules);
        access_file_drop(f, rules);
        if (count != wanted)
            nanosleep(&pause, NULL);
    } while (count != wanted && clock_mono_ms() < end);
    return count;
}

START_TEST(changes_are_taken_over)
{
    struct access_file *f;
    struct err e;

    temp_tree_make(folder);
    (void)snprintf(path, sizeof(path), "%s/access", folder);
    write_rules("helo a reject\n");
    ck_assert_msg(access_file_open(path, &f, &e) == OR_OK, "%s", e.text);
    const struct access_rules *held = access_file_take(f);
    ck_assert_uint_eq(access_rules_count(held), 1);
    write_rules("helo a reject\nhelo b reject\n");
    ck_assert_uint_eq(rules_in_force(f, 2), 2);
    ck_assert_uint_eq(access_rules_count(held), 1); /* what somebody holds stays */
    access_file_drop(f, held);
    write_rules("nonsense\n");
    ck_assert_uint_eq(rules_in_force(f, 1), 2); /* a mistake changes nothing */
    write_rules("");
    ck_assert_uint_eq(rules_in_force(f, 0), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_uint_eq(rules_in_force(f, 0), 0);
    write_rules("helo c reject\n");
    ck_assert_uint_eq(rules_in_force(f, 1), 1);
    access_file_close(f);
    temp_tree_remove(folder);
}
END_TEST

START_TEST(mistakes_name_the_file)
{
    struct access_file *f;
    struct err e;

    temp_tree_make(folder);
    (void)snprintf(path, sizeof(path), "%s/access", folder);
    ck_assert_int_eq(access_file_open(path, &f, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, "/access: ") != NULL, "%s", e.text);
    write_rules("helo a reject\nx\n");
    ck_assert_int_eq(access_file_open(path, &f, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, "/access: line 2: ") != NULL, "%s", e.text);
    ck_assert_int_eq(access_file_open(folder, &f, &e), OR_CONFIG);
    temp_tree_remove(folder);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("access_file");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, changes_are_taken_over);
    tcase_add_test(tcase, mistakes_name_the_file);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
