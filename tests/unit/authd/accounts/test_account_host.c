/* Hosts of accounts and domains. */
#include "authd/accounts/account_host.h"

#include "tests/support/unit.h"

static const struct {
    const char *text, *host;
    uint16_t port;
    bool is_address;
} rows[] = {
    {"192.0.2.7", "192.0.2.7", 0, true},
    {"192.0.2.7:24", "192.0.2.7", 24, true},
    {"[192.0.2.7]:24", "192.0.2.7", 24, true},
    {"2001:DB8::7", "2001:db8::7", 0, true},
    {"[2001:db8::7]", "2001:db8::7", 0, true},
    {"[2001:db8::7]:65535", "2001:db8::7", 65535, true},
    {"mx.Example.org", "mx.example.org", 0, false},
    {"mx.example.org:2525", "mx.example.org", 2525, false},
    {"m\xc3\xbcller.example:25", "xn--mller-kva.example", 25, false},
    {"", NULL, 0, false},
    {"[", NULL, 0, false},
    {"[]", NULL, 0, false},
    {"[192.0.2.7", NULL, 0, false},
    {"[192.0.2.7]24", NULL, 0, false},
    {"[192.0.2.7]:", NULL, 0, false},
    {"192.0.2.7:0", NULL, 0, false},
    {"192.0.2.7:65536", NULL, 0, false},
    {"192.0.2.7:smtp", NULL, 0, false},
    {"mx.example.org:", NULL, 0, false},
    {"mx example", NULL, 0, false},
    {"a]:25,evil:[b", NULL, 0, false},
    {"mx.example.org\tproxy", NULL, 0, false},
};

START_TEST(test_parse)
{
    struct account_host host;
    struct arena mem;
    struct err e;

    arena_init(&mem, 65536);
    or_status st = account_host_parse(span_cstr(rows[_i].text), &mem, &host, &e);
    if (rows[_i].host == NULL) {
        ck_assert_int_eq(st, OR_MALFORMED);
    } else {
        ck_assert_int_eq(st, OR_OK);
        ck_assert_span_eq(host.host, rows[_i].host);
        ck_assert_int_eq(host.port, rows[_i].port);
        ck_assert_int_eq(host.is_address, rows[_i].is_address);
    }
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("account_host");
    TCase *tcase = tcase_create("rows");

    tcase_add_loop_test(tcase, test_parse, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
