/* Maildirs on disk: creation, publishing, what happens when the disk says no. */
#include "lmtp/maildir/maildir.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[TEMP_TREE_PATH_BYTES];
static char path[512];
static struct maildir_fault fault;

static void
setup(void)
{
    temp_tree_make(root);
    memset(&fault, 0, sizeof(fault));
}

static void
teardown(void)
{
    temp_tree_remove(root);
}

static const char *
below(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static mode_t
mode_of(const char *name)
{
    struct stat st;

    ck_assert_msg(stat(below(name), &st) == 0, "%s", path);
    return st.st_mode & 07777;
}

START_TEST(makes_what_is_missing)
{
    struct maildir box, folder = MAILDIR_CLOSED;

    ck_assert_int_eq(maildir_open(below("example.org//bob/Maildir/"), &box, &fault), OR_OK);
    ck_assert_uint_eq(mode_of("example.org"), 0700);
    ck_assert_uint_eq(mode_of("example.org/bob/Maildir/new"), 0700);
    ck_assert_uint_eq(mode_of("example.org/bob/Maildir/cur"), 0700);
    ck_assert_uint_eq(mode_of("example.org/bob/Maildir/tmp"), 0700);

    ck_assert_int_eq(maildir_open_folder(&box, ".Junk", false, &folder, &fault), OR_ABSENT);
    ck_assert_int_eq(maildir_open_folder(&box, ".Junk", true, &folder, &fault), OR_OK);
    ck_assert_uint_eq(mode_of("example.org/bob/Maildir/.Junk/new"), 0700);
    ck_assert_uint_eq(mode_of("example.org/bob/Maildir/.Junk/maildirfolder"), 0600);
    maildir_close(&folder);
    maildir_close(&folder);
    maildir_close(&box);
}
END_TEST

START_TEST(completes_what_a_crash_left)
{
    struct maildir box;

    ck_assert_int_eq(mkdir(below("M"), 0700), 0);
    ck_assert_int_eq(mkdir(below("M/new"), 0700), 0);
    ck_assert_int_eq(maildir_open(below("M"), &box, &fault), OR_OK);
    ck_assert_uint_eq(mode_of("M/tmp"), 0700);
    maildir_close(&box);
}
END_TEST

START_TEST(file_in_the_way)
{
    struct maildir box;

    close(open(below("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ck_assert_int_eq(maildir_open(below("file"), &box, &fault), OR_TEMPFAIL);
    ck_assert_int_eq(fault.os_error, ENOTDIR);
    ck_assert_int_eq(maildir_open(below("file/Maildir"), &box, &fault), OR_TEMPFAIL);
    ck_assert_ptr_nonnull(strstr(fault.err.text, "file"));
}
END_TEST

static void
write_tmp(const struct maildir *box, const char *name)
{
    int fd;

    ck_assert_int_eq(maildir_create(box, name, &fd, &fault), OR_OK);
    ck_assert_int_eq(write(fd, "x\n", 2), 2);
    close(fd);
}

START_TEST(moves_and_links)
{
    struct maildir a, b;

    ck_assert_int_eq(maildir_open(below("A"), &a, &fault), OR_OK);
    ck_assert_int_eq(maildir_open(below("B"), &b, &fault), OR_OK);
    write_tmp(&a, "one");
    ck_assert_uint_eq(mode_of("A/tmp/one"), 0600);
    ck_assert_int_eq(maildir_publish(&a, "one", &b, "one,S=2,W=3", MAILDIR_LINK, &fault), OR_OK);
    ck_assert_int_eq(maildir_publish(&a, "one", &a, "one,S=2,W=3", MAILDIR_MOVE, &fault), OR_OK);
    ck_assert_uint_eq(temp_tree_count(below("A/tmp")), 0);
    ck_assert_uint_eq(temp_tree_count(below("A/new")), 1);
    ck_assert_uint_eq(temp_tree_count(below("B/new")), 1);
    maildir_close(&a);
    maildir_close(&b);
}
END_TEST

START_TEST(never_replaces_a_message)
{
    static const enum maildir_publish hows[] = {MAILDIR_MOVE, MAILDIR_LINK};
    struct maildir box;

    ck_assert_int_eq(maildir_open(below("A"), &box, &fault), OR_OK);
    write_tmp(&box, "one");
    ck_assert_int_eq(maildir_publish(&box, "one", &box, "n", MAILDIR_MOVE, &fault), OR_OK);
    write_tmp(&box, "two");
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(maildir_publish(&box, "two", &box, "n", hows[i], &fault), OR_TEMPFAIL);
        ck_assert_int_eq(fault.os_error, EEXIST);
    }
    maildir_discard(&box, "two");
    maildir_discard(&box, "two");
    ck_assert_uint_eq(temp_tree_count(below("A/tmp")), 0);
    maildir_close(&box);
}
END_TEST

START_TEST(name_in_tmp_is_never_shared)
{
    struct maildir box;
    int fd;

    ck_assert_int_eq(maildir_open(below("A"), &box, &fault), OR_OK);
    write_tmp(&box, "one");
    ck_assert_int_eq(maildir_create(&box, "one", &fd, &fault), OR_TEMPFAIL);
    ck_assert_int_eq(fault.os_error, EEXIST);
    ck_assert_int_eq(symlink("/etc/passwd", below("A/tmp/link")), 0);
    ck_assert_int_eq(maildir_create(&box, "link", &fd, &fault), OR_TEMPFAIL);
    maildir_close(&box);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("maildir");
    TCase *t = tcase_create("disk");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, makes_what_is_missing);
    tcase_add_test(t, completes_what_a_crash_left);
    tcase_add_test(t, file_in_the_way);
    tcase_add_test(t, moves_and_links);
    tcase_add_test(t, never_replaces_a_message);
    tcase_add_test(t, name_in_tmp_is_never_shared);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
