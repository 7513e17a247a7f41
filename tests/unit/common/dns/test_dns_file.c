/* A zone in a text file: what is answered, and how mistakes are named. */
#include "common/dns/dns_file.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static or_status
ask(struct dns *dns, struct arena *mem, enum dns_type type, const char *name,
    const struct dns_answer **answer_out)
{
    struct err e;

    return dns_query(dns, type, span_cstr(name), INT64_MAX, mem, answer_out, &e);
}

START_TEST(answers)
{
    static const char text[] =
        "# keys\n"
        "; as keygen prints them\n"
        "s1._domainkey.Example.ORG. IN TXT (\n\t\"v=DKIM1; k=rsa; p=AAAA\"\n\t\"BBBB\" ) ; end\r\n"
        "s2._domainkey.example.org 300 IN TXT \"quote \\\" back \\\\ \\065\"#x\n\n"
        "down.example.org SERVFAIL\n"
        "s2._domainkey.example.org TXT \"\"";
    const struct dns_answer *answer;
    struct dns *dns = NULL;
    struct arena mem;
    struct err e;

    arena_init(&mem, 1 << 20);
    ck_assert_msg(dns_file_parse(SPAN_LIT(text), &dns, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(ask(dns, &mem, DNS_TXT, "S1._domainkey.example.org.", &answer), OR_OK);
    ck_assert_int_eq(answer->result, DNS_FOUND);
    ck_assert_uint_eq(answer->count, 1);
    ck_assert_uint_eq(answer->records[0].txt.count, 2);
    ck_assert_span_eq(answer->records[0].txt.joined, "v=DKIM1; k=rsa; p=AAAABBBB");
    ck_assert_span_eq(answer->records[0].txt.strings[1], "BBBB");
    ck_assert_int_eq(ask(dns, &mem, DNS_TXT, "s2._domainkey.example.org", &answer), OR_OK);
    ck_assert_uint_eq(answer->count, 2);
    ck_assert_span_eq(answer->records[0].txt.joined, "quote \" back \\ A");
    ck_assert_span_eq(answer->records[1].txt.joined, "");
    ck_assert_int_eq(ask(dns, &mem, DNS_A, "s2._domainkey.example.org", &answer), OR_OK);
    ck_assert_int_eq(answer->result, DNS_NODATA);
    ck_assert_int_eq(ask(dns, &mem, DNS_TXT, "_domainkey.example.org", &answer), OR_OK);
    ck_assert_int_eq(answer->result, DNS_NODATA);
    ck_assert_int_eq(ask(dns, &mem, DNS_TXT, "xample.org", &answer), OR_OK);
    ck_assert_int_eq(answer->result, DNS_NXDOMAIN);
    ck_assert_int_eq(ask(dns, &mem, DNS_TXT, "down.example.org", &answer), OR_TEMPFAIL);
    ck_assert_int_eq(ask(dns, &mem, DNS_TXT, "a..b", &answer), OR_MALFORMED);
    dns_free(dns);
    arena_fini(&mem);
}
END_TEST

START_TEST(too_little_memory_for_the_answer)
{
    const struct dns_answer *answer;
    struct dns *dns = NULL;
    struct arena mem;
    struct err e;

    ck_assert_int_eq(dns_file_parse(SPAN_LIT("a TXT \"x\""), &dns, &e), OR_OK);
    arena_init(&mem, 64);
    ck_assert_int_ne(ask(dns, &mem, DNS_TXT, "a", &answer), OR_OK);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

static const struct {
    const char *text;
    const char *fault;
} mistakes[] = {
    {"a", "line 1: the type"},
    {"\na NS ns.example", "line 2: the type"},
    {"a A 2001:db8::1", "line 1: write NAME A"},
    {"a A", "line 1: write NAME A"},
    {"a A 192.0.2.1 192.0.2.2", "line 1: write NAME A"},
    {"a AAAA 192.0.2.1", "line 1: write NAME AAAA"},
    {"a MX mx.example.org", "line 1: write NAME MX"},
    {"a MX 65536 mx.example.org", "line 1: write NAME MX"},
    {"a MX 10 a..b", "line 1: write NAME MX"},
    {"a MX 10", "line 1: write NAME MX"},
    {"a PTR \"x\"", "line 1: write NAME PTR"},
    {"a TXT", "line 1: write NAME TXT"},
    {"a TXT x", "line 1: write NAME TXT"},
    {"a TXT \"x\" y", "line 1: write NAME TXT"},
    {"a TXT v=DKIM1; p=x", "line 1: write NAME TXT"},
    {"a TXT ( \"x\"\n\"y\"", "line 1: write NAME TXT"},
    {"a SERVFAIL \"x\"", "line 1: write NAME SERVFAIL"},
    {"a TXT \"x", "line 1: a closing quote"},
    {"a TXT \"x\nb TXT \"y\"", "line 1: a closing quote"},
    {"a TXT \"x\\", "line 1: a closing quote"},
    {"a TXT \"x\\\n\"", "line 1: a closing quote"},
    {"\"a\" TXT \"x\"", "line 1: a record begins with a name"},
    {"a..b TXT \"x\"", "line 1"},
    {"a \"TXT\" \"x\"", "line 1: the type"},
    {"a TXT \x01", "line 1: unexpected byte"},
};

START_TEST(types_are_kept_apart)
{
    static const char text[] = "m.example 300 IN MX 10 a.example.\nm.example MX 0 .\n"
                               "m.example A 192.0.2.1\nm.example AAAA 2001:db8::1\n"
                               "1.2.0.192.in-addr.arpa PTR M.example\n";
    const struct dns_answer *answer;
    struct arena mem;
    struct dns *dns;
    char ip[IP_TEXT_BYTES];

    arena_init(&mem, 1 << 20);
    ck_assert_int_eq(dns_file_parse(span_cstr(text), &dns, NULL), OR_OK);
    ck_assert_int_eq(ask(dns, &mem, DNS_MX, "m.example", &answer), OR_OK);
    ck_assert_uint_eq(answer->count, 2);
    ck_assert_uint_eq(answer->records[0].mx.preference, 10);
    ck_assert(span_equal_cstr(answer->records[0].mx.host, "a.example"));
    ck_assert_uint_eq(answer->records[1].mx.host.n, 0);
    ck_assert_int_eq(ask(dns, &mem, DNS_A, "m.example", &answer), OR_OK);
    ck_assert_uint_eq(answer->count, 1);
    ip_format(&answer->records[0].ip, ip);
    ck_assert_str_eq(ip, "192.0.2.1");
    ck_assert_int_eq(ask(dns, &mem, DNS_AAAA, "m.example", &answer), OR_OK);
    ip_format(&answer->records[0].ip, ip);
    ck_assert_str_eq(ip, "2001:db8::1");
    ck_assert_int_eq(ask(dns, &mem, DNS_TXT, "m.example", &answer), OR_OK);
    ck_assert_int_eq(answer->result, DNS_NODATA);
    ck_assert_int_eq(ask(dns, &mem, DNS_PTR, "1.2.0.192.in-addr.arpa", &answer), OR_OK);
    ck_assert(span_equal_cstr(answer->records[0].name, "m.example"));
    dns_free(dns);
    arena_fini(&mem);
}
END_TEST

START_TEST(mistake_is_named)
{
    struct dns *dns = NULL;
    struct err e;

    ck_assert_int_eq(dns_file_parse(span_cstr(mistakes[_i].text), &dns, &e), OR_MALFORMED);
    ck_assert_msg(strncmp(e.text, mistakes[_i].fault, strlen(mistakes[_i].fault)) == 0, "%s: %s",
                  mistakes[_i].text, e.text);
    ck_assert_ptr_null(dns);
}
END_TEST

START_TEST(too_many_records)
{
    struct dns *dns = NULL;
    struct buf text;
    struct err e;

    buf_init(&text, DNS_FILE_MAX_BYTES);
    for (int i = 0; i < DNS_FILE_MAX_RECORDS; i++)
        buf_add_cstr(&text, "a TXT \"x\"\n");
    ck_assert_int_eq(dns_file_parse(buf_span(&text), &dns, &e), OR_OK);
    dns_free(dns);
    buf_add_cstr(&text, "a TXT \"x\"\n");
    ck_assert_int_eq(dns_file_parse(buf_span(&text), &dns, &e), OR_LIMIT);
    buf_fini(&text);
}
END_TEST

START_TEST(from_a_file)
{
    char folder[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 16];
    struct dns *dns = NULL;
    struct err e;

    temp_tree_make(folder);
    snprintf(path, sizeof(path), "%s/zone", folder);
    ck_assert_int_eq(dns_file_open(path, &dns, &e), OR_CONFIG);
    FILE *f = fopen(path, "w");
    fputs("a TXT \"x\"\nb TXT\n", f);
    fclose(f);
    ck_assert_int_eq(dns_file_open(path, &dns, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "/zone: line 2: "));
    f = fopen(path, "w");
    fputs("a TXT \"x\"\n", f);
    fclose(f);
    ck_assert_int_eq(dns_file_open(path, &dns, &e), OR_OK);
    dns_free(dns);
    temp_tree_remove(folder);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dns_file");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, answers);
    tcase_add_test(tc, too_little_memory_for_the_answer);
    tcase_add_test(tc, types_are_kept_apart);
    tcase_add_loop_test(tc, mistake_is_named, 0, sizeof(mistakes) / sizeof(mistakes[0]));
    tcase_add_test(tc, too_many_records);
    tcase_add_test(tc, from_a_file);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
