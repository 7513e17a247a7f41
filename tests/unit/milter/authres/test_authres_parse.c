/*
 * Whose Authentication-Results field is this? A forged one that goes unrecognised is an open door.
 * And what does it say: RFC 8601 appendix B, and the forms that large sites and common filters
 * write.
 */
#include "milter/authres/authres_parse.h"

#include "common/base/buf.h"

#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *value;
    bool ours;
} rows[] = {
    {" mx.example.org; spf=pass", true},
    {" MX.Example.ORG; spf=pass", true},
    {" mx.example.org 1; none", true},
    {" mx.example.org. ; none", true},
    {"mx.example.org", true},
    {"\n\t mx.example.org;\n\tdkim=pass", true},
    {"\r\n\t mx.example.org;\r\n\tdkim=pass", true},
    {" (comment) mx.example.org (another); dmarc=pass", true},
    {" (a (nested) one) mx.example.org; dmarc=pass", true},
    {" \"mx.example.org\"; dmarc=pass", true},
    {" \"mx\\.example.org\"; dmarc=pass", true},
    {" mx.example.org(comment); dmarc=pass", true},
    {" mx.example.org/1; dmarc=pass", true},
    {" mx.example.org (c) / 1; dmarc=pass", true},
    {"\r\n\t(c)\r\n (d)\r\n\t\"MX.example.org.\"\r\n\t1\r\n\t; dmarc=pass", true},
    {" mx.example.org\t1 (version) ; dmarc=pass", true},
    {" mx.example.org=; dmarc=pass", true},
    /* RFC 8601 5: other hosts' fields are not ours to remove */
    {" other.example.org; spf=pass", false},
    {" mx.example.org.evil.test; spf=pass", false},
    {" notmx.example.org; spf=pass", false},
    {" other.test; spf=pass smtp.mailfrom=mx.example.org", false},
    {"", false},
    {" ;", false},
    /* what cannot be read but speaks of us counts as ours */
    {" \"mx.example.org; spf=pass", true},
    {" mx.example.org\"x\"; spf=pass", true},
    {" \"mx.example.or\"g; spf=pass", true},
    {" mx.example.\"or\\g\"; spf=pass", true},
    {" \"\r\nmx.example.org\"; spf=pass", true},
    {" (unclosed mx.example.org; spf=pass", true},
    {" ; mx.example.org; spf=pass", true},
};

START_TEST(test_claims_id)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(authres_claims_id(span_cstr(rows[i].value), SPAN_LIT("mx.example.org")) ==
                          rows[i].ours,
                      "row %zu: \"%s\"", i, rows[i].value);
}
END_TEST

START_TEST(test_nul_does_not_hide_the_id)
{
    static const char value[] = "(\0) mx.example.org; spf=pass";

    ck_assert(authres_claims_id(span_make(value, sizeof(value) - 1), SPAN_LIT("mx.example.org")));
}
END_TEST

/* Results in one line: "ID|VERSION|METHOD=RESULT reason=<...> type.name=value;..." */
static void
describe(const struct authres *found, struct buf *out)
{
    buf_addf(out, "%.*s|%.*s|", SPAN_ARG(found->id), SPAN_ARG(found->version));
    for (size_t i = 0; i < found->count; i++) {
        const struct authres_result *result = &found->results[i];

        buf_addf(out, "%.*s=%.*s", SPAN_ARG(result->method), SPAN_ARG(result->result));
        if (result->reason.n != 0)
            buf_addf(out, " reason=<%.*s>", SPAN_ARG(result->reason));
        for (size_t j = 0; j < result->property_count; j++)
            buf_addf(out, " %.*s.%.*s=%.*s", SPAN_ARG(result->properties[j].type),
                     SPAN_ARG(result->properties[j].name), SPAN_ARG(result->properties[j].value));
        buf_add_char(out, ';');
    }
    if (found->skipped != 0)
        buf_addf(out, " skipped %zu", found->skipped);
}

static void
check_reading(struct span value, const char *means)
{
    struct authres found;
    struct arena mem;
    struct buf out;
    struct err e;

    arena_init(&mem, 1 << 16);
    buf_init(&out, 4096);
    or_status st = authres_parse(value, &mem, &found, &e);
    if (st == OR_OK)
        describe(&found, &out);
    else
        buf_add_cstr(&out, or_status_name(st));
    ck_assert_span_eq(buf_span(&out), means);
    buf_fini(&out);
    arena_fini(&mem);
}

static const struct {
    const char *value;
    const char *means;
} readings[] = {
    /* RFC 8601 B.2 to B.7 */
    {" example.org 1; none", "example.org|1|"},
    {" example.com;\r\n spf=pass smtp.mailfrom=example.net",
     "example.com||spf=pass smtp.mailfrom=example.net;"},
    {" example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
     " spf=pass smtp.mailfrom=example.net",
     "example.com||auth=pass smtp.auth=sender@example.net;spf=pass smtp.mailfrom=example.net;"},
    {" example.com; dkim=pass reason=\"good signature\" header.i=@mail-router.example.net;"
     " dkim=fail reason=\"bad signature\" header.i=@newyork.example.com",
     "example.com||dkim=pass reason=<good signature> header.i=@mail-router.example.net;"
     "dkim=fail reason=<bad signature> header.i=@newyork.example.com;"},
    {" foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it)"
     " fail\r\n policy (A dot can go here) . (like that) expired\r\n (this surprised me) ="
     " (as I wasn't expecting it) 1362471462",
     "foo.example.net|1|dkim=fail policy.expired=1362471462;"},
    {" x; dkim=pass policy .a=1 policy. b=2 policy . c=3",
     "x||dkim=pass policy.a=1 policy.b=2 policy.c=3;"},
    /* RFC 5451: hardfail, domainkeys */
    {" example.com; sender-id=hardfail header.from=example.com; domainkeys=pass"
     " header.from=@example.com",
     "example.com||sender-id=hardfail header.from=example.com;"
     "domainkeys=pass header.from=@example.com;"},
    /* Gmail: header.i without header.d, base64 without quotes, a method of its own */
    {" mx.google.com;\r\n       dkim=pass header.i=@example.com header.s=s1 header.b=ab/Cd+9=;\r\n"
     "       spf=pass (google.com: domain of joe@example.com designates 192.0.2.1 as permitted"
     " sender) smtp.mailfrom=joe@example.com;\r\n       dmarc=pass (p=REJECT sp=REJECT dis=NONE)"
     " header.from=example.com;\r\n       dara=pass header.i=@gmail.com",
     "mx.google.com||dkim=pass header.i=@example.com header.s=s1 header.b=ab/Cd+9=;"
     "spf=pass smtp.mailfrom=joe@example.com;dmarc=pass header.from=example.com;"
     "dara=pass header.i=@gmail.com;"},
    /* Exchange Online: no id, properties without a type, no blank after semicolons */
    {" spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.com; dkim=pass (signature was"
     " verified)\r\n header.d=example.com;dmarc=pass action=none"
     " header.from=example.com;compauth=pass reason=100",
     "||spf=pass smtp.mailfrom=example.com;dkim=pass header.d=example.com;"
     "dmarc=pass .action=none header.from=example.com;compauth=pass reason=<100>;"},
    /* rspamd, OpenDKIM, OpenDMARC, amavis */
    {" mx.test;\n\tdkim=pass header.d=a.test header.s=s header.b=Ab12;\n\tspf=none (mx.test: domain"
     " of joe@a.test has no SPF policy when checking 192.0.2.1) smtp.mailfrom=joe@a.test;\n\t"
     "dmarc=pass (policy=none) header.from=a.test",
     "mx.test||dkim=pass header.d=a.test header.s=s header.b=Ab12;"
     "spf=none smtp.mailfrom=joe@a.test;dmarc=pass header.from=a.test;"},
    {" mx.test;\n\tdkim=pass (2048-bit key; unprotected) header.d=a.test header.i=@a.test"
     " header.a=rsa-sha256 header.s=s header.b=\"a/b\";\n\tdkim-atps=neutral",
     "mx.test||dkim=pass header.d=a.test header.i=@a.test header.a=rsa-sha256 header.s=s"
     " header.b=a/b;dkim-atps=neutral;"},
    {" mx.test; dmarc=fail (p=none dis=none) header.from=a.test",
     "mx.test||dmarc=fail header.from=a.test;"},
    {" mx.test (amavisd-new); dkim=pass (1024-bit key) reason=\"pass (just generated, assumed"
     " good)\" header.d=a.test",
     "mx.test||dkim=pass reason=<pass (just generated, assumed good)> header.d=a.test;"},
    /* a quoted local part, and ones that try to be a result */
    {" x; spf=pass smtp.mailfrom=\"a b\"@c.test; dkim=none",
     "x||spf=pass smtp.mailfrom=a b@c.test;dkim=none;"},
    {" x; spf=fail smtp.mailfrom=\"; dmarc=pass header.from=bank.test\"@c.test",
     "x||spf=fail smtp.mailfrom=; dmarc=pass header.from=bank.test@c.test;"},
    {" x; spf=fail reason=\"a \\\" ; dmarc=pass\"", "x||spf=fail reason=<a \" ; dmarc=pass>;"},
    {" x; spf=fail (; dmarc=pass (nested;)) smtp.helo=y", "x||spf=fail smtp.helo=y;"},
    /* CVE-2020-12272: a bracket in a domain begins a comment, here one that does not end */
    {" x; spf=fail smtp.mailfrom=a.test(.b.test; dmarc=pass", "malformed"},
    {" x; spf=fail smtp.mailfrom=\"a.test; dmarc=pass", "malformed"},
    {" (x; spf=fail", "malformed"},
    /* what cannot be read is left out, the rest stands */
    {" x; what is this; dkim=; =pass; spf=pass; ;; dmarc=pass header.from",
     "x||spf=pass; skipped 4"},
    {"", "||"},
    {";", "||"},
    {" \"x y\" ; spf=pass", "x y||spf=pass;"},
};

START_TEST(test_reading)
{
    check_reading(span_cstr(readings[_i].value), readings[_i].means);
}
END_TEST

START_TEST(test_reading_has_ceilings)
{
    static char many[AUTHRES_PARSE_MAX_BYTES + 1];
    size_t n = 1;

    memset(many, 'x', sizeof(many));
    check_reading(span_make(many, sizeof(many)), or_status_name(OR_LIMIT));
    for (size_t i = 0; i <= AUTHRES_PARSE_MAX_RESULTS; i++, n += 5)
        memcpy(many + n, ";a=b ", 5);
    check_reading(span_make(many, n), or_status_name(OR_LIMIT));
}
END_TEST

START_TEST(test_property_is_found_by_both_names)
{
    struct authres found;
    struct arena mem;

    arena_init(&mem, 1 << 16);
    ck_assert_int_eq(authres_parse(SPAN_LIT("x; dkim=pass smtp.d=no Header.D=yes header.d=late"),
                                   &mem, &found, NULL),
                     OR_OK);
    ck_assert_span_eq(authres_property(&found.results[0], "header", "d"), "yes");
    ck_assert_uint_eq(authres_property(&found.results[0], "header", "x").n, 0);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("authres_parse");
    TCase *tcase = tcase_create("claims_id");

    tcase_add_test(tcase, test_claims_id);
    tcase_add_test(tcase, test_nul_does_not_hide_the_id);
    tcase_add_loop_test(tcase, test_reading, 0, sizeof(readings) / sizeof(readings[0]));
    tcase_add_test(tcase, test_reading_has_ceilings);
    tcase_add_test(tcase, test_property_is_found_by_both_names);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
