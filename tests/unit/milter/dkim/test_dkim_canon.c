/* Canonicalization: the examples of RFC 6376 and the corners where implementations differ. */
#include "milter/dkim/dkim_canon.h"

#include "common/base/buf.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#define S(text)                                                                                    \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct {
    const char *what;
    struct span body;
    struct span simple;
    struct span relaxed;
} bodies[] = {
    {"RFC 6376 3.4.5", S(" C \r\nD \t E\r\n\r\n\r\n"), S(" C \r\nD \t E\r\n"), S(" C\r\nD E\r\n")},
    {"RFC 6376 3.4.3: an empty body is one CRLF, 3.4.4: or nothing", S(""), S("\r\n"), S("")},
    {"one CRLF", S("\r\n"), S("\r\n"), S("")},
    {"only CRLFs", S("\r\n\r\n\r\n\r\n"), S("\r\n"), S("")},
    {"no final CRLF", S("a"), S("a\r\n"), S("a\r\n")},
    {"blank lines inside stay", S("a\r\n\r\n\r\nb\r\n"), S("a\r\n\r\n\r\nb\r\n"),
     S("a\r\n\r\n\r\nb\r\n")},
    {"blank lines in front stay", S("\r\n\r\na\r\n"), S("\r\n\r\na\r\n"), S("\r\n\r\na\r\n")},
    {"white space alone is an empty line, relaxed", S(" \t \r\n"), S(" \t \r\n"), S("")},
    {"the same at the end", S("a\r\n \r\n\t\r\n"), S("a\r\n \r\n\t\r\n"), S("a\r\n")},
    {"the same inside", S("a\r\n \r\nb\r\n"), S("a\r\n \r\nb\r\n"), S("a\r\n\r\nb\r\n")},
    {"white space without final CRLF", S("a \t"), S("a \t\r\n"), S("a\r\n")},
    {"only white space, no CRLF", S(" "), S(" \r\n"), S("")},
    {"leading white space is kept, as one space", S("\t  a\r\n"), S("\t  a\r\n"), S(" a\r\n")},
    {"a bare LF is text", S("a \nb\r\n"), S("a \nb\r\n"), S("a \nb\r\n")},
    {"only a bare LF", S("\n"), S("\n\r\n"), S("\n\r\n")},
    {"a bare CR is text", S("a\rb\r\n"), S("a\rb\r\n"), S("a\rb\r\n")},
    {"white space before a bare CR", S("a \rb\r\n"), S("a \rb\r\n"), S("a \rb\r\n")},
    {"CR CR LF", S("a\r\r\n"), S("a\r\r\n"), S("a\r\r\n")},
    {"ends in CR", S("a\r\n\r"), S("a\r\n\r\r\n"), S("a\r\n\r\r\n")},
    {"ends in CR after blank lines", S("\r\n\r\n\r"), S("\r\n\r\n\r\r\n"), S("\r\n\r\n\r\r\n")},
    {"NUL and 8 bit", S("a\0\xff\xc3\xa4 \0\r\n"), S("a\0\xff\xc3\xa4 \0\r\n"),
     S("a\0\xff\xc3\xa4 \0\r\n")},
    {"form feed and vertical tab are no white space", S("a\f\v \r\n"), S("a\f\v \r\n"),
     S("a\f\v\r\n")},
    {"LF CR", S("a\n\rb"), S("a\n\rb\r\n"), S("a\n\rb\r\n")},
};

static void
collect(void *ctx, const char *p, size_t n)
{
    buf_add(ctx, p, n);
}

static void
run(enum dkim_canon canon, struct span body, size_t chunk, struct buf *out)
{
    struct dkim_canon_body c;

    buf_reset(out);
    dkim_canon_body_init(&c, canon, collect, out);
    while (body.n != 0) {
        dkim_canon_body_update(&c, span_slice(body, 0, chunk));
        dkim_canon_body_update(&c, SPAN_EMPTY);
        body = span_from(body, chunk);
    }
    dkim_canon_body_finish(&c);
}

START_TEST(body_in_any_chunks)
{
    struct buf out;

    buf_init(&out, 4096);
    for (size_t chunk = 1; chunk <= bodies[_i].body.n + 1; chunk++) {
        run(DKIM_SIMPLE, bodies[_i].body, chunk, &out);
        ck_assert_msg(span_equal(buf_span(&out), bodies[_i].simple), "simple, %s, by %zu",
                      bodies[_i].what, chunk);
        run(DKIM_RELAXED, bodies[_i].body, chunk, &out);
        ck_assert_msg(span_equal(buf_span(&out), bodies[_i].relaxed), "relaxed, %s, by %zu",
                      bodies[_i].what, chunk);
    }
    buf_fini(&out);
}
END_TEST

/* Lines, runs of blanks and blank lines around the size of a block. */
/* Long text is passed on in large steps, single bytes never are: both must see the same, wherever
 * in a step the row stands. */
START_TEST(body_amid_long_text)
{
    struct buf body, want, got;

    buf_init(&body, 4096);
    buf_init(&want, 4096);
    buf_init(&got, 4096);
    for (size_t before = 0; before < 140; before++) {
        buf_reset(&body);
        for (size_t i = 0; i < before; i++)
            buf_add_cstr(&body, i % 76 == 75 ? "\r\n" : i % 9 == 8 ? " " : "x");
        buf_add_span(&body, bodies[_i].body);
        for (size_t i = 0; i < 300; i++)
            buf_add_cstr(&body, i % 78 == 77 ? "\r\n" : i % 11 == 10 ? " " : "\xe4");
        run(DKIM_RELAXED, buf_span(&body), 1, &want);
        run(DKIM_RELAXED, buf_span(&body), body.n, &got);
        ck_assert_msg(span_equal(buf_span(&want), buf_span(&got)), "%s after %zu bytes",
                      bodies[_i].what, before);
    }
    buf_fini(&body);
    buf_fini(&want);
    buf_fini(&got);
}
END_TEST

START_TEST(body_larger_than_a_block)
{
    static const size_t sizes[] = {DKIM_CANON_BLOCK_BYTES - 2, DKIM_CANON_BLOCK_BYTES - 1,
                                   DKIM_CANON_BLOCK_BYTES, DKIM_CANON_BLOCK_BYTES + 1,
                                   3 * DKIM_CANON_BLOCK_BYTES + 5};
    static const char fills[] = {'a', ' ', '\t'};
    struct buf body, want, out;
    size_t size = sizes[_i];

    buf_init(&body, 1 << 20);
    buf_init(&want, 1 << 20);
    buf_init(&out, 1 << 20);
    for (size_t f = 0; f < sizeof(fills); f++) {
        buf_reset(&body);
        buf_reset(&want);
        buf_add_cstr(&body, "x");
        buf_add_cstr(&want, "x");
        for (size_t i = 0; i < size; i++)
            buf_add_char(&body, fills[f]);
        for (size_t i = 0; i < size && fills[f] == 'a'; i++)
            buf_add_char(&want, 'a');
        if (fills[f] != 'a')
            buf_add_char(&want, ' ');
        buf_add_cstr(&body, "y \r\n\r\n");
        buf_add_cstr(&want, "y\r\n");
        run(DKIM_RELAXED, buf_span(&body), SIZE_MAX, &out);
        ck_assert(span_equal(buf_span(&out), buf_span(&want)));
        run(DKIM_RELAXED, buf_span(&body), 4095, &out);
        ck_assert(span_equal(buf_span(&out), buf_span(&want)));
        run(DKIM_SIMPLE, buf_span(&body), 4095, &out);
        ck_assert(span_equal(buf_span(&out), span_slice(buf_span(&body), 0, body.n - 2)));
    }
    buf_fini(&body);
    buf_fini(&want);
    buf_fini(&out);
}
END_TEST

START_TEST(many_blank_lines_come_back)
{
    struct buf body, out;

    buf_init(&body, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 10001; i++)
        buf_add_cstr(&body, "\r\n");
    buf_add_cstr(&body, "x\r\n");
    for (int canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
        run((enum dkim_canon)canon, buf_span(&body), 4097, &out);
        ck_assert(span_equal(buf_span(&out), buf_span(&body)));
    }
    buf_fini(&body);
    buf_fini(&out);
}
END_TEST

static const struct {
    const char *what;
    const char *field;
    const char *relaxed;
} fields[] = {
    {"RFC 6376 3.4.5", "A: X\r\n", "a:X\r\n"},
    {"RFC 6376 3.4.5", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},
    {"empty value", "Subject:\r\n", "subject:\r\n"},
    {"white space only", "Subject: \t \r\n", "subject:\r\n"},
    {"fold only", "Subject:\r\n \r\n", "subject:\r\n"},
    {"colons in the value", "X: a : b\r\n", "x:a : b\r\n"},
    {"8 bit and case of the value", "SuBjEcT: \xc3\x84  B\r\n", "subject:\xc3\x84 B\r\n"},
    {"several folds", "To: a,\r\n\tb,\r\n  c\r\n", "to:a, b, c\r\n"},
    {"bare CR is text", "X: a\rb\r\n", "x:a\rb\r\n"},
};

START_TEST(field)
{
    struct arena mem;
    struct span out;

    arena_init(&mem, 4096);
    ck_assert_int_eq(dkim_canon_field(DKIM_RELAXED, span_cstr(fields[_i].field), &mem, &out),
                     OR_OK);
    ck_assert_span_eq(out, fields[_i].relaxed);
    ck_assert_int_eq(dkim_canon_field(DKIM_SIMPLE, span_cstr(fields[_i].field), &mem, &out), OR_OK);
    ck_assert_span_eq(out, fields[_i].field);
    arena_fini(&mem);
}
END_TEST

START_TEST(field_past_the_arena)
{
    struct arena mem;
    struct span out;

    arena_init(&mem, 8);
    ck_assert_int_eq(dkim_canon_field(DKIM_RELAXED, SPAN_LIT("Subject: too long\r\n"), &mem, &out),
                     OR_LIMIT);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_canon");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, body_in_any_chunks, 0, sizeof(bodies) / sizeof(bodies[0]));
    tcase_add_loop_test(tc, body_amid_long_text, 0, sizeof(bodies) / sizeof(bodies[0]));
    tcase_add_loop_test(tc, body_larger_than_a_block, 0, 5);
    tcase_add_test(tc, many_blank_lines_come_back);
    tcase_add_loop_test(tc, field, 0, sizeof(fields) / sizeof(fields[0]));
    tcase_add_test(tc, field_past_the_arena);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
