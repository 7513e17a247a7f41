/* One message file: counting, publishing, keeping a fault. */
#include "lmtp/spool.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char root[TEMP_TREE_PATH_BYTES], path[256];
static struct maildir a, b;
static struct maildir_fault fault;
static const struct maildir_name names[] = {
    {.when = {1, 0}, .pid = 1, .sequence = 1, .host = {"h", 1}},
    {.when = {1, 0}, .pid = 1, .sequence = 2, .host = {"h", 1}},
    {.when = {1, 0}, .pid = 1, .sequence = 3, .host = {"h", 1}},
};

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
    ck_assert_int_eq(maildir_open(below("A"), &a, &fault), OR_OK);
    ck_assert_int_eq(maildir_open(below("B"), &b, &fault), OR_OK);
}

static void
teardown(void)
{
    maildir_close(&a);
    maildir_close(&b);
    temp_tree_remove(root);
}

START_TEST(written_once_published_twice)
{
    struct spool s;
    struct buf content;
    char name[256];

    spool_open(&s, &a, &names[0]);
    spool_write(&s, SPAN_LIT("one\ntwo\n"));
    spool_write(&s, SPAN_LIT("\nthree"));
    spool_sync(&s);
    ck_assert_int_eq(spool_publish(&s, &a, &names[1], false, &fault), OR_OK);
    ck_assert_int_eq(spool_publish(&s, &b, &names[2], false, &fault), OR_OK);
    ck_assert_int_eq(spool_confirm(&s, &a, &names[1], &fault), OR_OK);
    ck_assert_int_eq(spool_confirm(&s, &b, &names[2], &fault), OR_OK);
    spool_close(&s);
    spool_close(&s);
    ck_assert_uint_eq(temp_tree_count(below("A/tmp")), 0);
    temp_tree_read_only_entry(below("B/new"), name, &content);
    ck_assert_str_eq(name, "1.M000000P1Q3.h,S=14,W=17");
    ck_assert_span_eq(buf_span(&content), "one\ntwo\n\nthree");
    buf_fini(&content);
}
END_TEST

/* Of a binary message: Dovecot counts an LF behind a CR as one line end, and so must W=. */
START_TEST(line_ends_that_are_whole_already)
{
    struct spool s;
    struct buf content;
    char name[256];

    spool_open(&s, &a, &names[0]);
    spool_write(&s, SPAN_LIT("one\r\ntwo\n\r"));
    spool_write(&s, SPAN_LIT("\n\n"));
    spool_write(&s, SPAN_EMPTY);
    spool_write(&s, SPAN_LIT("\n\r"));
    spool_write(&s, SPAN_LIT("x\n"));
    spool_sync(&s);
    ck_assert_int_eq(spool_publish(&s, &a, &names[1], true, &fault), OR_OK);
    temp_tree_read_only_entry(below("A/new"), name, &content);
    ck_assert_str_eq(name, "1.M000000P1Q2.h,S=16,W=20");
    buf_fini(&content);
}
END_TEST

START_TEST(sole_mailbox_gets_the_file_itself)
{
    struct spool s;

    spool_open(&s, &a, &names[0]);
    spool_sync(&s);
    ck_assert_int_eq(spool_publish(&s, &a, &names[1], true, &fault), OR_OK);
    ck_assert_uint_eq(temp_tree_count(below("A/tmp")), 0);
    ck_assert_uint_eq(temp_tree_count(below("A/new")), 1);
    spool_close(&s);
}
END_TEST

START_TEST(nothing_is_published_after_a_fault)
{
    struct spool s;

    spool_open(&s, &a, &names[0]);
    int readable_only = dup(STDIN_FILENO);
    close(s.fd);
    s.fd = readable_only; /* any descriptor that cannot be written to */
    close(readable_only);
    spool_write(&s, SPAN_LIT("x"));
    spool_write(&s, SPAN_LIT("y"));
    spool_sync(&s);
    ck_assert_int_eq(spool_publish(&s, &a, &names[1], true, &fault), OR_TEMPFAIL);
    ck_assert_int_eq(fault.os_error, EBADF);
    ck_assert_ptr_nonnull(strstr(fault.err.text, "write the message"));
    ck_assert_uint_eq(temp_tree_count(below("A/new")), 0);
    spool_close(&s);
    ck_assert_uint_eq(temp_tree_count(below("A/tmp")), 0);
}
END_TEST

START_TEST(name_that_is_taken)
{
    struct spool s, again;

    spool_open(&s, &a, &names[0]);
    spool_open(&again, &a, &names[0]);
    ck_assert_int_eq(again.status, OR_TEMPFAIL);
    ck_assert_int_eq(spool_publish(&again, &a, &names[1], true, &fault), OR_TEMPFAIL);
    ck_assert_int_eq(fault.os_error, EEXIST);
    spool_close(&again);
    ck_assert_uint_eq(temp_tree_count(below("A/tmp")), 1);
    spool_close(&s);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("spool");
    TCase *t = tcase_create("file");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, written_once_published_twice);
    tcase_add_test(t, line_ends_that_are_whole_already);
    tcase_add_test(t, sole_mailbox_gets_the_file_itself);
    tcase_add_test(t, nothing_is_published_after_a_fault);
    tcase_add_test(t, name_that_is_taken);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
