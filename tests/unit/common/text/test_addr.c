#include "common/text/addr.h"

#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *path;
    const char *local; /* NULL: OR_MALFORMED */
    const char *domain;
    const char *rest;
} paths[] = {
    {"<alice@example.org>", "alice", "example.org", ""},
    {"<>", "", "", ""},
    {"<> SIZE=100", "", "", "SIZE=100"},
    {" <a@b.example> SIZE=100 BODY=8BITMIME", "a", "b.example", "SIZE=100 BODY=8BITMIME"},
    {"<\"a b\"@b.example>", "a b", "b.example", ""},
    {"<\"a\\\"b\\\\@>c\"@b.example>", "a\"b\\@>c", "b.example", ""},
    {"<\"\"@b.example>", "", "b.example", ""},
    {"<@x.example,@y.example:a@b.example>", "a", "b.example", ""}, /* RFC 5321 4.1.2 */
    {"<a@[192.0.2.1]>", "a", "[192.0.2.1]", ""},
    {"<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]", ""},
    {"<j\xc3\xbcrgen@b\xc3\xbc"
     "cher.example>",
     "j\xc3\xbcrgen",
     "b\xc3\xbc"
     "cher.example",
     ""},
    {"<a@b.example.>", "a", "b.example", ""},
    {"<Postmaster>", "Postmaster", "", ""}, /* RFC 5321 4.1.1.3 */
    {"<SRS0=HH=TT=example.org=alice@b.example>", "SRS0=HH=TT=example.org=alice", "b.example", ""},
    {"<user+a.b@b.example>", "user+a.b", "b.example", ""},
    {"", NULL, NULL, NULL},
    {"<", NULL, NULL, NULL},
    {"<alice>", NULL, NULL, NULL},
    {"<a@b.example", NULL, NULL, NULL},
    {"a@b.example>", NULL, NULL, NULL},
    {"<a@b.example>SIZE=1", NULL, NULL, NULL},
    {"<a@>", NULL, NULL, NULL},
    {"<@b.example>", NULL, NULL, NULL},
    {"<.a@b.example>", NULL, NULL, NULL},
    {"<a.@b.example>", NULL, NULL, NULL},
    {"<a..b@b.example>", NULL, NULL, NULL},
    {"<a b@b.example>", NULL, NULL, NULL},
    {"<a@b@c.example>", NULL, NULL, NULL},
    {"<a@b..example>", NULL, NULL, NULL},
    {"<a@b.example(c)>", NULL, NULL, NULL},
    {"<a@[192.0.2.1>", NULL, NULL, NULL},
    {"<a@[]>", NULL, NULL, NULL},
    {"<\"a@b.example>", NULL, NULL, NULL},
    {"<\"a\\", NULL, NULL, NULL},
    {"<\"a\"b@b.example>", NULL, NULL, NULL},
    {"<@x.example:>", NULL, NULL, NULL},
    {"<@x.example a@b.example>", NULL, NULL, NULL},
    {"<a\x01@b.example>", NULL, NULL, NULL},
    {"<a@b.example> X=\r\nRCPT", NULL, NULL, NULL},
    {"<\"a\r\n\"@b.example>", NULL, NULL, NULL},
    {"<j\xfcrgen@b.example>", NULL, NULL, NULL},
};

START_TEST(parse_path)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct arena mem;
        struct addr a;
        struct span rest;
        struct err e = {{0}};

        arena_init(&mem, 4096);
        or_status st = addr_parse_path(span_cstr(paths[i].path), false, &mem, &a, &rest, &e);
        if (paths[i].local == NULL) {
            ck_assert_msg(st == OR_MALFORMED, "%s", paths[i].path);
            ck_assert_msg(e.text[0] != '\0', "%s", paths[i].path);
        } else {
            ck_assert_msg(st == OR_OK, "%s: %s", paths[i].path, e.text);
            ck_assert_span_eq(a.local, paths[i].local);
            ck_assert_span_eq(a.domain, paths[i].domain);
            ck_assert_span_eq(rest, paths[i].rest);
        }
        arena_fini(&mem);
    }
}
END_TEST

START_TEST(options)
{
    struct arena mem;
    struct addr a;
    struct span rest;

    arena_init(&mem, 8192);
    ck_assert_int_eq(addr_parse_path(SPAN_LIT("a@b.example X"), true, &mem, &a, &rest, NULL),
                     OR_OK);
    ck_assert_span_eq(rest, "X");
    ck_assert_int_eq(addr_parse_path(SPAN_LIT("<a@b.example>"), true, &mem, &a, NULL, NULL), OR_OK);
    /* Without a place for parameters there may be none. */
    ck_assert_int_eq(addr_parse_path(SPAN_LIT("<a@b.example> X"), true, &mem, &a, NULL, NULL),
                     OR_MALFORMED);
    ck_assert_int_eq(addr_parse_path(SPAN_LIT("<a\0@b.example>"), true, &mem, &a, NULL, NULL),
                     OR_MALFORMED);
    arena_fini(&mem);
}
END_TEST

START_TEST(lengths)
{
    char path[2000];
    struct span end = SPAN_LIT("@b.example>");
    struct arena mem;
    struct addr a;

    arena_init(&mem, 8192);
    memset(path, 'x', sizeof(path));
    path[0] = '<';
    memcpy(path + ADDR_MAX_BYTES - end.n, end.p, end.n);
    ck_assert_int_eq(addr_parse_path(span_make(path, ADDR_MAX_BYTES), false, &mem, &a, NULL, NULL),
                     OR_OK);
    memset(path + 1, 'x', sizeof(path) - 1);
    memcpy(path + ADDR_MAX_BYTES + 1 - end.n, end.p, end.n);
    ck_assert_int_eq(
        addr_parse_path(span_make(path, ADDR_MAX_BYTES + 1), false, &mem, &a, NULL, NULL),
        OR_LIMIT);
    arena_fini(&mem);
    arena_init(&mem, 8);
    ck_assert_int_eq(addr_parse_path(SPAN_LIT("<alice@example.org>"), false, &mem, &a, NULL, NULL),
                     OR_LIMIT);
    arena_fini(&mem);
}
END_TEST

static const struct {
    const char *internal;
    const char *local;
    const char *domain;
    const char *formatted;
} splits[] = {
    {"", "", "", ""},
    {"alice@example.org", "alice", "example.org", "alice@example.org"},
    {"a b@example.org", "a b", "example.org", "\"a b\"@example.org"},
    {"a@b@example.org", "a@b", "example.org", "\"a@b\"@example.org"},
    {"a\"\\@example.org", "a\"\\", "example.org", "\"a\\\"\\\\\"@example.org"},
    {"a..b@example.org", "a..b", "example.org", "\"a..b\"@example.org"},
    {"alice", "alice", "", "alice"},
    {"@example.org", "", "example.org", "\"\"@example.org"},
    {"a@example.org.", "a", "example.org", "a@example.org"},
    {"a\r\nb@exa\nmple.org", "a\r\nb", "exa\nmple.org", "\"a??b\"@exa?mple.org"},
};

START_TEST(split_and_format)
{
    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
        struct addr a = addr_split(span_cstr(splits[i].internal));
        struct buf out;

        ck_assert_span_eq(a.local, splits[i].local);
        ck_assert_span_eq(a.domain, splits[i].domain);
        ck_assert_int_eq(addr_is_null(&a), i == 0);
        buf_init(&out, 256);
        addr_format(&out, &a);
        ck_assert_span_eq(buf_span(&out), splits[i].formatted);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(detail)
{
    static const struct {
        const char *local;
        const char *base;
        const char *detail; /* NULL: none */
    } rows[] = {
        {"user", "user", NULL}, {"user+folder", "user", "folder"}, {"user+a+b", "user", "a+b"},
        {"user+", "user", ""},  {"+folder", "+folder", NULL},      {"++x", "+", "x"},
        {"", "", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span base, found;

        addr_split_detail(span_cstr(rows[i].local), '+', &base, &found);
        ck_assert_span_eq(base, rows[i].base);
        ck_assert_msg((found.p == NULL) == (rows[i].detail == NULL), "%s", rows[i].local);
        if (rows[i].detail != NULL)
            ck_assert_span_eq(found, rows[i].detail);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("addr");
    TCase *cases = tcase_create("addr");

    tcase_add_test(cases, parse_path);
    tcase_add_test(cases, options);
    tcase_add_test(cases, lengths);
    tcase_add_test(cases, split_and_format);
    tcase_add_test(cases, detail);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
