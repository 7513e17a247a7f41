/* Replies of other servers, read. */
#include "lmtp/lmtp_reply.h"

#include "tests/support/unit.h"

static const struct {
    const char *why, *line;
    unsigned code; /* 0: no reply */
    const char *enhanced, *text;
    bool more;
} rows[] = {
    {"Dovecot's", "250 2.0.0 <alice> ABC Saved\r", 250, "2.0.0", "<alice> ABC Saved", false},
    {"no enhanced code", "550 no such user\r", 550, "5.0.0", "no such user", false},
    {"the class of another code", "451 5.1.1 odd", 451, "4.0.0", "5.1.1 odd", false},
    {"code alone", "250\r", 250, "2.0.0", "", false},
    {"enhanced code alone", "250 2.1.5\r", 250, "2.1.5", "", false},
    {"long numbers", "452 4.123.456 full", 452, "4.123.456", "full", false},
    {"too long numbers", "452 4.1234.1 x", 452, "4.0.0", "4.1234.1 x", false},
    {"half a code", "452 4.2. x", 452, "4.0.0", "4.2. x", false},
    {"another line follows", "250-PIPELINING\r", 250, "2.0.0", "PIPELINING", true},
    {"354", "354 go on", 354, "3.0.0", "go on", false},
    {"control and 8-bit bytes", "250 2.0.0 a\tb\xc3\xa9\r", 250, "2.0.0", "a?b??", false},
    {"empty", "", 0, NULL, NULL, false},
    {"too short", "25\r", 0, NULL, NULL, false},
    {"no number", "abc x", 0, NULL, NULL, false},
    {"no code of SMTP", "199 x", 0, NULL, NULL, false},
    {"no code of SMTP", "600 x", 0, NULL, NULL, false},
    {"four digits", "2500 x", 0, NULL, NULL, false},
};

START_TEST(parse)
{
    struct lmtp_reply r;
    struct arena mem;
    bool more;

    arena_init(&mem, 4096);
    or_status st = lmtp_reply_parse(span_cstr(rows[_i].line), &mem, &r, &more);
    ck_assert_msg((st == OR_OK) == (rows[_i].code != 0), "%s", rows[_i].why);
    if (st == OR_OK) {
        ck_assert_uint_eq(r.code, rows[_i].code);
        ck_assert_str_eq(r.enhanced, rows[_i].enhanced);
        ck_assert_str_eq(r.text, rows[_i].text);
        ck_assert(more == rows[_i].more);
    }
    arena_fini(&mem);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_reply");
    TCase *t = tcase_create("parse");

    tcase_add_loop_test(t, parse, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
