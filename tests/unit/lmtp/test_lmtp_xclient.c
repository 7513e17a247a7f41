/* What a proxy says about its client. */
#include "lmtp/lmtp_xclient.h"

#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *why, *argument;
    const char *ip, *helo; /* NULL: not said; "": unavailable */
    bool malformed;
} rows[] = {
    {"Postfix's README", "NAME=spike.porcupine.org ADDR=168.100.189.2", "168.100.189.2", NULL,
     false},
    {"all that is announced", "NAME=a PORT=25 PROTO=ESMTP HELO=b.example ADDR=192.0.2.1 LOGIN=c",
     "192.0.2.1", "b.example", false},
    {"IPv6", "ADDR=IPV6:2001:db8::1", "2001:db8::1", NULL, false},
    {"lower case", "addr=ipv6:2001:db8::1 helo=x", "2001:db8::1", "x", false},
    {"unavailable", "ADDR=[UNAVAILABLE] HELO=[TEMPUNAVAIL]", "", "", false},
    {"xtext", "HELO=a+2Bb+3D", NULL, "a+b=", false},
    {"two blanks", "PORT=1  HELO=x", NULL, "x", false},
    {"nothing", "", NULL, NULL, true},
    {"unknown attribute", "SHOE=43", NULL, NULL, true},
    {"no value", "ADDR", NULL, NULL, true},
    {"no address", "ADDR=example.org", NULL, NULL, true},
    {"xtext cut off", "HELO=a+2", NULL, NULL, true},
    {"xtext in lower case", "HELO=a+2b", NULL, NULL, true},
    {"NUL in xtext", "HELO=a+00b", NULL, NULL, true},
};

START_TEST(row)
{
    struct lmtp_xclient c;
    char text[IP_TEXT_BYTES];
    or_status st = lmtp_xclient_parse(span_cstr(rows[_i].argument), &c);

    ck_assert_msg((st != OR_OK) == rows[_i].malformed, "%s", rows[_i].why);
    if (st != OR_OK)
        return;
    ck_assert_msg(c.has_ip == (rows[_i].ip != NULL), "%s", rows[_i].why);
    ck_assert_msg(c.has_helo == (rows[_i].helo != NULL), "%s", rows[_i].why);
    if (c.has_helo)
        ck_assert_str_eq(c.helo, rows[_i].helo);
    if (!c.has_ip)
        return;
    ck_assert_msg((c.ip.family == 0) == (rows[_i].ip[0] == '\0'), "%s", rows[_i].why);
    if (c.ip.family != 0) {
        ip_format(&c.ip, text);
        ck_assert_str_eq(text, rows[_i].ip);
    }
}
END_TEST

START_TEST(name_that_is_too_long)
{
    struct lmtp_xclient c;
    char argument[400] = "HELO=";

    memset(argument + 5, 'a', 300);
    ck_assert_int_ne(lmtp_xclient_parse(span_cstr(argument), &c), OR_OK);
    argument[5 + LMTP_XCLIENT_HELO_BYTES - 1] = '\0';
    ck_assert_int_eq(lmtp_xclient_parse(span_cstr(argument), &c), OR_OK);
    ck_assert_uint_eq(strlen(c.helo), LMTP_XCLIENT_HELO_BYTES - 1);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_xclient");
    TCase *t = tcase_create("parse");

    tcase_add_loop_test(t, row, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(t, name_that_is_too_long);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
