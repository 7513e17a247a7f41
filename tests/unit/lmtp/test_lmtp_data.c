/* The data reader: dots, ends, and everything that has been used for SMTP smuggling. */
#include "lmtp/lmtp_data.h"

#include "tests/support/unit.h"

#define BYTES(s)                                                                                   \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

static const struct {
    const char *why;
    struct span in;
    const char *out; /* of messages that are not refused */
    size_t rest;     /* bytes behind the end */
    bool ends, bare;
    uint64_t wire_bytes;
} rows[] = {
    {"empty message", BYTES(".\r\n"), "", 0, true, false, 0},
    {"one line", BYTES("Hello\r\n.\r\n"), "Hello\n", 0, true, false, 7},
    {"RFC 5321 4.5.2: stuffed dot", BYTES("..\r\n...x\r\n.y\r\n.\r\n"), ".\n..x\ny\n", 0, true,
     false, 11},
    {"QUIT in the same segment", BYTES("a\r\n.\r\nQUIT\r\n"), "a\n", 6, true, false, 3},
    {"NUL passes", BYTES("a\0b\r\n.\r\n"), NULL, 0, true, false, 5},
    {"dot inside a line", BYTES("a.\r\n.\r\n"), "a.\n", 0, true, false, 4},
    {"empty lines", BYTES("\r\n\r\n.\r\n"), "\n\n", 0, true, false, 4},
    {"not ended", BYTES("a\r\n."), "a\n", 0, false, false, 3},
    {"not ended, in its CR", BYTES("a\r\n.\r"), "a\n", 0, false, false, 3},
    {"smuggling: LF . LF", BYTES("a\n.\nMAIL FROM:<b>\r\n.\r\n"), NULL, 0, true, true, 0},
    {"smuggling: LF . CRLF", BYTES("a\n.\r\nb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"smuggling: CRLF . LF", BYTES("a\r\n.\nb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"smuggling: CRLF . CR", BYTES("a\r\n.\rb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"smuggling: CR . CR", BYTES("a\r.\rb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"smuggling: CR . CRLF", BYTES("a\r.\r\nb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"smuggling: CRLF . CRCRLF", BYTES("a\r\n.\r\r\nb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"smuggling: CRCRLF . CRLF", BYTES("a\r\r\n.\r\nQUIT"), NULL, 4, true, true, 0},
    {"smuggling: LFCR . CRLF", BYTES("a\n\r.\r\nb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"bare LF first", BYTES("\n.\r\nb\r\n.\r\n"), NULL, 0, true, true, 0},
    {"CR at the end of the line", BYTES("a\r\r\n.\r\n"), NULL, 0, true, true, 0},
};

static void
check_row(size_t i, size_t chunk)
{
    struct lmtp_data d = {0};
    struct buf out;
    size_t taken = 0;

    buf_init(&out, 1 << 20);
    while (taken < rows[i].in.n && d.state != LMTP_DATA_END) {
        size_t before = out.n;
        struct span piece = span_slice(rows[i].in, taken, taken + chunk);

        taken += lmtp_data_feed(&d, piece, &out);
        ck_assert_uint_le(out.n - before, piece.n + 1);
    }
    ck_assert_msg((d.state == LMTP_DATA_END) == rows[i].ends, "%s, chunk %zu", rows[i].why, chunk);
    ck_assert_msg(d.bare == rows[i].bare, "%s, chunk %zu", rows[i].why, chunk);
    ck_assert_msg(rows[i].in.n - taken == rows[i].rest, "%s, chunk %zu", rows[i].why, chunk);
    if (rows[i].out != NULL)
        ck_assert_span_eq(buf_span(&out), rows[i].out);
    if (!rows[i].bare)
        ck_assert_msg(d.wire_bytes == rows[i].wire_bytes, "%s", rows[i].why);
    buf_fini(&out);
}

START_TEST(any_split)
{
    for (size_t chunk = 1; chunk <= rows[_i].in.n; chunk++)
        check_row((size_t)_i, chunk);
}
END_TEST

static const struct {
    const char *why;
    struct span in;
    struct span out;
    bool binary, repair, bare, is_dotted;
} chunks[] = {
    {"dots mean nothing", BYTES("..\r\n.\r\nx"), BYTES("..\n.\nx"), .bare = false},
    {"no line end at the end", BYTES("a"), BYTES("a"), .bare = false},
    {"CR at the very end", BYTES("a\r"), BYTES("a\r"), .bare = true},
    {"bare LF", BYTES("a\nb"), BYTES("a\nb"), .bare = true},
    {"repaired", BYTES("a\nb\rc\r\r\nd\r"), BYTES("a b c \nd "), .repair = true},
    {"repaired LF ends no line, so its dot ends nothing", BYTES("a\n.\r\n.\r\n"), BYTES("a .\n"),
     .repair = true, .is_dotted = true},
    {"repaired CR after a dot", BYTES(".\rx\r\n.\r\n"), BYTES(" x\n"), .repair = true,
     .is_dotted = true},
    {"binary: the header as lines, the body as it comes", BYTES("A: b\r\n\r\n\n\r\0\r\n.\r\n\r"),
     BYTES("A: b\n\n\n\r\0\r\n.\r\n\r"), .binary = true},
    {"binary without a header", BYTES("\r\n\r"), BYTES("\n\r"), .binary = true},
    {"binary: the header may not be so", BYTES("A: b\n\r\n\r\n"), BYTES("A: b\n\n\n"),
     .binary = true, .bare = true},
};

START_TEST(chunks_and_repairs)
{
    for (size_t size = 1; size <= chunks[_i].in.n; size++) {
        struct lmtp_data d = {.chunked = !chunks[_i].is_dotted,
                              .binary = chunks[_i].binary,
                              .repair = chunks[_i].repair};
        struct buf out;

        buf_init(&out, 100);
        for (size_t at = 0; at < chunks[_i].in.n; at += size)
            ck_assert_uint_gt(lmtp_data_feed(&d, span_slice(chunks[_i].in, at, at + size), &out),
                              0);
        lmtp_data_finish(&d, &out);
        ck_assert_msg(d.bare == chunks[_i].bare, "%s", chunks[_i].why);
        ck_assert_msg(span_equal(buf_span(&out), chunks[_i].out), "%s, size %zu: %.*s",
                      chunks[_i].why, size, SPAN_ARG(buf_span(&out)));
        buf_fini(&out);
    }
}
END_TEST

START_TEST(line_of_a_megabyte)
{
    struct lmtp_data d = {0};
    struct buf in, out;

    buf_init(&in, 2 << 20);
    buf_init(&out, 2 << 20);
    for (size_t i = 0; i < 1 << 20; i++)
        buf_add_char(&in, 'x');
    buf_add_cstr(&in, "\r\n.\r\n");
    ck_assert_uint_eq(lmtp_data_feed(&d, buf_span(&in), &out), in.n);
    ck_assert_int_eq(d.state, LMTP_DATA_END);
    ck_assert_uint_eq(out.n, (1 << 20) + 1);
    buf_fini(&in);
    buf_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_data");
    TCase *t = tcase_create("data");

    tcase_add_loop_test(t, any_split, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(t, chunks_and_repairs, 0, sizeof(chunks) / sizeof(chunks[0]));
    tcase_add_test(t, line_of_a_megabyte);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
