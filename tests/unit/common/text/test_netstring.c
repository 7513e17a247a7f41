#include "common/text/netstring.h"

#include "tests/support/unit.h"

static const struct {
    struct span input;
    or_status status;
    const char *payload;
    size_t consumed;
} rows[] = {
    {SPAN_INIT("0:,"), OR_OK, "", 3},
    {SPAN_INIT("5:hello,"), OR_OK, "hello", 8},
    {SPAN_INIT("5:hello,3:two,"), OR_OK, "hello", 8},
    {SPAN_INIT("20:12345678901234567890,"), OR_OK, "12345678901234567890", 24},
    {SPAN_INIT(""), OR_ABSENT, NULL, 0},
    {SPAN_INIT("1"), OR_ABSENT, NULL, 0},
    {SPAN_INIT("5:"), OR_ABSENT, NULL, 0},
    {SPAN_INIT("5:hello"), OR_ABSENT, NULL, 0},
    {SPAN_INIT("5:hello;"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT("05:hello,"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT("00:,"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT(":,"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT(" 1:a,"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT("-1:a,"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT("5 :hello,"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT("GET / HTTP/1.1"), OR_MALFORMED, NULL, 0},
    {SPAN_INIT("21:"), OR_LIMIT, NULL, 0},
    {SPAN_INIT("99999999999999999999999999"), OR_LIMIT, NULL, 0},
};

START_TEST(parse)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span payload = SPAN_LIT("untouched");
        size_t consumed = 77;
        or_status st = netstring_parse(rows[i].input, 20, &payload, &consumed);

        ck_assert_msg(st == rows[i].status, "row %zu: %s", i, or_status_name(st));
        if (st == OR_OK) {
            ck_assert_span_eq(payload, rows[i].payload);
            ck_assert_uint_eq(consumed, rows[i].consumed);
        } else {
            ck_assert_uint_eq(consumed, 77);
        }
    }
}
END_TEST

START_TEST(zero_ceiling)
{
    struct span payload;
    size_t consumed;

    ck_assert_int_eq(netstring_parse(SPAN_LIT("0:,"), 0, &payload, &consumed), OR_OK);
    ck_assert_int_eq(netstring_parse(SPAN_LIT("1:a,"), 0, &payload, &consumed), OR_LIMIT);
}
END_TEST

START_TEST(format)
{
    struct buf out;

    buf_init(&out, 64);
    netstring_format(&out, SPAN_LIT("OK a@b"));
    netstring_format(&out, SPAN_LIT(""));
    ck_assert_span_eq(buf_span(&out), "6:OK a@b,0:,");
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("netstring");
    TCase *cases = tcase_create("netstring");

    tcase_add_test(cases, parse);
    tcase_add_test(cases, zero_ceiling);
    tcase_add_test(cases, format);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
