/* Signing: what we sign we verify, and nothing can be added to it. */
#include "milter/dkim/dkim_sign.h"
#include "milter/dkim/dkim_verify.h"

#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1700000000

static struct dkim_private *keys[2];
static char zone[8192];

static void
make_keys(void)
{
    for (int type = DKIM_KEY_RSA; type <= DKIM_KEY_ED25519; type++) {
        struct buf record;
        size_t used = strlen(zone);

        buf_init(&record, 2048);
        ck_assert_int_eq(dkim_private_generate((enum dkim_key_type)type, 1024, &keys[type], NULL),
                         OR_OK);
        ck_assert_int_eq(dkim_private_format_record(keys[type], &record), OR_OK);
        snprintf(zone + used, sizeof(zone) - used, "s%d._domainkey.example.org TXT \"%.*s\"\n",
                 type, SPAN_ARG(buf_span(&record)));
        buf_fini(&record);
    }
}

static void
drop_keys(void)
{
    dkim_private_free(keys[0]);
    dkim_private_free(keys[1]);
    zone[0] = '\0';
}

static const char header[] = "From: alice@example.org\nTo: bob@example.net,\n\tcarol@example.net\n"
                             "Subject: hello \nReceived: from a\nReceived: from b\n"
                             "MIME-Version: 1.0\nX-Other: x";

/* Each "Name: value" of an LF text, folds kept, as libmilter would bring them. */
static void
add_fields(struct dkim_message *m, const char *text)
{
    struct span rest = span_cstr(text);

    while (rest.n != 0) {
        size_t end = 0;

        while (end < rest.n &&
               (rest.p[end] != '\n' || (end + 1 < rest.n && rest.p[end + 1] == '\t')))
            end++;
        struct span line = span_slice(rest, 0, end);
        size_t colon = span_find(line, ':');
        ck_assert_int_eq(dkim_message_add_header(m, span_slice(line, 0, colon),
                                                 span_from(line, colon + 1), NULL),
                         OR_OK);
        rest = span_from(rest, end + 1);
    }
}

/* Two values, RSA and Ed25519, for one message. */
static void
sign(struct arena *mem, enum dkim_canon header_canon, enum dkim_canon body_canon, const char *body,
     struct span values[2])
{
    struct dkim_message m;
    struct dkim_sign s;
    struct dkim_sign_settings settings = {
        .header_canon = header_canon, .body_canon = body_canon, .now = NOW};
    struct err e = {.text = ""};
    char selector[16];

    dkim_message_init(&m, mem);
    add_fields(&m, header);
    ck_assert_int_eq(dkim_sign_start(&s, &m, &settings, &e), OR_OK);
    dkim_message_add_body(&m, span_cstr(body));
    dkim_message_finish_body(&m);
    for (int i = 0; i < 2; i++) {
        snprintf(selector, sizeof(selector), "s%d", i);
        ck_assert_msg(dkim_sign_value(&s, keys[i], SPAN_LIT("example.org"), span_cstr(selector),
                                      &values[i], &e) == OR_OK,
                      "%s", e.text);
    }
    ck_assert_uint_eq(m.hash_count, 1);
    dkim_sign_fini(&s);
    dkim_sign_fini(&s);
    dkim_message_fini(&m);
}

/* The reason for the first signature after `extra` fields were put in front. */
static enum dkim_reason
verify(struct arena *mem, const struct span values[2], const char *extra, const char *body)
{
    struct dkim_message m;
    struct dkim_verify v;
    struct dns *dns = fake_dns_new(zone);
    struct dkim_verify_settings settings = {
        .max_signatures = 10, .now = NOW, .deadline_mono_ms = INT64_MAX};

    dkim_message_init(&m, mem);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(dkim_message_add_header(&m, SPAN_LIT("DKIM-Signature"), values[i], NULL),
                         OR_OK);
    add_fields(&m, extra);
    add_fields(&m, header);
    ck_assert_int_eq(dkim_verify_header(&v, &m, &settings, dns, NULL), OR_OK);
    dkim_message_add_body(&m, span_cstr(body));
    dkim_message_finish_body(&m);
    dkim_verify_body(&v, &m, &settings);
    ck_assert_uint_eq(v.count, 2);
    ck_assert_int_eq(v.items[0].reason, v.items[1].reason);
    dkim_message_fini(&m);
    dns_free(dns);
    return v.items[0].reason;
}

static const char *const bodies[] = {
    "", "x", "x\r\n", "\r\n\r\n", "a  b \r\n\t\r\nc\r\n\r\n\r\n", "\xc3\xa4\x01\r\n.\r\n..\r\n"};

START_TEST(round_trip)
{
    struct arena mem;
    struct span values[2];

    arena_init(&mem, 1 << 20);
    for (int h = DKIM_SIMPLE; h <= DKIM_RELAXED; h++) {
        for (int b = DKIM_SIMPLE; b <= DKIM_RELAXED; b++) {
            sign(&mem, (enum dkim_canon)h, (enum dkim_canon)b, bodies[_i], values);
            ck_assert_int_eq(verify(&mem, values, "", bodies[_i]), DKIM_OK);
            ck_assert_int_eq(verify(&mem, values, "", "changed"), DKIM_BODY_CHANGED);
        }
    }
    arena_fini(&mem);
}
END_TEST

/* Adding a second one of these would change what a reader sees. */
static const struct {
    const char *extra;
    enum dkim_reason reason;
} additions[] = {
    {"From: eve@example.org", DKIM_HEADER_CHANGED},
    {"To: eve@example.org", DKIM_HEADER_CHANGED},
    {"Cc: eve@example.org", DKIM_HEADER_CHANGED},
    {"subject: you won", DKIM_HEADER_CHANGED},
    {"Date: Thu, 1 Jan 1970 00:00:00 +0000", DKIM_HEADER_CHANGED},
    {"Message-ID: <x@example.org>", DKIM_HEADER_CHANGED},
    {"Reply-To: eve@example.org", DKIM_HEADER_CHANGED},
    {"MIME-Version: 1.0", DKIM_HEADER_CHANGED},
    {"Content-Type: multipart/mixed; boundary=x", DKIM_HEADER_CHANGED},
    {"Content-Transfer-Encoding: base64", DKIM_HEADER_CHANGED},
    /* what transit adds must not break anything */
    {"Received: from c", DKIM_OK},
    {"Authentication-Results: mx.example.org; none", DKIM_OK},
    {"List-Id: <list.example.org>", DKIM_OK},
    {"Resent-From: dave@example.net", DKIM_OK},
    {"X-Other: y", DKIM_OK},
};

START_TEST(added_field)
{
    struct arena mem;
    struct span values[2];

    arena_init(&mem, 1 << 20);
    sign(&mem, DKIM_RELAXED, DKIM_RELAXED, "x\r\n", values);
    enum dkim_reason reason = verify(&mem, values, additions[_i].extra, "x\r\n");
    ck_assert_msg(reason == additions[_i].reason, "%s: %s", additions[_i].extra,
                  dkim_reason_name(reason));
    arena_fini(&mem);
}
END_TEST

/* What libmilter and mail programs need: LF folds, lines under 78 columns, a space in front. */
START_TEST(shape_of_the_value)
{
    struct arena mem;
    struct span values[2], rest, line;

    arena_init(&mem, 1 << 20);
    sign(&mem, DKIM_RELAXED, DKIM_SIMPLE, "x\r\n", values);
    for (int i = 0; i < 2; i++) {
        struct dkim_sig sig;
        struct span detail;
        size_t column = strlen("DKIM-Signature:");

        ck_assert_int_eq(values[i].p[0], ' ');
        ck_assert(!span_contains_byte(values[i], '\r'));
        for (rest = values[i]; span_split(&rest, '\n', &line); column = 0) {
            ck_assert_uint_lt(line.n + column, 78);
            ck_assert(column != 0 || line.p[0] == '\t');
        }
        ck_assert_int_eq(dkim_sig_parse(values[i], &mem, &sig, &detail), DKIM_OK);
        ck_assert(!sig.has_length);
        ck_assert(!sig.has_expiry);
        ck_assert_uint_eq(sig.time_s, NOW);
        ck_assert_span_eq(sig.domain, "example.org");
        ck_assert_span_eq(sig.algorithm_name, i == 0 ? "rsa-sha256" : "ed25519-sha256");
    }
    arena_fini(&mem);
}
END_TEST

START_TEST(expiry)
{
    struct arena mem;
    struct dkim_message m;
    struct dkim_sign s;
    struct dkim_sign_settings settings = {.now = NOW, .lifetime_s = 86400};
    struct dkim_sig sig;
    struct span value, detail;

    arena_init(&mem, 1 << 20);
    dkim_message_init(&m, &mem);
    ck_assert_int_eq(dkim_sign_start(&s, &m, &settings, NULL), OR_OK);
    dkim_message_finish_body(&m);
    ck_assert_int_eq(
        dkim_sign_value(&s, keys[1], SPAN_LIT("example.org"), SPAN_LIT("s1"), &value, NULL), OR_OK);
    ck_assert_int_eq(dkim_sig_parse(value, &mem, &sig, &detail), DKIM_OK);
    ck_assert_uint_eq(sig.expires_s, NOW + 86400);
    dkim_sign_fini(&s);
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

START_TEST(too_many_fields)
{
    struct arena mem;
    struct dkim_message m;
    struct dkim_sign s;
    struct dkim_sign_settings settings = {.now = NOW};
    struct err e;

    arena_init(&mem, 1 << 20);
    dkim_message_init(&m, &mem);
    for (int i = 0; i < DKIM_SIG_MAX_NAMES; i++)
        add_fields(&m, "To: x");
    ck_assert_int_eq(dkim_sign_start(&s, &m, &settings, &e), OR_LIMIT);
    ck_assert_str_eq(e.text, "too many To fields to sign");
    dkim_sign_fini(&s);
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_sign");
    TCase *tc = tcase_create("all");

    tcase_add_unchecked_fixture(tc, make_keys, drop_keys);
    tcase_add_loop_test(tc, round_trip, 0, sizeof(bodies) / sizeof(bodies[0]));
    tcase_add_loop_test(tc, added_field, 0, sizeof(additions) / sizeof(additions[0]));
    tcase_add_test(tc, shape_of_the_value);
    tcase_add_test(tc, expiry);
    tcase_add_test(tc, too_many_fields);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
