/* Vacation: who is answered (RFC 5230 4.5, 4.6; RFC 3834 2), once, and with what bytes. */
#include "lmtp/vacation.h"

#include "tests/support/unit.h"

#include <string.h>

#define TEXT(s) ((char *)(uintptr_t)(s))
#define TO_ALICE "From: Sam <sam@example.com>\nTo: Alice <alice@example.org>\n"

static struct arena mem;
static struct header_block header;
static struct sieve_vacation how;
static struct sieve_action action;
static struct recipient recipient;
static struct vacation v;
static const struct span aliases[] = {SPAN_INIT("sales@example.org"),
                                      SPAN_INIT(" Chef@Example.NET ")};
static const struct lmtp_settings settings = {.hostname = TEXT("mx.example.org")};

static void
set_up(void)
{
    arena_init(&mem, (size_t)4 << 20);
    how = (struct sieve_vacation){.period_s = 604800,
                                  .subject = SPAN_EMPTY,
                                  .from = SPAN_EMPTY,
                                  .handle = SPAN_EMPTY,
                                  .addresses = aliases,
                                  .address_count = 2,
                                  .fcc = {.folder = SPAN_EMPTY, .flags = SPAN_EMPTY}};
    action = (struct sieve_action){.kind = SIEVE_ANSWER,
                                   .target = SPAN_LIT("I am away."),
                                   .flags = SPAN_EMPTY,
                                   .vacation = &how};
    recipient = (struct recipient){.address = SPAN_LIT("alice+lists@example.org"),
                                   .account_name = SPAN_LIT("a.smith@example.org")};
    v = (struct vacation){.header = &header,
                          .sender = SPAN_LIT("sam@example.com"),
                          .recipient = &recipient,
                          .action = &action,
                          .detail_separator = '+'};
}

static void
tear_down(void)
{
    arena_fini(&mem);
}

static void
parse(const char *text)
{
    struct err e;

    ck_assert_int_eq(header_parse(span_cstr(text), &mem, &header, &e), OR_OK);
}

static const struct {
    const char *sender, *header;
    const char *self; /* NULL: no answer */
} rows[] = {
    {"sam@example.com", TO_ALICE, "alice@example.org"},
    /* RFC 5230 4.5: the owner's address, one with detail, the account's, one of :addresses */
    {"sam@example.com", "To: ALICE+Lists@Example.ORG\n", "ALICE+Lists@Example.ORG"},
    {"sam@example.com", "Cc: x@y.example,\n a.smith@example.org\n", "a.smith@example.org"},
    {"sam@example.com", "Bcc: sales@example.org\n", "sales@example.org"},
    {"sam@example.com", "Resent-To: chef@example.net\n", "chef@example.net"},
    {"sam@example.com", "Resent-Cc: chef@example.net\n", "chef@example.net"},
    {"sam@example.com", "Resent-Bcc: Alice <alice@example.org>\n", "alice@example.org"},
    {"sam@example.com", "To: bob@example.org\nTo: alice@example.org\n", "alice@example.org"},
    {"sam@example.com", "To: bob@example.org\n", NULL},
    {"sam@example.com", "From: alice@example.org\n", NULL},
    {"sam@example.com", "To: alice@example.com\n", NULL},
    {"sam@example.com", "To: alice+other@example.org\n", NULL},
    {"sam@example.com", "To: undisclosed-recipients:;\n", NULL},
    {"sam@example.com", "To: <alice@example.org\n", NULL}, /* no list that all read alike */
    {"sam@example.com", "", NULL},
    /* RFC 3834 2: nobody, programs, the owner */
    {"", TO_ALICE, NULL},
    {"sam", TO_ALICE, NULL},
    {"MAILER-DAEMON@example.com", TO_ALICE, NULL},
    {"listserv@example.com", TO_ALICE, NULL},
    {"Majordomo@example.com", TO_ALICE, NULL},
    {"owner-gardeners@example.com", TO_ALICE, NULL},
    {"gardeners-owner@example.com", TO_ALICE, NULL},
    {"gardeners-request@example.com", TO_ALICE, NULL},
    {"gardeners-bounces@example.com", TO_ALICE, NULL},
    {"request@example.com", TO_ALICE, "alice@example.org"},
    {"alice@example.org", TO_ALICE, NULL},
    {"A.Smith@example.org", TO_ALICE, NULL},
    {"sales@example.org", TO_ALICE, NULL},
    /* RFC 5230 4.6, RFC 2369, RFC 2919 */
    {"sam@example.com", TO_ALICE "List-Id: <a.example.com>\n", NULL},
    {"sam@example.com", "LIST-UNSUBSCRIBE: <https://example.com/>\n" TO_ALICE, NULL},
    {"sam@example.com", TO_ALICE "Listing: x\n", "alice@example.org"},
    /* RFC 3834 5 */
    {"sam@example.com", TO_ALICE "Auto-Submitted: auto-replied\n", NULL},
    {"sam@example.com", TO_ALICE "Auto-Submitted: auto-generated (cron)\n", NULL},
    {"sam@example.com", TO_ALICE "Auto-Submitted: no\nAuto-Submitted: auto-notified\n", NULL},
    {"sam@example.com", TO_ALICE "Auto-Submitted: nobody-knows\n", NULL},
    {"sam@example.com", TO_ALICE "Auto-Submitted:\n", NULL},
    {"sam@example.com", TO_ALICE "Auto-Submitted: No\n", "alice@example.org"},
    {"sam@example.com", TO_ALICE "Auto-Submitted: (by hand) no; x=y\n", "alice@example.org"},
    {"sam@example.com", TO_ALICE "Precedence: Bulk\n", NULL},
    {"sam@example.com", TO_ALICE "Precedence: junk \n", NULL},
    {"sam@example.com", TO_ALICE "Precedence: list\n", NULL},
    {"sam@example.com", TO_ALICE "Precedence: first-class\n", "alice@example.org"},
    {"sam@example.com", TO_ALICE "X-Auto-Response-Suppress: DR, OOF\n", NULL},
    {"sam@example.com", TO_ALICE "X-Auto-Response-Suppress: All\n", NULL},
    {"sam@example.com", TO_ALICE "X-Auto-Response-Suppress: DR\n", "alice@example.org"},
};

START_TEST(test_who_is_answered)
{
    struct span self = SPAN_EMPTY;

    parse(rows[_i].header);
    v.sender = span_cstr(rows[_i].sender);
    const char *refusal = vacation_refusal(&v, &mem, &self);
    if (rows[_i].self == NULL) {
        ck_assert_ptr_nonnull(refusal);
        return;
    }
    ck_assert_msg(refusal == NULL, "%s", refusal);
    ck_assert_msg(span_equal_cstr(self, rows[_i].self), "%.*s", SPAN_ARG(self));
}
END_TEST

START_TEST(test_no_detail_without_separator)
{
    struct span self;

    parse(TO_ALICE);
    v.detail_separator = '\0';
    ck_assert_ptr_nonnull(vacation_refusal(&v, &mem, &self));
}
END_TEST

static const char *
key(void)
{
    static char out[2][SCRIPT_MEMORY_KEY_BYTES];
    static int turn;

    turn = !turn;
    vacation_key(&v, out[turn]);
    return out[turn];
}

/* RFC 5230 4.2: what makes two answers the same. */
START_TEST(test_key)
{
    char first[SCRIPT_MEMORY_KEY_BYTES];

    vacation_key(&v, first);
    v.sender = SPAN_LIT("SAM@Example.com");
    ck_assert_str_eq(key(), first);
    v.sender = SPAN_LIT("sue@example.com");
    ck_assert_str_ne(key(), first);
    v.sender = SPAN_LIT("sam@example.com");
    recipient.account_name = SPAN_LIT("b.smith@example.org");
    ck_assert_str_ne(key(), first);
    recipient.account_name = SPAN_LIT("a.smith@example.org");
    how.period_s = 1; /* another period is no other answer */
    how.address_count = 0;
    ck_assert_str_eq(key(), first);
    how.mime = true;
    ck_assert_str_ne(key(), first);
    how.mime = false;
    how.subject = SPAN_LIT("I am away.");
    ck_assert_str_ne(key(), first);
    how.subject = SPAN_EMPTY;
    action.target = SPAN_LIT("I am still away.");
    ck_assert_str_ne(key(), first);
    how.handle = SPAN_LIT("holiday");
    vacation_key(&v, first);
    action.target = SPAN_LIT("nearly back");
    how.subject = SPAN_LIT("nearly");
    ck_assert_str_eq(key(), first);
    how.handle = SPAN_LIT("Holiday");
    ck_assert_str_ne(key(), first);
}
END_TEST

static const char *
format(const char *text)
{
    static struct buf out;
    const struct maildir_name name = {.when.tv_sec = 1795386070, .pid = 7, .sequence = 9};

    parse(text);
    buf_fini(&out);
    buf_init(&out, OWN_MESSAGE_MAX_BYTES);
    ck_assert_int_eq(
        vacation_format(&v, SPAN_LIT("alice@example.org"), &name, &settings, &mem, &out), OR_OK);
    buf_add_char(&out, '\0');
    return out.p;
}

START_TEST(test_message)
{
    ck_assert_str_eq(format(TO_ALICE "Subject: =?utf-8?Q?caf=C3=A9?=\n at 5\nMessage-ID: <1@x>\n"
                                     "References: <a@x>\n <b@x> junk <c d@x>\n"),
                     "Date: Sun, 22 Nov 2026 22:21:10 +0000\n"
                     "Message-ID: <1795386070.7.9.vacation@mx.example.org>\n"
                     "From: alice@example.org\n"
                     "To: sam@example.com\n"
                     "Subject: =?utf-8?B?QXV0bzogY2Fmw6kgYXQgNQ==?=\n"
                     "In-Reply-To: <1@x>\n"
                     "References:\n <a@x>\n <b@x>\n <1@x>\n"
                     "Auto-Submitted: auto-replied (vacation)\n"
                     "Precedence: bulk\n"
                     "MIME-Version: 1.0\n"
                     "Content-Type: text/plain; charset=utf-8\n"
                     "Content-Transfer-Encoding: 7bit\n"
                     "\n"
                     "I am away.\n");
}
END_TEST

static const struct {
    const char *subject, *from, *reason, *header;
    bool mime;
    const char *wants, *lacks; /* NULL: nothing */
} words[] = {
    {"Gone", "", "x", TO_ALICE "Subject: hello\n", false, "\nSubject: Gone\n", "hello"},
    {"", "", "x", TO_ALICE, false, "\nSubject: Automated reply\n", "In-Reply-To"},
    {"", "", "x", TO_ALICE "Message-ID: none\n", false, "\n\nx\n", "In-Reply-To"},
    {"", "Ken <ken@example.org>", "x", TO_ALICE, false, "\nFrom: Ken <ken@example.org>\n", NULL},
    {"", "\"K\xc3\xa4n\" <ken@example.org>", "x", TO_ALICE, false,
     "\nFrom: =?utf-8?B?S8Okbg==?=\n <ken@example.org>\n", NULL},
    /* nothing of the owner's or the sender's begins a field */
    {"a\r\nBcc: x@y", "", "x", TO_ALICE, false, "\nSubject: a  Bcc: x@y\n", "\nBcc"},
    {"", "a\n b <k@example.org>", "x", TO_ALICE, false, "\nFrom: a? b <k@example.org>\n", NULL},
    {"", "", "x", TO_ALICE "Subject: =?utf-8?Q?a=0ABcc:_x?=\n", false,
     "\nSubject: Auto: a Bcc: x\n", "\nBcc"},
    {"", "", "x", TO_ALICE "Message-ID: <a\x01@b>\n", false, "\n\nx\n", "In-Reply-To"},
    /* line ends, dots and all */
    {"", "", "one\r\ntwo\n.\n", TO_ALICE, false, "\n\none\ntwo\n.\n", "\r"},
    {"", "", "gr\xc3\xbc\xc3\x9f", TO_ALICE, false, "\nContent-Transfer-Encoding: 8bit\n", NULL},
    /* RFC 5230 4.1: the entity's own fields, and no others */
    {"", "", "Content-Type: text/html\nTo: everybody@example.org\n\n<p>", TO_ALICE, true,
     "\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>\n", "everybody"},
    {"", "", "no fields", TO_ALICE, true, "\nMIME-Version: 1.0\n\nno fields\n", "text/plain"},
};

START_TEST(test_words)
{
    how.subject = span_cstr(words[_i].subject);
    how.from = span_cstr(words[_i].from);
    how.mime = words[_i].mime;
    action.target = span_cstr(words[_i].reason);
    const char *text = format(words[_i].header);
    ck_assert_msg(strstr(text, words[_i].wants) != NULL, "%s", text);
    ck_assert_msg(words[_i].lacks == NULL || strstr(text, words[_i].lacks) == NULL, "%s", text);
}
END_TEST

/* RFC 5322 2.1.1: no line over 998 bytes, no character torn. */
START_TEST(test_long_lines)
{
    static char reason[4001];
    const char *line, *end;

    for (size_t i = 0; i < 4000; i += 2)
        memcpy(reason + i, "\xc3\xa4", 2);
    reason[1] = 'x'; /* so that the edge is within a character */
    reason[0] = 'x';
    reason[2] = 'x';
    action.target = span_make(reason, 4000);
    how.subject = span_make(reason + 4, 3996);
    line = format(TO_ALICE "References: <a@x> <a@x> <a@x>\nMessage-ID: <b@x>\n");
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
        ck_assert_int_le(end - line, 998);
    ck_assert_str_eq(line, "");
}
END_TEST

START_TEST(test_too_long)
{
    const struct maildir_name name = {.sequence = 1};
    struct buf out;

    parse(TO_ALICE);
    buf_init(&out, 100);
    ck_assert_int_eq(
        vacation_format(&v, SPAN_LIT("alice@example.org"), &name, &settings, &mem, &out), OR_LIMIT);
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("vacation");
    TCase *tcase = tcase_create("rows");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_who_is_answered, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, test_no_detail_without_separator);
    tcase_add_test(tcase, test_key);
    tcase_add_test(tcase, test_message);
    tcase_add_loop_test(tcase, test_words, 0, (int)(sizeof(words) / sizeof(words[0])));
    tcase_add_test(tcase, test_long_lines);
    tcase_add_test(tcase, test_too_long);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
