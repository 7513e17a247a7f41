/*
 * Courier's authdaemon protocol, as courier-authlib 0.71's clients speak it and its daemon answers.
 */
#include "authd/courier_session.h"

#include "authd/accounts/account_sql.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <string.h>

#define BOB                                                                                        \
    "UID=5000\nGID=5001\nHOME=/srv/mail/home.test/bob\nADDRESS=bob@home.test\nNAME=\n"             \
    "MAILDIR=Maildir\n.\n"

static struct authd_talk talk;

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

/* Each is a conversation: the answer, then the end. */
static const struct {
    const char *said, *answer;
} rows[] = {
    {"PRE . login bob@home.test\n", BOB},
    {"TCPREMOTEIP=::1\nPRE . imap Bob@HOME.test\n", BOB},
    {"PRE . login own@home.test\n", "UID=2001\nGID=2002\nHOME=/srv/own\nADDRESS=own@home.test\n"
                                    "NAME=\nMAILDIR=Maildir\n.\n"},
    {"PRE . login nobody@home.test\n", "FAIL\n"},
    {"PRE . login\n", ""},
    {"AUTH 33\nimap\nlogin\nbob@home.test\npw word\n", BOB},
    {"TCPREMOTEIP=192.0.2.1\nAUTH 33\nimap\nlogin\nbob@home.test\npw word\n", BOB},
    {"AUTH 32\nimap\nlogin\nbob@home.test\npw word", BOB}, /* as some clients end it */
    {"AUTH 33\nimap\nlogin\nbob@home.test\npw w0rd\n", "FAIL\n"},
    {"AUTH 33\nimap\nlogin\noff@home.test\npw word\n", "FAIL\n"},
    {"AUTH 24\nimap\nlogin\n@home.test\n\n\n", "FAIL\n"},
    {"AUTH 40\nimap\ncram-md5\nPDEuMkB4Pg==\nYm9iIDAxMjM=\n", "FAIL\n"}, /* needs the password */
    {"AUTH 0\n", "FAIL\n"},
    {"AUTH 5000\n", ""},
    {"AUTH x\n", ""},
    {"PASSWD imap\tbob@home.test\tpw word\tnew\n", ""},
    {"\n", ""},
};

static void
expect(const char *bytes)
{
    struct span got = authd_talk_bytes(&talk, strlen(bytes));

    ck_assert_span_eq(got, bytes);
    ck_assert_uint_eq(authd_talk_bytes(&talk, 1).n, 0);
}

START_TEST(test_answers)
{
    authd_talk_start(&talk, courier_session_run);
    authd_talk_say(&talk, span_cstr(rows[_i].said));
    expect(rows[_i].answer);
}
END_TEST

START_TEST(test_enumerate)
{
    authd_talk_start(&talk, courier_session_run);
    authd_talk_say(&talk, SPAN_LIT("ENUMERATE\n"));
    expect("bare@home.test\t5000\t5001\t/srv/mail/home.test/bare\tMaildir\t\n"
           "bob@home.test\t5000\t5001\t/srv/mail/home.test/bob\tMaildir\t\n"
           "eve@home.test\t5000\t5001\t/srv/mail/home.test/eve\tMaildir\t\n"
           "off@home.test\t5000\t5001\t/srv/mail/home.test/off\tMaildir\t\n"
           "own@home.test\t2001\t2002\t/srv/own\tMaildir\t\n"
           ".\n");
}
END_TEST

/* A store that fails is neither FAIL nor an end mark. */
START_TEST(test_unreadable_store_is_no_answer)
{
    static const char *const said[] = {"PRE . login bob@home.test\n", "ENUMERATE\n",
                                       "AUTH 33\nimap\nlogin\nbob@home.test\npw word\n"};

    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, "ALTER TABLE accounts RENAME TO hidden",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        authd_talk_start(&talk, courier_session_run);
        authd_talk_say(&talk, span_cstr(said[i]));
        expect("");
        authd_talk_end(&talk);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("courier_session");
    TCase *tcase = tcase_create("conversations");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_answers, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, test_enumerate);
    tcase_add_test(tcase, test_unreadable_store_is_no_answer);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
