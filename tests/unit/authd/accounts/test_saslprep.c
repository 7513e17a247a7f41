/* SASLprep (RFC 4013): its examples, other people's, and what is refused. */
#include "authd/accounts/saslprep.h"

#include "tests/support/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    struct span text;
    const char *out; /* NULL: OR_MALFORMED */
} rows[] = {
    /* RFC 4013 3 */
    {SPAN_INIT("I\xc2\xadX"), "IX"},
    {SPAN_INIT("user"), "user"},
    {SPAN_INIT("USER"), "USER"},
    {SPAN_INIT("\xc2\xaa"), "a"},
    {SPAN_INIT("\xe2\x85\xa8"), "IX"},
    {SPAN_INIT("\x07"), NULL},
    {SPAN_INIT("\xd8\xa7\x31"), NULL},
    /* 2.1: other blanks, and what is mapped to nothing */
    {SPAN_INIT("a\xe3\x80\x80z"), "a z"},
    {SPAN_INIT("\xc2\xad"), NULL},
    /* 2.2: one character or two */
    {SPAN_INIT("u\xcc\x88"), "\xc3\xbc"},
    /* 2.3: private use, a byte order mark, a replacement character */
    {SPAN_INIT("\xee\x80\x80"), NULL},
    {SPAN_INIT("a\xef\xbf\xbdz"), NULL},
    /* RFC 3454 7: unassigned in Unicode 3.2, taken in a query */
    {SPAN_INIT("\xf0\x9f\x90\xb4"), "\xf0\x9f\x90\xb4"},
    {SPAN_INIT("ab\xff"), NULL},
    {SPAN_INIT("a\0b"), NULL},
    {SPAN_INIT(""), NULL},
    {SPAN_INIT("two  words"), "two  words"},
};

static void
check(struct span text, const char *want, const char *name)
{
    struct buf out;

    buf_init(&out, 4096);
    or_status st = saslprep(text, &out);
    ck_assert_msg(st == (want != NULL ? OR_OK : OR_MALFORMED), "%s: %s", name, or_status_name(st));
    if (want != NULL)
        ck_assert_span_eq(buf_span(&out), want);
    else
        ck_assert_uint_eq(out.n, 0);
    buf_fini(&out);
}

START_TEST(row)
{
    char name[16];

    snprintf(name, sizeof(name), "row %d", _i);
    check(rows[_i].text, rows[_i].out, name);
}
END_TEST

/* NFKC makes eighteen characters of one at most (U+FDFA). */
START_TEST(lengths)
{
    static char text[SASLPREP_MAX_BYTES + 2];
    struct buf out;

    memset(text, 'x', sizeof(text));
    buf_init(&out, 16384);
    ck_assert_int_eq(saslprep(span_make(text, SASLPREP_MAX_BYTES), &out), OR_OK);
    ck_assert_int_eq(saslprep(span_make(text, SASLPREP_MAX_BYTES + 1), &out), OR_MALFORMED);
    for (size_t i = 0; i + 3 <= SASLPREP_MAX_BYTES; i += 3)
        memcpy(text + i, "\xef\xb7\xba", 3);
    ck_assert_int_eq(saslprep(span_make(text, SASLPREP_MAX_BYTES), &out), OR_MALFORMED);
    buf_fini(&out);
    buf_init(&out, 2);
    ck_assert_int_eq(saslprep(SPAN_LIT("abc"), &out), OR_LIMIT);
    buf_fini(&out);
}
END_TEST

static json_t *
load_vectors(void)
{
    const char *folder = getenv("OUTRIDER_VECTORS");
    char path[512];

    snprintf(path, sizeof(path), "%s/sasl/saslprep.json", folder != NULL ? folder : "");
    return folder != NULL ? json_load_file(path, JSON_ALLOW_NUL, NULL) : NULL;
}

START_TEST(vectors)
{
    json_t *document = load_vectors(), *one;
    size_t i;

    ck_assert_uint_gt(json_array_size(json_object_get(document, "cases")), 0);
    json_array_foreach(json_object_get(document, "cases"), i, one)
    {
        const json_t *in = json_object_get(one, "in");

        check(span_make(json_string_value(in), json_string_length(in)),
              json_string_value(json_object_get(one, "out")),
              json_string_value(json_object_get(one, "name")));
    }
    json_decref(document);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("saslprep");
    TCase *c = tcase_create("all");
    json_t *document = load_vectors();

    tcase_add_loop_test(c, row, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(c, lengths);
    if (document != NULL)
        tcase_add_test(c, vectors);
    else
        puts("skipped: SASLprep vectors: OUTRIDER_VECTORS has no sasl/saslprep.json");
    json_decref(document);
    suite_add_tcase(s, c);
    return unit_main(s);
}
