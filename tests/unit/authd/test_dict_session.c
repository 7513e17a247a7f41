/*
 * The dict protocol, byte for byte as Dovecot 2.3.19 and 2.4.1 were seen to speak it.
 */
#include "authd/dict_session.h"

#include "authd/accounts/account_sql.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <string.h>

#define HELLO "H3\t2\t0\t\toutrider\n"
#define BOB_USERDB "O{\"uid\":5000,\"gid\":5001,\"home\":\"/srv/mail/home.test/bob\"}\n"

static struct authd_talk talk;

static void
set_up(void)
{
    authd_talk_init(&talk, "listen dict { address = {\"unix:/nowhere/dict\"} }");
}

static void
tear_down(void)
{
    authd_talk_fini(&talk);
}

static void
expect(const char *bytes, int row)
{
    struct span got = authd_talk_bytes(&talk, strlen(bytes));

    ck_assert_msg(span_equal_cstr(got, bytes), "row %d: \"%.*s\" is not \"%s\"", row, SPAN_ARG(got),
                  bytes);
}

static void
say(const char *text)
{
    authd_talk_say(&talk, span_cstr(text));
}

static void
begin(const char *hello)
{
    authd_talk_start(&talk, dict_session_run);
    say(hello);
}

/* One conversation, in order. */
static const struct {
    const char *said, *answer;
} rows[] = {
    {"Lshared/userdb/bob@home.test\tbob@home.test\n", BOB_USERDB},
    {"Lshared/userdb/Bob@HOME.test\t\n", BOB_USERDB},
    {"Lshared/userdb/own@home.test\town@home.test\n",
     "O{\"uid\":2001,\"gid\":2002,\"home\":\"/srv/own\"}\n"},
    {"Lshared/userdb/nobody@home.test\t\n", "N\n"},
    {"Lshared/userdb/\t\n", "N\n"},
    {"Lshared/userdb/bob\\|x@home.test\t\n", "N\n"},
    {"Lshared/passdb/nobody@home.test\t\n", "N\n"},
    {"Lshared/passdb/off@home.test\t\n", "N\n"},  /* may not log in */
    {"Lshared/passdb/bare@home.test\t\n", "N\n"}, /* no password */
    {"Lnonsense\t\n", "Fkey \"nonsense\" begins neither with priv/ nor with shared/\n"},
    {"Lpriv/x\n", "Fkey below priv/ without a user\n"},
    {"I0\t0\tshared/userdb/\t*\n",
     "Oshared/userdb/bare@home.test\t\nOshared/userdb/bob@home.test\t\n"
     "Oshared/userdb/eve@home.test\t\nOshared/userdb/off@home.test\t\n"
     "Oshared/userdb/own@home.test\t\n\n"},
    {"I0\t2\tshared/userdb/\t*\n",
     "Oshared/userdb/bare@home.test\t\nOshared/userdb/bob@home.test\t\n\n"},
    /* names with values: 2.3's transaction */
    {"Lpriv/a/b\tbob\n", "N\n"},
    {"B1\tbob\nS1\tpriv/a/b\tv\x01t1\nC1\n", "O1\n"},
    {"Lpriv/a/b\tbob\n", "Ov\x01t1\n"},
    {"Lpriv/a/b\teve\n", "N\n"},
    {"I1\t0\tpriv/a\tbob\n", "Opriv/a/b\tv\x01t1\n\n"},
    /* 2.4's, with an expiry and a hint that the value is not for the log */
    {"B2\tbob\t60\nV2\t1\nT2\t1700000000\t0\nS2\tshared/n\t7\nC2\n", "O2\n"},
    {"Lshared/n\teve\n", "O7\n"},
    {"B3\nA3\tshared/n\t-10\nC3\n", "O3\n"},
    {"Lshared/n\n", "O-3\n"},
    {"B4\nA4\tshared/none\t1\nC4\n", "N4\n"},
    {"B5\tbob\nA5\tpriv/a/b\t1\nC5\n", "F5\tpriv/a/b is no number\n"},
    {"B6\tbob\nS6\tpriv/a/c\tw\nR6\nLpriv/a/c\tbob\n", "N\n"},
    {"B7\tbob\nS7\tpriv/a/c/d\tw\nS7\tpriv/a/c\tx\nD7\n", "AO7\n"},
    /* flags: whole tree, by value, no values, exactly this key */
    {"I0\t0\tpriv/a/\tbob\n", "Opriv/a/b\tv\x01t1\nOpriv/a/c\tx\n\n"},
    {"I1\t0\tpriv/a/\tbob\n", "Opriv/a/b\tv\x01t1\nOpriv/a/c\tx\nOpriv/a/c/d\tw\n\n"},
    {"I5\t2\tpriv/a/\tbob\n", "Opriv/a/b\tv\x01t1\nOpriv/a/c/d\tw\n\n"},
    {"I9\t0\tpriv/a/\tbob\n", "Opriv/a/b\t\nOpriv/a/c\t\nOpriv/a/c/d\t\n\n"},
    {"I16\t0\tpriv/a/c\tbob\n", "Opriv/a/c\tx\n\n"},
    {"B8\tbob\nU8\tpriv/a/b\nU8\tpriv/a/c\nU8\tpriv/a/c/d\nC8\n", "O8\n"},
    {"I1\t0\tpriv/\tbob\n", "\n"},
    /* accounts are changed elsewhere; all of the transaction is refused */
    {"B9\nS9\tshared/x\t1\nS9\tshared/passdb/bob@home.test\t{}\nC9\n",
     "F9\ta change was refused\n"},
    {"Lshared/x\n", "N\n"},
};

START_TEST(test_conversation)
{
    begin(HELLO);
    for (int i = 0; i < (int)(sizeof(rows) / sizeof(rows[0])); i++) {
        say(rows[i].said);
        expect(rows[i].answer, i);
    }
}
END_TEST

START_TEST(test_password_hash)
{
    begin("H4\t0\t0\t\toutrider\n");
    say("Lshared/passdb/bob@home.test\t\n");
    const char *line = authd_talk_line(&talk);
    ck_assert_msg(strncmp(line, "O{\"password\":\"{", 15) == 0, "%s", line);
    ck_assert_ptr_nonnull(strstr(line, "\"user\":\"bob@home.test\"}"));
}
END_TEST

/* Two dicts at one socket do not see each other. */
START_TEST(test_dicts_are_apart)
{
    begin(HELLO "B1\nS1\tshared/k\tv\nC1\n");
    expect("O1\n", 0);
    authd_talk_end(&talk);
    begin("H3\t2\t0\t\tother\nLshared/k\n");
    expect("N\n", 1);
    authd_talk_end(&talk);
    begin(HELLO "Lshared/k\n");
    expect("Ov\n", 2);
}
END_TEST

static const char *const breaks[] = {
    "Lshared/k\n",             /* no greeting */
    "H1\t0\t0\t\tx\n",         /* too old */
    "H5\t0\t0\t\tx\n",         /* too new */
    HELLO HELLO,               /* twice */
    HELLO "X\n",               /* unknown */
    HELLO "\n",                /* empty */
    HELLO "S1\tshared/k\tv\n", /* of no transaction */
    HELLO "C1\n",
    HELLO "B1\nB1\n",
    HELLO "Bx\n",
    HELLO "B1\tbob\tsoon\n",
    HELLO "Lshared/\x01\n", /* a broken escape */
    HELLO "B1\nA1\tshared/k\tmuch\n",
    HELLO "I\tx\n",
};

START_TEST(test_what_is_not_the_protocol_ends_the_connection)
{
    begin(breaks[_i]);
    ck_assert_msg(authd_talk_bytes(&talk, 1).n == 0, "row %d", _i);
}
END_TEST

START_TEST(test_unreadable_accounts_are_a_failure)
{
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, "ALTER TABLE accounts RENAME TO hidden",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    begin(HELLO "Lshared/userdb/bob@home.test\t\n");
    ck_assert_int_eq(authd_talk_line(&talk)[0], 'F');
    say("I0\t0\tshared/userdb/\t*\n");
    ck_assert_int_eq(authd_talk_line(&talk)[0], 'F');
}
END_TEST

/* As after a reload without `listen dict`: accounts are still found, what was stored is not. */
START_TEST(test_no_store)
{
    tear_down();
    authd_talk_init(&talk, "");
    begin(HELLO);
    say("Lpriv/a\tbob\nLshared/userdb/bob@home.test\t\nI0\t0\tpriv/\tbob\nB1\tbob\nS1\tpriv/"
        "a\tv\nC1\n");
    expect("Flisten dict is no longer configured\n" BOB_USERDB
           "Flisten dict is no longer configured\nF1\ta change was refused\n",
           0);
    authd_talk_end(&talk);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dict_session");
    TCase *tcase = tcase_create("conversations");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_conversation);
    tcase_add_test(tcase, test_password_hash);
    tcase_add_test(tcase, test_dicts_are_apart);
    tcase_add_test(tcase, test_no_store);
    tcase_add_loop_test(tcase, test_what_is_not_the_protocol_ends_the_connection, 0,
                        (int)(sizeof(breaks) / sizeof(breaks[0])));
    tcase_add_test(tcase, test_unreadable_accounts_are_a_failure);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
