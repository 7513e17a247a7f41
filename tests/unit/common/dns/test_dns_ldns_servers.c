/*
 * Server addresses as an administrator writes them, and resolv.conf.
 */
#include "common/dns/dns_ldns.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

START_TEST(test_addresses)
{
    static const struct {
        const char *text;
        or_status status;
        const char *ip;
        unsigned port;
    } rows[] = {
        {"192.0.2.1", OR_OK, "192.0.2.1", 53},
        {"192.0.2.1:5353", OR_OK, "192.0.2.1", 5353},
        {"2001:db8::1", OR_OK, "2001:db8::1", 53},
        {"[2001:db8::1]", OR_OK, "2001:db8::1", 53},
        {"[2001:db8::1]:5353", OR_OK, "2001:db8::1", 5353},
        {"", OR_MALFORMED, NULL, 0},
        {"ns.example.org", OR_MALFORMED, NULL, 0},
        {"192.0.2.1:", OR_MALFORMED, NULL, 0},
        {"192.0.2.1:0", OR_MALFORMED, NULL, 0},
        {"192.0.2.1:70000", OR_MALFORMED, NULL, 0},
        {"[2001:db8::1", OR_MALFORMED, NULL, 0},
        {"[2001:db8::1]:", OR_MALFORMED, NULL, 0},
        {"[2001:db8::1]53", OR_MALFORMED, NULL, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_ldns_settings settings = {.server_count = 0};
        char ip[IP_TEXT_BYTES];

        ck_assert_msg(dns_ldns_add_server(&settings, span_cstr(rows[i].text), NULL) ==
                          rows[i].status,
                      "\"%s\"", rows[i].text);
        if (rows[i].status != OR_OK)
            continue;
        ip_format(&settings.servers[0].ip, ip);
        ck_assert_str_eq(ip, rows[i].ip);
        ck_assert_uint_eq(settings.servers[0].port, rows[i].port);
    }
}
END_TEST

START_TEST(test_at_most_eight)
{
    struct dns_ldns_settings settings = {.server_count = 0};

    for (int i = 0; i < DNS_LDNS_MAX_SERVERS; i++)
        ck_assert_int_eq(dns_ldns_add_server(&settings, SPAN_LIT("192.0.2.1"), NULL), OR_OK);
    ck_assert_int_eq(dns_ldns_add_server(&settings, SPAN_LIT("192.0.2.1"), NULL), OR_LIMIT);
}
END_TEST

/* Loads a resolv.conf with that text. */
static or_status
load(const char *text, struct dns_ldns_settings *settings, struct err *e)
{
    char directory[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 32];

    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/resolv.conf", directory);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    *settings = (struct dns_ldns_settings){.server_count = 0};
    or_status st = dns_ldns_load_resolv_conf(settings, path, e);
    temp_tree_remove(directory);
    return st;
}

START_TEST(test_resolv_conf)
{
    struct dns_ldns_settings settings;
    struct err e = {""};

    ck_assert_int_eq(load("# x\nsearch a\nnameserver 192.0.2.1\n nameserver\t192.0.2.2 # y\n"
                          "nameserver fe80::1%eth0\noptions edns0\n",
                          &settings, &e),
                     OR_OK);
    ck_assert_uint_eq(settings.server_count, 3);
    ck_assert_int_eq(load("", &settings, &e), OR_OK);
    ck_assert_uint_eq(settings.server_count, 1); /* resolv.conf(5): this host */
    ck_assert_int_eq(load("x\nnameserver nonsense\n", &settings, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "resolv.conf:2: "));
    ck_assert_int_eq(dns_ldns_load_resolv_conf(&settings, "/nonexistent/resolv.conf", &e),
                     OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/resolv.conf"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dns_ldns_servers");
    TCase *tcase = tcase_create("servers");

    tcase_add_test(tcase, test_addresses);
    tcase_add_test(tcase, test_at_most_eight);
    tcase_add_test(tcase, test_resolv_conf);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
