#include "common/text/taglist.h"

#include "common/base/buf.h"
#include "tests/support/unit.h"

static struct taglist list;

START_TEST(rfc6376_signature)
{
    /* RFC 6376 3.5, folded as there. */
    struct span s = SPAN_LIT(" v=1; a=rsa-sha256; d=example.net; s=brisbane;\r\n"
                             "   c=simple; q=dns/txt; i=@eng.example.net;\r\n"
                             "   h=from:to:subject:date;\r\n"
                             "   b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSb\r\n"
                             "    av+yuU4zGeeruD00lszZ");

    ck_assert_int_eq(taglist_parse(s, &list, NULL), OR_OK);
    ck_assert_uint_eq(list.count, 9);
    ck_assert_span_eq(list.tags[0].name, "v");
    ck_assert_span_eq(taglist_get(&list, "i")->value, "@eng.example.net");
    ck_assert_span_eq(taglist_get(&list, "b")->value,
                      "dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSb\r\n    av+yuU4zGeeruD00lszZ");
    ck_assert_ptr_null(taglist_get(&list, "bh"));
    ck_assert_ptr_null(taglist_get(&list, "V"));
}
END_TEST

static const struct {
    struct span text;
    or_status status;
    size_t count;
} rows[] = {
    {SPAN_INIT("v=DKIM1; p="), OR_OK, 2}, /* RFC 6376 3.6.1: an empty p= is a revoked key */
    {SPAN_INIT("a=1;"), OR_OK, 1},
    {SPAN_INIT("a=1; \r\n "), OR_OK, 1},
    {SPAN_INIT(" a = 1 "), OR_OK, 1},
    {SPAN_INIT("a=1=2"), OR_OK, 1},
    {SPAN_INIT("a=1;A=2"), OR_OK, 2},
    {SPAN_INIT("a_b9=x"), OR_OK, 1},
    {SPAN_INIT("i=\xc3\xbc@example.org"), OR_OK, 1}, /* RFC 8616 */
    {SPAN_INIT(""), OR_MALFORMED, 0},
    {SPAN_INIT(" "), OR_MALFORMED, 0},
    {SPAN_INIT(";"), OR_MALFORMED, 0},
    {SPAN_INIT(";a=1"), OR_MALFORMED, 0},
    {SPAN_INIT("a=1;;"), OR_MALFORMED, 0},
    {SPAN_INIT("a=1;;b=2"), OR_MALFORMED, 0},
    {SPAN_INIT("a=1; b"), OR_MALFORMED, 0},
    {SPAN_INIT("=1"), OR_MALFORMED, 0},
    {SPAN_INIT("1a=1"), OR_MALFORMED, 0},
    {SPAN_INIT("_a=1"), OR_MALFORMED, 0},
    {SPAN_INIT("a-b=1"), OR_MALFORMED, 0},
    {SPAN_INIT("a b=1"), OR_MALFORMED, 0},
    {SPAN_INIT("a=1; b=2; a=1"), OR_MALFORMED, 0}, /* RFC 6376 3.2: twice makes all invalid */
    {SPAN_INIT("a=\0"), OR_MALFORMED, 0},
    {SPAN_INIT("a=x\x7f"), OR_MALFORMED, 0},
    {SPAN_INIT("a=x\x01y"), OR_MALFORMED, 0},
    {SPAN_INIT("i=\xfc@example.org"), OR_MALFORMED, 0},
};

START_TEST(grammar)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e;
        or_status st = taglist_parse(rows[i].text, &list, &e);

        ck_assert_msg(st == rows[i].status, "row %zu: %s", i, or_status_name(st));
        ck_assert_msg(list.count == rows[i].count, "row %zu: %zu tags", i, list.count);
    }
}
END_TEST

START_TEST(too_many)
{
    struct buf text;

    buf_init(&text, 4096);
    for (int i = 0; i < TAGLIST_MAX; i++)
        buf_addf(&text, "a%d=x;", i);
    ck_assert_int_eq(taglist_parse(buf_span(&text), &list, NULL), OR_OK);
    ck_assert_uint_eq(list.count, TAGLIST_MAX);
    buf_add_cstr(&text, "z=x");
    ck_assert_int_eq(taglist_parse(buf_span(&text), &list, NULL), OR_LIMIT);
    buf_fini(&text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("taglist");
    TCase *cases = tcase_create("taglist");

    tcase_add_test(cases, rfc6376_signature);
    tcase_add_test(cases, grammar);
    tcase_add_test(cases, too_many);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
