/* maildirsize: the text, when it is believed, and what counting finds. */
#include "lmtp/maildir/maildir_size.h"

#include "common/base/clock.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[TEMP_TREE_PATH_BYTES];

static const char *
at(const char *below)
{
    static char path[TEMP_TREE_PATH_BYTES + 300];

    snprintf(path, sizeof(path), "%s/%s", root, below);
    return path;
}

static void
write_file(const char *below, const char *text)
{
    FILE *f = fopen(at(below), "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static const char *
read_file(const char *below)
{
    static char text[8192];
    FILE *f = fopen(at(below), "r");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);

    text[n] = '\0';
    if (f != NULL)
        fclose(f);
    return text;
}

static void
set_up(void)
{
    static const char *const directories[] = {
        "new",        "cur",        "tmp",       ".Trash",      ".Trash/new",
        ".Trash/cur", ".Trash/tmp", ".Spam",     ".Spam/cur",   ".Spam/new",
        "other",      "other/cur",  ".not-mail", ".Trash/.sub", ".Trash/.sub/cur"};

    temp_tree_make(root);
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        ck_assert_int_eq(mkdir(at(directories[i]), 0700), 0);
    write_file("new/1.M1P1Q1.mx,S=1000,W=1010", "");
    write_file("cur/2.M1P1Q2.mx,S=200,W=210:2,S", "");
    write_file("cur/3.without-size:2,", "12345");
    write_file("cur/.hidden,S=5", "");
    write_file("cur/4.flags:2,S=77", "123"); /* behind the colon are flags */
    write_file("tmp/5.M1.mx,S=9", "");
    write_file(".Trash/cur/6.M1P1.mx,S=30:2,T", "");
    write_file(".Spam/cur/7.M1P1.mx,S=4000:2,", "");
    write_file("other/cur/8.M1P1.mx,S=50000:2,", ""); /* no folder: no dot */
    write_file(".Trash/.sub/cur/9.M1P1.mx,S=60000:2,", "");
    ck_assert_int_eq(symlink("/", at(".Loop")), 0);
}

static void
tear_down(void)
{
    temp_tree_remove(root);
}

static bool
ignore_spam(const void *context, const char *dirname)
{
    (void)context;
    return strcmp(dirname, ".Spam") == 0;
}

static const struct maildir_size_rules rules = {.limits = {.bytes = 100000, .messages = 50},
                                                .ignore = ignore_spam};

#define COUNTED 1238 /* 1000 + 200 + 5 + 3 + 30 */

static struct maildir_usage
read_usage(const struct maildir_size_rules *r)
{
    struct maildir_usage usage = {-1, -1};
    struct maildir_fault f = {0};

    ck_assert_msg(maildir_size_read(root, r, &usage, &f) == OR_OK, "%s", f.err.text);
    return usage;
}

START_TEST(test_counts_and_writes)
{
    struct maildir_usage usage = read_usage(&rules);
    struct stat st;

    ck_assert_int_eq(usage.bytes, COUNTED);
    ck_assert_int_eq(usage.messages, 5);
    ck_assert_str_eq(read_file(MAILDIR_SIZE_FILE), "100000S,50C\n1238 5\n");
    ck_assert_int_eq(stat(at(MAILDIR_SIZE_FILE), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_uint_eq(temp_tree_count(at("tmp")), 1); /* nothing of ours */
}
END_TEST

/* W= where there is one, else S=, else the file's size. */
START_TEST(test_virtual_sizes)
{
    struct maildir_size_rules virtual = rules;

    virtual.virtual_sizes = true;
    ck_assert_int_eq(read_usage(&virtual).bytes, 1010 + 210 + 5 + 3 + 30);
}
END_TEST

/* Dovecot's limits, if there are any, are not ours to write down. */
START_TEST(test_no_limits_no_file)
{
    const struct maildir_size_rules none = {.ignore = ignore_spam};

    ck_assert_int_eq(read_usage(&none).bytes, COUNTED);
    ck_assert_int_eq(access(at(MAILDIR_SIZE_FILE), F_OK), -1);
    ck_assert_uint_eq(temp_tree_count(at("tmp")), 1);
}
END_TEST

START_TEST(test_is_believed_and_added_to)
{
    const struct maildir_usage one = {300, 1}, gone = {-100, -1};
    struct maildir_fault f;

    ck_assert_int_eq(maildir_size_add(root, &one, NULL, &f), OR_OK); /* no file: nothing */
    ck_assert_int_eq(access(at(MAILDIR_SIZE_FILE), F_OK), -1);
    write_file(MAILDIR_SIZE_FILE, "100000S,50C\n5000 7\n");
    ck_assert_int_eq(maildir_size_add(root, &one, NULL, &f), OR_OK);
    ck_assert_int_eq(maildir_size_add(root, &gone, NULL, &f), OR_OK);
    ck_assert_str_eq(read_file(MAILDIR_SIZE_FILE), "100000S,50C\n5000 7\n300 1\n-100 -1\n");
    struct maildir_usage usage = read_usage(&rules);
    ck_assert_int_eq(usage.bytes, 5200);
    ck_assert_int_eq(usage.messages, 7);
}
END_TEST

static char long_text[MAILDIR_SIZE_MAX_BYTES + 100];

/* The change that makes the file too long to be believed is known still. */
START_TEST(test_sum_after_last_change)
{
    const struct maildir_usage one = {300, 1};
    struct maildir_usage after = {-1, -1};
    struct maildir_fault f;

    snprintf(long_text, sizeof(long_text), "100000S,50C\n5000 7\n");
    while (strlen(long_text) <= MAILDIR_SIZE_MAX_BYTES - 4)
        snprintf(long_text + strlen(long_text), sizeof(long_text) - strlen(long_text), "1 0\n");
    long long lines = ((long long)strlen(long_text) - 19) / 4;
    write_file(MAILDIR_SIZE_FILE, long_text);
    ck_assert_int_eq(read_usage(&rules).bytes, 5000 + lines);
    ck_assert_int_eq(maildir_size_add(root, &one, &after, &f), OR_OK);
    ck_assert_int_eq(after.bytes, 5300 + lines);
    ck_assert_int_eq(read_usage(&rules).bytes, COUNTED);
}
END_TEST

/* What was in the mailbox with this change, though others have been added behind it. */
START_TEST(test_sum_after_change)
{
    const struct maildir_usage one = {300, 1}, two = {20, 1};
    struct maildir_usage after = {-1, -1};
    struct maildir_fault f;

    ck_assert_int_eq(maildir_size_add(root, &one, &after, &f), OR_OK); /* no file */
    ck_assert_int_eq(after.bytes, 0);
    write_file(MAILDIR_SIZE_FILE, "100000S,50C\n5000 7\n");
    ck_assert_int_eq(maildir_size_add(root, &one, &after, &f), OR_OK);
    ck_assert_int_eq(after.bytes, 5300);
    ck_assert_int_eq(after.messages, 8);
    ck_assert_int_eq(maildir_size_add(root, &two, &after, &f), OR_OK);
    ck_assert_int_eq(after.bytes, 5320);
    write_file(MAILDIR_SIZE_FILE, "100000S,50C\nwhat 7\n");
    ck_assert_int_eq(maildir_size_add(root, &one, &after, &f), OR_OK);
    ck_assert_int_eq(after.bytes, 0);
    ck_assert_int_eq(after.messages, 0);
}
END_TEST

/* What is counted anew. */
static const char *const distrusted[] = {
    "",
    "100000S,50C\n",            /* nothing counted */
    "100000S,50C\n5000 7",      /* somebody is writing */
    "100000S\n5000 7\n",        /* for other limits */
    "100000S,49C\n5000 7\n",    /* likewise */
    "100000S,50C\n5000\n",      /* no messages */
    "100000S,50C\nx 7\n",       /* no number */
    "100000S,50C\n5000 7\n\n",  /* an empty line */
    "100000S,50C\n-5000 -7\n",  /* less than nothing */
    "100000S,50C,3X\n5000 7\n", /* unknown unit */
    "100000S,50C\n9223372036854775807 1\n9223372036854775807 1\n",
    "100000S,50C\n120000 7\n-1 0\n", /* full, with changes since */
    "100000S,50C\n5 60\n-1 0\n",     /* too many messages, likewise */
    long_text,
};

START_TEST(test_is_counted_anew)
{
    memset(long_text, '\0', sizeof(long_text));
    snprintf(long_text, sizeof(long_text), "100000S,50C\n5000 7\n");
    while (strlen(long_text) <= MAILDIR_SIZE_MAX_BYTES)
        snprintf(long_text + strlen(long_text), sizeof(long_text) - strlen(long_text), "1 0\n");
    write_file(MAILDIR_SIZE_FILE, distrusted[_i]);
    ck_assert_int_eq(read_usage(&rules).bytes, COUNTED);
    ck_assert_str_eq(read_file(MAILDIR_SIZE_FILE), "100000S,50C\n1238 5\n");
}
END_TEST

START_TEST(test_full_is_believed_while_fresh)
{
    struct timespec old[2];

    write_file(MAILDIR_SIZE_FILE, "100000S,50C\n120000 7\n");
    ck_assert_int_eq(read_usage(&rules).bytes, 120000);
    old[0] = old[1] = (struct timespec){.tv_sec = clock_now() - MAILDIR_SIZE_FRESH_S - 5};
    ck_assert_int_eq(utimensat(AT_FDCWD, at(MAILDIR_SIZE_FILE), old, 0), 0);
    ck_assert_int_eq(read_usage(&rules).bytes, COUNTED);
}
END_TEST

/* Not full, but somebody is to be refused by it. */
START_TEST(test_doubted_unless_fresh)
{
    struct maildir_usage usage = {-1, -1};
    struct maildir_fault f = {0};

    write_file(MAILDIR_SIZE_FILE, "100000S,50C\n90000 7\n");
    ck_assert_int_eq(maildir_size_recheck(root, &rules, &usage, &f), OR_OK);
    ck_assert_int_eq(usage.bytes, 90000);
    write_file(MAILDIR_SIZE_FILE, "100000S,50C\n90000 7\n-1 0\n");
    ck_assert_int_eq(read_usage(&rules).bytes, 89999);
    ck_assert_int_eq(maildir_size_recheck(root, &rules, &usage, &f), OR_OK);
    ck_assert_int_eq(usage.bytes, COUNTED);
}
END_TEST

/* What an owner may put in its place. */
START_TEST(test_no_ordinary_file)
{
    const struct maildir_usage one = {300, 1};
    struct maildir_fault f = {0};

    ck_assert_int_eq(mkfifo(at(MAILDIR_SIZE_FILE), 0600), 0);
    ck_assert_int_eq(maildir_size_add(root, &one, NULL, &f), OR_TEMPFAIL); /* nobody reads: ENXIO */
    ck_assert_int_eq(read_usage(&rules).bytes, COUNTED);
    ck_assert_int_eq(unlink(at(MAILDIR_SIZE_FILE)), 0);
    ck_assert_int_eq(symlink("/etc/passwd", at(MAILDIR_SIZE_FILE)), 0);
    ck_assert_int_eq(maildir_size_add(root, &one, NULL, &f), OR_TEMPFAIL);
    ck_assert_int_eq(read_usage(&rules).bytes, COUNTED);
    ck_assert_str_eq(read_file(MAILDIR_SIZE_FILE), "100000S,50C\n1238 5\n"); /* took its place */
}
END_TEST

START_TEST(test_no_mailbox_yet)
{
    struct maildir_usage usage = {-1, -1};
    struct maildir_fault f = {0};

    ck_assert_int_eq(maildir_size_read(at("nowhere"), &rules, &usage, &f), OR_OK);
    ck_assert_int_eq(usage.bytes, 0);
    ck_assert_int_eq(maildir_size_read(at("cur/3.without-size:2,"), &rules, &usage, &f),
                     OR_TEMPFAIL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("maildir_size");
    TCase *tcase = tcase_create("file");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_counts_and_writes);
    tcase_add_test(tcase, test_virtual_sizes);
    tcase_add_test(tcase, test_no_limits_no_file);
    tcase_add_test(tcase, test_is_believed_and_added_to);
    tcase_add_test(tcase, test_sum_after_change);
    tcase_add_test(tcase, test_sum_after_last_change);
    tcase_add_loop_test(tcase, test_is_counted_anew, 0,
                        (int)(sizeof(distrusted) / sizeof(distrusted[0])));
    tcase_add_test(tcase, test_full_is_believed_while_fresh);
    tcase_add_test(tcase, test_doubted_unless_fresh);
    tcase_add_test(tcase, test_no_ordinary_file);
    tcase_add_test(tcase, test_no_mailbox_yet);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
