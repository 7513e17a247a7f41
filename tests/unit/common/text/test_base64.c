#include "common/text/base64.h"

#include "tests/support/unit.h"

/* RFC 4648 10 */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

START_TEST(rfc4648_vectors)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct buf out;

        buf_init(&out, 64);
        base64_encode(&out, span_cstr(vectors[i].bytes));
        ck_assert_span_eq(buf_span(&out), vectors[i].text);
        buf_reset(&out);
        ck_assert_int_eq(base64_decode(span_cstr(vectors[i].text), BASE64_STRICT, &out), OR_OK);
        ck_assert_span_eq(buf_span(&out), vectors[i].bytes);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(all_bytes)
{
    char bytes[256];
    struct buf text, back;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    buf_init(&text, 1024);
    buf_init(&back, 1024);
    base64_encode(&text, span_make(bytes, sizeof(bytes)));
    ck_assert(span_contains_byte(buf_span(&text), '+'));
    ck_assert(span_contains_byte(buf_span(&text), '/'));
    ck_assert_int_eq(base64_decode(buf_span(&text), BASE64_STRICT, &back), OR_OK);
    ck_assert(span_equal(buf_span(&back), span_make(bytes, sizeof(bytes))));
    buf_fini(&text);
    buf_fini(&back);
}
END_TEST

static const struct {
    struct span text;
    or_status strict, skip_fws;
} rows[] = {
    {SPAN_INIT("Zm9v\r\n Yg=="), OR_MALFORMED, OR_OK},
    {SPAN_INIT("Zm9vYg"), OR_MALFORMED, OR_OK}, /* keys in DNS */
    {SPAN_INIT("Zm9vYg="), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zm9vYg==="), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zm9v="), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("===="), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zm9vYh=="), OR_MALFORMED,
     OR_MALFORMED}, /* trailing bits: a second text for "foob" */
    {SPAN_INIT("Zm9vYmF="), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zg==Zg=="), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zm9vY"), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zm9-"), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zm9v\0"), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT("Zm9\xfc"), OR_MALFORMED, OR_MALFORMED},
    {SPAN_INIT(" "), OR_MALFORMED, OR_OK},
};

START_TEST(strictness)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;

        buf_init(&out, 64);
        buf_add_char(&out, '!');
        or_status st = base64_decode(rows[i].text, BASE64_STRICT, &out);
        ck_assert_msg(st == rows[i].strict, "strict row %zu", i);
        ck_assert_msg(st == OR_OK || out.n == 1, "row %zu left bytes", i);
        buf_reset(&out);
        st = base64_decode(rows[i].text, BASE64_SKIP_FWS, &out);
        ck_assert_msg(st == rows[i].skip_fws, "skip row %zu", i);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(full_buffer)
{
    struct buf out;

    buf_init(&out, 5);
    ck_assert_int_eq(base64_decode(SPAN_LIT("Zm9vYmFy"), BASE64_STRICT, &out), OR_LIMIT);
    ck_assert_uint_eq(out.n, 0);
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("base64");
    TCase *cases = tcase_create("base64");

    tcase_add_test(cases, rfc4648_vectors);
    tcase_add_test(cases, all_bytes);
    tcase_add_test(cases, strictness);
    tcase_add_test(cases, full_buffer);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
