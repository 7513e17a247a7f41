#include "common/text/addrlist.h"

#include "tests/support/unit.h"

/* Every address as "local|domain", one space between them; NULL: OR_MALFORMED. */
struct row {
    struct span value;
    const char *want;
};

static void
check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct addrlist list;
        struct arena mem;
        struct buf got;
        struct err e = {{0}};

        arena_init(&mem, 1u << 16);
        buf_init(&got, 4096);
        or_status st = addrlist_parse(rows[i].value, &mem, &list, &e);
        if (rows[i].want == NULL) {
            ck_assert_msg(st == OR_MALFORMED, "row %zu: \"%.*s\" passed", i,
                          SPAN_ARG(rows[i].value));
            ck_assert_msg(e.text[0] != '\0', "row %zu: no reason", i);
        } else {
            ck_assert_msg(st == OR_OK, "row %zu: %s", i, e.text);
            for (size_t k = 0; k < list.count; k++)
                buf_addf(&got, "%s%.*s|%.*s", k > 0 ? " " : "", SPAN_ARG(list.items[k].local),
                         SPAN_ARG(list.items[k].domain));
            ck_assert_span_eq(buf_span(&got), rows[i].want);
        }
        buf_fini(&got);
        arena_fini(&mem);
    }
}

#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

START_TEST(rfc5322_appendix_a)
{
    static const struct row rows[] = {
        {SPAN_INIT("John Doe <jdoe@machine.example>"), "jdoe|machine.example"},
        {SPAN_INIT("\"Joe Q. Public\" <john.q.public@example.com>"), "john.q.public|example.com"},
        {SPAN_INIT("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
         "mary|x.test jdoe|example.org one|y.test"},
        {SPAN_INIT("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
         "boss|nil.test sysservices|example.net"},
        {SPAN_INIT("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
         "c|a.test joe|where.test jdoe|one.test"},
        {SPAN_INIT("Undisclosed recipients:;"), ""},
        /* A.5: comments and folds */
        {SPAN_INIT("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
         "pete|silly.test"},
        {SPAN_INIT(
             "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
             "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end "
             "of the group)"),
         "c|public.example joe|example.org jdoe|one.test"},
        {SPAN_INIT("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"), ""},
        /* A.6.1: dots in the name, empty elements, blanks around dots */
        {SPAN_INIT("Joe Q. Public <john.q.public@example.com>"), "john.q.public|example.com"},
        {SPAN_INIT("mary@example.net, , jdoe@test  . example"),
         "mary|example.net jdoe|test.example"},
        /* A.6.3: comments there as well */
        {SPAN_INIT("John Doe <jdoe@machine(comment).  example>"), "jdoe|machine.example"},
    };

    CHECK_ROWS(rows);
}
END_TEST

START_TEST(in_the_wild)
{
    static const struct row rows[] = {
        {SPAN_INIT(" user@example.com\r\n"), "user|example.com"},
        {SPAN_INIT("<user@example.com > "), "user|example.com"},
        {SPAN_INIT("\"Mandel, Bob\" <joe@joe.example>"), "joe|joe.example"},
        {SPAN_INIT("(,) joe@joe.example"), "joe|joe.example"},
        {SPAN_INIT("Davide D'Marco <user@blah.example>"), "user|blah.example"},
        {SPAN_INIT("\"bob@bank.example via List\" <list@l.example>"), "list|l.example"},
        {SPAN_INIT("joe@joe.example (Joe Bloggs)"), "joe|joe.example"},
        {SPAN_INIT("Joe (joe@old.example) <joe@new.example>"), "joe|new.example"},
        {SPAN_INIT("\"a b\"@example.org"), "a b|example.org"},
        {SPAN_INIT("\"a\\\"b\\\\\"@example.org"), "a\"b\\|example.org"},
        {SPAN_INIT("\"a\\@b\"@example.org"), "a@b|example.org"},
        {SPAN_INIT("\"a\".b.\"c d\"@example.org"), "a.b.c d|example.org"},
        {SPAN_INIT("a . b(x) . c @ example.org"), "a.b.c|example.org"},
        {SPAN_INIT("a..b.@docomo.example"), "a..b.|docomo.example"},
        {SPAN_INIT("a@[192.0.2.1]"), "a|[192.0.2.1]"},
        {SPAN_INIT("a@[IPv6:2001:db8::1]"), "a|[IPv6:2001:db8::1]"},
        {SPAN_INIT("a@localhost"), "a|localhost"},
        {SPAN_INIT("J\xc3\xbcrgen <j\xc3\xbcrgen@b\xc3\xbc"
                   "cher.example>"),
         "j\xc3\xbcrgen|b\xc3\xbc"
         "cher.example"},
        {SPAN_INIT("=?utf-8?q?J=C3=BCrgen?= <j@b.example>"), "j|b.example"},
        {SPAN_INIT("\"folded\r\n name\"\r\n <a@b.example>"), "a|b.example"},
        {SPAN_INIT("a@b.example,"), "a|b.example"},
        {SPAN_INIT("g: a@b.example, , c@d.example; , e@f.example"),
         "a|b.example c|d.example e|f.example"},
    };

    CHECK_ROWS(rows);
}
END_TEST

/* "Composition Kills: A Case Study of Email Sender Authentication" (USENIX Security 2020) and
 * OpenDMARC's history: one program reads one domain, the next another. */
START_TEST(read_differently_elsewhere)
{
    static const struct row rows[] = {
        {SPAN_INIT("a@bank.example\0@evil.example"), NULL},
        {SPAN_INIT("<a@bank.example\0>, b@evil.example"), NULL},
        {SPAN_INIT("a@bank.example(b@evil.example)"), NULL},
        {SPAN_INIT("(b@evil.example) a@bank.example"), NULL},
        {SPAN_INIT("<a@bank.example> (b@evil.example)"), NULL},
        {SPAN_INIT("<a@bank.example(b@evil.example)>"), NULL},
        {SPAN_INIT("g: a@bank.example(b@evil.example), X <c@d.example>;"), NULL},
        {SPAN_INIT("<@bank.example:a@evil.example>"), NULL},
        {SPAN_INIT("<@bank.example,@x.example:a@evil.example>"), NULL},
        {SPAN_INIT("<,@bank.example:a@evil.example>"), NULL},
        {SPAN_INIT("a@bank.example <b@evil.example>"), NULL},
        {SPAN_INIT("<a@bank.example> <b@evil.example>"), NULL},
        {SPAN_INIT("<a@bank.example><b@evil.example>"), NULL},
        {SPAN_INIT("a@bank.example b@evil.example"), NULL},
        {SPAN_INIT("a@bank.example@evil.example"), NULL},
        {SPAN_INIT("<<a@bank.example>@evil.example>"), NULL},
        {SPAN_INIT("<<a@bank.example>>"), NULL},
        {SPAN_INIT("\"<a@bank.example>\"@evil.example"), NULL},
        {SPAN_INIT("\"a@bank.example,\"@evil.example"), NULL},
        {SPAN_INIT("=?utf-8?q?a=40bank.example?=@evil.example"), NULL},
        {SPAN_INIT("\"=?utf-8?b?YUBiYW5rLmV4YW1wbGU=?=\"@evil.example"), NULL},
        {SPAN_INIT("=?utf-8?b?YUBiYW5rLmV4YW1wbGU=?="), NULL},
        {SPAN_INIT("Mail From:<joe@joe.example>"), NULL},
        {SPAN_INIT("\"( bob@bob.example)\" joe@joe.example"), NULL},
        {SPAN_INIT("A <a@bank.example"), NULL},
        {SPAN_INIT("A a@bank.example>"), NULL},
        {SPAN_INIT("A <a@bank.example, b@evil.example>"), NULL},
        {SPAN_INIT("a@bank.example\r\n\r\nX: b@evil.example"), NULL},
        {SPAN_INIT("a@bank.example\r, b@evil.example"), NULL},
        {SPAN_INIT("a@bank.example\n<b@evil.example>"), NULL},
        {SPAN_INIT("ren\xe9@bank.example"), NULL},
        {SPAN_INIT("r@bank\xe9.example"), NULL},
        {SPAN_INIT("a@bank.example\xe3\x80\x82"
                   "evil.example"),
         NULL},
        {SPAN_INIT("a\xef\xbc\xa0"
                   "bank.example <b@evil.example"),
         NULL},
        {SPAN_INIT("a@bank.example[evil.example]"), NULL},
        {SPAN_INIT("a@[bank.example]evil.example"), NULL},
        {SPAN_INIT("a@bank.example\\.evil.example"), NULL},
    };

    CHECK_ROWS(rows);
}
END_TEST

/* Old senders leave Latin-1 undeclared in display names; it names nobody. */
START_TEST(undeclared_charset_in_a_display_name)
{
    static const struct row rows[] = {
        {SPAN_INIT("Ren\xe9 M\xfcller <r@b.example>"), "r|b.example"},
        {SPAN_INIT("\"Ren\xe9\" <r@b.example>"), "r|b.example"},
        {SPAN_INIT("r@b.example (Ren\xe9)"), "r|b.example"},
    };

    CHECK_ROWS(rows);
}
END_TEST

START_TEST(broken)
{
    static const struct row rows[] = {
        {SPAN_INIT(""), NULL},
        {SPAN_INIT(" \r\n "), NULL},
        {SPAN_INIT(","), NULL},
        {SPAN_INIT("<>"), NULL},
        {SPAN_INIT("joe"), NULL},
        {SPAN_INIT("\"Test 1.1.5\""), NULL},
        {SPAN_INIT("<joe>"), NULL},
        {SPAN_INIT("@b.example"), NULL},
        {SPAN_INIT(".@b.example"), NULL},
        {SPAN_INIT("a@"), NULL},
        {SPAN_INIT("a@."), NULL},
        {SPAN_INIT("a@b."), NULL},
        {SPAN_INIT("a@.b"), NULL},
        {SPAN_INIT("a@b..c"), NULL},
        {SPAN_INIT("a@\"b\""), NULL},
        {SPAN_INIT("a@b!c"), NULL},
        {SPAN_INIT("a b@c.example"), NULL},
        {SPAN_INIT("\"a\"b@c.example"), NULL},
        {SPAN_INIT("\"a@b.example"), NULL},
        {SPAN_INIT("\"a\\"), NULL},
        {SPAN_INIT("(a@b.example"), NULL},
        {SPAN_INIT("a@b.example)"), NULL},
        {SPAN_INIT("a@[]"), NULL},
        {SPAN_INIT("a@[b"), NULL},
        {SPAN_INIT("a@[b c]"), NULL},
        {SPAN_INIT(":a@b.example;"), NULL},
        {SPAN_INIT("g:a@b.example"), NULL},
        {SPAN_INIT("g:a@b.example;c@d.example"), NULL},
        {SPAN_INIT("g:a@b.example;;"), NULL},
        {SPAN_INIT("g:h:a@b.example;;"), NULL},
        {SPAN_INIT("g:a@b.example c@d.example;"), NULL},
        {SPAN_INIT("a@b.example;"), NULL},
        {SPAN_INIT("[x] a <a@b.example>"), NULL},
        {SPAN_INIT("\"a\tb\"@c.example"), NULL},
        {SPAN_INIT("a\x7f@b.example"), NULL},
    };

    CHECK_ROWS(rows);
}
END_TEST

START_TEST(limits)
{
    struct addrlist list;
    struct arena mem;
    struct buf text;

    arena_init(&mem, 1u << 20);
    buf_init(&text, 1u << 20);
    for (int i = 0; i < ADDRLIST_MAX; i++)
        buf_add_cstr(&text, "X <a@b.example>,");
    ck_assert_int_eq(addrlist_parse(buf_span(&text), &mem, &list, NULL), OR_OK);
    ck_assert_uint_eq(list.count, ADDRLIST_MAX);
    buf_add_cstr(&text, "c@d.example");
    ck_assert_int_eq(addrlist_parse(buf_span(&text), &mem, &list, NULL), OR_LIMIT);
    arena_fini(&mem);
    arena_init(&mem, 64);
    ck_assert_int_eq(addrlist_parse(SPAN_LIT("a@b.example"), &mem, &list, NULL), OR_LIMIT);
    arena_fini(&mem);
    /* Deep comments and a quarter of a megabyte of them: refused at once. */
    arena_init(&mem, 1u << 20);
    buf_reset(&text);
    while (text.n < 1u << 18)
        buf_add_char(&text, '(');
    ck_assert_int_eq(addrlist_parse(buf_span(&text), &mem, &list, NULL), OR_MALFORMED);
    buf_fini(&text);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("addrlist");
    TCase *cases = tcase_create("addrlist");

    tcase_add_test(cases, rfc5322_appendix_a);
    tcase_add_test(cases, in_the_wild);
    tcase_add_test(cases, read_differently_elsewhere);
    tcase_add_test(cases, undeclared_charset_in_a_display_name);
    tcase_add_test(cases, broken);
    tcase_add_test(cases, limits);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
