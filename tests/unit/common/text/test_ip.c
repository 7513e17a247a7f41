#include "common/text/ip.h"

#include "tests/support/unit.h"

#include <sys/socket.h>

static const struct {
    const char *text;
    const char *canonical; /* NULL: OR_MALFORMED */
} addresses[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"2001:DB8:0:0::1", "2001:db8::1"},
    {"::", "::"},
    {"::ffff:192.0.2.1", "192.0.2.1"}, /* one host, one form */
    {"::FFFF:c000:0201", "192.0.2.1"},
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
    {"", NULL},
    {"192.0.2", NULL},
    {"192.0.2.01", NULL}, /* octal to some */
    {"0x7f.1", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2.1 ", NULL},
    {"192.0.2.1.", NULL},
    {"[192.0.2.1]", NULL},
    {"1::2::3", NULL},
    {"fe80::1%lo", NULL},
    {"2001:db8:0000:0000:0000:0000:0000:00001", NULL},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.255", NULL},
};

START_TEST(parse_and_format)
{
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        char text[IP_TEXT_BYTES];
        struct ip ip;
        or_status st = ip_parse(span_cstr(addresses[i].text), &ip);

        if (addresses[i].canonical == NULL) {
            ck_assert_msg(st == OR_MALFORMED, "%s", addresses[i].text);
            continue;
        }
        ck_assert_msg(st == OR_OK, "%s", addresses[i].text);
        ip_format(&ip, text);
        ck_assert_str_eq(text, addresses[i].canonical);
    }
}
END_TEST

START_TEST(nul_is_refused)
{
    struct ip ip;

    ck_assert_int_eq(ip_parse(SPAN_LIT("192.0.2.1\0"), &ip), OR_MALFORMED);
    ck_assert_int_eq(ip_parse(SPAN_LIT("::1\0x"), &ip), OR_MALFORMED);
}
END_TEST

START_TEST(unset_address)
{
    struct ip none = {0}, zero;
    struct cidr all;
    char text[IP_TEXT_BYTES];

    ip_format(&none, text);
    ck_assert_str_eq(text, "unknown");
    ck_assert_int_eq(ip_parse(SPAN_LIT("0.0.0.0"), &zero), OR_OK);
    ck_assert(!ip_equal(&none, &zero));
    ck_assert_int_eq(cidr_parse(SPAN_LIT("0.0.0.0/0"), &all, NULL), OR_OK);
    ck_assert(!cidr_contains(&all, &none));
}
END_TEST

START_TEST(reverse)
{
    struct ip ip;
    char text[IP_REVERSE_BYTES];

    ck_assert_int_eq(ip_parse(SPAN_LIT("192.0.2.15"), &ip), OR_OK);
    ip_reverse(&ip, text);
    ck_assert_str_eq(text, "15.2.0.192");
    /* RFC 3596 2.5 */
    ck_assert_int_eq(ip_parse(SPAN_LIT("4321:0:1:2:3:4:567:89ab"), &ip), OR_OK);
    ip_reverse(&ip, text);
    ck_assert_str_eq(text, "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4");
}
END_TEST

static const struct {
    const char *block;
    const char *address;
    bool contains;
} blocks[] = {
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.77/24", "192.0.2.1", true}, /* host bits are ignored */
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.128/25", "192.0.2.128", true},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.2", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "192.0.2.1", false},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"2001:db8::1/128", "2001:db8::2", false},
    {"::ffff:192.0.2.0/120", "192.0.2.9", true},
    {"192.0.2.0/24", "::ffff:192.0.2.9", true},
};

START_TEST(cidr)
{
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct cidr block;
        struct ip ip;

        ck_assert_int_eq(cidr_parse(span_cstr(blocks[i].block), &block, NULL), OR_OK);
        ck_assert_int_eq(ip_parse(span_cstr(blocks[i].address), &ip), OR_OK);
        ck_assert_msg(cidr_contains(&block, &ip) == blocks[i].contains, "%s %s", blocks[i].block,
                      blocks[i].address);
    }
}
END_TEST

START_TEST(bad_cidr)
{
    static const char *const bad[] = {
        "",           "/24",          "192.0.2.0/",     "192.0.2.0/33",
        "::/129",     "10.0.0.0/08",  "10.0.0.0/-1",    "10.0.0.0/ 8",
        "10.0.0/8",   "10.0.0.0/8/8", "10.0.0.0/8\t",   "::ffff:10.0.0.0/8",
        "::/1234567", "10.0.0.0/+8",  "10.0.0.0/8.8.8",
    };
    struct cidr block;
    struct err e;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(cidr_parse(span_cstr(bad[i]), &block, &e) == OR_MALFORMED, "%s", bad[i]);
}
END_TEST

START_TEST(test_mask)
{
    static const struct {
        const char *address;
        unsigned prefix;
        const char *masked;
    } rows[] = {
        {"192.0.2.255", 24, "192.0.2.0"},
        {"192.0.2.255", 32, "192.0.2.255"},
        {"192.0.2.255", 0, "0.0.0.0"},
        {"192.0.2.255", 25, "192.0.2.128"},
        {"2001:db8::ffff", 64, "2001:db8::"},
        {"2001:db8::ffff", 128, "2001:db8::ffff"},
        {"2001:db8::ffff", 113, "2001:db8::8000"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[IP_TEXT_BYTES];
        struct ip ip;

        ck_assert_int_eq(ip_parse(span_cstr(rows[i].address), &ip), OR_OK);
        ip_mask(&ip, rows[i].prefix);
        ip_format(&ip, text);
        ck_assert_str_eq(text, rows[i].masked);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ip");
    TCase *cases = tcase_create("ip");

    tcase_add_test(cases, parse_and_format);
    tcase_add_test(cases, nul_is_refused);
    tcase_add_test(cases, unset_address);
    tcase_add_test(cases, reverse);
    tcase_add_test(cases, cidr);
    tcase_add_test(cases, bad_cidr);
    tcase_add_test(cases, test_mask);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
