/*
 * Look-ups over a socket pair: what Dovecot's lmtp, imap and doveadm were seen to send, and what
 * they get to read.
 */
#include "authd/master_session.h"

#include "authd/accounts/account_sql.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COOKIE "4bc7fbc8327aa1aec4b1314d995c4a0e"
#define OTHER_COOKIE "4bc7fbc8327aa1aec4b1314d995c4a0f"

static struct authd_talk talk;

static void
expect(const char *lines, size_t row)
{
    const char *rest = lines;

    do {
        size_t n = strcspn(rest, "\n");
        const char *got = authd_talk_line(&talk);

        ck_assert_msg(strlen(got) == n && memcmp(got, rest, n) == 0,
                      "row %zu: \"%s\" is not \"%s\"", row, got, lines);
        rest += n + (rest[n] != '\0');
    } while (*rest != '\0');
}

static void
say(const char *text)
{
    authd_talk_say(&talk, span_cstr(text));
}

static void
begin(void)
{
    char greeting[64];

    snprintf(greeting, sizeof(greeting), "VERSION\t1\t1\nSPID\t%u",
             auth_requests_spid(authd_requests(&talk.daemon)));
    authd_talk_start(&talk, master_session_run);
    expect(greeting, 0);
    say("VERSION\t1\t0\n");
}

static void
set_up(void)
{
    authd_talk_init(&talk, "");
}

static void
tear_down(void)
{
    authd_talk_fini(&talk);
}

static const struct {
    const char *said, *answer;
} rows[] = {
    {"USER\t1\tbob@home.test\tservice=lmtp\n",
     "USER\t1\tbob@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/bob"},
    /* lmtpd and Dovecot 2.4 say protocol= too */
    {"USER\t2\tBob+lists@HOME.test\tservice=lmtp\tprotocol=lmtp\n",
     "USER\t2\tbob@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/bob"},
    {"USER\t3\town@home.test\tservice=imap\n",
     "USER\t3\town@home.test\tuid=2001\tgid=2002\thome=/srv/own"},
    /* mail is kept for who may not log in */
    {"USER\t4\toff@home.test\tservice=lmtp\n",
     "USER\t4\toff@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/off"},
    {"USER\t5\tnobody@home.test\tservice=lmtp\n", "NOTFOUND\t5"},
    {"USER\t6\tteam@home.test\tservice=lmtp\n", "NOTFOUND\t6"}, /* an alias is no mailbox */
    {"USER\t7\t../../etc/passwd\tservice=lmtp\n", "NOTFOUND\t7"},
    {"USER\t8\ta\001tb@home.test\tservice=lmtp\n", "NOTFOUND\t8"},
    {"USER\t9\t\tservice=lmtp\n", "NOTFOUND\t9"},
    {"PASS\t4\tbob@home.test\tservice=doveadm\tdebug\n", "PASS\t4\tuser=bob@home.test"},
    {"PASS\t5\tnobody@home.test\tservice=doveadm\n", "NOTFOUND\t5"},
    {"LIST\t1\tuser=*\tservice=doveadm\tdebug\n",
     "LIST\t1\tbare@home.test\nLIST\t1\tbob@home.test\nLIST\t1\teve@home.test\n"
     "LIST\t1\toff@home.test\nLIST\t1\town@home.test\nDONE\t1\t"},
    {"CACHE-FLUSH\t5\n", "OK\t5\t0"},
    {"CACHE-FLUSH\t6\tbob@home.test\n", "OK\t6\t0"},
    /* one after the other without waiting */
    {"USER\t1\tnobody@home.test\tservice=lmtp\nPASS\t2\tbob@home.test\tservice=doveadm\n",
     "NOTFOUND\t1\nPASS\t2\tuser=bob@home.test"},

    {"NONSENSE\t1\n", ""},
    {"\n", ""},
    {"USER\tx\tbob@home.test\n", ""},
    {"USER\t1\n", ""},
    {"PASS\t1\n", ""},
    {"REQUEST\t1\t2\n", ""},
    {"REQUEST\t1\tx\t1\t" COOKIE "\n", ""},
    {"VERSION\t2\t0\n", ""},
};

START_TEST(test_conversations)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        say(rows[i].said);
        expect(rows[i].answer, i);
        authd_talk_end(&talk);
    }
}
END_TEST

START_TEST(test_unreadable_store_is_temporary)
{
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, "ALTER TABLE accounts RENAME TO hidden",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    begin();
    say("USER\t1\tbob@home.test\tservice=lmtp\n");
    ck_assert_int_eq(strncmp(authd_talk_line(&talk), "FAIL\t1\treason=", 14), 0);
    say("PASS\t2\tbob@home.test\tservice=lmtp\n");
    ck_assert_int_eq(strncmp(authd_talk_line(&talk), "FAIL\t2\treason=", 14), 0);
    say("LIST\t3\tuser=*\tservice=doveadm\n");
    expect("DONE\t3\tfail", 0);
}
END_TEST

static void
move_bob(const char *host)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "UPDATE accounts SET host = '%s' WHERE address = 'bob@home.test'",
             host);
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Mail goes to the machine that has the mailbox; a session here would find an empty one. */
START_TEST(test_mailbox_elsewhere)
{
    move_bob("[2001:db8::7]:2424");
    auth_requests_add(authd_requests(&talk.daemon), 501, 1, SPAN_LIT(COOKIE),
                      SPAN_LIT("bob@home.test"), "PLAIN");
    begin();
    say("USER\t1\tbob@home.test\tservice=lmtp\n");
    expect("USER\t1\tbob@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/bob"
           "\tproxy\thost=2001:db8::7\tport=2424",
           0);
    say("PASS\t2\tbob@home.test\tservice=lmtp\n");
    expect("PASS\t2\tuser=bob@home.test\tproxy\thost=2001:db8::7\tport=2424", 0);
    if (geteuid() == 0) {
        say("REQUEST\t3\t501\t1\t" COOKIE "\n");
        expect("FAIL\t3\treason=the mailbox is on 2001:db8::7", 0);
    }
    move_bob("192.0.2.1");
    say("PASS\t4\tbob@home.test\tservice=lmtp\n");
    expect("PASS\t4\tuser=bob@home.test\tproxy\thost=192.0.2.1", 0);
    move_bob("no address");
    say("USER\t5\tbob@home.test\tservice=lmtp\n");
    ck_assert_int_eq(strncmp(authd_talk_line(&talk), "FAIL\t5\treason=", 14), 0);
}
END_TEST

/* ---- REQUEST */

/* What stands around our own pid in a REQUEST line, and what comes back to root. */
static const struct {
    const char *before, *after, *answer;
} requests[] = {
    {"501\t2\t" COOKIE "\tsession_pid=", "", "FAIL\t1"},
    {"502\t1\t" COOKIE "\tsession_pid=", "", "FAIL\t1"},
    {"501\t1\t" OTHER_COOKIE "\tsession_pid=", "", "FAIL\t1"},
    {"501\t1\t\tsession_pid=", "", "FAIL\t1"},
    {"501\t1\t" COOKIE "\tsession_pid=1", "", "FAIL\t1"}, /* not the process that asks */
    {"501\t1\t" COOKIE "\tsession_pid=x", "", "FAIL\t1"},
    /* none of these took it away */
    {"501\t1\t" COOKIE "\tsession_pid=", "\trequest_auth_token",
     "USER\t1\tbob@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/bob\tauth_mech=PLAIN"},
    {"501\t1\t" COOKIE "\tsession_pid=", "", "FAIL\t1"}, /* once only */
};

START_TEST(test_request)
{
    auth_requests_add(authd_requests(&talk.daemon), 501, 1, SPAN_LIT(COOKIE),
                      SPAN_LIT("bob@home.test"), "PLAIN");
    begin();
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        char line[256];

        snprintf(line, sizeof(line), "REQUEST\t1\t%s%d%s\n", requests[i].before, (int)getpid(),
                 requests[i].after);
        say(line);
        /* Only root may ask: imap connects before it leaves root. */
        expect(geteuid() == 0 ? requests[i].answer : "FAIL\t1", i);
    }
}
END_TEST

/* Dovecot's ACLs know somebody without a name by it. */
START_TEST(test_request_of_an_anonymous_login)
{
    auth_requests_add(authd_requests(&talk.daemon), 501, 1, SPAN_LIT(COOKIE),
                      SPAN_LIT("bob@home.test"), "ANONYMOUS");
    begin();
    say("REQUEST\t1\t501\t1\t" COOKIE "\n");
    expect(geteuid() == 0
               ? "USER\t1\tbob@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/bob"
                 "\tauth_mech=ANONYMOUS\tanonymous"
               : "FAIL\t1",
           0);
}
END_TEST

START_TEST(test_request_for_an_account_deleted_meanwhile)
{
    auth_requests_add(authd_requests(&talk.daemon), 501, 1, SPAN_LIT(COOKIE),
                      SPAN_LIT("gone@home.test"), "PLAIN");
    begin();
    say("REQUEST\t1\t501\t1\t" COOKIE "\n");
    expect(geteuid() == 0 ? "NOTFOUND\t1" : "FAIL\t1", 0);
}
END_TEST

/* A quota in the words of Dovecot 2.3 (and lmtpd) and of 2.4. */
START_TEST(test_quota)
{
    begin();
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite,
                                  "UPDATE accounts SET quota = '5000,0' WHERE address LIKE 'bob%';"
                                  "UPDATE accounts SET quota = 'lots' WHERE address LIKE 'eve%';"
                                  "UPDATE domains SET quota = '0,7'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    say("USER\t1\tbob@home.test\tservice=lmtp\n");
    expect("USER\t1\tbob@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/bob"
           "\tquota_rule=*:storage=5000B:messages=0\tquota_storage_size=5000B",
           1);
    say("USER\t2\town@home.test\tservice=lmtp\n");
    expect("USER\t2\town@home.test\tuid=2001\tgid=2002\thome=/srv/own"
           "\tquota_rule=*:storage=0B:messages=7\tquota_message_count=7",
           2);
    say("USER\t3\teve@home.test\tservice=lmtp\n");
    expect("USER\t3\teve@home.test\tuid=5000\tgid=5001\thome=/srv/mail/home.test/eve", 3);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("master_session");
    TCase *tcase = tcase_create("look-ups");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_quota);
    tcase_add_test(tcase, test_conversations);
    tcase_add_test(tcase, test_unreadable_store_is_temporary);
    tcase_add_test(tcase, test_mailbox_elsewhere);
    tcase_add_test(tcase, test_request);
    tcase_add_test(tcase, test_request_of_an_anonymous_login);
    tcase_add_test(tcase, test_request_for_an_account_deleted_meanwhile);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
