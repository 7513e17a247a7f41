/*
 * A whole message through the verifier and then the signer: the first line of the input is the key
 * record that every selector has, the rest the message. A signature must not pass whose From is
 * unsigned, and what we sign of any message must pass.
 */
#include "milter/dkim/dkim_sign.h"
#include "milter/dkim/dkim_verify.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES ((size_t)1 << 20)
#define NOW 1700000000

/* A DNS that has one TXT record under every name. */
struct one_record {
    struct dns dns;
    struct dns_record record;
    struct dns_answer answer;
};

static or_status
answer_always(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
              struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    (void)type;
    (void)name;
    (void)deadline_mono_ms;
    (void)mem;
    (void)e;
    *answer_out = &((struct one_record *)dns)->answer;
    return OR_OK;
}

static const struct dns_ops ops = {.query = answer_always};

static void
init_record(struct one_record *r, struct span text)
{
    *r = (struct one_record){.dns = {.ops = &ops}};
    r->record.txt.joined = text;
    r->answer = (struct dns_answer){.result = DNS_FOUND, .count = 1, .records = &r->record};
}

static bool
covers_from(const struct dkim_sig *sig)
{
    for (size_t i = 0; i < sig->name_count; i++)
        if (span_equal_nocase_cstr(sig->names[i], "from"))
            return true;
    return false;
}

/* Verifies, as shipped or with the options; returns how many signatures pass. */
static size_t
verify(struct dkim_message *m, struct span body, struct span record, bool by_option)
{
    struct one_record dns;
    struct dkim_verify v;
    struct dkim_verify_settings settings = {
        .max_signatures = 4,
        .now = NOW,
        .deadline_mono_ms = INT64_MAX,
        .accept_length = by_option,
        .strict_singletons = by_option,
    };
    size_t passed = 0;

    init_record(&dns, record);
    if (dkim_verify_header(&v, m, &settings, &dns.dns, NULL) != OR_OK)
        return 0;
    dkim_message_add_body(m, body);
    dkim_message_finish_body(m);
    dkim_verify_body(&v, m, &settings);
    for (size_t i = 0; i < v.count; i++) {
        struct buf text;

        buf_init(&text, 1024);
        dkim_verify_describe(&text, &v.items[i]);
        buf_fini(&text);
        if (v.items[i].result == DKIM_PASS && !covers_from(&v.items[i].sig))
            abort();
        passed += v.items[i].result == DKIM_PASS;
    }
    return passed;
}

/* What we sign of this message verifies with our key. */
static void
sign_then_verify(struct span message, const struct dkim_private *key, struct span record)
{
    struct dkim_sign_settings settings = {
        .header_canon = DKIM_RELAXED, .body_canon = DKIM_RELAXED, .now = NOW};
    struct arena mem;
    struct dkim_message m, signed_m;
    struct dkim_sign s = {0};
    struct span body, value;

    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    dkim_message_init(&signed_m, &mem);
    if (dkim_message_add_text(&m, message, &body, NULL) == OR_OK &&
        dkim_sign_start(&s, &m, &settings, NULL) == OR_OK) {
        dkim_message_add_body(&m, body);
        dkim_message_finish_body(&m);
        if (dkim_sign_value(&s, key, SPAN_LIT("a.example"), SPAN_LIT("s"), &value, NULL) == OR_OK &&
            dkim_message_add_header(&signed_m, SPAN_LIT("DKIM-Signature"), value, NULL) == OR_OK &&
            dkim_message_add_text(&signed_m, message, &body, NULL) == OR_OK &&
            mem.used_bytes < ARENA_BYTES / 2 && verify(&signed_m, body, record, false) == 0)
            abort();
    }
    dkim_sign_fini(&s);
    dkim_message_fini(&m);
    dkim_message_fini(&signed_m);
    arena_fini(&mem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dkim_private *key;
    static struct buf record;
    struct span rest = span_make((const char *)data, size), line, body;
    struct arena mem;
    struct dkim_message m;

    if (key == NULL) {
        buf_init(&record, 1024);
        if (dkim_private_generate(DKIM_KEY_ED25519, 0, &key, NULL) != OR_OK ||
            dkim_private_format_record(key, &record) != OR_OK)
            abort();
    }
    if (!span_split(&rest, '\n', &line) || rest.p == NULL)
        return 0;
    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    if (dkim_message_add_text(&m, rest, &body, NULL) == OR_OK)
        (void)verify(&m, body, line, line.n % 2 == 1);
    dkim_message_fini(&m);
    arena_fini(&mem);
    sign_then_verify(rest, key, buf_span(&record));
    return 0;
}
