/* The LMTP conversation: replies, their order, and what is refused. */
#include "lmtp/lmtp_session.h"

#include "tests/support/fake_userdb.h"
#include "tests/support/lmtp_talk.h"
#include "tests/support/unit.h"

#include <string.h>

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

#define LHLO "LHLO client.example\r\n"
#define MAIL "MAIL FROM:<sender@example.com>\r\n"
#define ALICE "RCPT TO:<alice@example.org>\r\n"
#define BOB "RCPT TO:<bob@example.org>\r\n"
#define NOBODY "RCPT TO:<nobody@example.org>\r\n"
#define TEXT "DATA\r\nSubject: x\r\n\r\nHello\r\n.\r\n"
#define QUIT "QUIT\r\n"
#define BYE "221/2.0.0"

static const struct {
    const char *why, *script, *replies;
} talks[] = {
    {"RFC 2033 4.2, pipelined as Postfix does", LHLO MAIL ALICE NOBODY BOB TEXT QUIT,
     "220 250 250/2.1.0 250/2.1.5 550/5.1.1 250/2.1.5 354 250/2.0.0 250/2.0.0 " BYE},
    {"RSET behind the dot, then another message",
     LHLO MAIL ALICE TEXT "RSET\r\n" MAIL BOB TEXT QUIT,
     "220 250 250/2.1.0 250/2.1.5 354 250/2.0.0 250/2.0.0 250/2.1.0 250/2.1.5 354 250/2.0.0 " BYE},
    {"the same recipient twice: two answers", LHLO MAIL ALICE ALICE TEXT QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 354 250/2.0.0 250/2.0.0 " BYE},
    {"null sender", LHLO "MAIL FROM:<>\r\n" ALICE TEXT QUIT,
     "220 250 250/2.1.0 250/2.1.5 354 250/2.0.0 " BYE},
    {"RFC 2033 4.1: no HELO, no EHLO", "HELO a\r\nEHLO a\r\n" QUIT, "220 500/5.5.1 500/5.5.1 " BYE},
    {"RFC 2033 4.2: DATA without a recipient; the empty message that may follow is no command",
     LHLO MAIL NOBODY "DATA\r\n.\r\nRSET\r\n" QUIT,
     "220 250 250/2.1.0 550/5.1.1 503/5.5.1 500/5.5.2 250/2.0.0 " BYE},
    {"MAIL refused: the rest of the burst falls through",
     LHLO "MAIL FROM:<a@b> SIZE=99999999\r\n" ALICE "DATA\r\n" QUIT,
     "220 250 552/5.3.4 503/5.5.1 503/5.5.1 " BYE},
    {"out of order", MAIL LHLO ALICE "DATA\r\n" MAIL MAIL QUIT,
     "220 503/5.5.1 250 503/5.5.1 503/5.5.1 250/2.1.0 503/5.5.1 " BYE},
    {"LHLO again ends the transaction", LHLO MAIL ALICE LHLO "DATA\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250 503/5.5.1 " BYE},
    {"RSET ends the transaction", LHLO MAIL ALICE "RSET\r\nDATA\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.0.0 503/5.5.1 " BYE},
    {"small commands", "NOOP x\r\nVRFY a\r\nRSET\r\nrset\r\n" QUIT,
     "220 250/2.0.0 252/2.5.0 250/2.0.0 250/2.0.0 " BYE},
    {"unknown, empty, bare LF, argument where none belongs",
     "STARTTLS\r\n\r\nNOOP\nRSET x\r\n" LHLO "LHLO\r\nDATA x\r\n" QUIT,
     "220 500/5.5.2 500/5.5.2 500/5.5.2 501/5.5.4 250 501/5.5.4 501/5.5.4 " BYE},
    {"recipient limit", LHLO MAIL ALICE ALICE ALICE ALICE ALICE ALICE TEXT QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 250/2.1.5 250/2.1.5 250/2.1.5 452/4.5.3 354 250/2.0.0 "
     "250/2.0.0 250/2.0.0 250/2.0.0 250/2.0.0 " BYE},
    {"userdb failures are temporary",
     LHLO MAIL "RCPT TO:<down@example.org>\r\nRCPT TO:<slow@example.org>\r\n" ALICE TEXT QUIT,
     "220 250 250/2.1.0 451/4.3.0 451/4.3.0 250/2.1.5 354 250/2.0.0 " BYE},
    {"never root's mailbox", LHLO MAIL "RCPT TO:<root@example.org>\r\n" QUIT,
     "220 250 250/2.1.0 451/4.3.5 " BYE},
    {"home that cannot be made: the others stand",
     LHLO MAIL ALICE "RCPT TO:<lost@example.org>\r\n" BOB TEXT QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 250/2.1.5 354 250/2.0.0 451/4.3.0 250/2.0.0 " BYE},
    {"smuggling: read to the true end, refused for everybody",
     LHLO MAIL ALICE BOB "DATA\r\na\n.\nMAIL FROM:<evil@b>\r\n.\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 354 550/5.6.11 550/5.6.11 " BYE},
    {"smuggling: CRLF . CR", LHLO MAIL ALICE "DATA\r\na\r\n.\rb\r\n.\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 354 550/5.6.11 " BYE},
    {"RFC 3030 4.1: one chunk, which needs no line end",
     LHLO MAIL ALICE "BDAT 4 LAST\r\na\r\nb" QUIT, "220 250 250/2.1.0 250/2.1.5 250/2.0.0 " BYE},
    {"RFC 3030 4.2: chunks, pipelined, a reply for each recipient behind the last",
     LHLO MAIL ALICE BOB "BDAT 3\r\na\r\nBDAT 3\r\nb\r\nBDAT 0 LAST\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 250/2.0.0 250/2.0.0 250/2.0.0 250/2.0.0 " BYE},
    {"a line end that two chunks share", LHLO MAIL ALICE "BDAT 2\r\na\rBDAT 1 last\r\n\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.0.0 250/2.0.0 " BYE},
    {"the bytes of a refused chunk are no commands",
     LHLO MAIL NOBODY "BDAT 6 LAST\r\nQUIT\r\nBDAT 6\r\nQUIT\r\n" QUIT,
     "220 250 250/2.1.0 550/5.1.1 503/5.5.1 503/5.5.1 " BYE},
    {"smuggling: dot and bare LF in a chunk",
     LHLO MAIL ALICE "BDAT 5\r\na\n.\r\nBDAT 3 LAST\r\n.\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.0.0 550/5.6.11 " BYE},
    {"smuggling: nobody knows where a chunk without size ends",
     LHLO MAIL ALICE "BDAT x LAST\r\n" MAIL, "220 250 250/2.1.0 250/2.1.5 501/5.5.4"},
    {"RFC 3030 2: RSET between chunks drops the message",
     LHLO MAIL ALICE "BDAT 3\r\na\r\nRSET\r\nBDAT 3 LAST\r\nb\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.0.0 250/2.0.0 503/5.5.1 " BYE},
    {"no RCPT, MAIL or DATA between chunks",
     LHLO MAIL ALICE "BDAT 3\r\na\r\n" BOB MAIL "DATA\r\nBDAT 0 LAST\r\n" QUIT,
     "220 250 250/2.1.0 250/2.1.5 250/2.0.0 503/5.5.1 503/5.5.1 503/5.5.1 250/2.0.0 " BYE},
    {"RFC 3030 3: a binary message cannot come by DATA",
     LHLO "MAIL FROM:<a@b> BODY=BINARYMIME\r\n" ALICE "DATA\r\nBDAT 3 LAST\r\n\n\r\r" QUIT,
     "220 250 250/2.1.0 250/2.1.5 503/5.5.1 550/5.6.11 " BYE},
    {"chunks over the limit: read to the last, refused once",
     LHLO "MAIL FROM:<a@b> SIZE=1\r\n" ALICE "BDAT 18446744073709551616\r\n",
     "220 250 250/2.1.0 250/2.1.5 501/5.5.4"},
    {"client leaves between chunks", LHLO MAIL ALICE "BDAT 3\r\na\r\n",
     "220 250 250/2.1.0 250/2.1.5 250/2.0.0 421/4.3.2"},
    {"UTF-8 without SMTPUTF8",
     LHLO MAIL "RCPT TO:<al\xc3\xad"
               "ce@example.org>\r\n" QUIT,
     "220 250 250/2.1.0 553/5.6.7 " BYE},
    {"client leaves in the middle of the message", LHLO MAIL ALICE "DATA\r\nSubject: x\r\n\r\nHel",
     "220"}, /* it is gone: what was to be said stays unsaid */
    {"client leaves between commands", LHLO MAIL, "220 250 250/2.1.0 421/4.3.2"},
};

START_TEST(conversation)
{
    const char *replies = lmtp_talk(&t, span_cstr(talks[_i].script));

    ck_assert_msg(strcmp(replies, talks[_i].replies) == 0, "%s: %s", talks[_i].why, replies);
}
END_TEST

START_TEST(lhlo_announces)
{
    lmtp_talk(&t, SPAN_LIT(LHLO QUIT));
    const char *expected =
        "220 mx.example.org LMTP outrider\r\n250-mx.example.org\r\n250-PIPELINING\r\n"
        "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SIZE 1048576\r\n250-CHUNKING\r\n"
        "250-BINARYMIME\r\n250 SMTPUTF8\r\n221 2.0.0 bye\r\n";
    ck_assert_msg(span_has_prefix(buf_span(&t.transcript), span_cstr(expected)), "%s",
                  t.transcript.p);
}
END_TEST

START_TEST(unknown_user_is_named)
{
    lmtp_talk(&t, SPAN_LIT(LHLO MAIL "RCPT TO:<\"no body\"+x@example.org>\r\n" QUIT));
    ck_assert_ptr_nonnull(strstr(t.transcript.p, "550 5.1.1 <\"no body\"@example.org> ") != NULL
                              ? t.transcript.p
                              : strstr(t.transcript.p, "501 5.1.3"));
    lmtp_talk(&t, SPAN_LIT(LHLO MAIL NOBODY QUIT));
    ck_assert_ptr_nonnull(strstr(t.transcript.p, "550 5.1.1 <nobody@example.org> no such user"));
}
END_TEST

START_TEST(line_longer_than_any_command)
{
    struct buf script;

    buf_init(&script, 1 << 20);
    buf_add_cstr(&script, "NOOP ");
    for (int i = 0; i < 100000; i++)
        buf_add_char(&script, 'x');
    buf_add_cstr(&script, "\r\nNOOP\r\n" QUIT);
    ck_assert_str_eq(lmtp_talk(&t, buf_span(&script)), "220 500/5.5.2 250/2.0.0 " BYE);
    buf_fini(&script);
}
END_TEST

START_TEST(too_many_errors)
{
    struct buf script;

    buf_init(&script, 1 << 16);
    for (int i = 0; i < 30; i++)
        buf_add_cstr(&script, "NONSENSE\r\n");
    const char *replies = lmtp_talk(&t, buf_span(&script));
    ck_assert_ptr_nonnull(strstr(replies, "500/5.5.2 421/4.7.0"));
    ck_assert_uint_eq(strlen(replies), 3 + 20 * 10 + 10);
    buf_fini(&script);
}
END_TEST

static void
add_message(struct buf *script, size_t body_bytes)
{
    buf_add_cstr(script, LHLO MAIL ALICE "DATA\r\nSubject: x\r\n\r\n");
    for (size_t i = 0; i < body_bytes; i += 64)
        buf_add_cstr(script, "..............................................................\r\n");
    buf_add_cstr(script, ".\r\n" QUIT);
}

/* No SIZE= was said: the limit is enforced on what comes. */
START_TEST(too_large_while_streaming)
{
    struct buf script;

    buf_init(&script, 8 << 20);
    add_message(&script, 2 << 20);
    ck_assert_str_eq(lmtp_talk(&t, buf_span(&script)),
                     "220 250 250/2.1.0 250/2.1.5 354 552/5.3.4 " BYE);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "new")), 0);
    ck_assert_uint_eq(temp_tree_count(lmtp_talk_path(&t, "alice", "tmp")), 0);
    buf_reset(&script);
    add_message(&script, 1000000);
    ck_assert_str_eq(lmtp_talk(&t, buf_span(&script)),
                     "220 250 250/2.1.0 250/2.1.5 354 250/2.0.0 " BYE);
    buf_fini(&script);
}
END_TEST

START_TEST(header_too_large)
{
    struct buf script;

    buf_init(&script, 1 << 20);
    buf_add_cstr(&script, LHLO MAIL ALICE "DATA\r\n");
    for (int i = 0; i < 3000; i++)
        buf_add_cstr(&script, "X-Long: 0123456789012345678901234567890123456789\r\n");
    buf_add_cstr(&script, "\r\nbody\r\n.\r\n" QUIT);
    ck_assert_str_eq(lmtp_talk(&t, buf_span(&script)),
                     "220 250 250/2.1.0 250/2.1.5 354 552/5.3.4 " BYE);
    buf_fini(&script);
}
END_TEST

START_TEST(userdb_connection_is_kept_between_messages)
{
    lmtp_talk(&t, SPAN_LIT(LHLO MAIL ALICE TEXT MAIL BOB TEXT QUIT));
    ck_assert_uint_eq(fake_userdb_connections(t.userdb), 1);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_session");
    TCase *tc = tcase_create("conversations");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, conversation, 0, sizeof(talks) / sizeof(talks[0]));
    tcase_add_test(tc, lhlo_announces);
    tcase_add_test(tc, unknown_user_is_named);
    tcase_add_test(tc, line_longer_than_any_command);
    tcase_add_test(tc, too_many_errors);
    tcase_add_test(tc, too_large_while_streaming);
    tcase_add_test(tc, header_too_large);
    tcase_add_test(tc, userdb_connection_is_kept_between_messages);
    suite_add_tcase(s, tc);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
