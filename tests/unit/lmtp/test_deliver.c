/* What lands on disk: contents, names, folders, links, and what happens when it cannot. */
#include "lmtp/deliver.h"

#include "tests/support/lmtp_talk.h"
#include "tests/support/unit.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lmtp_talk t;

static void
setup(void)
{
    lmtp_talk_init(&t);
}

static void
teardown(void)
{
    lmtp_talk_fini(&t);
}

/* One message from LHLO to QUIT. `rcpts` is one string of RCPT lines. */
#define SEND_FROM(sender, rcpts, message)                                                          \
    lmtp_talk(&t, SPAN_LIT("LHLO client.example\r\nMAIL FROM:<" sender ">\r\n" rcpts               \
                           "DATA\r\n" message ".\r\nQUIT\r\n"))
#define TO(who) "RCPT TO:<" who "@example.org>\r\n"
#define HELLO "Subject: x\r\n\r\nHello\r\n..\r\n"

static struct buf content;
static char name[256];

static const char *
read_mail(const char *who, const char *folder)
{
    buf_fini(&content);
    temp_tree_read_only_entry(lmtp_talk_path(&t, who, folder), name, &content);
    buf_add_char(&content, '\0');
    return content.p;
}

static void
check_replies(const char *replies, const char *tail)
{
    size_t n = strlen(replies), m = strlen(tail);

    ck_assert_msg(n >= m && strcmp(replies + n - m, tail) == 0, "%s", replies);
}

START_TEST(one_recipient)
{
    check_replies(SEND_FROM("s@example.com", TO("alice"), HELLO), "354 250/2.0.0 221/2.0.0");
    const char *text = read_mail("alice", "new");
    char id[32], date[64];

    ck_assert_msg(sscanf(text,
                         "Return-Path: <s@example.com>\nDelivered-To: alice@example.org\n"
                         "Received: from client.example\n\tby mx.example.org with LMTP\n"
                         "\tid %31s\n\t(envelope-from <s@example.com>)\n\tfor "
                         "<alice@example.org>; %63[^\n]\n",
                         id, date) == 2,
                  "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "Subject: x\n\nHello\n.\n"));
    ck_assert_ptr_nonnull(strstr(t.transcript.p, id));
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
    buf_fini(&content);
}
END_TEST

/* protocols.md 9: one byte off and Dovecot drops the reader's session. */
START_TEST(sizes_in_the_name_are_exact)
{
    uint64_t s = 0, w = 0, lines = 0;

    SEND_FROM("s@example.com", TO("alice"), HELLO);
    read_mail("alice", "new");
    for (size_t i = 0; i < content.n - 1; i++)
        lines += content.p[i] == '\n';
    ck_assert_int_eq(sscanf(strchr(name, ','), ",S=%" SCNu64 ",W=%" SCNu64, &s, &w), 2);
    ck_assert_uint_eq(s, content.n - 1);
    ck_assert_uint_eq(w, content.n - 1 + lines);
    buf_fini(&content);
}
END_TEST

START_TEST(several_recipients_share_one_file)
{
    struct stat a, b;
    char path[600];

    check_replies(
        SEND_FROM("", TO("alice") TO("bob") TO("carol"), "Return-Path: <old@x>\r\n" HELLO),
        "354 250/2.0.0 250/2.0.0 250/2.0.0 221/2.0.0");
    ck_assert(span_has_prefix(span_cstr(read_mail("alice", "new")),
                              SPAN_LIT("Return-Path: <>\nReceived: from ")));
    ck_assert_ptr_null(strstr(content.p, "@example.org"));
    ck_assert_ptr_null(strstr(content.p, "old@x"));
    snprintf(path, sizeof(path), "%.300s/%.255s", lmtp_talk_path(&t, "alice", "new"), name);
    ck_assert_int_eq(stat(path, &a), 0);
    read_mail("bob", "new");
    snprintf(path, sizeof(path), "%.300s/%.255s", lmtp_talk_path(&t, "bob", "new"), name);
    ck_assert_int_eq(stat(path, &b), 0);
    ck_assert_uint_eq(a.st_ino, b.st_ino);
    ck_assert_uint_eq(a.st_nlink, 3);
    ck_assert_uint_eq(a.st_uid, temp_tree_uid());
    ck_assert_uint_eq(a.st_gid, temp_tree_gid());
    ck_assert_uint_eq(a.st_mode & 07777, 0600);
    buf_fini(&content);
}
END_TEST

START_TEST(same_recipient_is_delivered_once)
{
    check_replies(SEND_FROM("s@example.com", TO("alice") TO("alice"), HELLO),
                  "354 250/2.0.0 250/2.0.0 221/2.0.0");
    read_mail("alice", "new"); /* there is one entry */
    /* One file for one recipient: it can bear the address. */
    ck_assert_ptr_nonnull(strstr(content.p, "Delivered-To: alice@example.org\n"));
    /* Another folder is another place. */
    t.settings.subaddress_create = true;
    SEND_FROM("s@example.com", TO("bob") TO("bob+Lists"), HELLO);
    read_mail("bob", "new");
    read_mail("bob", ".Lists/new");
    buf_fini(&content);
}
END_TEST

START_TEST(comment_in_received_cannot_be_closed_by_the_sender)
{
    SEND_FROM("\"a)b\\\\(\"@example.com", TO("alice"), HELLO);
    const char *text = read_mail("alice", "new");
    ck_assert_msg(strstr(text, "(envelope-from <\"a\\)b\\\\\\\\\\(\"@example.com>)") != NULL, "%s",
                  text);
    buf_fini(&content);
}
END_TEST

static const struct {
    const char *why, *rcpt;
    bool create;
    const char *lands;
} folders[] = {
    {"missing folder", "RCPT TO:<alice+Lists@example.org>\r\n", false, "new"},
    {"made when configured", "RCPT TO:<alice+Lists@example.org>\r\n", true, ".Lists/new"},
    {"separator in the detail", "RCPT TO:<alice+a+b@example.org>\r\n", true, ".a+b/new"},
    {"up and out", "RCPT TO:<\"alice+../../bob/Maildir\"@example.org>\r\n", true, "new"},
    {"another level", "RCPT TO:<alice+a.b@example.org>\r\n", true, "new"},
    {"empty detail", "RCPT TO:<alice+@example.org>\r\n", true, "new"},
    {"INBOX", "RCPT TO:<alice+inbox@example.org>\r\n", true, "new"},
    {"blank at the end", "RCPT TO:<\"alice+a \"@example.org>\r\n", true, "new"},
};

START_TEST(subaddress)
{
    struct buf script;

    t.settings.subaddress_create = folders[_i].create;
    buf_init(&script, 4096);
    buf_addf(&script, "LHLO c\r\nMAIL FROM:<>\r\n%sDATA\r\n%s.\r\nQUIT\r\n", folders[_i].rcpt,
             HELLO);
    check_replies(lmtp_talk(&t, buf_span(&script)), "354 250/2.0.0 221/2.0.0");
    ck_assert_msg(temp_tree_count(lmtp_talk_path(&t, "alice", folders[_i].lands)) == 1, "%s",
                  folders[_i].why);
    buf_fini(&script);
}
END_TEST

START_TEST(existing_folder_is_used)
{
    t.settings.subaddress_create = true;
    SEND_FROM("", TO("alice+Lists"), HELLO);
    t.settings.subaddress_create = false;
    SEND_FROM("", TO("alice+Lists"), HELLO);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", ".Lists/new")), 2);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 0);
}
END_TEST

START_TEST(delimiter_turned_off)
{
    t.settings.recipient_delimiter[0] = '\0';
    ck_assert_ptr_nonnull(strstr(SEND_FROM("", TO("alice+x"), HELLO), "550/5.1.1"));
    t.settings.recipient_delimiter[0] = '+';
}
END_TEST

START_TEST(quarantined_goes_to_junk)
{
    check_replies(
        SEND_FROM("", TO("alice") TO("bob+Lists"), "X-Outrider-Quarantine: dmarc\r\n" HELLO),
        "354 250/2.0.0 250/2.0.0 221/2.0.0");
    read_mail("alice", ".Junk/new");
    read_mail("bob", ".Junk/new");
    ck_assert_ptr_nonnull(strstr(content.p, "X-Outrider-Quarantine: dmarc\n"));
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 0);
    buf_fini(&content);
}
END_TEST

START_TEST(mail_that_came_back)
{
    /* Only the one it has been to is refused. */
    check_replies(SEND_FROM("", TO("alice") TO("bob"), "Delivered-To: Alice@example.org\r\n" HELLO),
                  "354 554/5.4.6 250/2.0.0 221/2.0.0");
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 0);
    read_mail("bob", "new");
    buf_fini(&content);
}
END_TEST

#define RECEIVED_5 "Received: a\r\nReceived: b\r\nReceived: c\r\nReceived: d\r\nReceived: e\r\n"

START_TEST(mail_that_goes_in_circles)
{
    check_replies(SEND_FROM("", TO("alice"), RECEIVED_5 RECEIVED_5 HELLO),
                  "354 250/2.0.0 221/2.0.0");
    check_replies(SEND_FROM("", TO("alice"), RECEIVED_5 RECEIVED_5 "Received: k\r\n" HELLO),
                  "354 554/5.4.6 221/2.0.0");
}
END_TEST

START_TEST(message_without_a_header)
{
    SEND_FROM("", TO("alice"), "Hello you\r\n");
    ck_assert_ptr_nonnull(strstr(read_mail("alice", "new"), "+0000\n\nHello you\n"));
    SEND_FROM("", TO("bob"), "");
    ck_assert_ptr_nonnull(strstr(read_mail("bob", "new"), "+0000\n"));
    buf_fini(&content);
}
END_TEST

START_TEST(name_of_the_client_is_checked)
{
    lmtp_talk(&t, SPAN_LIT("LHLO evil) by x\r\nMAIL FROM:<>\r\n" TO(
                      "alice") "DATA\r\n" HELLO
                               ".\r\nLHLO [192.0.2.1]\r\nMAIL FROM:<>\r\n" TO(
                                   "bob") "DATA\r\n" HELLO ".\r\nQUIT\r\n"));
    ck_assert_ptr_nonnull(strstr(read_mail("alice", "new"), "Received: from unknown\n"));
    ck_assert_ptr_nonnull(strstr(read_mail("bob", "new"), "Received: from [192.0.2.1]\n"));
    buf_fini(&content);
}
END_TEST

/* RFC 6531 4.3: the word in "with". */
START_TEST(smtputf8)
{
    lmtp_talk(&t, SPAN_LIT("LHLO c\r\nMAIL FROM:<b\xc3\xbc@example.com> SMTPUTF8\r\n" TO(
                      "alice") "DATA\r\n" HELLO ".\r\nQUIT\r\n"));
    read_mail("alice", "new");
    ck_assert_ptr_nonnull(strstr(content.p, "Return-Path: <b\xc3\xbc@example.com>\n"));
    ck_assert_ptr_nonnull(strstr(content.p, " with UTF8LMTP\n"));
    buf_fini(&content);
}
END_TEST

/* The disk says no in the middle of the body: nothing is left in tmp/, the code says "later". */
START_TEST(disk_refuses_the_body)
{
    struct rlimit old, small = {65536, RLIM_INFINITY};
    struct buf script;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    buf_init(&script, 1 << 20);
    buf_add_cstr(&script, "LHLO c\r\nMAIL FROM:<>\r\n" TO("alice") "DATA\r\nA: b\r\n\r\n");
    for (int i = 0; i < 4000; i++)
        buf_add_cstr(&script, "a line of the body that is long enough\r\n");
    buf_add_cstr(&script, ".\r\nQUIT\r\n");
    const char *replies = lmtp_talk(&t, buf_span(&script));
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    check_replies(replies, "354 451/4.3.0 221/2.0.0");
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 0);
    buf_fini(&script);
}
END_TEST

START_TEST(maildir_that_may_not_be_written)
{
    SEND_FROM("", TO("alice"), HELLO);
    ck_assert_int_eq(chmod(lmtp_talk_path(&t, "alice", "tmp"), 0500), 0);
    check_replies(SEND_FROM("", TO("alice") TO("bob"), HELLO), "354 451/4.3.0 250/2.0.0 221/2.0.0");
    /* Alone in its file now. */
    ck_assert_ptr_nonnull(strstr(read_mail("bob", "new"), "Delivered-To: bob@example.org\n"));
    buf_fini(&content);
    ck_assert_int_eq(chmod(lmtp_talk_path(&t, "alice", "tmp"), 0700), 0);
    ck_assert_int_eq(chmod(lmtp_talk_path(&t, "bob", "new"), 0500), 0);
    check_replies(SEND_FROM("", TO("alice") TO("bob"), HELLO), "354 250/2.0.0 451/4.3.0 221/2.0.0");
    ck_assert_int_eq(chmod(lmtp_talk_path(&t, "bob", "new"), 0700), 0);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("deliver");
    TCase *tc = tcase_create("disk");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_recipient);
    tcase_add_test(tc, sizes_in_the_name_are_exact);
    tcase_add_test(tc, several_recipients_share_one_file);
    tcase_add_test(tc, same_recipient_is_delivered_once);
    tcase_add_test(tc, comment_in_received_cannot_be_closed_by_the_sender);
    tcase_add_loop_test(tc, subaddress, 0, sizeof(folders) / sizeof(folders[0]));
    tcase_add_test(tc, existing_folder_is_used);
    tcase_add_test(tc, delimiter_turned_off);
    tcase_add_test(tc, quarantined_goes_to_junk);
    tcase_add_test(tc, mail_that_came_back);
    tcase_add_test(tc, mail_that_goes_in_circles);
    tcase_add_test(tc, message_without_a_header);
    tcase_add_test(tc, name_of_the_client_is_checked);
    tcase_add_test(tc, smtputf8);
    tcase_add_test(tc, disk_refuses_the_body);
    tcase_add_test(tc, maildir_that_may_not_be_written);
    suite_add_tcase(s, tc);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
