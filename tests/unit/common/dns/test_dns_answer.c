/*
 * Copies of answers fill exactly the block they announce (AddressSanitizer watches its end) and
 * refer to nothing outside it.
 */
#include "common/dns/dns_answer.h"

#include "common/base/xalloc.h"
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* A copy whose original was overwritten before anybody looks at it. */
static struct dns_answer *
copy_and_spoil(enum dns_type type, struct dns_answer *answer, char *text, size_t text_bytes)
{
    struct dns_answer *copy =
        dns_answer_copy(type, answer, xmalloc(dns_answer_bytes(type, answer)));

    memset(text, '#', text_bytes);
    memset(answer->records, 0xff, answer->count * sizeof(*answer->records));
    return copy;
}

START_TEST(test_txt)
{
    char text[] = "v=spf1 -allhello";
    struct span strings[] = {{text, 7}, {text + 7, 0}, {text + 7, 4}, {text + 11, 5}};
    struct dns_record records[] = {
        {.txt = {.strings = strings, .count = 3, .joined = {text, 11}}},
        {.txt = {.strings = strings + 3, .count = 1, .joined = {text + 11, 5}}},
        {.txt = {.strings = NULL, .count = 0, .joined = {NULL, 0}}},
    };
    struct dns_answer answer = {.ttl_s = 7, .authenticated = true, .count = 3, .records = records};
    struct dns_answer *copy = copy_and_spoil(DNS_TXT, &answer, text, sizeof(text));

    ck_assert_int_eq(copy->result, DNS_FOUND);
    ck_assert_uint_eq(copy->ttl_s, 7);
    ck_assert(copy->authenticated);
    ck_assert_uint_eq(copy->count, 3);
    ck_assert_uint_eq(copy->records[0].txt.count, 3);
    ck_assert_span_eq(copy->records[0].txt.strings[0], "v=spf1 ");
    ck_assert_span_eq(copy->records[0].txt.strings[1], "");
    ck_assert_span_eq(copy->records[0].txt.strings[2], "-all");
    ck_assert_span_eq(copy->records[0].txt.joined, "v=spf1 -all");
    ck_assert_span_eq(copy->records[1].txt.strings[0], "hello");
    ck_assert_uint_eq(copy->records[2].txt.joined.n, 0);
    free(copy);
}
END_TEST

START_TEST(test_names)
{
    char text[] = "mx.a.orgns.a.org";
    struct dns_record mx[] = {{.mx = {.preference = 10, .host = {text, 8}}},
                              {.mx = {.preference = 0, .host = {NULL, 0}}}};
    struct dns_record ns[] = {{.name = {text + 8, 8}}};
    struct dns_answer mxs = {.count = 2, .records = mx}, nss = {.count = 1, .records = ns};

    struct dns_answer *copy = copy_and_spoil(DNS_MX, &mxs, text, 8);
    ck_assert_uint_eq(copy->records[0].mx.preference, 10);
    ck_assert_span_eq(copy->records[0].mx.host, "mx.a.org");
    ck_assert_uint_eq(copy->records[1].mx.host.n, 0); /* RFC 7505 */
    free(copy);
    copy = copy_and_spoil(DNS_NS, &nss, text, sizeof(text));
    ck_assert_span_eq(copy->records[0].name, "ns.a.org");
    free(copy);
}
END_TEST

START_TEST(test_addresses_and_nothing)
{
    struct dns_record a[] = {{.ip = {.family = AF_INET, .bytes = {192, 0, 2, 1}}}};
    struct dns_answer found = {.count = 1, .records = a};
    struct dns_answer none = {.result = DNS_NXDOMAIN, .ttl_s = 33};

    struct dns_answer *copy =
        dns_answer_copy(DNS_A, &found, xmalloc(dns_answer_bytes(DNS_A, &found)));
    ck_assert_int_eq(copy->records[0].ip.family, AF_INET);
    ck_assert_mem_eq(copy->records[0].ip.bytes, a[0].ip.bytes, 4);
    free(copy);
    copy = dns_answer_copy(DNS_TXT, &none, xmalloc(dns_answer_bytes(DNS_TXT, &none)));
    ck_assert_int_eq(copy->result, DNS_NXDOMAIN);
    ck_assert_uint_eq(copy->ttl_s, 33);
    ck_assert_uint_eq(copy->count, 0);
    free(copy);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dns_answer");
    TCase *tcase = tcase_create("copies");

    tcase_add_test(tcase, test_txt);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_addresses_and_nothing);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
