#include "common/text/attrs.h"

#include "tests/support/unit.h"

static struct attrs attrs;

START_TEST(policy_request)
{
    struct span block = SPAN_LIT("request=smtpd_access_policy\nprotocol_state=RCPT\nsender=\n"
                                 "recipient=a=b@example.org\nrecipient_count=0\n\n");

    ck_assert_int_eq(attrs_parse(block, &attrs, NULL), OR_OK);
    ck_assert_uint_eq(attrs.count, 5);
    ck_assert_span_eq(attrs_get(&attrs, "request"), "smtpd_access_policy");
    ck_assert_span_eq(attrs_get(&attrs, "recipient"), "a=b@example.org");
    /* The null sender is a value, an attribute that was not sent is none. */
    ck_assert_span_eq(attrs_get(&attrs, "sender"), "");
    ck_assert_ptr_nonnull(attrs_get(&attrs, "sender").p);
    ck_assert_ptr_null(attrs_get(&attrs, "queue_id").p);
}
END_TEST

START_TEST(repeated_names)
{
    struct span value;
    size_t at = 0;

    ck_assert_int_eq(attrs_parse(SPAN_LIT("dkim=one\nspf=x\ndkim=two\n\n"), &attrs, NULL), OR_OK);
    ck_assert(attrs_next(&attrs, "dkim", &at, &value));
    ck_assert_span_eq(value, "one");
    ck_assert(attrs_next(&attrs, "dkim", &at, &value));
    ck_assert_span_eq(value, "two");
    ck_assert(!attrs_next(&attrs, "dkim", &at, &value));
    ck_assert(!attrs_next(&attrs, "dkim", &at, &value));
    ck_assert_span_eq(value, "two");
}
END_TEST

static const struct {
    struct span block;
    or_status status;
    size_t count;
} rows[] = {
    {SPAN_INIT(""), OR_OK, 0},
    {SPAN_INIT("\n"), OR_OK, 0},
    {SPAN_INIT("a=b"), OR_OK, 1},
    {SPAN_INIT("a=b\n"), OR_OK, 1},
    {SPAN_INIT("a=b\n\n"), OR_OK, 1},
    {SPAN_INIT("a\n\n"), OR_MALFORMED, 0},
    {SPAN_INIT("=b\n\n"), OR_MALFORMED, 0},
    {SPAN_INIT("a=b\n\nc=d\n"), OR_MALFORMED, 0}, /* the next request is not this one's business */
};

START_TEST(framing)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e;
        or_status st = attrs_parse(rows[i].block, &attrs, &e);

        ck_assert_msg(st == rows[i].status, "row %zu: %s", i, or_status_name(st));
        ck_assert_msg(st != OR_OK || attrs.count == rows[i].count, "row %zu", i);
    }
}
END_TEST

START_TEST(limits)
{
    struct buf text;

    buf_init(&text, 2 * ATTRS_MAX_BYTES);
    for (int i = 0; i < ATTRS_MAX; i++)
        buf_add_cstr(&text, "a=b\n");
    ck_assert_int_eq(attrs_parse(buf_span(&text), &attrs, NULL), OR_OK);
    ck_assert_int_eq(attrs_add_line(&attrs, SPAN_LIT("c=d"), NULL), OR_LIMIT);
    buf_add_cstr(&text, "a=b\n");
    ck_assert_int_eq(attrs_parse(buf_span(&text), &attrs, NULL), OR_LIMIT);
    buf_reset(&text);
    buf_add_cstr(&text, "a=");
    while (text.n < ATTRS_MAX_LINE_BYTES)
        buf_add_char(&text, 'x');
    ck_assert_int_eq(attrs_parse(buf_span(&text), &attrs, NULL), OR_OK);
    buf_add_char(&text, 'x');
    ck_assert_int_eq(attrs_parse(buf_span(&text), &attrs, NULL), OR_LIMIT);
    while (text.n <= ATTRS_MAX_BYTES)
        buf_add_cstr(&text, "\na=b");
    ck_assert_int_eq(attrs_parse(buf_span(&text), &attrs, NULL), OR_LIMIT);
    buf_fini(&text);
}
END_TEST

START_TEST(format_cannot_be_broken_out_of)
{
    struct buf out;

    buf_init(&out, 256);
    attrs_format(&out, "sender", SPAN_LIT("a@b\naction=OK\r\0c"));
    attrs_format_end(&out);
    ck_assert_span_eq(buf_span(&out), "sender=a@b action=OK  c\n\n");
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("attrs");
    TCase *cases = tcase_create("attrs");

    tcase_add_test(cases, policy_request);
    tcase_add_test(cases, repeated_names);
    tcase_add_test(cases, framing);
    tcase_add_test(cases, limits);
    tcase_add_test(cases, format_cannot_be_broken_out_of);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
