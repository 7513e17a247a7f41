/* DKIM-Signature fields: every way to be wrong has its reason; what is written can be read. */
#include "milter/dkim/dkim_sig.h"

#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#define BH "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
#define REST "; d=example.org; s=sel; h=from:to; " BH "; b=c2ln"
#define BASE "v=1; a=rsa-sha256" REST

static const struct {
    const char *value;
    enum dkim_reason reason;
    const char *detail;
} rows[] = {
    {BASE, DKIM_OK, ""},
    {BASE ";", DKIM_OK, ""},
    {" " BASE "; z=From:a@b|To:c; unknown=yes", DKIM_OK, ""},
    {"v=1;a=ed25519-sha256" REST, DKIM_OK, ""},
    {BASE "; c=relaxed", DKIM_OK, ""},
    {BASE "; c=simple/relaxed", DKIM_OK, ""},
    {BASE "; q=http:dns/txt", DKIM_OK, ""},
    {BASE "; t=1; x=2", DKIM_OK, ""},
    {BASE "; x=99999999999999999999999", DKIM_OK, ""},
    {BASE "; i=@sub.example.org", DKIM_OK, ""},
    {BASE "; i=a=40b=3D@Example.ORG", DKIM_OK, ""},
    {BASE "; l=0", DKIM_OK, ""},
    /* RFC 6376 6.1.1 */
    {"", DKIM_SIG_SYNTAX, NULL},
    {"xxxxxxxx", DKIM_SIG_SYNTAX, NULL},
    {BASE "; 1x=y", DKIM_SIG_SYNTAX, NULL},
    {BASE ";; t=1", DKIM_SIG_SYNTAX, NULL},
    {BASE "; a=rsa-sha256", DKIM_SIG_DUPLICATE_TAG, NULL},
    {BASE "; z=a; z=b", DKIM_SIG_DUPLICATE_TAG, NULL},
    {"a=rsa-sha256" REST, DKIM_SIG_MISSING_TAG, "v="},
    {"v=1" REST, DKIM_SIG_MISSING_TAG, "a="},
    {"v=1; a=rsa-sha256; s=sel; h=from; " BH "; b=c2ln", DKIM_SIG_MISSING_TAG, "d="},
    {"v=1; a=rsa-sha256; d=example.org; h=from; " BH "; b=c2ln", DKIM_SIG_MISSING_TAG, "s="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; " BH "; b=c2ln", DKIM_SIG_MISSING_TAG, "h="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; b=c2ln", DKIM_SIG_MISSING_TAG, "bh="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; " BH, DKIM_SIG_MISSING_TAG, "b="},
    {"V=1; a=rsa-sha256" REST, DKIM_SIG_MISSING_TAG, "v="},
    {"v=2; a=rsa-sha256" REST, DKIM_SIG_VERSION, "2"},
    {"v=2" REST, DKIM_SIG_VERSION, "2"},
    {"v=1; a=dsa-sha1" REST, DKIM_SIG_ALGORITHM, "dsa-sha1"},
    {"v=1; a=RSA-SHA256" REST, DKIM_SIG_ALGORITHM, "RSA-SHA256"},
    {"v=1; a=rsa-sha1" REST, DKIM_SIG_RSA_SHA1, "rsa-sha1"},
    {BASE "; c=nofws", DKIM_SIG_CANONICALIZATION, "nofws"},
    {BASE "; c=relaxed/", DKIM_SIG_CANONICALIZATION, "relaxed/"},
    {BASE "; c=relaxed/simple/simple", DKIM_SIG_CANONICALIZATION, "relaxed/simple/simple"},
    {BASE "; q=http", DKIM_SIG_QUERY_METHOD, "http"},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=to:date; " BH "; b=c2ln", DKIM_SIG_FROM_NOT_SIGNED,
     "h="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from:; " BH "; b=c2ln", DKIM_SIG_BAD_TAG, "h="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=fr om; " BH "; b=c2ln", DKIM_SIG_BAD_TAG, "h="},
    {BASE "; i=@example.com", DKIM_SIG_IDENTITY, "example.com"},
    {BASE "; i=@notexample.org", DKIM_SIG_IDENTITY, "notexample.org"},
    {BASE "; i=alice", DKIM_SIG_BAD_TAG, "i="},
    {BASE "; i=a=4@example.org", DKIM_SIG_BAD_TAG, "i="},
    {BASE "; t=now", DKIM_SIG_BAD_TAG, "t="},
    {BASE "; t=-1", DKIM_SIG_BAD_TAG, "t="},
    {BASE "; x=", DKIM_SIG_BAD_TAG, "x="},
    {BASE "; l=1k", DKIM_SIG_BAD_TAG, "l="},
    {BASE "; t=2; x=2", DKIM_SIG_EXPIRES_BEFORE_TIME, ""},
    {BASE "; t=3; x=2", DKIM_SIG_EXPIRES_BEFORE_TIME, ""},
    /* CVE-2020-12272: text that would be read as a comment when printed */
    {"v=1; a=rsa-sha256; d=example.org(.attacker.example; s=sel; h=from; " BH "; b=c2ln",
     DKIM_SIG_BAD_TAG, "d="},
    {"v=1; a=rsa-sha256; d=example..org; s=sel; h=from; " BH "; b=c2ln", DKIM_SIG_BAD_TAG, "d="},
    {"v=1; a=rsa-sha256; d=example.org; s=a/b; h=from; " BH "; b=c2ln", DKIM_SIG_BAD_TAG, "s="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=c2ln", DKIM_SIG_BAD_TAG, "bh="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; " BH "; b=?", DKIM_SIG_BAD_TAG, "b="},
    {"v=1; a=rsa-sha256; d=example.org; s=sel; h=from; " BH "; b=", DKIM_SIG_BAD_TAG, "b="},
};

START_TEST(reasons)
{
    struct arena mem;
    struct dkim_sig sig;
    struct span detail;

    arena_init(&mem, 65536);
    enum dkim_reason reason = dkim_sig_parse(span_cstr(rows[_i].value), &mem, &sig, &detail);
    ck_assert_msg(reason == rows[_i].reason, "%s: %s", rows[_i].value, dkim_reason_name(reason));
    if (rows[_i].detail != NULL)
        ck_assert_span_eq(detail, rows[_i].detail);
    arena_fini(&mem);
}
END_TEST

START_TEST(all_fields)
{
    struct arena mem;
    struct dkim_sig sig;
    struct span detail;
    const char *value = " v=1; a=ed25519-sha256; c=relaxed/simple; d=B\xc3\xbc"
                        "cher.Example; s=Sel;\r\n\tt=17; x=18; l=99; h=From : To:\r\n\tSubject; " BH
                        ";\r\n\ti==C3=A4 @x.b\xc3\xbc"
                        "cher.example; b=c2ln\r\n\tbmF0dXJl";

    arena_init(&mem, 65536);
    ck_assert_int_eq(dkim_sig_parse(span_cstr(value), &mem, &sig, &detail), DKIM_OK);
    ck_assert_int_eq(sig.algorithm, DKIM_ED25519_SHA256);
    ck_assert_int_eq(sig.header_canon, DKIM_RELAXED);
    ck_assert_int_eq(sig.body_canon, DKIM_SIMPLE);
    ck_assert_span_eq(sig.domain, "xn--bcher-kva.example"); /* RFC 8616 4 */
    ck_assert_span_eq(sig.selector, "sel");
    ck_assert_span_eq(sig.identity, "\xc3\xa4@x.xn--bcher-kva.example");
    ck_assert_uint_eq(sig.name_count, 3);
    ck_assert_span_eq(sig.names[1], "To");
    ck_assert_span_eq(sig.names[2], "Subject");
    ck_assert_uint_eq(sig.time_s, 17);
    ck_assert_uint_eq(sig.expires_s, 18);
    ck_assert_uint_eq(sig.length, 99);
    ck_assert_span_eq(sig.signature, "signature");
    ck_assert_span_eq(sig.b_prefix, "c2lnbmF0");
    ck_assert_uint_eq(sig.body_hash.n, 32);
    arena_fini(&mem);
}
END_TEST

/* A report names domain and selector even when something else is wrong. */
START_TEST(broken_field_still_tells_whose_it_is)
{
    struct arena mem;
    struct dkim_sig sig;
    struct span detail;

    arena_init(&mem, 65536);
    ck_assert_int_eq(dkim_sig_parse(SPAN_LIT("v=1; a=x" REST), &mem, &sig, &detail),
                     DKIM_SIG_ALGORITHM);
    ck_assert_span_eq(sig.domain, "example.org");
    ck_assert_span_eq(sig.selector, "sel");
    ck_assert_span_eq(sig.algorithm_name, "x");
    ck_assert_span_eq(sig.b_prefix, "c2ln");
    arena_fini(&mem);
}
END_TEST

START_TEST(limits)
{
    struct arena mem;
    struct dkim_sig sig;
    struct span detail;
    struct buf value;

    arena_init(&mem, 1 << 20);
    buf_init(&value, 1 << 20);
    buf_add_cstr(&value, "v=1; a=rsa-sha256; d=a.example; s=s; " BH "; b=c2ln; h=from");
    for (int i = 1; i < DKIM_SIG_MAX_NAMES; i++)
        buf_add_cstr(&value, ":to");
    ck_assert_int_eq(dkim_sig_parse(buf_span(&value), &mem, &sig, &detail), DKIM_OK);
    buf_add_cstr(&value, ":to");
    ck_assert_int_eq(dkim_sig_parse(buf_span(&value), &mem, &sig, &detail), DKIM_SIG_BAD_TAG);
    buf_add_cstr(&value, "; z=");
    while (value.n <= DKIM_SIG_MAX_BYTES)
        buf_add_char(&value, 'z');
    ck_assert_int_eq(dkim_sig_parse(buf_span(&value), &mem, &sig, &detail), DKIM_SIG_TOO_LONG);
    arena_fini(&mem);
    arena_init(&mem, 64);
    ck_assert_int_eq(dkim_sig_parse(SPAN_LIT(BASE), &mem, &sig, &detail), DKIM_NO_MEMORY);
    arena_fini(&mem);
    buf_fini(&value);
}
END_TEST

static const struct {
    const char *value, *before, *after;
} cuts[] = {
    {"v=1; b=abc; d=x", "v=1; b=", "; d=x"},
    {"v=1; b=\r\n\tab c \r\n", "v=1; b=", ""},
    {"b=abc", "b=", ""},
    {"bh=abc; b = x ;d=y", "bh=abc; b =", ";d=y"},
    {"v=1;\r\n\tb=x;", "v=1;\r\n\tb=", ";"},
    {"v=1; b=; d=x", "v=1; b=", "; d=x"},
    {"v=1", "v=1", ""},
};

START_TEST(cut)
{
    struct span before, after;

    dkim_sig_cut(span_cstr(cuts[_i].value), &before, &after);
    ck_assert_span_eq(before, cuts[_i].before);
    ck_assert_span_eq(after, cuts[_i].after);
}
END_TEST

static size_t
longest_line(struct span s, size_t first_column)
{
    struct span line;
    size_t longest = 0;

    while (span_split(&s, '\n', &line)) {
        longest = line.n + first_column > longest ? line.n + first_column : longest;
        first_column = 0;
    }
    return longest;
}

START_TEST(format_then_parse)
{
    static const char *const words[] = {"From", "To", "Content-Transfer-Encoding", "Subject"};
    struct span names[40];
    char hash[DKIM_HASH_BYTES];
    struct dkim_sig sig = {.algorithm = DKIM_ED25519_SHA256,
                           .header_canon = DKIM_RELAXED,
                           .domain = SPAN_LIT("a-rather-long-subdomain.of.a.long-domain.example"),
                           .selector = SPAN_LIT("selector-that-is-long-too"),
                           .names = names,
                           .name_count = (size_t)_i,
                           .has_time = true,
                           .time_s = 1700000000,
                           .has_expiry = _i % 2 == 0,
                           .expires_s = 1700086400,
                           .body_hash = {hash, sizeof(hash)}};
    struct dkim_sig back;
    struct span detail;
    struct arena mem;
    struct buf out;

    memset(hash, 0xa5, sizeof(hash));
    for (size_t i = 0; i < 40; i++)
        names[i] = span_cstr(words[i % 4]);
    arena_init(&mem, 1 << 20);
    buf_init(&out, 65536);
    dkim_sig_format(&out, &sig);
    ck_assert_msg(out.p[out.n - 2] == 'b' && out.p[out.n - 1] == '=', "ends in b=");
    dkim_sig_format_b(&out,
                      span_make("0123456789012345678901234567890123456789012345678901234567890"
                                "1234567890123456789012345678901234567890123456789012345678901",
                                120));
    ck_assert_uint_lt(longest_line(buf_span(&out), strlen("DKIM-Signature:")), 78);
    ck_assert(!span_contains_byte(buf_span(&out), '\r'));
    ck_assert_int_eq(out.p[0], ' ');
    ck_assert_int_eq(dkim_sig_parse(buf_span(&out), &mem, &back, &detail), DKIM_OK);
    ck_assert(span_equal(back.domain, sig.domain));
    ck_assert(span_equal(back.body_hash, sig.body_hash));
    ck_assert_uint_eq(back.name_count, sig.name_count);
    ck_assert_uint_eq(back.has_expiry, sig.has_expiry);
    ck_assert_uint_eq(back.signature.n, 120);
    buf_fini(&out);
    arena_fini(&mem);
}
END_TEST

START_TEST(words)
{
    for (int i = 0; i < DKIM_REASONS; i++) {
        ck_assert_msg(dkim_reason_text((enum dkim_reason)i) != NULL, "reason %d has a text", i);
        ck_assert_msg(dkim_reason_name((enum dkim_reason)i) != NULL, "reason %d has a name", i);
        /* A row forgotten in the table would read as "none". */
        ck_assert_int_ne(dkim_reason_result((enum dkim_reason)i), DKIM_NONE);
    }
    ck_assert_str_eq(dkim_result_name(DKIM_PERMERROR), "permerror");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_sig");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, reasons, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, all_fields);
    tcase_add_test(tc, broken_field_still_tells_whose_it_is);
    tcase_add_test(tc, limits);
    tcase_add_loop_test(tc, cut, 0, sizeof(cuts) / sizeof(cuts[0]));
    tcase_add_loop_test(tc, format_then_parse, 1, 40);
    tcase_add_test(tc, words);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
