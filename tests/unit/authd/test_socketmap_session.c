/*
 * Tables over a socket pair: netstrings as Postfix sends them, in one piece and in many.
 */
#include "authd/socketmap_session.h"

#include "authd/accounts/account_sql.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

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

static void
expect(const char *bytes)
{
    struct span got = authd_talk_bytes(&talk, strlen(bytes));

    ck_assert_span_eq(got, bytes);
}

static const struct {
    const char *said, *answer;
} rows[] = {
    {"23:mailboxes bob@home.test,", "16:OK bob@home.test,"},
    {"26:mailboxes nobody@home.test,", "9:NOTFOUND ,"},
    {"25:mailbox-domains home.test,", "12:OK home.test,"},
    {"24:mailbox-domains far.test,", "9:NOTFOUND ,"},
    {"22:aliases team@home.test,", "36:OK bob@home.test,eve+lists@home.test,"},
    {"17:aliases home.test,", "9:NOTFOUND ,"},           /* a bare domain: smtpd asks */
    {"10:aliases \"\",", "9:NOTFOUND ,"},                /* the null sender */
    {"25:mailboxes \"b b\"@home.test,", "9:NOTFOUND ,"}, /* quoted as SMTP has it */
    {"25:mailboxes \"bob\"@home.test,", "16:OK bob@home.test,"},
    {"27:mailboxes Bob+Ext@Home.TEST,", "16:OK bob@home.test,"}, /* cleanup keeps the case */
    {"22:senders team@home.test,", "30:OK bob@home.test,eve@home.test,"},
    {"23:senders bob+x@home.test,", "16:OK bob@home.test,"},
    {"18:senders x@far.test,", "9:NOTFOUND ,"},
    {"9:mailboxes,", "9:NOTFOUND ,"},
    {"10:mailboxes ,", "9:NOTFOUND ,"},
    {"1:x,", "18:TEMP no such table,"},
    {"0:,", "18:TEMP no such table,"},
    {"10:nonsense x,", "18:TEMP no such table,"},
};

START_TEST(test_answers)
{
    authd_talk_start(&talk, socketmap_session_run);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        authd_talk_say(&talk, span_cstr(rows[i].said));
        expect(rows[i].answer);
    }
}
END_TEST

START_TEST(test_all_at_once)
{
    authd_talk_start(&talk, socketmap_session_run);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        authd_talk_say(&talk, span_cstr(rows[i].said));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(rows[i].answer);
}
END_TEST

START_TEST(test_byte_by_byte)
{
    authd_talk_start(&talk, socketmap_session_run);
    for (const char *c = rows[0].said; *c != '\0'; c++)
        authd_talk_say(&talk, span_make(c, 1));
    expect(rows[0].answer);
}
END_TEST

START_TEST(test_what_is_no_netstring_ends_the_connection)
{
    static const char *const bad[] = {"x",      "03:abc,", "3:abcd", "99999999999:x",
                                      "8193:x", ":,",      "-1:"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        authd_talk_start(&talk, socketmap_session_run);
        authd_talk_say(&talk, span_cstr(bad[i]));
        ck_assert_msg(authd_talk_bytes(&talk, 1).n == 0, "%s", bad[i]);
        authd_talk_end(&talk);
    }
}
END_TEST

START_TEST(test_longest_key)
{
    char request[9000];
    size_t at = (size_t)snprintf(request, sizeof(request), "8192:mailboxes ");

    memset(request + at, 'a', 8192 - strlen("mailboxes "));
    memcpy(request + 5 + 8192, ",", 2);
    authd_talk_start(&talk, socketmap_session_run);
    authd_talk_say(&talk, span_cstr(request));
    expect("9:NOTFOUND ,");
}
END_TEST

static void
run_sql(const char *sql)
{
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
}

START_TEST(test_unreadable_store_is_temporary)
{
    run_sql("ALTER TABLE accounts RENAME TO hidden");
    authd_talk_start(&talk, socketmap_session_run);
    authd_talk_say(&talk, SPAN_LIT("23:mailboxes bob@home.test,"));
    expect("34:TEMP this table cannot be read now,");
    run_sql("ALTER TABLE hidden RENAME TO accounts");
    authd_talk_say(&talk, SPAN_LIT("23:mailboxes bob@home.test,"));
    expect("16:OK bob@home.test,");
}
END_TEST

/* Postfix takes 100,000 bytes; a list cut short would lose mail. */
START_TEST(test_alias_too_long_for_an_answer_is_temporary)
{
    run_sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
            " INSERT INTO aliases SELECT 'all@home.test', 'home.test',"
            " i || 'x@' || substr(hex(zeroblob(60)), 1, 60) || '.' ||"
            " substr(hex(zeroblob(60)), 1, 60) || '.test' FROM n");
    authd_talk_start(&talk, socketmap_session_run);
    authd_talk_say(&talk, SPAN_LIT("21:aliases all@home.test,"));
    expect("34:TEMP this table cannot be read now,");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("socketmap_session");
    TCase *tcase = tcase_create("conversations");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_answers);
    tcase_add_test(tcase, test_all_at_once);
    tcase_add_test(tcase, test_byte_by_byte);
    tcase_add_test(tcase, test_what_is_no_netstring_ends_the_connection);
    tcase_add_test(tcase, test_longest_key);
    tcase_add_test(tcase, test_unreadable_store_is_temporary);
    tcase_add_test(tcase, test_alias_too_long_for_an_answer_is_temporary);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
