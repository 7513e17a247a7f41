/* Which fields h= means, how fields arrive, and body hashes shared between signatures. */
#include "milter/dkim/dkim_message.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static void
add(struct dkim_message *m, const char *name, const char *value)
{
    ck_assert_int_eq(dkim_message_add_header(m, span_cstr(name), span_cstr(value), NULL), OR_OK);
}

static void
hash_text(const char *text, unsigned char out[DKIM_HASH_BYTES])
{
    struct dkim_digest *d = dkim_digest_new();

    dkim_digest_update(d, text, strlen(text));
    dkim_digest_final(d, out);
    dkim_digest_free(d);
}

/* "canonical" is what must have been hashed. */
static const struct {
    const char *what;
    const char *names; /* colon-separated */
    size_t own;
    enum dkim_canon canon;
    const char *canonical;
} selections[] = {
    {"from the bottom up (RFC 6376 5.4.2)", "received:received", DKIM_NO_FIELD, DKIM_RELAXED,
     "received:three\r\nreceived:two\r\n"},
    {"in the order of h=", "to:from", DKIM_NO_FIELD, DKIM_RELAXED, "to:b\r\nfrom:a\r\n"},
    {"without case", "FROM:rEcEiVeD", DKIM_NO_FIELD, DKIM_RELAXED, "from:a\r\nreceived:three\r\n"},
    {"more often than present", "from:from:from:to", DKIM_NO_FIELD, DKIM_RELAXED,
     "from:a\r\nto:b\r\n"},
    {"absent", "subject:x", DKIM_NO_FIELD, DKIM_RELAXED, ""},
    {"more mentions than fields", "received:received:received:received:from", DKIM_NO_FIELD,
     DKIM_RELAXED, "received:three\r\nreceived:two\r\nreceived:one\r\nfrom:a\r\n"},
    {"never the signature itself (RFC 6376 3.5)", "dkim-signature:dkim-signature", 0, DKIM_RELAXED,
     "dkim-signature:other\r\n"},
    {"simple keeps every byte", "to:received", DKIM_NO_FIELD, DKIM_SIMPLE,
     "To: b \r\nReceived:  three\r\n"},
};

START_TEST(selection)
{
    struct arena mem;
    struct dkim_message m;
    struct span names[8], rest = span_cstr(selections[_i].names);
    unsigned char got[DKIM_HASH_BYTES], want[DKIM_HASH_BYTES];
    size_t n = 0;

    arena_init(&mem, 65536);
    dkim_message_init(&m, &mem);
    add(&m, "DKIM-Signature", " own");
    add(&m, "Received", " one");
    add(&m, "Received", " two");
    add(&m, "DKIM-Signature", " other");
    add(&m, "From", " a");
    add(&m, "To", " b ");
    add(&m, "Received", "  three");
    while (span_split(&rest, ':', &names[n]))
        n++;
    for (int round = 0; round < 2; round++) { /* a selection leaves nothing behind */
        struct dkim_digest *d = dkim_digest_new();

        ck_assert_int_eq(
            dkim_message_hash_fields(&m, selections[_i].canon, names, n, selections[_i].own, d),
            OR_OK);
        dkim_digest_final(d, got);
        dkim_digest_free(d);
        hash_text(selections[_i].canonical, want);
        ck_assert_msg(memcmp(got, want, sizeof(got)) == 0, "%s", selections[_i].what);
    }
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

/* Postfix hands folds with LF (SMFIP_HDR_LEADSPC: everything after the colon). */
START_TEST(folds_become_crlf)
{
    struct arena mem;
    struct dkim_message m;

    arena_init(&mem, 65536);
    dkim_message_init(&m, &mem);
    add(&m, "Subject", " a\n\tb\r\n c\n");
    add(&m, "X-Space \t", "");
    ck_assert_span_eq(m.fields[0].raw, "Subject: a\r\n\tb\r\n c\r\n\r\n");
    ck_assert_span_eq(m.fields[0].value, " a\r\n\tb\r\n c\r\n");
    ck_assert_span_eq(m.fields[1].raw, "X-Space \t:\r\n");
    add(&m, "X-Fold", "\n a\n\n b\r\r\n");
    ck_assert_span_eq(m.fields[2].raw, "X-Fold:\r\n a\r\n\r\n b\r\r\n\r\n");
    ck_assert_span_eq(m.fields[1].name, "X-Space");
    ck_assert_uint_eq(dkim_message_count(&m, SPAN_LIT("x-space")), 1);
    ck_assert_uint_eq(dkim_message_count(&m, SPAN_LIT("x-spac")), 0);
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

START_TEST(whole_text)
{
    struct arena mem;
    struct dkim_message m;
    struct span body;
    struct err e;

    arena_init(&mem, 65536);
    dkim_message_init(&m, &mem);
    ck_assert_int_eq(
        dkim_message_add_text(&m, SPAN_LIT("A : 1\r\nB:\r\n 2\r\n\r\nbody"), &body, &e), OR_OK);
    ck_assert_uint_eq(m.field_count, 2);
    ck_assert_span_eq(m.fields[0].raw, "A : 1\r\n");
    ck_assert_span_eq(m.fields[1].raw, "B:\r\n 2\r\n");
    ck_assert_span_eq(body, "body");
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

START_TEST(limits)
{
    struct arena mem;
    struct dkim_message m;
    struct err e;

    arena_init(&mem, 1 << 20);
    dkim_message_init(&m, &mem);
    for (int i = 0; i < DKIM_MESSAGE_MAX_FIELDS; i++)
        add(&m, "X", " y");
    ck_assert_int_eq(dkim_message_add_header(&m, SPAN_LIT("X"), SPAN_LIT(" y"), &e), OR_LIMIT);
    ck_assert_uint_eq(dkim_message_count(&m, SPAN_LIT("x")), DKIM_MESSAGE_MAX_FIELDS);
    dkim_message_fini(&m);
    arena_fini(&mem);
    arena_init(&mem, 8192);
    dkim_message_init(&m, &mem);
    static char large[8192];
    ck_assert_int_eq(
        dkim_message_add_header(&m, SPAN_LIT("X"), span_make(large, sizeof(large)), &e), OR_LIMIT);
    dkim_message_fini(&m);
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

START_TEST(body_hashes_are_shared)
{
    struct arena mem;
    struct dkim_message m;
    size_t simple, relaxed, again, part, long_part;
    unsigned char want[DKIM_HASH_BYTES];

    arena_init(&mem, 65536);
    dkim_message_init(&m, &mem);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_SIMPLE, DKIM_WHOLE_BODY, &simple), OR_OK);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_RELAXED, DKIM_WHOLE_BODY, &relaxed), OR_OK);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_SIMPLE, DKIM_WHOLE_BODY, &again), OR_OK);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_SIMPLE, 3, &part), OR_OK);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_RELAXED, 100, &long_part), OR_OK);
    ck_assert_uint_eq(simple, again);
    ck_assert_uint_eq(m.hash_count, 4);
    dkim_message_add_body(&m, SPAN_LIT("a  b"));
    dkim_message_add_body(&m, SPAN_LIT(" \r\n"));
    dkim_message_finish_body(&m);
    hash_text("a  b \r\n", want);
    ck_assert_mem_eq(dkim_message_body_hash(&m, simple)->value, want, sizeof(want));
    hash_text("a b\r\n", want);
    ck_assert_mem_eq(dkim_message_body_hash(&m, relaxed)->value, want, sizeof(want));
    hash_text("a  ", want);
    ck_assert_mem_eq(dkim_message_body_hash(&m, part)->value, want, sizeof(want));
    ck_assert(!dkim_body_hash_is_short(dkim_message_body_hash(&m, simple)));
    ck_assert(!dkim_body_hash_is_short(dkim_message_body_hash(&m, part)));
    ck_assert(dkim_body_hash_is_short(dkim_message_body_hash(&m, long_part)));
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

START_TEST(body_hashes_have_a_ceiling)
{
    struct arena mem;
    struct dkim_message m;
    size_t slot;

    arena_init(&mem, 65536);
    dkim_message_init(&m, &mem);
    for (uint64_t length = 1; length <= DKIM_MESSAGE_MAX_BODY_HASHES; length++)
        ck_assert_int_eq(dkim_message_want_body(&m, DKIM_SIMPLE, length, &slot), OR_OK);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_SIMPLE, 99, &slot), OR_LIMIT);
    ck_assert_int_eq(dkim_message_want_body(&m, DKIM_SIMPLE, 1, &slot), OR_OK);
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_message");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, selection, 0, sizeof(selections) / sizeof(selections[0]));
    tcase_add_test(tc, folds_become_crlf);
    tcase_add_test(tc, whole_text);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, body_hashes_are_shared);
    tcase_add_test(tc, body_hashes_have_a_ceiling);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
