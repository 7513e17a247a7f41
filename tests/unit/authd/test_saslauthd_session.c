/*
 * saslauthd's mux protocol, byte for byte as Cyrus SASL's client was seen to speak it.
 */
#include "authd/saslauthd_session.h"

#include "authd/accounts/account_sql.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

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

static const struct {
    struct span said;
    const char *word; /* the answer behind its two octets; "": none */
} rows[] = {
    {SPAN_INIT("\0\x0d"
               "bob@home.test\0\7pw word\0\4smtp\0\0"),
     "OK"},
    /* Cyrus SASL cuts the realm off the name when it is told to */
    {SPAN_INIT("\0\3bob\0\7pw word\0\4imap\0\x09home.test"), "OK"},
    {SPAN_INIT("\0\x0d"
               "bob@home.test\0\7pw word\0\4imap\0\x09other.org"),
     "OK"},
    {SPAN_INIT("\0\x0d"
               "bob@home.test\0\5wrong\0\4smtp\0\0"),
     "NO authentication failed"},
    {SPAN_INIT("\0\x0d"
               "off@home.test\0\7pw word\0\4smtp\0\0"),
     "NO authentication failed"},
    {SPAN_INIT("\0\x0e"
               "bare@home.test\0\0\0\4smtp\0\0"),
     "NO authentication failed"},
    {SPAN_INIT("\0\0\0\7pw word\0\4smtp\0\0"), "NO authentication failed"},
    {SPAN_INIT("\0\4bo\0b\0\7pw word\0\4smtp\0\x09home.test"), "NO authentication failed"},
    {SPAN_INIT("\2\1"), ""}, /* 513 octets of name */
};

static void
expect(const char *word, size_t row)
{
    struct span size = authd_talk_bytes(&talk, *word == '\0' ? 1 : 2);

    if (*word == '\0') {
        ck_assert_msg(size.n == 0, "row %zu", row);
        return;
    }
    ck_assert_msg(size.n == 2 && size.p[0] == 0 && (size_t)size.p[1] == strlen(word), "row %zu",
                  row);
    ck_assert_span_eq(authd_talk_bytes(&talk, strlen(word)), word);
    ck_assert_uint_eq(authd_talk_bytes(&talk, 1).n, 0);
}

START_TEST(test_answers)
{
    authd_talk_start(&talk, saslauthd_session_run);
    authd_talk_say(&talk, rows[_i].said);
    expect(rows[_i].word, (size_t)_i);
}
END_TEST

START_TEST(test_byte_by_byte)
{
    authd_talk_start(&talk, saslauthd_session_run);
    for (size_t i = 0; i < rows[0].said.n; i++)
        authd_talk_say(&talk, span_make(rows[0].said.p + i, 1));
    expect("OK", 0);
}
END_TEST

START_TEST(test_unreadable_store_is_no_answer)
{
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, "ALTER TABLE accounts RENAME TO hidden",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    authd_talk_start(&talk, saslauthd_session_run);
    authd_talk_say(&talk, rows[0].said);
    expect("", 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("saslauthd_session");
    TCase *tcase = tcase_create("conversations");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_answers, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, test_byte_by_byte);
    tcase_add_test(tcase, test_unreadable_store_is_no_answer);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
