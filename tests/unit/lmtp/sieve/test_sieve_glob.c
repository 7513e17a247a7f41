/* Wildcards of RFC 5228 2.7.1, what they stood for (RFC 5229 3.2), and what would take for ever. */
#include "lmtp/sieve/sieve_match.h"

#include "tests/support/unit.h"

#define WORK 100000
#define LONG_BYTES 4000

static const struct {
    const char *pattern, *value;
    or_status status;
    const char *captures[3];
} rows[] = {
    {"", "", OR_OK, {NULL}},
    {"", "a", OR_ABSENT, {NULL}},
    {"a", "A", OR_OK, {NULL}},
    {"*", "", OR_OK, {""}},
    {"*", "abc", OR_OK, {"abc"}},
    {"?", "", OR_ABSENT, {NULL}},
    {"?", "\xc3\xa4", OR_OK, {"\xc3\xa4"}}, /* a character, not a byte */
    {"*b*", "abab", OR_OK, {"a", "ab"}},    /* RFC 5229 3.2: as short as possible */
    {"*-*-*", "a-b-c-d", OR_OK, {"a", "b", "c-d"}},
    {"**", "abc", OR_OK, {"", "abc"}},
    {"a*b", "aXbXb", OR_OK, {"XbX"}},
    {"a*b", "abc", OR_ABSENT, {NULL}},
    {"\\*", "*", OR_OK, {NULL}},
    {"\\*", "a", OR_ABSENT, {NULL}},
    {"\\\\", "\\", OR_OK, {NULL}},
    {"\\", "\\", OR_OK, {NULL}},
    {"?*", "ab", OR_OK, {"a", "b"}},
};

START_TEST(test_match)
{
    size_t work = WORK;
    struct sieve_glob g = {
        .pattern = span_cstr(rows[_i].pattern), .value = span_cstr(rows[_i].value), .work = &work};

    ck_assert_int_eq(sieve_glob_match(&g), rows[_i].status);
    for (size_t i = 0; i < 3 && rows[_i].captures[i] != NULL; i++) {
        ck_assert_uint_gt(g.capture_count, i);
        ck_assert_span_eq(g.captures[i], rows[_i].captures[i]);
    }
}
END_TEST

START_TEST(test_octets)
{
    size_t work = WORK;
    struct sieve_glob g = {
        .pattern = SPAN_LIT("a?"), .value = SPAN_LIT("A!"), .octet = true, .work = &work};

    ck_assert_int_eq(sieve_glob_match(&g), OR_ABSENT);
    g.value = SPAN_LIT("a\xc3");
    ck_assert_int_eq(sieve_glob_match(&g), OR_OK);
}
END_TEST

START_TEST(test_work_has_an_end)
{
    static char value[LONG_BYTES], pattern[LONG_BYTES / 2];
    size_t work = WORK;

    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = 'a';
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = 'a';
    pattern[0] = '*';
    pattern[sizeof(pattern) - 1] = 'b';
    struct sieve_glob g = {.pattern = span_make(pattern, sizeof(pattern)),
                           .value = span_make(value, sizeof(value)),
                           .work = &work};
    ck_assert_int_eq(sieve_glob_match(&g), OR_LIMIT);
    ck_assert_uint_eq(work, 0);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("sieve_glob");
    TCase *t = tcase_create("sieve_glob");

    tcase_add_loop_test(t, test_match, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(t, test_octets);
    tcase_add_test(t, test_work_has_an_end);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
