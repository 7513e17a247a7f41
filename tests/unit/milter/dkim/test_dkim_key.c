/* Key records: every way to be wrong has its reason, and a wildcard beside the key does no harm. */
#include "milter/dkim/dkim_key.h"

#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <string.h>

/* RFC 8463 A.2 */
#define ED_P "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_P                                                                                      \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi"     \
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy"     \
    "VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
/* The same key as RSAPublicKey, as the text of RFC 6376 3.6.1 has it: without the 22 bytes in
 * front. */
#define RSA_PKCS1_P                                                                                \
    "MIGJAoGBAOQeU5CgFPNZGIazlXo2k/eJ1jpaTTxrmqF1HrDLlt04pvaMtCJj8nXoliLRC/H9vJjMI1vdb3XLcW60"     \
    "AIN/PBD8EL97/y4GwJH7LPUvGP48vqUe+owqszesbiGy1PlCO8c70/OjFnJVgvMF87YR4Lcincb7aSvI5MgpP6X8"     \
    "rjDdAgMBAAE="

static const struct {
    const char *record;
    enum dkim_reason reason;
} rows[] = {
    {"v=DKIM1; k=rsa; p=" RSA_P, DKIM_OK},
    {"p=" RSA_P, DKIM_OK},
    {"k=ed25519; p=" ED_P, DKIM_OK},
    {"v=DKIM1 ; k = rsa ;\t h = sha1 : sha256 ; s = email ; n = a note; p = " RSA_P " ; ", DKIM_OK},
    {"v=DKIM1; g=; t=y:s:unknown; x=y; p=" RSA_P, DKIM_OK},
    {"v=DKIM1; s=tlsrpt:*; p=" RSA_P, DKIM_OK},
    {"v=DKIM2; p=" RSA_P, DKIM_KEY_VERSION},
    {"v=dkim1; p=" RSA_P, DKIM_KEY_VERSION},
    {"k=rsa; v=DKIM1; p=" RSA_P, DKIM_KEY_SYNTAX},
    {"v=DKIM1; k=rsa", DKIM_KEY_SYNTAX},
    {"v=DKIM1; p=" RSA_P "; p=" RSA_P, DKIM_KEY_SYNTAX},
    {"this is no key", DKIM_KEY_SYNTAX},
    {"", DKIM_KEY_SYNTAX},
    {"v=DKIM1; p=???", DKIM_KEY_SYNTAX},
    {"v=DKIM1; p=MIIBIjANBgkqhkiG9w0BAQ", DKIM_KEY_SYNTAX},
    {"v=DKIM1; p=" ED_P, DKIM_KEY_SYNTAX},
    {"v=DKIM1; k=ed25519; p=" RSA_P, DKIM_KEY_SYNTAX},
    {"v=DKIM1; k=ed25519; p=lv7XEJi12hab5rSnBxVJ", DKIM_KEY_SYNTAX},
    {"v=DKIM1; p=", DKIM_KEY_REVOKED},
    {"v=DKIM1; k=dsa; p=" RSA_P, DKIM_KEY_TYPE},
    {"v=DKIM1; h=sha1; p=" RSA_P, DKIM_KEY_HASH},
    {"v=DKIM1; s=other; p=" RSA_P, DKIM_KEY_SERVICE},
};

START_TEST(reasons)
{
    struct arena mem;
    struct dkim_key key;
    struct span detail;

    arena_init(&mem, 65536);
    enum dkim_reason reason = dkim_key_parse(span_cstr(rows[_i].record), &mem, &key, &detail);
    ck_assert_msg(reason == rows[_i].reason, "%s: %s (%.*s)", rows[_i].record,
                  dkim_reason_name(reason), SPAN_ARG(detail));
    ck_assert(reason != DKIM_OK || key.bits == (key.type == DKIM_KEY_RSA ? 1024 : 256));
    dkim_key_fini(&key);
    arena_fini(&mem);
}
END_TEST

START_TEST(flags)
{
    struct arena mem;
    struct dkim_key key;
    struct span detail;

    arena_init(&mem, 65536);
    ck_assert_int_eq(dkim_key_parse(SPAN_LIT("t=s : y; p=" RSA_P), &mem, &key, &detail), DKIM_OK);
    ck_assert(key.testing);
    ck_assert(key.strict_identity);
    dkim_key_fini(&key);
    ck_assert_int_eq(dkim_key_parse(SPAN_LIT("p=" RSA_P), &mem, &key, &detail), DKIM_OK);
    ck_assert(!key.testing);
    ck_assert(!key.strict_identity);
    dkim_key_fini(&key);
    arena_fini(&mem);
}
END_TEST

static const struct {
    const char *selector;
    enum dkim_reason reason;
} lookups[] = {
    {"good", DKIM_OK},           {"split", DKIM_OK},         {"wildcard", DKIM_OK},
    {"two", DKIM_KEY_MULTIPLE},  {"none", DKIM_KEY_MISSING}, {"nodata", DKIM_KEY_MISSING},
    {"broken", DKIM_KEY_SYNTAX}, {"down", DKIM_DNS_FAILURE}, {"slow", DKIM_DNS_TIMEOUT},
};

static const char zone[] =
    "good._domainkey.example.org TXT \"v=DKIM1; k=ed25519; p=" ED_P "\"\n"
    "split._domainkey.example.org TXT \"v=DKIM1; k=ed\" \"25519; p=\" \"" ED_P "\"\n"
    "wildcard._domainkey.example.org TXT \"v=spf1 -all\"\n"
    "wildcard._domainkey.example.org TXT \"k=ed25519; p=" ED_P "\"\n"
    "wildcard._domainkey.example.org TXT \"hello\"\n"
    "two._domainkey.example.org TXT \"k=ed25519; p=" ED_P "\"\n"
    "two._domainkey.example.org TXT \"k=ed25519; p=\"\n"
    "nodata._domainkey.example.org A 192.0.2.1\n"
    "broken._domainkey.example.org TXT \"v=spf1 -all\"\n"
    "down._domainkey.example.org SERVFAIL\n"
    "slow._domainkey.example.org TIMEOUT\n";

START_TEST(fetch)
{
    struct arena mem;
    struct dkim_key key = {0};
    struct span detail;
    struct dns *dns = fake_dns_new(zone);
    struct dkim_sig sig = {.domain = SPAN_LIT("example.org"),
                           .selector = span_cstr(lookups[_i].selector)};

    arena_init(&mem, 65536);
    const struct dkim_key_source source = {.dns = dns, .deadline_mono_ms = INT64_MAX};
    enum dkim_reason reason = dkim_key_fetch(&sig, &source, &mem, &key, &detail);
    ck_assert_msg(reason == lookups[_i].reason, "%s: %s", lookups[_i].selector,
                  dkim_reason_name(reason));
    dkim_key_fini(&key);
    dns_free(dns);
    arena_fini(&mem);
}
END_TEST

static const struct {
    struct dkim_key key;
    enum dkim_algorithm algorithm;
    const char *identity_domain;
    enum dkim_reason reason;
} checks[] = {
    {{.type = DKIM_KEY_RSA, .bits = 1024}, DKIM_RSA_SHA256, "example.org", DKIM_OK},
    {{.type = DKIM_KEY_RSA, .bits = 4096}, DKIM_RSA_SHA256, "a.example.org", DKIM_OK},
    {{.type = DKIM_KEY_RSA, .bits = 1023}, DKIM_RSA_SHA256, "example.org", DKIM_KEY_TOO_SHORT},
    {{.type = DKIM_KEY_RSA, .bits = 4097}, DKIM_RSA_SHA256, "example.org", DKIM_KEY_TOO_LONG},
    {{.type = DKIM_KEY_ED25519, .bits = 256}, DKIM_ED25519_SHA256, "example.org", DKIM_OK},
    {{.type = DKIM_KEY_RSA, .bits = 2048}, DKIM_ED25519_SHA256, "example.org", DKIM_KEY_OTHER_TYPE},
    {{.type = DKIM_KEY_ED25519, .bits = 256}, DKIM_RSA_SHA256, "example.org", DKIM_KEY_OTHER_TYPE},
    {{.type = DKIM_KEY_RSA, .bits = 2048, .strict_identity = true},
     DKIM_RSA_SHA256,
     "example.org",
     DKIM_OK},
    {{.type = DKIM_KEY_RSA, .bits = 2048, .strict_identity = true},
     DKIM_RSA_SHA256,
     "a.example.org",
     DKIM_KEY_SUBDOMAIN},
};

START_TEST(check)
{
    struct dkim_sig sig = {.domain = SPAN_LIT("example.org"),
                           .algorithm = checks[_i].algorithm,
                           .identity_domain = span_cstr(checks[_i].identity_domain)};
    struct span detail;

    ck_assert_int_eq(dkim_key_check(&checks[_i].key, &sig, 0, &detail), checks[_i].reason);
}
END_TEST

START_TEST(bare_rsa_public_key)
{
    struct arena mem;
    struct dkim_key key;
    struct span detail;

    arena_init(&mem, 65536);
    ck_assert_int_eq(dkim_key_parse(SPAN_LIT("p=" RSA_PKCS1_P), &mem, &key, &detail), DKIM_OK);
    ck_assert_uint_eq(key.bits, 1024);
    dkim_key_fini(&key);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_key");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, reasons, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, flags);
    tcase_add_loop_test(tc, fetch, 0, sizeof(lookups) / sizeof(lookups[0]));
    tcase_add_loop_test(tc, check, 0, sizeof(checks) / sizeof(checks[0]));
    tcase_add_test(tc, bare_rsa_public_key);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
