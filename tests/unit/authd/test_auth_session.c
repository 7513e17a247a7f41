/*
 * Logins over a socket pair: the bytes that Postfix's smtpd and Dovecot's login processes were seen
 * to send, and what they get to read.
 */
#include "authd/auth_session.h"

#include "authd/accounts/account_sql.h"
#include "authd/accounts/password.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELLO "VERSION\t1\t0\nCPID\t10655\n"

/* base64 of NUL user NUL password */
#define BOB "AGJvYkBob21lLnRlc3QAcHcgd29yZA=="
#define BOB_WRONG "AGJvYkBob21lLnRlc3QAd3Jvbmc="
#define NOBODY "AG5vYm9keUBob21lLnRlc3QAcHcgd29yZA=="
#define OFF "AG9mZkBob21lLnRlc3QAcHcgd29yZA=="
#define BARE "AGJhcmVAaG9tZS50ZXN0AHB3IHdvcmQ="
#define BOB_AS_EVE "ZXZlQGhvbWUudGVzdABib2JAaG9tZS50ZXN0AHB3IHdvcmQ="

static struct authd_talk talk;
static char cookie[AUTH_COOKIE_HEX + 1];

static void
postfix_session(struct stream *stream, struct daemon *d)
{
    auth_session_run(stream, d, AUTH_PEER_POSTFIX);
}

static void
dovecot_session(struct stream *stream, struct daemon *d)
{
    auth_session_run(stream, d, AUTH_PEER_DOVECOT);
}

/* Starts a conversation and reads the greeting. */
static void
begin(authd_talk_session session)
{
    const char *line;

    authd_talk_start(&talk, session);
    while (strcmp(line = authd_talk_line(&talk), "DONE") != 0) {
        ck_assert_str_ne(line, "");
        if (strncmp(line, "COOKIE\t", 7) == 0)
            snprintf(cookie, sizeof(cookie), "%s", line + 7);
    }
}

static void
say(const char *text)
{
    authd_talk_say(&talk, span_cstr(text));
}

/* `lines` with LF between them; "" is a hang-up. */
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
set_up(void)
{
    authd_talk_init(&talk, "");
}

static void
tear_down(void)
{
    authd_talk_fini(&talk);
}

START_TEST(test_greeting)
{
    char spid[64];

    authd_talk_start(&talk, postfix_session);
    snprintf(spid, sizeof(spid), "SPID\t%u", auth_requests_spid(authd_requests(&talk.daemon)));
    /* Postfix: at least one MECH before SPID, else "wrong auth socket". */
    expect("VERSION\t1\t4\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext", 0);
    expect(spid, 0);
    ck_assert_int_eq(strncmp(authd_talk_line(&talk), "CUID\t", 5), 0);
    /* Dovecot insists on 32 hex digits. */
    const char *line = authd_talk_line(&talk);
    ck_assert_int_eq(strncmp(line, "COOKIE\t", 7), 0);
    ck_assert_uint_eq(strspn(line + 7, "0123456789abcdef"), 32);
    ck_assert_uint_eq(strlen(line), 7 + 32);
    expect("DONE", 0);
}
END_TEST

static const struct {
    authd_talk_session session;
    const char *said, *answer;
} rows[] = {
    /* captured from Postfix 3.7 */
    {postfix_session,
     "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tresp=" BOB "\n",
     "OK\t1\tuser=bob@home.test"},
    {postfix_session, "AUTH\t1\tplain\tservice=smtp\tnologin\tresp=" BOB "\n",
     "OK\t1\tuser=bob@home.test"},
    {postfix_session, "AUTH\t4\tPLAIN\tservice=smtp\tnologin\nCONT\t4\t" BOB "\n",
     "CONT\t4\t\nOK\t4\tuser=bob@home.test"},
    {postfix_session,
     "AUTH\t3\tLOGIN\tservice=smtp\tnologin\nCONT\t3\tYm9iQGhvbWUudGVzdA==\n"
     "CONT\t3\tcHcgd29yZA==\n",
     "CONT\t3\tVXNlcm5hbWU6\nCONT\t3\tUGFzc3dvcmQ6\nOK\t3\tuser=bob@home.test"},
    /* "AUTH PLAIN =": an empty response, not none */
    {postfix_session, "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp==\n", "FAIL\t1"},
    {postfix_session, "AUTH\t1\tLOGIN\tservice=smtp\tnologin\nCONT\t1\t\n",
     "CONT\t1\tVXNlcm5hbWU6\nFAIL\t1"},
    /* smtpd does not cancel: a new login ends the old one */
    {postfix_session,
     "AUTH\t1\tLOGIN\tservice=smtp\tnologin\nAUTH\t2\tPLAIN\tservice=smtp\tresp=" BOB "\n",
     "CONT\t1\tVXNlcm5hbWU6\nOK\t2\tuser=bob@home.test"},

    /* wrong, unknown, without password: one answer */
    {dovecot_session, "AUTH\t7\tPLAIN\tservice=imap\tresp=" BOB_WRONG "\n",
     "FAIL\t7\tuser=bob@home.test"},
    {dovecot_session, "AUTH\t7\tPLAIN\tservice=imap\tresp=" NOBODY "\n",
     "FAIL\t7\tuser=nobody@home.test"},
    {dovecot_session, "AUTH\t7\tPLAIN\tservice=imap\tresp=" BARE "\n",
     "FAIL\t7\tuser=bare@home.test"},
    {dovecot_session, "AUTH\t7\tPLAIN\tservice=imap\tresp=" OFF "\n",
     "FAIL\t7\tuser=off@home.test\tcode=user_disabled"},
    {dovecot_session, "AUTH\t7\tPLAIN\tprotocol=imap\tresp=" BOB_AS_EVE "\n",
     "FAIL\t7\tuser=bob@home.test\tcode=authz_fail"},
    {dovecot_session, "AUTH\t7\tPLAIN\tservice=imap\tresp=!!!\n", "FAIL\t7"},
    {dovecot_session, "AUTH\t1\tGSSAPI\tservice=imap\n",
     "FAIL\t1\treason=Unsupported authentication mechanism"},

    /* Dovecot 2.3 and 2.4 */
    {dovecot_session,
     "AUTH\t2\tPLAIN\tservice=imap\tsecured\tsession=+5jIqeRgGoB/AAAB\tlip=127.0.0.1\trip=127.0.0.1"
     "\tlport=10143\trport=32794\tresp=" BOB "\n",
     "OK\t2\tuser=bob@home.test"},
    {dovecot_session,
     "AUTH\t2\tPLAIN\tprotocol=imap\tfinal-resp-ok\tsecured=tls\tsession=x\tresp=" BOB "\n",
     "OK\t2\tuser=bob@home.test"},
    {dovecot_session,
     "AUTH\t1\tLOGIN\tservice=imap\nCANCEL\t1\nAUTH\t2\tPLAIN\tservice=imap\tresp=" BOB "\n",
     "CONT\t1\tVXNlcm5hbWU6\nOK\t2\tuser=bob@home.test"},
    {dovecot_session,
     "AUTH\t1\tLOGIN\tservice=imap\nAUTH\t2\tPLAIN\tservice=imap\tresp=" BOB "\n"
     "CONT\t1\tYm9iQGhvbWUudGVzdA==\n",
     "CONT\t1\tVXNlcm5hbWU6\nOK\t2\tuser=bob@home.test\nCONT\t1\tUGFzc3dvcmQ6"},
    /* Answered after the login was forgotten: what is shared with other clients stays. */
    {dovecot_session, "CONT\t9\tAAAA\nAUTH\t10\tPLAIN\tservice=imap\tresp=" BOB "\n",
     "FAIL\t9\treason=Authentication request timed out\nOK\t10\tuser=bob@home.test"},

    /* no client says this */
    {dovecot_session, "NONSENSE\n", ""},
    {dovecot_session, "\n", ""},
    {dovecot_session, "VERSION\t2\t0\n", ""},
    {dovecot_session, "CPID\t1\n", ""},
    {dovecot_session, "AUTH\tx\tPLAIN\n", ""},
};

START_TEST(test_conversations)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(rows[i].session);
        say(HELLO);
        say(rows[i].said);
        expect(rows[i].answer, i);
        authd_talk_end(&talk);
    }
}
END_TEST

START_TEST(test_one_id_for_two_logins_ends_the_connection)
{
    begin(dovecot_session);
    say(HELLO "AUTH\t1\tLOGIN\tservice=imap\nAUTH\t1\tLOGIN\tservice=imap\n");
    expect("CONT\t1\tVXNlcm5hbWU6", 0);
    expect("", 0);
}
END_TEST

START_TEST(test_auth_needs_a_cpid)
{
    begin(dovecot_session);
    say("VERSION\t1\t2\nAUTH\t1\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("", 0);
}
END_TEST

START_TEST(test_endless_line_ends_the_connection)
{
    char *line = xcalloc(1, 20001);

    memset(line, 'A', 20000);
    begin(dovecot_session);
    say(line);
    expect("", 0);
    free(line);
}
END_TEST

static or_status
take_request(uint32_t cpid, uint32_t id)
{
    struct arena mem;
    struct span user;
    const char *mechanism;

    arena_init(&mem, 4096);
    or_status st = auth_requests_take(authd_requests(&talk.daemon), cpid, id, span_cstr(cookie),
                                      &mem, &user, &mechanism);
    if (st == OR_OK) {
        ck_assert_span_eq(user, "bob@home.test");
        ck_assert_str_eq(mechanism, "PLAIN");
    }
    arena_fini(&mem);
    return st;
}

START_TEST(test_good_login_waits_for_its_request_though_the_login_process_left)
{
    begin(dovecot_session);
    say(HELLO "AUTH\t5\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("OK\t5\tuser=bob@home.test", 0);
    authd_talk_end(&talk);
    ck_assert_int_eq(take_request(10655, 6), OR_ABSENT);
    ck_assert_int_eq(take_request(10655, 5), OR_OK);
    ck_assert_int_eq(take_request(10655, 5), OR_ABSENT);
}
END_TEST

START_TEST(test_nologin_and_refusals_wait_for_nothing)
{
    begin(dovecot_session);
    say(HELLO "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=" BOB "\n");
    expect("OK\t1\tuser=bob@home.test", 0);
    say("AUTH\t2\tPLAIN\tservice=imap\tresp=" BOB_WRONG "\n");
    expect("FAIL\t2\tuser=bob@home.test", 0);
    authd_talk_end(&talk);
    ck_assert_int_eq(take_request(10655, 1), OR_ABSENT);
    ck_assert_int_eq(take_request(10655, 2), OR_ABSENT);
}
END_TEST

static void
hide_accounts(bool hidden)
{
    const char *sql =
        hidden ? "ALTER TABLE accounts RENAME TO hidden" : "ALTER TABLE hidden RENAME TO accounts";

    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
}

START_TEST(test_unreadable_store_is_temporary)
{
    hide_accounts(true);
    begin(dovecot_session);
    say(HELLO "AUTH\t1\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("FAIL\t1\tcode=temp_fail\ttemp", 0);
    hide_accounts(false);
    say("AUTH\t2\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("OK\t2\tuser=bob@home.test", 0);
    authd_talk_end(&talk);

    /* To Postfix every FAIL is 535: only a closed connection is 454. */
    hide_accounts(true);
    begin(postfix_session);
    say(HELLO "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=" BOB "\n");
    expect("", 0);
    hide_accounts(false);
}
END_TEST

START_TEST(test_unreadable_hash_is_temporary)
{
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite,
                                  "UPDATE accounts SET password = '{CRYPT}$1$ab$cd'", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    begin(dovecot_session);
    say(HELLO "AUTH\t1\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("FAIL\t1\tcode=temp_fail\ttemp", 0);
}
END_TEST

START_TEST(test_one_login_too_many_is_refused_alone)
{
    char line[64];

    begin(dovecot_session);
    say(HELLO);
    for (unsigned id = 1; id <= AUTH_SESSION_MAX_EXCHANGES; id++) {
        snprintf(line, sizeof(line), "AUTH\t%u\tLOGIN\tservice=imap\n", id);
        say(line);
        snprintf(line, sizeof(line), "CONT\t%u\tVXNlcm5hbWU6", id);
        expect(line, id);
    }
    say("AUTH\t2000\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("FAIL\t2000\tcode=temp_fail\ttemp", 0);
    say("CANCEL\t7\nAUTH\t2001\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("OK\t2001\tuser=bob@home.test", 0);
}
END_TEST

static TCase *
shipped_case(void)
{
    TCase *tcase = tcase_create("shipped");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_greeting);
    tcase_add_test(tcase, test_conversations);
    tcase_add_test(tcase, test_one_id_for_two_logins_ends_the_connection);
    tcase_add_test(tcase, test_auth_needs_a_cpid);
    tcase_add_test(tcase, test_endless_line_ends_the_connection);
    tcase_add_test(tcase, test_good_login_waits_for_its_request_though_the_login_process_left);
    tcase_add_test(tcase, test_nologin_and_refusals_wait_for_nothing);
    tcase_add_test(tcase, test_unreadable_store_is_temporary);
    tcase_add_test(tcase, test_unreadable_hash_is_temporary);
    tcase_add_test(tcase, test_one_login_too_many_is_refused_alone);
    return tcase;
}

/* ---- the delay of refusals */

#define DELAY_MS 1000
#define SLOW "AHNsb3dAaG9tZS50ZXN0AHB3IHdvcmQ=" /* slow@home.test, "pw word": never right */

static void
set_up_delay(void)
{
    authd_talk_init(&talk, "failure-delay = 1s");
    /* A million rounds: a few tenths of a second. */
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite,
                                  "INSERT INTO accounts (address, domain, password, enabled)"
                                  " SELECT 'slow@home.test', domain,"
                                  " replace(password, 'rounds=1000$', 'rounds=1000000$'), 1"
                                  " FROM accounts WHERE address = 'bob@home.test'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
}

START_TEST(test_others_go_on_while_a_refusal_waits)
{
    int64_t began = clock_mono_ms();

    begin(dovecot_session);
    say(HELLO "AUTH\t1\tPLAIN\tservice=imap\tresp=" BOB_WRONG
              "\nAUTH\t2\tPLAIN\tservice=imap\tresp=" BOB "\n");
    expect("OK\t2\tuser=bob@home.test\nFAIL\t1\tuser=bob@home.test", 0);
    ck_assert_int_ge(clock_mono_ms() - began, DELAY_MS);
}
END_TEST

START_TEST(test_cancelled_refusal_is_never_said)
{
    begin(dovecot_session);
    say(HELLO "AUTH\t1\tPLAIN\tservice=imap\tresp=" BOB_WRONG "\nCANCEL\t1\n"
              "AUTH\t2\tPLAIN\tservice=imap\tresp=" BOB_WRONG "\n");
    expect("FAIL\t2\tuser=bob@home.test", 0);
}
END_TEST

static int64_t
refused_after_ms(const char *id)
{
    char text[128];
    int64_t began = clock_mono_ms();

    snprintf(text, sizeof(text), "AUTH\t%s\tPLAIN\tservice=imap\tresp=" SLOW "\n", id);
    say(text);
    snprintf(text, sizeof(text), "FAIL\t%s\tuser=slow@home.test", id);
    expect(text, 0);
    return clock_mono_ms() - began;
}

/* How long the hashing alone takes. */
static int64_t
hashing_ms(void)
{
    int64_t began = clock_mono_ms();
    struct account_address slow;
    struct account_row row;
    struct arena mem;

    arena_init(&mem, 4096);
    ck_assert_int_eq(account_address_parse(SPAN_LIT("slow@home.test"), false, &mem, &slow, NULL),
                     OR_OK);
    ck_assert_int_eq(account_db_find(talk.accounts, &slow, &mem, &row, NULL), OR_OK);
    ck_assert_int_eq(password_check(&(struct password_question){row.password, SPAN_LIT("pw word"),
                                                                began + 60000, false, false},
                                    NULL),
                     OR_ABSENT);
    arena_fini(&mem);
    return clock_mono_ms() - began;
}

/* Else the hash's cost shows, and with it whether there is an account: an unknown name costs what
 * the default scheme costs. Two of three tries may meet a busy machine. */
START_TEST(test_delay_begins_when_the_password_came)
{
    static const char *const ids[] = {"1", "2", "3"};
    int64_t hashing = 0, took = 0;
    bool hidden = false;

    begin(dovecot_session);
    say(HELLO);
    for (size_t i = 0; i < 3 && !hidden; i++) {
        hashing = hashing_ms();
        took = refused_after_ms(ids[i]);
        ck_assert_int_ge(took, DELAY_MS);
        hidden = took < DELAY_MS + hashing / 2;
    }
    ck_assert_msg(hidden, "%d ms: the %d ms of hashing show", (int)took, (int)hashing);
}
END_TEST

/* ---- require-tls */

static void
set_up_tls(void)
{
    authd_talk_init(&talk, "plaintext-networks = {\"198.51.100.0/24\"}");
}

START_TEST(test_passwords_without_tls_are_refused)
{
    begin(dovecot_session);
    say(HELLO "AUTH\t1\tPLAIN\tservice=imap\trip=192.0.2.1\tresp=" BOB "\n");
    expect("FAIL\t1\treason=TLS is needed to log in", 0);
    say("AUTH\t2\tLOGIN\tservice=imap\trip=2001:db8::1\n"); /* before the password is asked for */
    expect("FAIL\t2\treason=TLS is needed to log in", 0);
    say("AUTH\t3\tPLAIN\tservice=imap\tsecured\trip=192.0.2.1\tresp=" BOB "\n");
    expect("OK\t3\tuser=bob@home.test", 0);
    say("AUTH\t4\tPLAIN\tprotocol=imap\tsecured=tls\trip=192.0.2.1\tresp=" BOB "\n");
    expect("OK\t4\tuser=bob@home.test", 0);
    /* plaintext-networks */
    say("AUTH\t5\tPLAIN\tservice=imap\trip=198.51.100.7\tresp=" BOB "\n");
    expect("OK\t5\tuser=bob@home.test", 0);
    say("AUTH\t6\tPLAIN\tservice=imap\trip=198.51.101.7\tresp=" BOB "\n");
    expect("FAIL\t6\treason=TLS is needed to log in", 0);
    say("AUTH\t7\tPLAIN\tservice=imap\trip=127.0.0.1\tresp=" BOB "\n"); /* not listed here */
    expect("FAIL\t7\treason=TLS is needed to log in", 0);
    say("AUTH\t8\tPLAIN\tservice=imap\trip=nonsense\tresp=" BOB "\n");
    expect("FAIL\t8\treason=TLS is needed to log in", 0);
    /* On this machine, over no network at all. */
    say("AUTH\t9\tPLAIN\tservice=doveadm\tresp=" BOB "\n");
    expect("OK\t9\tuser=bob@home.test", 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("auth_session");
    TCase *delay = tcase_create("delay"), *tls = tcase_create("tls");

    tcase_add_checked_fixture(delay, set_up_delay, tear_down);
    tcase_set_timeout(delay, 120);
    tcase_add_test(delay, test_others_go_on_while_a_refusal_waits);
    tcase_add_test(delay, test_cancelled_refusal_is_never_said);
    tcase_add_test(delay, test_delay_begins_when_the_password_came);
    tcase_add_checked_fixture(tls, set_up_tls, tear_down);
    tcase_add_test(tls, test_passwords_without_tls_are_refused);
    suite_add_tcase(suite, shipped_case());
    suite_add_tcase(suite, delay);
    suite_add_tcase(suite, tls);
    return unit_main(suite);
}
