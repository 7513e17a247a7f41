/* Notifications by mail: the list of RFC 5436 2.7. */
#include "lmtp/notification.h"

#include "tests/support/unit.h"

#include <string.h>

#define TEXT(s) ((char *)(uintptr_t)(s))

static struct arena mem;
static struct header_block header;
static struct sieve_notification how;
static struct recipient recipient;
static struct notification n;
static const struct lmtp_settings settings = {.hostname = TEXT("mx.example.org")};

static void
set_up(void)
{
    arena_init(&mem, (size_t)1 << 20);
    how = (struct sieve_notification){
        .to = {{SPAN_LIT("a@example.net"), SIEVE_NOTIFIED_TO},
               {SPAN_LIT("c@example.net"), SIEVE_NOTIFIED_CC},
               {SPAN_LIT("b@example.net"), SIEVE_NOTIFIED_TO},
               {SPAN_LIT("secret@example.net"), SIEVE_NOTIFIED_BCC}},
        .count = 4,
        .subject = SPAN_EMPTY,
        .body = SPAN_EMPTY,
        .from = SPAN_EMPTY,
        .message = SPAN_EMPTY,
        .importance = '2',
    };
    recipient = (struct recipient){.address = SPAN_LIT("alice+x@example.org"),
                                   .account_name = SPAN_LIT("alice@example.org")};
    n = (struct notification){.header = &header, .recipient = &recipient, .how = &how};
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

static const char *
format(const char *text)
{
    static struct buf out;
    const struct maildir_name name = {.when.tv_sec = 1795386070, .pid = 7, .sequence = 9};

    parse(text);
    buf_fini(&out);
    buf_init(&out, OWN_MESSAGE_MAX_BYTES);
    ck_assert_int_eq(notification_format(&n, &name, &settings, &mem, &out), OR_OK);
    buf_add_char(&out, '\0');
    return out.p;
}

START_TEST(test_message)
{
    ck_assert_str_eq(format("Subject: =?utf-8?Q?caf=C3=A9?=\nMessage-ID: <1@x>\n"
                            "Received: from nowhere\n"),
                     "Auto-Submitted: auto-notified; owner-email=\"alice@example.org\"\n"
                     "Date: Sun, 22 Nov 2026 22:21:10 +0000\n"
                     "Message-ID: <1795386070.7.9.notify@mx.example.org>\n"
                     "From: alice+x@example.org\n"
                     "To: a@example.net,\n b@example.net\n"
                     "Cc: c@example.net\n"
                     "Subject: =?utf-8?B?Y2Fmw6k=?=\n"
                     "In-Reply-To: <1@x>\n"
                     "References:\n <1@x>\n"
                     "MIME-Version: 1.0\n"
                     "Content-Type: text/plain; charset=utf-8\n"
                     "Content-Transfer-Encoding: 7bit\n"
                     "\n"
                     "A message has come.\n");
}
END_TEST

static const struct {
    const char *message, *subject, *body, *from, *account;
    char importance;
    const char *wants, *lacks; /* NULL: nothing */
} rows[] = {
    /* RFC 5436 2.7: :message, the URI's subject, the message's */
    {"m", "s", "", "", "a@b", '2', "\nSubject: m\n", NULL},
    {"", "s", "", "", "a@b", '2', "\nSubject: s\n", NULL},
    {"", "", "", "", "a@b", '2', "\nSubject: hello\n", "Importance"},
    {"", "", "one\r\ntwo", "", "a@b", '2', "\n\none\ntwo\n", "A message"},
    {"", "", "", "K <k@example.org>", "a@b", '2', "\nFrom: K <k@example.org>\n", "alice"},
    {"", "", "", "", "a@b", '1', "\nImportance: high\n", NULL},
    {"", "", "", "", "a@b", '3', "\nImportance: low\n", NULL},
    /* nothing begins a field */
    {"a\r\nBcc: x@y", "", "", "", "a@b", '2', "\nSubject: a  Bcc: x@y\n", "\nBcc"},
    {"", "", "", "", "a\"\n@b", '2', "owner-email=\"a\\\"?@b\"\n", NULL},
    {"", "", "", "", "a@b", '2', "\nTo: a@example.net", "secret"},
};

START_TEST(test_words)
{
    how.message = span_cstr(rows[_i].message);
    how.subject = span_cstr(rows[_i].subject);
    how.body = span_cstr(rows[_i].body);
    how.from = span_cstr(rows[_i].from);
    how.importance = rows[_i].importance;
    recipient.account_name = span_cstr(rows[_i].account);
    const char *text = format("Subject: hello\n");
    ck_assert_msg(strstr(text, rows[_i].wants) != NULL, "%s", text);
    ck_assert_msg(rows[_i].lacks == NULL || strstr(text, rows[_i].lacks) == NULL, "%s", text);
}
END_TEST

/* RFC 5436 2.7: <> stays <>; else :from, else the envelope's recipient. */
START_TEST(test_sender)
{
    ck_assert_span_eq(notification_sender(&n, SPAN_EMPTY, &mem), "");
    ck_assert_span_eq(notification_sender(&n, SPAN_LIT("s@example.com"), &mem),
                      "alice+x@example.org");
    how.from = SPAN_LIT("K <k@example.org>");
    ck_assert_span_eq(notification_sender(&n, SPAN_LIT("s@example.com"), &mem), "k@example.org");
}
END_TEST

START_TEST(test_suppressed)
{
    parse("Auto-Submitted: no\nSubject: x\n");
    ck_assert(!notification_is_suppressed(&header));
    parse("Subject: x\nAuto-Submitted: auto-notified; owner-email=\"a@b\"\n");
    ck_assert(notification_is_suppressed(&header));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("notification");
    TCase *tcase = tcase_create("rows");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_message);
    tcase_add_loop_test(tcase, test_words, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, test_sender);
    tcase_add_test(tcase, test_suppressed);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
