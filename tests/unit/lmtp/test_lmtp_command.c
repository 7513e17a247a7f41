/* Command lines, MAIL and RCPT with parameters. */
#include "lmtp/lmtp_command.h"

#include "tests/support/unit.h"

static struct arena mem;

static void
setup(void)
{
    arena_init(&mem, 65536);
}

static void
teardown(void)
{
    arena_fini(&mem);
}

#define LINE(s)                                                                                    \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

static const struct {
    struct span line;
    or_status st;
    const char *verb, *argument;
} lines[] = {
    {LINE("QUIT\r"), OR_OK, "QUIT", ""},
    {LINE("rcpt TO:<a@b> X=1 \r"), OR_OK, "rcpt", "TO:<a@b> X=1"},
    {LINE("NOOP   a\r"), OR_OK, "NOOP", "a"},
    {LINE("\r"), OR_OK, "", ""},
    {LINE("QUIT"), OR_MALFORMED, NULL, NULL}, /* a bare LF ended it */
    {LINE(""), OR_MALFORMED, NULL, NULL},
    {LINE("NOOP a\rb\r"), OR_MALFORMED, NULL, NULL},
    {LINE("NOOP a\0b\r"), OR_MALFORMED, NULL, NULL},
    {LINE("MAIL\tFROM:<>\r"), OR_MALFORMED, NULL, NULL},
};

START_TEST(split_line)
{
    struct lmtp_command c;

    ck_assert_int_eq(lmtp_command_split(lines[_i].line, &c), lines[_i].st);
    if (lines[_i].st != OR_OK)
        return;
    ck_assert_span_eq(c.verb, lines[_i].verb);
    ck_assert_span_eq(c.argument, lines[_i].argument);
}
END_TEST

static const struct {
    const char *argument;
    unsigned refusal; /* 0: taken */
    const char *local, *domain;
    uint64_t size;
    bool eight_bit, smtputf8;
} mails[] = {
    {"FROM:<bob@example.com> SIZE=312 BODY=8BITMIME", 0, "bob", "example.com", 312, true, false},
    {"FROM:<>", 0, "", "", 0, false, false},
    {"from:<bob@example.com> body=7bit", 0, "bob", "example.com", 0, false, false},
    {"FROM: <bob@example.com>", 0, "bob", "example.com", 0, false, false},
    {"FROM:<\"a b\"@example.com>", 0, "a b", "example.com", 0, false, false},
    {"FROM:<b\xc3\xbc@example.com> SMTPUTF8", 0, "b\xc3\xbc", "example.com", 0, false, true},
    {"FROM:<a@b> SIZE=18446744073709551616", 0, "a", "b", UINT64_MAX, false, false},
    {"FROM:<b\xc3\xbc@example.com>", 553, NULL, NULL, 0, false, false},
    {"FROM:<b\xc3@example.com> SMTPUTF8", 501, NULL, NULL, 0, false, false},
    {"FROM:bob@example.com", 501, NULL, NULL, 0, false, false},
    {"FROM:<bob@example.com", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b>SIZE=1", 501, NULL, NULL, 0, false, false},
    {"FROM:", 501, NULL, NULL, 0, false, false},
    {"TO:<a@b>", 501, NULL, NULL, 0, false, false},
    {"", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b> SIZE=-1", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b> SIZE=", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b> SIZE", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b> SIZE=123456789012345678901", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b> SIZE=1 SIZE=1", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b> BODY=BINARYMIME", 0, "a", "b", 0, false, false},
    {"FROM:<a@b> BODY=BINARY", 501, NULL, NULL, 0, false, false},
    {"FROM:<a@b> SMTPUTF8=yes", 501, NULL, NULL, 0, false, false},
    /* RFC 5321 4.1.1.11; DSN and AUTH are not offered. */
    {"FROM:<a@b> RET=HDRS", 555, NULL, NULL, 0, false, false},
    {"FROM:<a@b> ENVID=x", 555, NULL, NULL, 0, false, false},
    {"FROM:<a@b> AUTH=<>", 555, NULL, NULL, 0, false, false},
};

START_TEST(mail)
{
    struct lmtp_mail m;
    struct lmtp_reply r = {0};
    or_status st = lmtp_command_mail(span_cstr(mails[_i].argument), &mem, &m, &r);

    ck_assert_msg(r.code == mails[_i].refusal, "%s: %u", mails[_i].argument, r.code);
    ck_assert_int_eq(st, mails[_i].refusal == 0 ? OR_OK : OR_MALFORMED);
    if (st != OR_OK)
        return;
    ck_assert_span_eq(m.reverse_path.local, mails[_i].local);
    ck_assert_span_eq(m.reverse_path.domain, mails[_i].domain);
    ck_assert_uint_eq(m.size_bytes, mails[_i].size);
    ck_assert_int_eq(m.eight_bit, mails[_i].eight_bit);
    ck_assert_int_eq(m.smtputf8, mails[_i].smtputf8);
}
END_TEST

static const struct {
    const char *argument;
    bool smtputf8;
    unsigned refusal;
    const char *local, *domain;
} rcpts[] = {
    {"TO:<alice@example.com>", false, 0, "alice", "example.com"},
    {"TO:<@relay.example:alice@example.com>", false, 0, "alice", "example.com"},
    {"TO:<\"a@b\"@example.com>", false, 0, "a@b", "example.com"},
    {"TO:<b\xc3\xbc@example.com>", true, 0, "b\xc3\xbc", "example.com"},
    {"TO:<b\xc3\xbc@example.com>", false, 553, NULL, NULL},
    {"TO:<>", false, 501, NULL, NULL},
    {"TO:<a@b> ORCPT=rfc822;a@b", false, 555, NULL, NULL},
    {"TO:<a@b> NOTIFY=NEVER", false, 555, NULL, NULL},
    {"FROM:<a@b>", false, 501, NULL, NULL},
    {"TO:a@b", false, 501, NULL, NULL},
};

START_TEST(rcpt)
{
    struct addr a;
    struct lmtp_reply r = {0};
    or_status st =
        lmtp_command_rcpt(span_cstr(rcpts[_i].argument), rcpts[_i].smtputf8, &mem, &a, &r);

    ck_assert_msg(r.code == rcpts[_i].refusal, "%s: %u", rcpts[_i].argument, r.code);
    if (st != OR_OK)
        return;
    ck_assert_span_eq(a.local, rcpts[_i].local);
    ck_assert_span_eq(a.domain, rcpts[_i].domain);
}
END_TEST

static const struct {
    const char *argument;
    bool ok, is_last;
    uint64_t size_bytes;
} chunks[] = {
    {"0", true, false, 0},
    {"1000 LAST", true, true, 1000},
    {"5 last", true, true, 5},
    {"18446744073709551615", true, false, UINT64_MAX},
    {"18446744073709551616", false, false, 0},
    {"", false, false, 0},
    {"LAST", false, false, 0},
    {"-1", false, false, 0},
    {"0x10", false, false, 0},
    {"1 LASTLY", false, false, 0},
    {"1 LAST 2", false, false, 0},
};

START_TEST(bdat)
{
    struct lmtp_chunk c = {.size_bytes = 77};
    or_status st = lmtp_command_bdat(span_cstr(chunks[_i].argument), &c);

    ck_assert_msg((st == OR_OK) == chunks[_i].ok, "%s", chunks[_i].argument);
    ck_assert_uint_eq(c.size_bytes, chunks[_i].ok ? chunks[_i].size_bytes : 77);
    ck_assert(c.is_last == chunks[_i].is_last);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_command");
    TCase *t = tcase_create("commands");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, split_line, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_loop_test(t, mail, 0, sizeof(mails) / sizeof(mails[0]));
    tcase_add_loop_test(t, rcpt, 0, sizeof(rcpts) / sizeof(rcpts[0]));
    tcase_add_loop_test(t, bdat, 0, sizeof(chunks) / sizeof(chunks[0]));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
