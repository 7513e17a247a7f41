/*
 * A message through the collector of ARC sets, the verifier and the sealer. No chain may pass whose
 * structure is bad or whose newest message signature leaves From out, and what
 * we seal of any message must be what the seal says: valid, or closed.
 */
#include "milter/arc/arc_seal.h"
#include "milter/arc/arc_verify.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES ((size_t)4 << 20)
#define NOW 1700000000

/* A DNS that has our key under every name. */
struct one_record {
    struct dns dns;
    struct dns_record record;
    struct dns_answer answer;
};

static or_status
answer_always(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
              struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    (void)type, (void)name, (void)deadline_mono_ms, (void)mem, (void)e;
    *answer_out = &((struct one_record *)dns)->answer;
    return OR_OK;
}

static const struct dns_ops ops = {.query = answer_always};
static struct dkim_private *key;
static struct buf record;
static struct one_record resolver;

static void
make_key(void)
{
    buf_init(&record, 1024);
    if (dkim_private_generate(DKIM_KEY_ED25519, 0, &key, NULL) != OR_OK ||
        dkim_private_format_record(key, &record) != OR_OK)
        abort();
    resolver = (struct one_record){.dns = {.ops = &ops}};
    resolver.record.txt.joined = buf_span(&record);
    resolver.answer =
        (struct dns_answer){.result = DNS_FOUND, .count = 1, .records = &resolver.record};
}

static bool
covers_from(const struct dkim_sig *sig)
{
    for (size_t i = 0; i < sig->name_count; i++)
        if (span_equal_nocase_cstr(sig->names[i], "from"))
            return true;
    return false;
}

static void
check(const struct arc_verify *v)
{
    struct buf text;

    buf_init(&text, 4096);
    arc_verify_describe(&text, v);
    buf_fini(&text);
    if (v->chain.count > ARC_MAX_SETS || (v->result == ARC_PASS && v->chain.reason != ARC_OK) ||
        (v->result == ARC_NONE) != (v->chain.sets == NULL))
        abort();
    if (v->result == ARC_PASS && !covers_from(&v->sets[v->chain.count - 1].message->sig))
        abort();
}

/* Verifies and, where there is something to seal, seals. */
static bool
pass_through(struct dkim_message *m, struct span body, bool everything, struct arc_verify *v,
             struct arc_seal_set *set_out)
{
    const struct arc_verify_settings verifying = {
        .now = NOW, .deadline_mono_ms = INT64_MAX, .everything = everything};
    const struct arc_seal_settings sealing = {
        .now = NOW, .domain = SPAN_LIT("a.example"), .selector = SPAN_LIT("s"), .key = key};
    struct arc_seal s = {.chain = NULL};
    bool sealed = false;

    if (arc_verify_header(v, m, &verifying, &resolver.dns, NULL) != OR_OK)
        return false;
    bool open = arc_seal_start(&s, m, &v->chain, &sealing, NULL) == OR_OK;
    dkim_message_add_body(m, body);
    dkim_message_finish_body(m);
    arc_verify_body(v, m);
    check(v);
    if (open)
        sealed = arc_seal_values(&s, v->result, SPAN_LIT(" a.example; spf=pass"), set_out, NULL) ==
                 OR_OK;
    arc_seal_fini(&s);
    return sealed;
}

/* The message with its new set. */
static void
check_sealed(struct span message, const struct arc_seal_set *set, enum arc_result status)
{
    struct arena mem;
    struct dkim_message m;
    struct arc_seal_set unused;
    struct arc_verify v;
    struct span body;
    bool good = true;

    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    for (int field = ARC_FIELDS - 1; field >= 0 && good; field--)
        good = dkim_message_add_header(&m, span_cstr(arc_field_name((enum arc_field)field)),
                                       set->values[field], NULL) == OR_OK;
    if (good && dkim_message_add_text(&m, message, &body, NULL) == OR_OK) {
        (void)pass_through(&m, body, false, &v, &unused);
        bool is_valid = v.result == ARC_PASS;
        if (mem.used_bytes < ARENA_BYTES / 2 && is_valid != (status != ARC_FAIL))
            abort();
    }
    dkim_message_fini(&m);
    arena_fini(&mem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_make((const char *)data, size), body;
    struct arena mem;
    struct dkim_message m;
    struct arc_verify v;
    struct arc_seal_set set;

    if (key == NULL)
        make_key();
    arena_init(&mem, ARENA_BYTES);
    dkim_message_init(&m, &mem);
    if (dkim_message_add_text(&m, message, &body, NULL) == OR_OK &&
        pass_through(&m, body, size % 2 == 0, &v, &set))
        check_sealed(message, &set, v.result);
    dkim_message_fini(&m);
    arena_fini(&mem);
    return 0;
}
