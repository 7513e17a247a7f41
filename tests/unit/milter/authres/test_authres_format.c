/*
 * Values of Authentication-Results (RFC 8601 2.2): nothing from outside may break out of its place.
 */
#include "milter/authres/authres_format.h"

#include "tests/support/unit.h"

static struct buf out;

static void
set_up(void)
{
    buf_init(&out, AUTHRES_MAX_BYTES);
}

static void
tear_down(void)
{
    buf_fini(&out);
}

START_TEST(test_whole_value)
{
    authres_format_start(&out, SPAN_LIT("mx.example.org"));
    authres_format_method(&out, "dkim", SPAN_LIT("pass"));
    authres_format_domain(&out, "header.d", SPAN_LIT("example.com"));
    authres_format_word(&out, "header.b", SPAN_LIT("ab/cd+ef"));
    authres_format_method(&out, "spf", SPAN_LIT("pass"));
    authres_format_address(&out, "smtp.mailfrom", SPAN_LIT("joe@example.com"));
    ck_assert_span_eq(buf_span(&out), " mx.example.org;\n\tdkim=pass header.d=example.com"
                                      " header.b=\"ab/cd+ef\";\n\tspf=pass"
                                      " smtp.mailfrom=joe@example.com");
}
END_TEST

START_TEST(test_reason_is_one_quoted_string)
{
    authres_format_reason(&out, SPAN_LIT("a \"b\" \\ c\r\nX-Evil: 1 \xc3\xbc"));
    ck_assert_span_eq(buf_span(&out), " reason=\"a ?b? ? c??X-Evil: 1 ??\"");
}
END_TEST

/* CVE-2020-12272: "example.net(.example.com" must not be printed as a domain. */
START_TEST(test_what_is_no_domain_is_left_out)
{
    static const char *const bad[] = {
        "example.net(.example.com", "a b", "x;dmarc=pass", "", ".", "a..b", "ex\r\nample",
        "m\xc3\xbcller.de"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        authres_format_domain(&out, "header.d", span_cstr(bad[i]));
        authres_format_address(&out, "smtp.mailfrom", span_cstr(bad[i]));
    }
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(test_long_lines_are_folded)
{
    authres_format_method(&out, "dkim", SPAN_LIT("fail"));
    authres_format_reason(&out, SPAN_LIT("the body hash does not match: the body was changed"));
    authres_format_domain(&out, "header.d", SPAN_LIT("example.com"));
    ck_assert_span_eq(buf_span(&out),
                      ";\n\tdkim=fail reason=\"the body hash does not match: the body was changed\""
                      "\n\t header.d=example.com");
}
END_TEST

START_TEST(test_odd_local_part_leaves_the_domain)
{
    authres_format_address(&out, "smtp.mailfrom", SPAN_LIT("a b;dmarc=pass@example.com"));
    ck_assert_span_eq(buf_span(&out), " smtp.mailfrom=example.com");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("authres_format");
    TCase *tcase = tcase_create("format");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_whole_value);
    tcase_add_test(tcase, test_reason_is_one_quoted_string);
    tcase_add_test(tcase, test_what_is_no_domain_is_left_out);
    tcase_add_test(tcase, test_long_lines_are_folded);
    tcase_add_test(tcase, test_odd_local_part_leaves_the_domain);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
