/* Full mailboxes in a conversation: at RCPT, at the dot, in folders. */
#include "lmtp/quota.h"

#include "lmtp/maildir/maildir_size.h"
#include "tests/support/lmtp_talk.h"
#include "tests/support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LHLO "LHLO client.example\r\n"
#define MAIL(size) "MAIL FROM:<s@example.com>" size "\r\n"
#define RCPT(who) "RCPT TO:<" who "@example.org>\r\n"
#define BYE "221/2.0.0"
#define MARK "X-Outrider-Quarantine: 1\r\n"

static struct lmtp_talk t;
static char *rules[4];
static struct buf message; /* DATA to the dot, about 2000 bytes */

static void
set_up(void)
{
    lmtp_talk_init(&t);
    buf_init(&message, 65536);
    buf_add_cstr(&message, "Subject: x\r\n\r\n");
    for (int i = 0; i < 25; i++)
        buf_add_cstr(&message, "0123456789012345678901234567890123456789012345678901234567\r\n");
    buf_add_cstr(&message, ".\r\n");
}

static void
tear_down(void)
{
    buf_fini(&message);
    lmtp_talk_fini(&t);
}

static void
limit(const char *first, const char *second)
{
    rules[0] = (char *)(uintptr_t)first;
    rules[1] = (char *)(uintptr_t)second;
    t.settings.quota_rules.items = rules;
    t.settings.quota_rules.count = second != NULL ? 2 : 1;
}

/* One message to the recipients; its header gets `field` on top. */
static const char *
send_to(const char *rcpts, const char *field)
{
    struct buf script;

    buf_init(&script, 65536);
    buf_addf(&script, "%s%s%sDATA\r\n%s%.*sQUIT\r\n", LHLO, MAIL(""), rcpts, field,
             SPAN_ARG(buf_span(&message)));
    const char *replies = lmtp_talk(&t, buf_span(&script));
    buf_fini(&script);
    return replies;
}

#define ACCEPTED "220 250 250/2.1.0 250/2.1.5 354 250/2.0.0 " BYE

static long long
sum_of(const char *who)
{
    long long sum = 0, bytes, messages;
    char line[100];
    FILE *f = fopen(lmtp_talk_path(&t, who, MAILDIR_SIZE_FILE), "r");

    if (f == NULL)
        return -1;
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
    while (fscanf(f, "%lld %lld", &bytes, &messages) == 2)
        sum += bytes;
    fclose(f);
    return sum;
}

/* Removes all messages as an IMAP server would; how many there were. */
static int
empty_new(const char *who)
{
    DIR *dir = opendir(lmtp_talk_path(&t, who, "new"));
    const struct dirent *entry;
    int removed = 0;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        removed += unlinkat(dirfd(dir), entry->d_name, 0) == 0;
    closedir(dir);
    return removed;
}

START_TEST(no_limit_no_file)
{
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_int_eq(sum_of("alice"), -1);
}
END_TEST

START_TEST(until_it_is_full)
{
    limit("*:storage=5", NULL);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    long long sum = sum_of("alice");
    ck_assert_msg(sum > 3000 && sum < 5120, "%lld", sum);
    /* It does not fit, which is seen at the dot. */
    ck_assert_str_eq(send_to(RCPT("alice"), ""), "220 250 250/2.1.0 250/2.1.5 354 552/5.2.2 " BYE);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 2);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
    ck_assert_int_eq(sum_of("alice"), sum);
}
END_TEST

/* Dovecot's quota backend "count" does not tell us of what was deleted (outrider-lmtpd(8)): what
 * does not fit by an old sum must fit by a new one before it is refused. */
START_TEST(deleted_behind_our_back)
{
    limit("*:storage=5", NULL);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_int_eq(empty_new("alice"), 2);
    ck_assert_str_eq(lmtp_talk(&t, SPAN_LIT(LHLO MAIL(" SIZE=4000") RCPT("alice") "QUIT\r\n")),
                     "220 250 250/2.1.0 250/2.1.5 " BYE);
    ck_assert_int_eq(sum_of("alice"), 0);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_int_eq(empty_new("alice"), 2);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_int_lt(sum_of("alice"), 2048);
}
END_TEST

START_TEST(announced_size)
{
    limit("*:storage=5", NULL);
    ck_assert_str_eq(lmtp_talk(&t, SPAN_LIT(LHLO MAIL(" SIZE=5000") RCPT("alice") "RSET\r\n" MAIL(
                                       " SIZE=6000") RCPT("alice") RCPT("root") "QUIT\r\n")),
                     "220 250 250/2.1.0 250/2.1.5 250/2.0.0 250/2.1.0 552/5.2.2 451/4.3.5 " BYE);
}
END_TEST

/* The last message may go past the limit; then it is full for any. */
START_TEST(grace)
{
    free(t.settings.quota_grace);
    t.settings.quota_grace = strdup("50%");
    t.settings.quota_full = LMTP_QUOTA_TEMPFAIL;
    limit("*:storage=3", NULL);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(send_to(RCPT("alice") RCPT("bob"), ""),
                     "220 250 250/2.1.0 452/4.2.2 250/2.1.5 354 250/2.0.0 " BYE);
}
END_TEST

START_TEST(messages)
{
    limit("*:messages=1", NULL);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(lmtp_talk(&t, SPAN_LIT(LHLO MAIL("") RCPT("alice") "QUIT\r\n")),
                     "220 250 250/2.1.0 552/5.2.2 " BYE);
}
END_TEST

/* Full for one, not for the others, who share a file. */
START_TEST(several_recipients)
{
    limit("*:storage=3", NULL);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(
        send_to(RCPT("alice") RCPT("bob") RCPT("carol") RCPT("alice"), ""),
        "220 250 250/2.1.0 250/2.1.5 250/2.1.5 250/2.1.5 250/2.1.5 354 552/5.2.2 250/2.0.0 "
        "250/2.0.0 552/5.2.2 " BYE);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 1);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "bob", "new")), 1);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "carol", "new")), 1);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
    /* and with one that is left the file is moved */
    ck_assert_str_eq(send_to(RCPT("alice") RCPT("bob"), "") + strlen("220 250 250/2.1.0 "),
                     "250/2.1.5 250/2.1.5 354 552/5.2.2 552/5.2.2 " BYE);
}
END_TEST

START_TEST(folders)
{
    limit("*:storage=3", "Junk:ignore");
    for (int i = 0; i < 5; i++)
        ck_assert_str_eq(send_to(RCPT("alice"), MARK), ACCEPTED);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", ".Junk/new")), 5);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), "220 250 250/2.1.0 250/2.1.5 354 552/5.2.2 " BYE);
    ck_assert_str_eq(send_to(RCPT("alice"), MARK), ACCEPTED);
    ck_assert_int_lt(sum_of("alice"), 3072);
}
END_TEST

static struct lmtp_quota_warning warnings[2];

static void
warn_at(const char *first, const char *second)
{
    const char *const titles[] = {first, second};

    for (size_t i = 0; i < 2; i++)
        warnings[i] = (struct lmtp_quota_warning){.item.title = (char *)(uintptr_t)titles[i],
                                                  .message = true,
                                                  .subject = (char *)(uintptr_t) "at {percent}",
                                                  .text = (char *)(uintptr_t) "{used}"};
    t.settings.quota_warnings = (struct conf_items){.items = warnings, .count = 2};
}

/* A message is about a third of 5 kB; a warning has about 400 bytes. */
START_TEST(warning_once)
{
    limit("*:storage=5", NULL);
    warn_at("50%", "100%");
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 1);
    ck_assert_str_eq(send_to(RCPT("alice") RCPT("bob"), "") + strlen("220 250 250/2.1.0 "),
                     "250/2.1.5 250/2.1.5 354 250/2.0.0 250/2.0.0 " BYE);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 3);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "bob", "new")), 1);
    long long sum = sum_of("alice");
    ck_assert_msg(sum > 3400 && sum < 5120, "%lld: the warning counts", sum);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), "220 250 250/2.1.0 250/2.1.5 354 552/5.2.2 " BYE);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 3);
}
END_TEST

/* The warning at the first threshold is what takes the mailbox to the second, 4 % or 205 bytes on:
 * there is one for that, too, and no third. */
START_TEST(warning_leads_to_the_next)
{
    char first[16], second[16];

    limit("*:storage=5", NULL);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    int percent = (int)(2 * sum_of("alice") * 100 / 5120);
    snprintf(first, sizeof(first), "%d%%", percent);
    snprintf(second, sizeof(second), "%d%%", percent + 4);
    warn_at(first, second);
    ck_assert_str_eq(send_to(RCPT("alice"), ""), ACCEPTED);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 4);
    ck_assert_int_lt(sum_of("alice"), 5120);
}
END_TEST

/* A rule that nobody understands must not make a mailbox limitless. */
START_TEST(broken_rule)
{
    limit("*:storage=lots", NULL);
    ck_assert_str_eq(lmtp_talk(&t, SPAN_LIT(LHLO MAIL("") RCPT("alice") "QUIT\r\n")),
                     "220 250 250/2.1.0 451/4.3.5 " BYE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("quota");
    TCase *tcase = tcase_create("conversations");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, no_limit_no_file);
    tcase_add_test(tcase, until_it_is_full);
    tcase_add_test(tcase, deleted_behind_our_back);
    tcase_add_test(tcase, announced_size);
    tcase_add_test(tcase, grace);
    tcase_add_test(tcase, messages);
    tcase_add_test(tcase, several_recipients);
    tcase_add_test(tcase, folders);
    tcase_add_test(tcase, warning_once);
    tcase_add_test(tcase, warning_leads_to_the_next);
    tcase_add_test(tcase, broken_rule);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
