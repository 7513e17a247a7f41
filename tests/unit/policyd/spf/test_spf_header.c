/* Received-SPF: the grammar of RFC 7208 9.1, and that nobody can get out of it. */
#include "policyd/spf/spf_header.h"
#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *ip, *helo, *sender, *receiver;
    enum spf_result result;
    enum spf_scope scope;
    const char *domain, *matched, *reason;
    const char *value;
} rows[] = {
    {"192.0.2.1", "foo.example.com", "myname@example.com", "mybox.example.org", SPF_PASS,
     SPF_SCOPE_MFROM, "example.com", "ip4:192.0.2.0/24", "",
     "pass (mybox.example.org: domain of example.com designates 192.0.2.1 as permitted sender)"
     " receiver=mybox.example.org; identity=mailfrom; client-ip=192.0.2.1;"
     " envelope-from=\"myname@example.com\"; helo=foo.example.com;"
     " mechanism=\"ip4:192.0.2.0/24\";"},
    /* The null path: the identity is named, so that nobody takes it for MAIL FROM (CVE-2019-20790).
     */
    {"2001:db8::1", "foo.example.com", "", "", SPF_FAIL, SPF_SCOPE_HELO, "foo.example.com", "-all",
     "",
     "fail (unknown: domain of foo.example.com does not designate 2001:db8::1 as permitted sender)"
     " receiver=unknown; identity=helo; client-ip=\"2001:db8::1\"; helo=foo.example.com;"
     " mechanism=-all;"},
    /* No header injection, no way out of comment or quoted string. */
    {"192.0.2.1", "x\r\nX-Evil: 1 \"; \\", "a\"b\\c\nd@example.com", "mx(.example", SPF_PERMERROR,
     SPF_SCOPE_MFROM, "example.com", "", "\"m\xc3\xb6o\": unknown\r\nmechanism",
     "permerror (mx\\(.example: domain of example.com has a faulty SPF record: not checked for"
     " 192.0.2.1) receiver=\"mx(.example\"; identity=mailfrom; client-ip=192.0.2.1;"
     " envelope-from=\"a\\\"b\\\\c?d@example.com\"; helo=\"x??X-Evil: 1 \\\"; \\\\\";"
     " problem=\"\\\"m??o\\\": unknown??mechanism\";"},
    {"192.0.2.1", ".a..b", "x@nonexistent", "mx.example", SPF_NONE, SPF_SCOPE_MFROM, "", "",
     "not a full domain name",
     "none (mx.example: the sender publishes no SPF record for 192.0.2.1) receiver=mx.example;"
     " identity=mailfrom; client-ip=192.0.2.1; envelope-from=\"x@nonexistent\"; helo=\".a..b\";"},
};

static void
set_query(struct spf_query *q, const char *ip)
{
    *q = (struct spf_query){.helo = SPAN_EMPTY};
    ck_assert_int_eq(ip_parse(span_cstr(ip), &q->ip), OR_OK);
}

START_TEST(test_format)
{
    struct spf_query q;
    struct spf_outcome o = {
        .result = rows[_i].result,
        .scope = rows[_i].scope,
        .domain = span_cstr(rows[_i].domain),
        .matched = {.term = span_cstr(rows[_i].matched)},
        .reason = span_cstr(rows[_i].reason),
    };
    struct buf out;

    set_query(&q, rows[_i].ip);
    q.helo = span_cstr(rows[_i].helo);
    q.sender = span_cstr(rows[_i].sender);
    q.receiver = span_cstr(rows[_i].receiver);
    buf_init(&out, SPF_HEADER_MAX_BYTES);
    spf_header_format(&q, &o, &out);
    ck_assert_int_eq(buf_finish(&out), OR_OK);
    ck_assert_span_eq(buf_span(&out), rows[_i].value);
    buf_fini(&out);
}
END_TEST

/* Every value as long and as full of quotes as can be: the line still fits, unbroken. */
START_TEST(test_longest)
{
    static char quotes[3000];
    struct spf_query q;
    struct buf out;

    memset(quotes, '"', sizeof(quotes));
    set_query(&q, "2001:db8:1111:2222:3333:4444:5555:6666");
    q.helo = q.sender = q.receiver = span_make(quotes, sizeof(quotes));
    for (int result = SPF_NONE; result <= SPF_PERMERROR; result++) {
        struct spf_outcome o = {
            .result = (enum spf_result)result,
            .domain = q.helo,
            .reason = q.helo,
        };
        if (result < SPF_TEMPERROR)
            o.matched.term = q.helo;
        buf_init(&out, SPF_HEADER_MAX_BYTES);
        spf_header_format(&q, &o, &out);
        ck_assert_int_eq(buf_finish(&out), OR_OK);
        ck_assert(!span_contains_byte(buf_span(&out), '\n'));
        buf_fini(&out);
    }
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("spf_header");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, test_format, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(c, test_longest);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
