/* Blocks of attributes from a connection: whole, in pieces, and hostile. */
#include "common/run/attrs_stream.h"
#include "tests/support/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEM_BYTES (256 * 1024)

static struct stream *
stream_with(const char *bytes, size_t n)
{
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(write(pair[1], bytes, n), (ssize_t)n);
    close(pair[1]);
    return stream_new(pair[0], -1, 2000);
}

START_TEST(blocks_follow_each_other_on_one_connection)
{
    static const char bytes[] = "request=a\nx=1\nx=2\n\nrequest=b\n\n";
    struct stream *s = stream_with(bytes, sizeof(bytes) - 1);
    struct attrs attrs;
    struct arena mem;
    struct err e;

    arena_init(&mem, MEM_BYTES);
    ck_assert(attrs_stream_read(s, &mem, &attrs, &e) == OR_OK);
    ck_assert_uint_eq(attrs.count, 3);
    ck_assert_span_eq(attrs_get(&attrs, "x"), "1");
    ck_assert(attrs_stream_read(s, &mem, &attrs, &e) == OR_OK);
    ck_assert_uint_eq(attrs.count, 1);
    ck_assert_span_eq(attrs_get(&attrs, "request"), "b");
    ck_assert(attrs_stream_read(s, &mem, &attrs, &e) == OR_CLOSED);
    arena_fini(&mem);
    stream_free(s);
}
END_TEST

START_TEST(what_is_not_attributes_is_refused)
{
    static const struct {
        const char *bytes;
        or_status status;
    } rows[] = {
        {"request=a\n", OR_CLOSED}, /* cut off */
        {"request=a", OR_CLOSED},   {"nonsense\n\n", OR_MALFORMED},
        {"=x\n\n", OR_MALFORMED},   {"GET / HTTP/1.0\r\n\r\n", OR_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stream *s = stream_with(rows[i].bytes, strlen(rows[i].bytes));
        struct attrs attrs;
        struct arena mem;
        struct err e;

        arena_init(&mem, MEM_BYTES);
        ck_assert_msg(attrs_stream_read(s, &mem, &attrs, &e) == rows[i].status, "%s",
                      rows[i].bytes);
        arena_fini(&mem);
        stream_free(s);
    }
}
END_TEST

/* Repeats a line until `total` bytes. */
static or_status
read_flood(const char *line, size_t total, size_t mem_bytes)
{
    struct attrs attrs;
    struct arena mem;
    struct buf flood;
    struct err e;

    buf_init(&flood, total + strlen(line));
    while (flood.n < total)
        buf_add_cstr(&flood, line);
    struct stream *s = stream_with(flood.p, flood.n);
    arena_init(&mem, mem_bytes);
    or_status st = attrs_stream_read(s, &mem, &attrs, &e);
    arena_fini(&mem);
    stream_free(s);
    buf_fini(&flood);
    return st;
}

START_TEST(floods_end_at_a_limit)
{
    struct buf long_line;

    ck_assert(read_flood("a=b\n", 4 * (ATTRS_MAX + 1), MEM_BYTES) == OR_LIMIT);
    ck_assert(read_flood("x", ATTRS_MAX_LINE_BYTES + 1, MEM_BYTES) == OR_LIMIT);
    buf_init(&long_line, 16384);
    buf_add_cstr(&long_line, "a=");
    for (int i = 0; i < 8000; i++)
        buf_add_char(&long_line, 'x');
    buf_add(&long_line, "\n", 2); /* with its NUL */
    ck_assert(read_flood(long_line.p, ATTRS_MAX_BYTES + 1, MEM_BYTES) == OR_LIMIT);
    ck_assert(read_flood(long_line.p, 40000, 20000) == OR_LIMIT);
    buf_fini(&long_line);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("attrs_stream");
    TCase *tests = tcase_create("all");

    tcase_add_test(tests, blocks_follow_each_other_on_one_connection);
    tcase_add_test(tests, what_is_not_attributes_is_refused);
    tcase_add_test(tests, floods_end_at_a_limit);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
