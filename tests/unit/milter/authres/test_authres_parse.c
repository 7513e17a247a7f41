/*
 * Whose Authentication-Results field is this? A forged one that goes unrecognised is an open door.
 */
#include "milter/authres/authres_parse.h"

#include "tests/support/unit.h"

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
    /* RFC 8601 5: other hosts' fields are not ours to remove */
    {" other.example.org; spf=pass", false},
    {" mx.example.org.evil.test; spf=pass", false},
    {" notmx.example.org; spf=pass", false},
    {" other.test; spf=pass smtp.mailfrom=mx.example.org", false},
    {"", false},
    {" ;", false},
    /* what cannot be read but speaks of us counts as ours */
    {" \"mx.example.org; spf=pass", true},
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

int
main(void)
{
    Suite *suite = suite_create("authres_parse");
    TCase *tcase = tcase_create("claims_id");

    tcase_add_test(tcase, test_claims_id);
    tcase_add_test(tcase, test_nul_does_not_hide_the_id);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
