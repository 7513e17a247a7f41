/* Scripts in a conversation: folders, flags, refusals, and that no fault in one loses mail. */
#include "lmtp/deliver_sieve.h"

#include "tests/support/lmtp_talk.h"
#include "tests/support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LHLO "LHLO client.example\r\n"
#define MAIL "MAIL FROM:<s@example.com>\r\n"
#define RCPT(who) "RCPT TO:<" who "@example.org>\r\n"
#define TEXT "DATA\r\nSubject: report\r\nFrom: Sam <s@example.com>\r\n\r\nbody\r\n.\r\nQUIT\r\n"
#define TO_ALICE LHLO MAIL RCPT("alice") TEXT
#define TAKEN "220 250 250/2.1.0 250/2.1.5 354 250/2.0.0 221/2.0.0"

static struct lmtp_talk t;

static void
set_up(void)
{
    lmtp_talk_init(&t);
    /* The Maildir is made by the first message. */
    ck_assert_str_eq(lmtp_talk(&t, SPAN_LIT(LHLO MAIL RCPT("alice") RCPT("bob") TEXT)),
                     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 354 250/2.0.0 250/2.0.0 221/2.0.0");
}

static void
tear_down(void)
{
    lmtp_talk_fini(&t);
}

/* Beside the Maildir. */
static const char *
script_path(const char *who, const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/../%s", lmtp_talk_path(&t, who, ""), name);
    return path;
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void
script(const char *text)
{
    write_file(script_path("alice", ".dovecot.sieve"), text);
}

static const char *
talk(const char *text)
{
    return lmtp_talk(&t, span_cstr(text));
}

static size_t
count(const char *below)
{
    return access(lmtp_talk_path(&t, "alice", below), F_OK) == 0
               ? temp_tree_count(lmtp_talk_path(&t, "alice", below))
               : 0;
}

/* Of the only file in a directory, what stands behind ":2,". */
static const char *
flags_in(const char *below)
{
    static char flags[64];
    DIR *dir = opendir(lmtp_talk_path(&t, "alice", below));
    const struct dirent *entry;

    flags[0] = '\0';
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        if (strstr(entry->d_name, ":2,") != NULL)
            snprintf(flags, sizeof(flags), "%s", strstr(entry->d_name, ":2,") + 3);
    closedir(dir);
    return flags;
}

/* What a script does with one more message: files in INBOX (new and cur) beside the one of
 * set_up(), in Work, in Work/Sub; the answer. */
static const struct {
    const char *script;
    size_t inbox, work, sub;
    const char *answer; /* NULL: it is taken */
} rows[] = {
    {"", 1, 0, 0, NULL},
    {"keep;", 1, 0, 0, NULL},
    {"discard;", 0, 0, 0, NULL},
    {"require [\"fileinto\", \"mailbox\"]; fileinto :create \"Work\";", 0, 1, 0, NULL},
    {"require [\"fileinto\", \"mailbox\"]; fileinto :create \"Work\"; keep;", 1, 1, 0, NULL},
    {"require [\"fileinto\", \"mailbox\", \"copy\"]; fileinto :copy :create \"Work\";", 1, 1, 0,
     NULL},
    {"require [\"fileinto\", \"mailbox\"]; fileinto :create \"Work/Sub\"; fileinto :create "
     "\"Work\";",
     0, 1, 1, NULL},
    {"require [\"fileinto\", \"mailbox\"]; fileinto :create \"INBOX.Work.Sub\";", 0, 0, 1, NULL},
    {"require [\"fileinto\", \"mailbox\"]; fileinto :create \"Work\"; fileinto \"Work\";", 0, 1, 0,
     NULL},
    {"require \"fileinto\"; fileinto \"INBOX\";", 1, 0, 0, NULL},
    {"require \"fileinto\"; fileinto \"inbox\"; keep;", 1, 0, 0, NULL},
    /* no such folder, no such name */
    {"require \"fileinto\"; fileinto \"Work\";", 1, 0, 0, NULL},
    {"require [\"fileinto\", \"mailbox\"]; fileinto :create \"../../etc\";", 1, 0, 0, NULL},
    {"require [\"fileinto\", \"mailbox\"]; fileinto :create \"a//b\";", 1, 0, 0, NULL},
    {"require [\"fileinto\", \"mailbox\"];"
     "if mailboxexists \"Work\" { discard; } else { fileinto :create \"Work\"; }",
     0, 1, 0, NULL},
    {"require \"reject\"; reject \"no, thanks\\nreally\";", 0, 0, 0,
     "220 250 250/2.1.0 250/2.1.5 354 550/5.7.1 221/2.0.0"},
    {"require \"ereject\"; if header :is \"subject\" \"report\" { ereject \"no\"; }", 0, 0, 0,
     "220 250 250/2.1.0 250/2.1.5 354 550/5.7.1 221/2.0.0"},
    {"require \"envelope\"; if envelope \"from\" \"s@example.com\" { discard; }", 0, 0, 0, NULL},
    {"require \"envelope\"; if envelope \"to\" \"bob@example.org\" { discard; }", 1, 0, 0, NULL},
    {"if size :over 1K { discard; }", 1, 0, 0, NULL},
    {"if size :under 1K { discard; }", 0, 0, 0, NULL},
    /* faults: what the script did before does not count either */
    {"discrd;", 1, 0, 0, NULL},
    {"discard; require \"fileinto\";", 1, 0, 0, NULL},
    {"require \"no-such-extension\"; discard;", 1, 0, 0, NULL},
    {"redirect \"elsewhere@example.com\";", 1, 0, 0, NULL},
    {"require \"fileinto\"; fileinto text:\nno end", 1, 0, 0, NULL},
};

START_TEST(outcome)
{
    script(rows[_i].script);
    ck_assert_str_eq(talk(TO_ALICE), rows[_i].answer != NULL ? rows[_i].answer : TAKEN);
    size_t inbox = count("new") + count("cur") - 1;

    ck_assert_msg(inbox == rows[_i].inbox && count(".Work/new") == rows[_i].work &&
                      count(".Work.Sub/new") == rows[_i].sub,
                  "%s: %zu %zu %zu", rows[_i].script, inbox, count(".Work/new"),
                  count(".Work.Sub/new"));
    ck_assert_uint_eq(count("tmp"), 0);
    ck_assert_uint_eq(count(".Work/tmp"), 0);
}
END_TEST

static const struct {
    const char *script, *folder, *flags, *keywords;
} flag_rows[] = {
    {"setflag \"\\\\Seen\";", "cur", "S", NULL},
    {"setflag [\"\\\\Seen\", \"\\\\Flagged\", \"\\\\Answered\", \"\\\\Draft\", \"\\\\Deleted\"];",
     "cur", "DFRST", NULL},
    {"keep :flags \"$Label1 \\\\seen\";", "cur", "Sa", "0 $Label1\n"},
    {"fileinto :create :flags [\"Important\", \"$Work\", \"important\"] \"Work\";", ".Work/cur",
     "ab", "0 Important\n1 $Work\n"},
    {"setflag \"\";", "new", "", NULL},
};

START_TEST(flags)
{
    char text[512];

    snprintf(text, sizeof(text), "require [\"imap4flags\", \"fileinto\", \"mailbox\"]; %s",
             flag_rows[_i].script);
    script(text);
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_str_eq(flags_in(flag_rows[_i].folder), flag_rows[_i].flags);
    if (flag_rows[_i].keywords != NULL) {
        char path[64], content[256] = "";

        snprintf(path, sizeof(path), "%.*sdovecot-keywords",
                 strncmp(flag_rows[_i].folder, ".Work", 5) == 0 ? 6 : 0, ".Work/");
        FILE *f = fopen(lmtp_talk_path(&t, "alice", path), "r");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_gt(fread(content, 1, sizeof(content) - 1, f), 0);
        fclose(f);
        ck_assert_str_eq(content, flag_rows[_i].keywords);
    }
}
END_TEST

/* A map that cannot be read is not an empty one: its letters are in use. */
START_TEST(foreign_keywords)
{
    script("require \"imap4flags\"; keep :flags [\"New\", \"\\\\Seen\"];");
    write_file(script_path("alice", "map"), "0 First\n1 Second\n");
    ck_assert_int_eq(symlink("../map", lmtp_talk_path(&t, "alice", "dovecot-keywords")), 0);
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_str_eq(flags_in("cur"), "S");
    ck_assert_int_eq(unlink(lmtp_talk_path(&t, "alice", "dovecot-keywords")), 0);
    write_file(lmtp_talk_path(&t, "alice", "dovecot-keywords"), "0 First\n1 Second\n");
    ck_assert_int_eq(unlink(script_path("alice", "map")), 0);
    script("require \"imap4flags\"; keep :flags [\"New\", \"second\"];");
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    char content[64] = "";
    FILE *f = fopen(lmtp_talk_path(&t, "alice", "dovecot-keywords"), "r");
    ck_assert_uint_gt(fread(content, 1, sizeof(content) - 1, f), 0);
    fclose(f);
    ck_assert_str_eq(content, "0 First\n1 Second\n2 New\n");
}
END_TEST

/* Another script is another file, or the same one changed: neither must be missed. */
START_TEST(changes_count_at_once)
{
    script("discard;");
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    script("keep;");
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_uint_eq(count("new"), 2);
    write_file(script_path("alice", "next"), "discard;");
    ck_assert_int_eq(
        rename(script_path("alice", "next"), script_path("alice", ".dovecot.sieve")) < 0, false);
    ck_assert_int_eq(unlink(script_path("alice", ".dovecot.sieve")) < 0, false);
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_uint_eq(count("new"), 3);
}
END_TEST

/* One recipient's script is nobody else's. */
START_TEST(several_recipients)
{
    script("require \"reject\"; reject \"no\";");
    write_file(script_path("bob", ".dovecot.sieve"),
               "require [\"fileinto\", \"mailbox\"]; fileinto :create \"Work\";");
    ck_assert_str_eq(talk(LHLO MAIL RCPT("alice") RCPT("bob") RCPT("carol") TEXT),
                     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 250/2.1.5 354 550/5.7.1 250/2.0.0 "
                     "250/2.0.0 221/2.0.0");
    ck_assert_uint_eq(count("new"), 1);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "bob", "new")), 1);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "bob", ".Work/new")), 1);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "carol", "new")), 1);
    /* Named twice: one message, one answer for both. */
    script("require [\"fileinto\", \"mailbox\"]; fileinto :create \"Work\";");
    ck_assert_str_eq(talk(LHLO MAIL RCPT("alice") RCPT("alice") TEXT),
                     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 354 250/2.0.0 250/2.0.0 221/2.0.0");
    ck_assert_uint_eq(count(".Work/new"), 1);
}
END_TEST

/* The site's scripts around the owner's: each runs while the message is kept. */
static const struct {
    const char *before, *own, *after;
    size_t inbox, work, lists;
} orders[] = {
    {"fileinto :create \"Work\";", "fileinto :create \"Lists\";", NULL, 0, 1, 0},
    {"fileinto :copy :create \"Work\";", "fileinto :create \"Lists\";", NULL, 0, 1, 1},
    {"fileinto :create \"Work\"; keep;", NULL, NULL, 1, 1, 0},
    {NULL, "keep;", "fileinto :create \"Lists\";", 0, 0, 1},
    {NULL, "discard;", "fileinto :create \"Lists\";", 0, 0, 0},
    {"keep;", "nonsense", "fileinto :create \"Lists\";", 0, 0, 1},
    {"fileinto :copy :create \"Work\";", "nonsense", NULL, 1, 0, 0},
};

static char *places[2];

START_TEST(order)
{
    static char before[512], after[512], own[512];
    static const char front[] = "require [\"fileinto\", \"mailbox\", \"copy\"]; ";
    char text[512];

    snprintf(before, sizeof(before), "%s", script_path("alice", "before"));
    snprintf(after, sizeof(after), "%s", script_path("alice", "after.sieve"));
    snprintf(own, sizeof(own), "%s", script_path("alice", ".dovecot.sieve"));
    if (orders[_i].before != NULL) { /* a directory */
        char path[600];

        ck_assert_int_eq(mkdir(before, 0755), 0);
        snprintf(path, sizeof(path), "%s/10-site.sieve", before);
        snprintf(text, sizeof(text), "%s%s", front, orders[_i].before);
        write_file(path, text);
        snprintf(path, sizeof(path), "%s/ignored.svbin", before);
        write_file(path, "not a script");
        places[0] = before;
        t.settings.sieve_before = (struct conf_list){.items = &places[0], .count = 1};
    }
    if (orders[_i].after != NULL) {
        snprintf(text, sizeof(text), "%s%s", front, orders[_i].after);
        write_file(after, text);
        places[1] = after;
        t.settings.sieve_after = (struct conf_list){.items = &places[1], .count = 1};
    }
    if (orders[_i].own != NULL) {
        snprintf(text, sizeof(text), "%s%s", front, orders[_i].own);
        write_file(own, text);
    }
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_uint_eq(count("new") - 1, orders[_i].inbox);
    ck_assert_uint_eq(count(".Work/new"), orders[_i].work);
    ck_assert_uint_eq(count(".Lists/new"), orders[_i].lists);
}
END_TEST

/* The message does not fit, which is seen at the dot: nothing of it is in any folder. */
START_TEST(full_mailbox)
{
    static char rule[] = "*:storage=2";
    char *rules[] = {rule};
    struct buf text;

    t.settings.quota_rules = (struct conf_list){.items = rules, .count = 1};
    script("require [\"fileinto\", \"mailbox\"]; fileinto :create \"Work\"; keep;");
    buf_init(&text, 65536);
    buf_add_cstr(&text, LHLO MAIL RCPT("alice") "DATA\r\n\r\n");
    for (int i = 0; i < 50; i++)
        buf_add_cstr(&text, "01234567890123456789012345678901234567890123456789\r\n");
    buf_add_cstr(&text, ".\r\nQUIT\r\n");
    ck_assert_str_eq(lmtp_talk(&t, buf_span(&text)),
                     "220 250 250/2.1.0 250/2.1.5 354 552/5.2.2 221/2.0.0");
    buf_fini(&text);
    ck_assert_uint_eq(count(".Work/new"), 0);
    ck_assert_uint_eq(count("new"), 1);
    t.settings.quota_rules.count = 0;
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_uint_eq(count(".Work/new"), 1);
}
END_TEST

/* Quarantined mail goes to Junk, and a detail names the folder that is kept to. */
START_TEST(junk_and_detail)
{
    script("require \"fileinto\"; fileinto \"INBOX\";");
    ck_assert_str_eq(
        talk(LHLO MAIL RCPT("alice") "DATA\r\nX-Outrider-Quarantine: 1\r\n\r\nx\r\n.\r\n"
                                     "QUIT\r\n"),
        TAKEN);
    ck_assert_uint_eq(count(".Junk/new"), 1);
    ck_assert_uint_eq(count("new"), 1);
    t.settings.subaddress_create = true;
    script("keep;");
    ck_assert_str_eq(talk(LHLO MAIL RCPT("alice+Lists") TEXT), TAKEN);
    ck_assert_uint_eq(count(".Lists/new"), 1);
    t.settings.sieve_script[0] = '\0';
    script("discard;");
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_uint_eq(count("new"), 2);
}
END_TEST

/* Nobody is there to send it on: it is kept, and so it is where it comes back. */
START_TEST(redirect_that_fails)
{
    free(t.settings.sieve_relay);
    t.settings.sieve_relay = strdup("inet:127.0.0.1:1");
    t.settings.proxy_timeout_ms = 1000;
    script("redirect \"elsewhere@example.com\";");
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_uint_eq(count("new"), 2);
    ck_assert_str_eq(talk(LHLO MAIL RCPT("alice") "DATA\r\nX-Sieve-Redirected-From: "
                                                  "alice@example.org\r\n\r\nx\r\n.\r\nQUIT\r\n"),
                     TAKEN);
    ck_assert_uint_eq(count("new"), 3);
    script("require [\"copy\", \"fileinto\", \"mailbox\"]; redirect :copy \"a@b.example\";"
           "fileinto :create \"Work\";");
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    ck_assert_uint_eq(count("new"), 3);
    ck_assert_uint_eq(count(".Work/new"), 1);
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The file below `below` (new or cur of a folder) that holds `mark`. */
static const char *
file_with(const char *below, const char *mark)
{
    static char text[65536];
    char path[1024];
    DIR *dir = opendir(lmtp_talk_path(&t, "alice", below));
    const struct dirent *entry;
    bool found = false;

    ck_assert_ptr_nonnull(dir);
    while (!found && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", lmtp_talk_path(&t, "alice", below), entry->d_name);
        FILE *f = fopen(path, "r");
        size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;

        text[n] = '\0';
        if (f != NULL)
            fclose(f);
        const char *size = strstr(entry->d_name, ",S=");
        found = n > 0 && strstr(text, mark) != NULL;
        if (found)
            ck_assert_uint_eq(strtoul(size + 3, NULL, 10), n);
    }
    closedir(dir);
    ck_assert_msg(found, "no %s in %s", mark, below);
    return text;
}

/* RFC 5293 7: each place has the header as it was when the script named it; the body is one. */
START_TEST(edited_header)
{
    script("require [\"editheader\", \"fileinto\", \"mailbox\"]; fileinto :create \"Work\";"
           "addheader \"X-New\" \"yes\"; deleteheader \"Subject\"; keep;");
    ck_assert_str_eq(talk(TO_ALICE), TAKEN);
    const char *work = file_with(".Work/new", "Subject: report");
    ck_assert_ptr_null(strstr(work, "X-New"));
    const char *inbox = file_with("new", "X-New: yes");
    ck_assert_ptr_null(strstr(inbox, "Subject"));
    ck_assert_ptr_nonnull(strstr(inbox, "Delivered-To: alice@example.org\nReceived: "));
    ck_assert_ptr_nonnull(strstr(inbox, "\nX-New: yes\nFrom: Sam <s@example.com>\n\nbody\n"));
    ck_assert_int_eq(strncmp(inbox, "Return-Path: <s@example.com>\n", 29), 0);
}
END_TEST

/* What has no header gets one, and stays a body. */
START_TEST(header_where_there_was_none)
{
    script("require \"editheader\"; addheader \"X-New\" \"yes\";");
    ck_assert_str_eq(
        talk(LHLO MAIL RCPT("alice") "DATA\r\nno field here\r\nat all\r\n.\r\nQUIT\r\n"), TAKEN);
    ck_assert_ptr_nonnull(
        strstr(file_with("new", "X-New"), "\nX-New: yes\n\nno field here\nat all\n"));
}
END_TEST

/* Those who share a file with the recipient keep it as it came. */
START_TEST(edited_header_of_one_of_two)
{
    script("require \"editheader\"; addheader \"X-New\" \"yes\";");
    ck_assert_str_eq(talk(LHLO MAIL RCPT("alice") RCPT("bob") TEXT),
                     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 354 250/2.0.0 250/2.0.0 221/2.0.0");
    (void)file_with("new", "X-New: yes");
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "bob", "new")), 2);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 2);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("deliver_sieve");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, outcome, 0, COUNT(rows));
    tcase_add_loop_test(c, flags, 0, COUNT(flag_rows));
    tcase_add_test(c, foreign_keywords);
    tcase_add_test(c, changes_count_at_once);
    tcase_add_test(c, several_recipients);
    tcase_add_loop_test(c, order, 0, COUNT(orders));
    tcase_add_test(c, full_mailbox);
    tcase_add_test(c, junk_and_detail);
    tcase_add_test(c, redirect_that_fails);
    tcase_add_test(c, edited_header);
    tcase_add_test(c, header_where_there_was_none);
    tcase_add_test(c, edited_header_of_one_of_two);
    suite_add_tcase(s, c);
    return unit_main(s);
}
