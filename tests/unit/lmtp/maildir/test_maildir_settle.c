/* Directories above a mailbox: climbed once, again when something was made, and failures told. */
#include "lmtp/maildir/maildir_settle.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[TEMP_TREE_PATH_BYTES];
static char path[TEMP_TREE_PATH_BYTES + 64];
static struct maildir_settled settled;
static struct maildir box;
static struct maildir_fault fault;

static void
setup(void)
{
    temp_tree_make(root);
    memset(&settled, 0, sizeof(settled));
    snprintf(path, sizeof(path), "%s/example.org//alice/Maildir/", root);
    ck_assert_int_eq(maildir_open(path, &box, &fault), OR_OK);
}

static void
teardown(void)
{
    maildir_close(&box);
    temp_tree_remove(root);
}

static size_t
known(void)
{
    size_t count = 0;

    for (size_t i = 0; i < MAILDIR_SETTLED_SLOTS; i++)
        count += atomic_load(&settled.slots[i]) != 0;
    return count;
}

START_TEST(each_mailbox_is_remembered)
{
    struct maildir folder;

    ck_assert(box.made);
    ck_assert_int_eq(maildir_settle(&settled, path, &box, &fault), OR_OK);
    ck_assert_int_eq(maildir_settle(&settled, path, &box, &fault), OR_OK);
    ck_assert_uint_eq(known(), 1);
    ck_assert_int_eq(maildir_open_folder(&box, ".Junk", true, &folder, &fault), OR_OK);
    ck_assert(folder.made);
    ck_assert_int_eq(maildir_settle(&settled, path, &folder, &fault), OR_OK);
    ck_assert_uint_eq(known(), 2);
    maildir_close(&folder);
    ck_assert_int_eq(maildir_open_folder(&box, ".Junk", false, &folder, &fault), OR_OK);
    ck_assert(!folder.made);
    maildir_close(&folder);
}
END_TEST

/* The path is gone: syncing it fails, which shows when the climb is made and when it is not. */
START_TEST(climbs_only_when_it_must)
{
    char away[TEMP_TREE_PATH_BYTES + 64];

    snprintf(away, sizeof(away), "%s/away", root);
    struct maildir old = {.dir_fd = box.dir_fd};
    ck_assert_int_eq(maildir_settle(&settled, path, &old, &fault), OR_OK);
    snprintf(path, sizeof(path), "%s/example.org", root);
    ck_assert_int_eq(rename(path, away), 0);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* writable, and no directory */
    ck_assert_int_eq(maildir_settle(&settled, path, &old, &fault), OR_OK);
    ck_assert_int_eq(maildir_settle(&settled, path, &box, &fault), OR_TEMPFAIL);
    ck_assert_int_eq(fault.os_error, ENOTDIR);
}
END_TEST

START_TEST(failure_is_not_remembered)
{
    struct maildir closed = MAILDIR_CLOSED;

    ck_assert_int_eq(maildir_settle(&settled, path, &closed, &fault), OR_TEMPFAIL);
    ck_assert_int_eq(fault.os_error, EBADF);
    ck_assert_uint_eq(known(), 0);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("maildir_settle");
    TCase *t = tcase_create("disk");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, each_mailbox_is_remembered);
    tcase_add_test(t, climbs_only_when_it_must);
    tcase_add_test(t, failure_is_not_remembered);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
