/* Leftovers in tmp/: what is old goes, what may be in the making stays. */
#include "lmtp/maildir/maildir_tidy.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR 3600

static char root[TEMP_TREE_PATH_BYTES];
static char path[TEMP_TREE_PATH_BYTES + 64];
static struct maildir box;
static struct maildir_fault fault;

static const char *
below(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void
setup(void)
{
    temp_tree_make(root);
    ck_assert_int_eq(maildir_open(below("M"), &box, &fault), OR_OK);
}

static void
teardown(void)
{
    maildir_close(&box);
    temp_tree_remove(root);
}

/* A file whose content is `age_s` old. Its change time is now, whatever one does. */
static void
leave(const char *name, time_t age_s)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
    int fd = open(below(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    ck_assert_int_eq(futimens(fd, times), 0);
    close(fd);
}

START_TEST(old_files_go)
{
    leave("M/tmp/one", 0);
    leave("M/tmp/two", 0);
    ck_assert_int_eq(mkdir(below("M/tmp/directory"), 0700), 0);
    ck_assert_int_eq(symlink("one", below("M/tmp/link")), 0);
    ck_assert_uint_eq(maildir_tidy(&box, time(NULL) + 35 * HOUR), 0);
    ck_assert_uint_eq(maildir_tidy(&box, time(NULL) + 37 * HOUR), 2);
    ck_assert_uint_eq(temp_tree_count(below("M/tmp")), 2); /* what no delivery made */
}
END_TEST

/* Somebody's clock is wrong, or rsync keeps times: what was put there lately stays. */
START_TEST(old_content_alone_is_not_enough)
{
    leave("M/tmp/one", 100 * HOUR);
    ck_assert_uint_eq(maildir_tidy(&box, time(NULL)), 0);
    ck_assert_uint_eq(temp_tree_count(below("M/tmp")), 1);
}
END_TEST

START_TEST(looks_every_eight_hours)
{
    struct maildir again;
    time_t now = time(NULL);

    maildir_tidy(&box, now);
    ck_assert_int_eq(maildir_open(below("M"), &again, &fault), OR_OK);
    ck_assert_int_eq(again.tmp_looked_at, now);
    ck_assert(!maildir_tidy_is_due(&again, now + 8 * HOUR));
    ck_assert(maildir_tidy_is_due(&again, now + 8 * HOUR + 1));
    maildir_close(&again);
}
END_TEST

START_TEST(without_tmp_there_is_nothing_to_do)
{
    ck_assert_int_eq(rmdir(below("M/tmp")), 0);
    ck_assert_uint_eq(maildir_tidy(&box, time(NULL)), 0);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("maildir_tidy");
    TCase *t = tcase_create("disk");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, old_files_go);
    tcase_add_test(t, old_content_alone_is_not_enough);
    tcase_add_test(t, looks_every_eight_hours);
    tcase_add_test(t, without_tmp_there_is_nothing_to_do);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
