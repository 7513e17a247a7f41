/* Regular expressions: what matches, what is refused, and what would take for ever. */
#include "common/text/pattern.h"

#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static struct pattern *
compile(const char *text)
{
    struct pattern *p = NULL;
    struct err e;

    ck_assert_msg(pattern_compile(span_cstr(text), PATTERN_ANY_CASE, &p, &e) == OR_OK, "%s",
                  e.text);
    return p;
}

START_TEST(matches)
{
    static const struct {
        const char *pattern, *subject;
        or_status status;
    } rows[] = {
        {"^news-.*@example\\.org$", "News-17@Example.ORG", OR_OK},
        {"^news-.*@example\\.org$", "old-news-17@example.org", OR_ABSENT},
        {"@(a|b)\\.test$", "x@b.test", OR_OK},
        {"gr\xc3\xbcn", "GR\xc3\x9cN@x", OR_OK},
        {"x", "\xff\xfe", OR_ABSENT}, /* no UTF-8 */
        {"", "", OR_OK},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pattern *p = compile(rows[i].pattern);

        ck_assert_msg(pattern_match(p, span_cstr(rows[i].subject)) == rows[i].status, "row %zu", i);
        pattern_free(p);
    }
}
END_TEST

START_TEST(letters_count_when_they_must)
{
    struct pattern *p;

    ck_assert_int_eq(pattern_compile(SPAN_LIT("abc"), PATTERN_EXACT_CASE, &p, NULL), OR_OK);
    ck_assert_int_eq(pattern_match(p, SPAN_LIT("xabcx")), OR_OK);
    ck_assert_int_eq(pattern_match(p, SPAN_LIT("ABC")), OR_ABSENT);
    pattern_free(p);
}
END_TEST

START_TEST(faults_are_named)
{
    static char huge[PATTERN_MAX_BYTES + 1];
    struct pattern *p = NULL;
    struct err e;

    ck_assert_int_eq(pattern_compile(SPAN_LIT("a(b"), PATTERN_ANY_CASE, &p, &e), OR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(e.text, "at byte"));
    ck_assert_int_eq(pattern_compile(SPAN_LIT("\xff"), PATTERN_ANY_CASE, &p, &e), OR_MALFORMED);
    memset(huge, 'a', sizeof(huge));
    ck_assert_int_eq(pattern_compile(span_make(huge, sizeof(huge)), PATTERN_ANY_CASE, &p, &e),
                     OR_LIMIT);
    ck_assert_ptr_null(p);
}
END_TEST

START_TEST(no_subject_takes_for_ever)
{
    static char subject[PATTERN_MAX_SUBJECT_BYTES + 1];
    struct pattern *p = compile("^(a+)+$");

    memset(subject, 'a', sizeof(subject));
    ck_assert_int_eq(pattern_match(p, span_make(subject, sizeof(subject))), OR_ABSENT);
    subject[40] = 'b';
    ck_assert_int_eq(pattern_match(p, span_make(subject, 41)), OR_LIMIT);
    pattern_free(p);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("pattern");
    TCase *t = tcase_create("pattern");

    tcase_add_test(t, matches);
    tcase_add_test(t, letters_count_when_they_must);
    tcase_add_test(t, faults_are_named);
    tcase_add_test(t, no_subject_takes_for_ever);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
