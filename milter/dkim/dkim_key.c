/*
 * Key records: which of the TXT records is the key, what it says, and whom it serves. The obsolete
 * g= (RFC 4871) is ignored, as RFC 6376 wants unknown tags to be.
 */
#include "milter/dkim/dkim_key.h"

#include "common/text/base64.h"
#include "common/text/domain.h"
#include "common/text/taglist.h"

struct reading {
    struct dkim_keycache *cache;
    struct arena *mem;
    struct dkim_key *key;
    struct span detail;
};

/* A colon-separated list (h=, s=, t=). */
static bool
list_has(struct span list, const char *word)
{
    struct span rest = list, part;

    while (span_split(&rest, ':', &part))
        if (span_equal_nocase_cstr(span_trim(part), word))
            return true;
    return false;
}

static enum dkim_reason
read_version(struct reading *r, struct span value)
{
    r->detail = value;
    return span_equal_cstr(value, "DKIM1") ? DKIM_OK : DKIM_KEY_VERSION;
}

static enum dkim_reason
read_hashes(struct reading *r, struct span value)
{
    r->detail = value;
    return list_has(value, "sha256") ? DKIM_OK : DKIM_KEY_HASH;
}

static enum dkim_reason
read_type(struct reading *r, struct span value)
{
    r->detail = value;
    for (int type = DKIM_KEY_RSA; type <= DKIM_KEY_ED25519; type++) {
        if (!span_equal_cstr(value, dkim_key_type_name((enum dkim_key_type)type)))
            continue;
        r->key->type = (enum dkim_key_type)type;
        return DKIM_OK;
    }
    return DKIM_KEY_TYPE;
}

static enum dkim_reason
read_services(struct reading *r, struct span value)
{
    r->detail = value;
    return list_has(value, "*") || list_has(value, "email") ? DKIM_OK : DKIM_KEY_SERVICE;
}

static enum dkim_reason
read_flags(struct reading *r, struct span value)
{
    r->key->testing = list_has(value, "y");
    r->key->strict_identity = list_has(value, "s");
    return DKIM_OK;
}

static enum dkim_reason
read_public_key(struct reading *r, struct span value)
{
    enum dkim_reason reason = DKIM_OK;
    struct buf bytes;
    struct err e;

    if (value.n == 0)
        return DKIM_KEY_REVOKED;
    buf_init(&bytes, DKIM_KEY_MAX_BYTES);
    r->detail = SPAN_LIT("p= is not base64");
    if (base64_decode(value, BASE64_SKIP_FWS, &bytes) != OR_OK) {
        reason = DKIM_KEY_SYNTAX;
    } else if (dkim_keycache_parse(r->cache, r->key->type, buf_span(&bytes), &r->key->public_key,
                                   &e) != OR_OK) {
        r->detail = dkim_sig_detail(r->mem, span_cstr(e.text));
        reason = DKIM_KEY_SYNTAX;
    }
    buf_fini(&bytes);
    return reason;
}

/* RFC 6376 3.6.1. The type before the key that it describes. */
static const struct {
    const char *name;
    enum dkim_reason (*read)(struct reading *r, struct span value);
} tags[] = {
    {"v", read_version},  {"k", read_type},  {"h", read_hashes},
    {"s", read_services}, {"t", read_flags}, {"p", read_public_key},
};

static enum dkim_reason
read_tags(struct reading *r, struct span record)
{
    struct taglist list;
    struct err e;

    if (record.n > DKIM_KEY_MAX_BYTES) {
        r->detail = SPAN_LIT("larger than any key");
        return DKIM_KEY_SYNTAX;
    }
    if (taglist_parse(record, &list, &e) != OR_OK) {
        r->detail = dkim_sig_detail(r->mem, span_cstr(e.text));
        return DKIM_KEY_SYNTAX;
    }
    r->detail = SPAN_LIT("v= is not the first tag");
    if (taglist_get(&list, "v") != NULL && !span_equal_cstr(list.tags[0].name, "v"))
        return DKIM_KEY_SYNTAX;
    r->detail = SPAN_LIT("p= is missing");
    if (taglist_get(&list, "p") == NULL)
        return DKIM_KEY_SYNTAX;
    for (size_t row = 0; row < sizeof(tags) / sizeof(tags[0]); row++) {
        const struct tag *tag = taglist_get(&list, tags[row].name);

        r->detail = SPAN_EMPTY;
        enum dkim_reason reason = tag != NULL ? tags[row].read(r, tag->value) : DKIM_OK;
        if (reason != DKIM_OK)
            return reason;
    }
    r->key->bits = dkim_public_bits(r->key->public_key);
    return DKIM_OK;
}

static enum dkim_reason
parse_record(struct span record, struct dkim_keycache *cache, struct arena *mem,
             struct dkim_key *key_out, struct span *detail_out)
{
    struct reading r = {.cache = cache, .mem = mem, .key = key_out, .detail = SPAN_EMPTY};

    *key_out = (struct dkim_key){.type = DKIM_KEY_RSA};
    enum dkim_reason reason = read_tags(&r, record);
    *detail_out = reason == DKIM_OK ? SPAN_EMPTY : dkim_sig_detail(mem, r.detail);
    return reason;
}

enum dkim_reason
dkim_key_parse(struct span record, struct arena *mem, struct dkim_key *key_out,
               struct span *detail_out)
{
    return parse_record(record, NULL, mem, key_out, detail_out);
}

/* Whether the sender meant this as a key: another v= (SPF under a wildcard) or no p= at all says
 * no. */
static bool
is_key_record(struct span record)
{
    struct taglist list;

    if (taglist_parse(record, &list, NULL) != OR_OK)
        return false;
    return taglist_get(&list, "p") != NULL &&
           (taglist_get(&list, "v") == NULL ||
            span_equal_cstr(taglist_get(&list, "v")->value, "DKIM1"));
}

/* A single record is always the one that counts, however broken: the report should say how. */
static enum dkim_reason
choose_record(const struct dns_answer *answer, struct span *record_out)
{
    size_t found = 0;

    *record_out = answer->records[0].txt.joined;
    if (answer->count == 1)
        return DKIM_OK;
    for (size_t i = 0; i < answer->count; i++) {
        if (!is_key_record(answer->records[i].txt.joined))
            continue;
        *record_out = answer->records[i].txt.joined;
        found++;
    }
    return found > 1 ? DKIM_KEY_MULTIPLE : DKIM_OK;
}

static enum dkim_reason
query_reason(or_status st)
{
    switch (st) {
    case OR_OK:
        return DKIM_OK;
    case OR_TIMEOUT:
        return DKIM_DNS_TIMEOUT;
    case OR_MALFORMED:
        return DKIM_KEY_NAME;
    case OR_LIMIT:
        return DKIM_NO_MEMORY;
    default:
        return DKIM_DNS_FAILURE;
    }
}

char *
dkim_key_name(const struct dkim_sig *sig, struct arena *mem)
{
    return arena_printf(mem, "%.*s._domainkey.%.*s", SPAN_ARG(sig->selector),
                        SPAN_ARG(sig->domain));
}

enum dkim_reason
dkim_key_fetch(const struct dkim_sig *sig, const struct dkim_key_source *source, struct arena *mem,
               struct dkim_key *key_out, struct span *detail_out)
{
    const struct dns_answer *answer = NULL;
    struct span record;
    struct err e = {.text = ""};

    *detail_out = SPAN_EMPTY;
    char *name = dkim_key_name(sig, mem);
    if (name == NULL)
        return DKIM_NO_MEMORY;
    enum dkim_reason reason = query_reason(dns_query(source->dns, DNS_TXT, span_cstr(name),
                                                     source->deadline_mono_ms, mem, &answer, &e));
    if (reason != DKIM_OK) {
        *detail_out = dkim_sig_detail(mem, span_cstr(e.text));
        return reason;
    }
    *detail_out = dkim_sig_detail(mem, span_cstr(name));
    if (answer->result != DNS_FOUND || answer->count == 0)
        return DKIM_KEY_MISSING;
    reason = choose_record(answer, &record);
    if (reason != DKIM_OK)
        return reason;
    reason = parse_record(record, source->cache, mem, key_out, detail_out);
    key_out->authenticated = answer->authenticated;
    return reason;
}

enum dkim_reason
dkim_key_check(const struct dkim_key *key, const struct dkim_sig *sig, unsigned max_rsa_bits,
               struct span *detail_out)
{
    unsigned most = max_rsa_bits != 0 ? max_rsa_bits : DKIM_MAX_RSA_BITS;

    *detail_out = SPAN_EMPTY;
    if (key->type != dkim_algorithm_key_type(sig->algorithm)) {
        *detail_out = span_cstr(dkim_key_type_name(key->type));
        return DKIM_KEY_OTHER_TYPE;
    }
    if (key->strict_identity && !domain_equal(sig->identity_domain, sig->domain)) {
        *detail_out = sig->identity_domain;
        return DKIM_KEY_SUBDOMAIN;
    }
    if (key->type == DKIM_KEY_RSA && key->bits < DKIM_MIN_RSA_BITS)
        return DKIM_KEY_TOO_SHORT;
    if (key->type == DKIM_KEY_RSA && key->bits > most)
        return DKIM_KEY_TOO_LONG;
    return DKIM_OK;
}

void
dkim_key_fini(struct dkim_key *key)
{
    dkim_public_free(key->public_key);
    key->public_key = NULL;
}
