/* Verifying: the message of RFC 8463 A.3, and the same with one thing changed at a time. */
#include "milter/dkim/dkim_verify.h"

#include "common/text/base64.h"

#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ED_KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_KEY                                                                                    \
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qh"   \
    "dR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hst"   \
    "T5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

/* RFC 8463 A.3 */
static const char ed_signature[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
                                   " d=football.example.com; i=@football.example.com;\r\n"
                                   " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
                                   " subject : date : message-id : from : subject : date;\r\n"
                                   " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                                   " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
                                   " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n";
static const char rsa_signature[] =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n";
static const char header[] = "From: Joe SixPack <joe@football.example.com>\r\n"
                             "To: Suzie Q <suzie@shopping.example.net>\r\n"
                             "Subject: Is dinner ready?\r\n"
                             "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
                             "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
static const char body[] = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

#define ZONE                                                                                       \
    "brisbane._domainkey.football.example.com TXT \"" ED_KEY "\"\n"                                \
    "test._domainkey.football.example.com TXT \"" RSA_KEY "\"\n"

struct fixture {
    struct arena mem;
    struct dkim_message m;
    struct dkim_verify v;
    struct dns *dns;
    struct dkim_verify_settings settings;
    bool accept_length, strict_singletons; /* for verify() */
};

static void
verify(struct fixture *f, const char *zone, const char *text, const char *body_text)
{
    struct span rest;
    struct err e = {.text = ""};

    f->settings = (struct dkim_verify_settings){
        .max_signatures = 10,
        .now = 1700000000,
        .deadline_mono_ms = INT64_MAX,
        .clock_skew_s = 300,
        .accept_length = f->accept_length,
        .strict_singletons = f->strict_singletons,
    };
    arena_init(&f->mem, 1 << 20);
    dkim_message_init(&f->m, &f->mem);
    f->dns = fake_dns_new(zone);
    ck_assert_int_eq(dkim_message_add_text(&f->m, span_cstr(text), &rest, &e), OR_OK);
    ck_assert_msg(dkim_verify_header(&f->v, &f->m, &f->settings, f->dns, &e) == OR_OK, "%s",
                  e.text);
    dkim_message_add_body(&f->m, span_cstr(body_text));
    dkim_message_finish_body(&f->m);
    dkim_verify_body(&f->v, &f->m, &f->settings);
}

static void
done(struct fixture *f)
{
    dkim_message_fini(&f->m);
    dns_free(f->dns);
    arena_fini(&f->mem);
}

static char *
join(const char *a, const char *b, const char *c)
{
    size_t n = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = malloc(n);

    snprintf(text, n, "%s%s%s", a, b, c);
    return text;
}

START_TEST(rfc8463_both_signatures)
{
    struct fixture f = {0};
    char *text = join(ed_signature, rsa_signature, header);

    verify(&f, ZONE, text, body);
    ck_assert_uint_eq(f.v.count, 2);
    ck_assert_uint_eq(f.v.ignored_count, 0);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(f.v.items[i].result, DKIM_PASS);
        ck_assert_int_eq(f.v.items[i].reason, DKIM_OK);
        ck_assert_span_eq(f.v.items[i].sig.domain, "football.example.com");
        ck_assert_span_eq(f.v.items[i].sig.identity, "@football.example.com");
    }
    ck_assert_span_eq(f.v.items[0].sig.selector, "brisbane");
    ck_assert_span_eq(f.v.items[0].sig.b_prefix, "/gCrinpc");
    ck_assert_span_eq(f.v.items[1].sig.algorithm_name, "rsa-sha256");
    ck_assert_uint_eq(f.v.items[1].key_bits, 1024);
    ck_assert_uint_eq(f.m.hash_count, 1); /* one canonical body for both */
    ck_assert_int_eq(dkim_verify_overall(&f.v), DKIM_PASS);
    done(&f);
    free(text);
}
END_TEST

/* The Ed25519 signature under changes: of the field (by replacing text), the header, the body, the
 * zone. */
static const struct {
    const char *what;
    const char *from, *to; /* in the whole header */
    const char *body;
    const char *zone;
    enum dkim_result result;
    enum dkim_reason reason;
} changes[] = {
    {"nothing", "", "", body, ZONE, DKIM_PASS, DKIM_OK},
    {"more blank lines at the end", "", "",
     "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe. \r\n\r\n \r\n", ZONE, DKIM_PASS,
     DKIM_OK},
    {"body", "", "", "Hi.\r\n", ZONE, DKIM_FAIL, DKIM_BODY_CHANGED},
    {"subject", "dinner", "supper", body, ZONE, DKIM_FAIL, DKIM_HEADER_CHANGED},
    {"both", "dinner", "supper", "x", ZONE, DKIM_FAIL, DKIM_BOTH_CHANGED},
    {"case of a name is relaxed", "Subject:", "SUBJECT:", body, ZONE, DKIM_PASS, DKIM_OK},
    {"second Subject against oversigning", "To: S", "Subject: x\r\nTo: S", body, ZONE, DKIM_FAIL,
     DKIM_HEADER_CHANGED},
    {"second To, not oversigned", "Subject:", "X-To: x\r\nSubject:", body, ZONE, DKIM_PASS,
     DKIM_OK},
    {"signed time in the field", "t=1528637909", "t=1528637908", body, ZONE, DKIM_FAIL,
     DKIM_HEADER_CHANGED},
    {"b= white space", "b=/gCr", "b= /g\r\n Cr", body, ZONE, DKIM_PASS, DKIM_OK},
    {"expired", "t=1528637909", "t=1; x=1699999699", body, ZONE, DKIM_PERMERROR, DKIM_SIG_EXPIRED},
    {"expired within the clock skew", "t=1528637909", "t=1; x=1699999700", body, ZONE, DKIM_FAIL,
     DKIM_HEADER_CHANGED},
    {"from the future", "t=1528637909", "t=1700000301", body, ZONE, DKIM_POLICY, DKIM_SIG_FUTURE},
    {"within the clock skew", "t=1528637909", "t=1700000300", body, ZONE, DKIM_FAIL,
     DKIM_HEADER_CHANGED},
    {"l= changes the hash too", "q=dns/txt", "l=9999", body, ZONE, DKIM_PERMERROR,
     DKIM_SIG_BODY_LENGTH_EXCEEDED},
    {"rsa-sha1", "a=ed25519-sha256", "a=rsa-sha1", body, ZONE, DKIM_PERMERROR, DKIM_SIG_RSA_SHA1},
    {"another type of key", "a=ed25519-sha256", "a=rsa-sha256", body, ZONE, DKIM_PERMERROR,
     DKIM_KEY_OTHER_TYPE},
    {"no key", "", "", body, "", DKIM_PERMERROR, DKIM_KEY_MISSING},
    {"key revoked", "", "", body, "brisbane._domainkey.football.example.com TXT \"v=DKIM1; p=\"",
     DKIM_PERMERROR, DKIM_KEY_REVOKED},
    {"DNS fails", "", "", body, "brisbane._domainkey.football.example.com SERVFAIL", DKIM_TEMPERROR,
     DKIM_DNS_FAILURE},
    {"DNS is slow", "", "", body, "brisbane._domainkey.football.example.com TIMEOUT",
     DKIM_TEMPERROR, DKIM_DNS_TIMEOUT},
    {"rsa-sha1 while DNS fails", "a=ed25519-sha256", "a=rsa-sha1", body,
     "brisbane._domainkey.football.example.com SERVFAIL", DKIM_TEMPERROR, DKIM_DNS_FAILURE},
};

static char *
replace(const char *text, const char *from, const char *to)
{
    const char *at = from[0] != '\0' ? strstr(text, from) : NULL;

    if (at == NULL)
        return join(text, "", "");
    char *front = strndup(text, (size_t)(at - text));
    char *all = join(front, to, at + strlen(from));
    free(front);
    return all;
}

START_TEST(one_change)
{
    struct fixture f = {0};
    char *whole = join(ed_signature, header, "");
    char *text = replace(whole, changes[_i].from, changes[_i].to);

    ck_assert_msg(changes[_i].from[0] == '\0' || strcmp(whole, text) != 0, "%s: nothing replaced",
                  changes[_i].what);
    verify(&f, changes[_i].zone, text, changes[_i].body);
    ck_assert_uint_eq(f.v.count, 1);
    ck_assert_msg(f.v.items[0].reason == changes[_i].reason, "%s: %s", changes[_i].what,
                  dkim_reason_name(f.v.items[0].reason));
    ck_assert_int_eq(f.v.items[0].result, changes[_i].result);
    ck_assert_int_eq(dkim_verify_overall(&f.v), changes[_i].result);
    done(&f);
    free(whole);
    free(text);
}
END_TEST

START_TEST(no_signature)
{
    struct fixture f = {0};

    verify(&f, ZONE, header, body);
    ck_assert_uint_eq(f.v.count, 0);
    ck_assert_int_eq(dkim_verify_overall(&f.v), DKIM_NONE);
    ck_assert_uint_eq(fake_dns_queries(f.dns), 0);
    done(&f);
}
END_TEST

START_TEST(only_the_first_signatures_count)
{
    struct fixture f = {0};
    struct buf text;

    buf_init(&text, 1 << 20);
    for (int i = 0; i < 12; i++)
        buf_add_cstr(&text, ed_signature);
    buf_add_cstr(&text, rsa_signature);
    buf_add_cstr(&text, header);
    buf_add_char(&text, '\0');
    verify(&f, ZONE, text.p, body);
    ck_assert_uint_eq(f.v.count, 10);
    ck_assert_uint_eq(f.v.ignored_count, 3);
    ck_assert_uint_eq(fake_dns_queries(f.dns), 10);
    ck_assert_int_eq(f.v.items[9].result, DKIM_PASS);
    done(&f);
    buf_fini(&text);
}
END_TEST

START_TEST(testing_key_is_marked)
{
    struct fixture f = {0};
    char *text = join(ed_signature, header, "");

    verify(&f,
           "brisbane._domainkey.football.example.com TXT \"v=DKIM1; t=y; k=ed25519; "
           "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"",
           text, body);
    ck_assert_int_eq(f.v.items[0].result, DKIM_PASS);
    ck_assert(f.v.items[0].testing);
    done(&f);
    free(text);
}
END_TEST

/* RFC 6376 8.15: the second To stands above the one that was signed, and nothing is oversigned. */
static const struct {
    const char *added;
    bool strict;
    enum dkim_reason reason;
    const char *detail;
} doubles[] = {
    {"To: victim@example.net\r\n", false, DKIM_OK, ""},
    {"To: victim@example.net\r\n", true, DKIM_SIG_FIELD_TWICE, "To"},
    {"TO : victim@example.net\r\n", true, DKIM_SIG_FIELD_TWICE, "To"},
    {"Content-Type: a/b\r\nX: y\r\ncontent-type: a/c\r\n", true, DKIM_SIG_FIELD_TWICE,
     "Content-Type"},
    {"Cc: a@b\r\nReceived: x\r\nReceived: y\r\nComments: x\r\nComments: y\r\n", true, DKIM_OK, ""},
    /* what was a failure stays one */
    {"Subject: another\r\n", true, DKIM_HEADER_CHANGED, ""},
};

START_TEST(singleton_fields)
{
    struct fixture f = {.strict_singletons = doubles[_i].strict};
    char *text = join(doubles[_i].added, ed_signature, header);

    verify(&f, ZONE, text, body);
    ck_assert_str_eq(dkim_reason_name(f.v.items[0].reason), dkim_reason_name(doubles[_i].reason));
    ck_assert_span_eq(f.v.items[0].detail, doubles[_i].detail);
    ck_assert_int_eq(f.v.items[0].result, dkim_reason_result(doubles[_i].reason));
    done(&f);
    free(text);
}
END_TEST

/* A signature with l=, which dkim_sign never makes: appends the whole field. */
static void
sign_with_length(struct buf *out, const struct dkim_private *key, struct dkim_message *m,
                 size_t slot)
{
    static const struct span from = {"from", 4};
    const struct dkim_body_hash *hashed = dkim_message_body_hash(m, slot);
    struct dkim_digest *digest = dkim_digest_new();
    unsigned char hash[DKIM_HASH_BYTES];
    struct span signature, raw;
    struct err e;

    buf_addf(out,
             "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=s; "
             "h=from; l=%llu; bh=",
             (unsigned long long)hashed->length);
    base64_encode(out, span_make((const char *)hashed->value, DKIM_HASH_BYTES));
    buf_add_cstr(out, "; b=");
    ck_assert_int_eq(dkim_message_hash_fields(m, DKIM_RELAXED, &from, 1, DKIM_NO_FIELD, digest),
                     OR_OK);
    char *text = arena_printf(m->mem, "%.*s\r\n", SPAN_ARG(buf_span(out)));
    raw = span_cstr(text);
    ck_assert_int_eq(dkim_message_hash_own(DKIM_RELAXED, raw, m->mem, digest), OR_OK);
    dkim_digest_final(digest, hash);
    dkim_digest_free(digest);
    ck_assert_int_eq(dkim_private_sign(key, hash, m->mem, &signature, &e), OR_OK);
    base64_encode(out, signature);
    buf_add_cstr(out, "\r\n");
}

/* Signed: 7 canonical bytes, "Hello\r\n". */
static const struct {
    const char *what;
    bool accept;
    uint64_t length;
    const char *body;
    enum dkim_reason reason;
} lengths[] = {
    {"not accepted, though it covers all", false, 7, "Hello\r\n", DKIM_SIG_BODY_LENGTH},
    {"covers all", true, 7, "Hello\r\n", DKIM_OK},
    {"blank lines do not count", true, 7, "Hello \r\n\r\n\r\n", DKIM_OK},
    {"more was added", true, 7, "Hello\r\nBuy this\r\n", DKIM_SIG_BODY_LENGTH},
    {"one line of one byte was added", true, 7, "Hello\r\n.\r\n", DKIM_SIG_BODY_LENGTH},
    {"only a part", true, 3, "Hello\r\n", DKIM_SIG_BODY_LENGTH},
    {"nothing of something", true, 0, "Hello\r\n", DKIM_SIG_BODY_LENGTH},
    {"nothing of nothing", true, 0, "", DKIM_OK},
    {"cut off", true, 7, "Hell\r\n", DKIM_SIG_BODY_LENGTH_EXCEEDED},
    {"changed", true, 7, "Jello\r\n", DKIM_BODY_CHANGED},
};

START_TEST(body_length)
{
    static const char from[] = "From: a@example.org\r\n";
    struct fixture f = {.accept_length = lengths[_i].accept};
    struct dkim_private *key;
    struct dkim_message m;
    struct arena mem;
    struct buf text, record;
    struct span rest;
    struct err e;
    size_t slot;

    arena_init(&mem, 1 << 20);
    buf_init(&text, 4096);
    buf_init(&record, 4096);
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_ED25519, 0, &key, &e), OR_OK);
    dkim_message_init(&m, &mem);
    ck_assert_int_eq(dkim_message_add_text(&m, span_cstr(from), &rest, &e), OR_OK);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_RELAXED, lengths[_i].length, &slot), OR_OK);
    dkim_message_add_body(&m, SPAN_LIT("Hello\r\n"));
    dkim_message_finish_body(&m);
    sign_with_length(&text, key, &m, slot);
    buf_add_cstr(&text, from);
    buf_add_char(&text, '\0');
    buf_add_cstr(&record, "s._domainkey.example.org TXT \"");
    ck_assert_int_eq(dkim_private_format_record(key, &record), OR_OK);
    buf_add_cstr(&record, "\"");
    buf_add_char(&record, '\0');
    verify(&f, record.p, text.p, lengths[_i].body);
    ck_assert_msg(f.v.items[0].reason == lengths[_i].reason, "%s: %s", lengths[_i].what,
                  dkim_reason_name(f.v.items[0].reason));
    done(&f);
    dkim_message_fini(&m);
    dkim_private_free(key);
    buf_fini(&record);
    buf_fini(&text);
    arena_fini(&mem);
}
END_TEST

START_TEST(description)
{
    struct dkim_verify_item item = {.reason = DKIM_SIG_MISSING_TAG, .detail = SPAN_LIT("a=\x01")};
    struct buf out;

    buf_init(&out, 1024);
    dkim_verify_describe(&out, &item);
    ck_assert_span_eq(buf_span(&out), "a required tag is missing in the signature field (a=?)");
    buf_reset(&out);
    item.detail = SPAN_EMPTY;
    dkim_verify_describe(&out, &item);
    ck_assert_span_eq(buf_span(&out), "a required tag is missing in the signature field");
    buf_fini(&out);
}
END_TEST

START_TEST(arena_too_small)
{
    struct arena mem;
    struct dkim_message m;
    struct dkim_verify v;
    struct span rest;
    struct err e;
    struct dns *dns = fake_dns_new(ZONE);
    struct dkim_verify_settings settings = {
        .max_signatures = 10, .now = 1700000000, .deadline_mono_ms = INT64_MAX};
    char *text = join(ed_signature, header, "");

    /* Every size between "not even the fields" and "enough" ends without a crash and without a
     * pass. */
    for (size_t bytes = 4096; bytes < 24576; bytes += 256) {
        arena_init(&mem, bytes);
        dkim_message_init(&m, &mem);
        or_status st = dkim_message_add_text(&m, span_cstr(text), &rest, &e);
        if (st == OR_OK)
            st = dkim_verify_header(&v, &m, &settings, dns, &e);
        ck_assert(st == OR_OK || st == OR_LIMIT);
        if (st == OR_OK && v.items[0].reason != DKIM_OK)
            ck_assert_int_eq(v.items[0].result, DKIM_TEMPERROR);
        dkim_message_fini(&m);
        arena_fini(&mem);
    }
    dns_free(dns);
    free(text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_verify");
    TCase *tc = tcase_create("all");

    tcase_add_test(tc, rfc8463_both_signatures);
    tcase_add_loop_test(tc, one_change, 0, sizeof(changes) / sizeof(changes[0]));
    tcase_add_test(tc, no_signature);
    tcase_add_test(tc, only_the_first_signatures_count);
    tcase_add_test(tc, testing_key_is_marked);
    tcase_add_loop_test(tc, singleton_fields, 0, sizeof(doubles) / sizeof(doubles[0]));
    tcase_add_loop_test(tc, body_length, 0, sizeof(lengths) / sizeof(lengths[0]));
    tcase_add_test(tc, description);
    tcase_add_test(tc, arena_too_small);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
