/*
 * Verifying, signature by signature. Every step that can end a signature's life returns the reason;
 * the first one stands.
 */
#include "milter/dkim/dkim_verify.h"

#include "milter/dkim/dkim_key.h"

#include <string.h>

/* What there may be one of: RFC 5322 3.6, RFC 2045 3, RFC 2183 2. */
static const char *const singletons[] = {
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Bcc",
    "Content-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
};

static struct span
find_twice(const struct dkim_message *m)
{
    for (size_t i = 0; i < sizeof(singletons) / sizeof(singletons[0]); i++)
        if (dkim_message_count(m, span_cstr(singletons[i])) > 1)
            return span_cstr(singletons[i]);
    return SPAN_EMPTY;
}

/* RFC 6376 3.5: t= and x=, whose note allows for clocks that differ. */
static enum dkim_reason
check_times(const struct dkim_sig *sig, const struct dkim_verify_settings *settings)
{
    uint64_t now_s = settings->now > 0 ? (uint64_t)settings->now : 0;

    if (sig->has_expiry && now_s > settings->clock_skew_s &&
        sig->expires_s < now_s - settings->clock_skew_s)
        return DKIM_SIG_EXPIRED;
    if (sig->has_time && sig->time_s > now_s + settings->clock_skew_s)
        return DKIM_SIG_FUTURE;
    return DKIM_OK;
}

/* What the signature covers besides itself. */
static or_status
hash_covered(struct dkim_verify_step *s, struct dkim_digest *digest)
{
    const struct dkim_sig *sig = &s->item->sig;
    or_status st = OR_OK;

    if (s->kind != DKIM_SIG_OF_ARC_SEAL)
        return dkim_message_hash_fields(s->message, sig->header_canon, sig->names, sig->name_count,
                                        s->field, digest);
    for (size_t i = 0; i < s->sealed_count && st == OR_OK; i++)
        st = dkim_message_hash_field(s->message, sig->header_canon, s->sealed[i], digest);
    return st;
}

/* RFC 6376 3.7: the chosen fields, then the signature field itself with an empty b=. */
static enum dkim_reason
hash_header(struct dkim_verify_step *s, unsigned char hash_out[DKIM_HASH_BYTES])
{
    struct dkim_message *m = s->message;
    const struct dkim_field *own = &m->fields[s->field];
    struct span before, after;

    dkim_sig_cut(own->value, &before, &after);
    size_t head = (size_t)(before.p - own->raw.p) + before.n;
    char *raw = arena_alloc(m->mem, head + after.n + 2);
    if (raw == NULL)
        return DKIM_NO_MEMORY;
    memcpy(raw, own->raw.p, head);
    memcpy(raw + head, after.p, after.n);
    raw[head + after.n] = '\r';
    raw[head + after.n + 1] = '\n';

    struct dkim_digest *digest = dkim_digest_new();
    or_status st = hash_covered(s, digest);
    if (st == OR_OK)
        st = dkim_message_hash_own(s->item->sig.header_canon, span_make(raw, head + after.n + 2),
                                   m->mem, digest);
    dkim_digest_final(digest, hash_out);
    dkim_digest_free(digest);
    return st == OR_OK ? DKIM_OK : DKIM_NO_MEMORY;
}

static enum dkim_reason
check_key(struct dkim_verify_step *s, struct dkim_key *key)
{
    struct dkim_verify_item *item = s->item;
    const struct dkim_key_source source = {
        .dns = s->dns,
        .deadline_mono_ms = s->settings->deadline_mono_ms,
        .cache = s->settings->keys,
    };
    enum dkim_reason reason =
        dkim_key_fetch(&item->sig, &source, s->message->mem, key, &item->detail);

    item->key_bits = key->bits;
    item->testing = key->testing;
    item->key_authenticated = key->authenticated;
    return reason == DKIM_OK
               ? dkim_key_check(key, &item->sig, s->settings->max_rsa_bits, &item->detail)
               : reason;
}

static enum dkim_reason
want_body(struct dkim_verify_step *s)
{
    struct dkim_verify_item *item = s->item;
    uint64_t length = item->sig.has_length ? item->sig.length : DKIM_WHOLE_BODY;
    or_status st =
        dkim_message_want_body(s->message, item->sig.body_canon, length, &item->body_slot);

    if (st == OR_OK)
        return DKIM_OK;
    return s->message->hash_count == DKIM_MESSAGE_MAX_BODY_HASHES ? DKIM_SIG_TOO_MANY_LENGTHS
                                                                  : DKIM_NO_MEMORY;
}

/* A signature that does not match goes on all the same: whether the body was changed too is worth
 * knowing. */
static enum dkim_reason
check_signature(struct dkim_verify_step *s)
{
    unsigned char hash[DKIM_HASH_BYTES];
    struct dkim_key key = {0};
    enum dkim_reason reason = check_key(s, &key);

    if (reason == DKIM_OK)
        reason = hash_header(s, hash);
    if (reason == DKIM_OK) {
        s->item->header_ok = dkim_public_verify(key.public_key, hash, s->item->sig.signature);
        if (s->kind == DKIM_SIG_OF_ARC_SEAL && !s->item->header_ok)
            reason = DKIM_HEADER_CHANGED;
    }
    dkim_key_fini(&key);
    return reason;
}

/* rsa-sha1 is refused whatever the key says (RFC 8301 3.1). The key is looked up all the same, so
 * that a report can tell "refused" from "DNS was down", as for any other signature. */
static enum dkim_reason
refuse_sha1(struct dkim_verify_step *s)
{
    struct span detail = s->item->detail;
    struct dkim_key key = {0};

    enum dkim_reason reason = check_key(s, &key);
    dkim_key_fini(&key);
    if (dkim_reason_result(reason) == DKIM_TEMPERROR)
        return reason;
    s->item->detail = detail;
    return DKIM_SIG_RSA_SHA1;
}

static enum dkim_reason
check_field(struct dkim_verify_step *s)
{
    struct dkim_verify_item *item = s->item;
    enum dkim_reason reason = dkim_sig_parse_kind(s->kind, s->message->fields[s->field].value,
                                                  s->message->mem, &item->sig, &item->detail);

    if (reason == DKIM_OK)
        reason = check_times(&item->sig, s->settings);
    if (reason == DKIM_OK && s->kind != DKIM_SIG_OF_ARC_SEAL)
        reason = want_body(s);
    return reason;
}

static void
set_reason(struct dkim_verify_item *item, enum dkim_reason reason)
{
    item->reason = reason;
    item->result = dkim_reason_result(reason);
}

bool
dkim_verify_needs_key(const struct dkim_verify_item *item)
{
    return item->reason == DKIM_OK || (item->reason == DKIM_SIG_RSA_SHA1 &&
                                       item->sig.domain.n != 0 && item->sig.selector.n != 0);
}

void
dkim_verify_step_begin(struct dkim_verify_step *s)
{
    s->item->field = s->field;
    set_reason(s->item, check_field(s));
}

void
dkim_verify_step_key(struct dkim_verify_step *s)
{
    if (!dkim_verify_needs_key(s->item))
        return;
    set_reason(s->item, s->item->reason == DKIM_OK ? check_signature(s) : refuse_sha1(s));
}

or_status
dkim_verify_begin(struct dkim_verify *v, struct dkim_message *m,
                  const struct dkim_verify_settings *settings, struct err *e)
{
    static const struct span name = {"DKIM-Signature", sizeof("DKIM-Signature") - 1};
    size_t found = dkim_message_count(m, name);

    *v = (struct dkim_verify){.count = found};
    if (settings->strict_singletons)
        v->twice = find_twice(m);
    if (v->count > settings->max_signatures)
        v->count = settings->max_signatures;
    v->ignored_count = found - v->count;
    v->items = arena_alloc_array(m->mem, v->count, sizeof(v->items[0]));
    if (v->items == NULL)
        return err_set(e, OR_LIMIT, "no memory left for %zu signatures", v->count);
    size_t done = 0;
    for (size_t i = 0; i < m->field_count && done < v->count; i++) {
        struct dkim_verify_step s = {.message = m, .settings = settings, .field = i};

        if (!span_equal_nocase(m->fields[i].name, name))
            continue;
        s.item = &v->items[done++];
        dkim_verify_step_begin(&s);
    }
    return OR_OK;
}

void
dkim_verify_keys(struct dkim_verify *v, struct dkim_message *m,
                 const struct dkim_verify_settings *settings, struct dns *dns)
{
    for (size_t i = 0; i < v->count; i++) {
        struct dkim_verify_step s = {.message = m,
                                     .settings = settings,
                                     .dns = dns,
                                     .item = &v->items[i],
                                     .field = v->items[i].field};

        dkim_verify_step_key(&s);
    }
}

or_status
dkim_verify_header(struct dkim_verify *v, struct dkim_message *m,
                   const struct dkim_verify_settings *settings, struct dns *dns, struct err *e)
{
    or_status st = dkim_verify_begin(v, m, settings, e);

    if (st == OR_OK)
        dkim_verify_keys(v, m, settings, dns);
    return st;
}

static enum dkim_reason
compare(const struct dkim_verify_item *item, const struct dkim_body_hash *hash,
        const struct dkim_verify_settings *settings)
{
    if (dkim_body_hash_is_short(hash))
        return DKIM_SIG_BODY_LENGTH_EXCEEDED;
    bool body_ok = memcmp(hash->value, item->sig.body_hash.p, DKIM_HASH_BYTES) == 0;
    if (!body_ok)
        return item->header_ok ? DKIM_BODY_CHANGED : DKIM_BOTH_CHANGED;
    if (!item->header_ok)
        return DKIM_HEADER_CHANGED;
    if (item->sig.has_length && (!settings->accept_length || dkim_body_hash_is_cut(hash)))
        return DKIM_SIG_BODY_LENGTH;
    return DKIM_OK;
}

void
dkim_verify_step_body(struct dkim_verify_item *item, const struct dkim_message *m,
                      const struct dkim_verify_settings *settings)
{
    if (item->reason != DKIM_OK)
        return;
    item->reason = compare(item, dkim_message_body_hash(m, item->body_slot), settings);
    item->result = dkim_reason_result(item->reason);
}

void
dkim_verify_body(struct dkim_verify *v, const struct dkim_message *m,
                 const struct dkim_verify_settings *settings)
{
    for (size_t i = 0; i < v->count; i++) {
        struct dkim_verify_item *item = &v->items[i];

        if (item->reason != DKIM_OK)
            continue;
        dkim_verify_step_body(item, m, settings);
        if (item->reason == DKIM_OK && v->twice.n != 0) {
            item->reason = DKIM_SIG_FIELD_TWICE;
            item->detail = v->twice;
            item->result = dkim_reason_result(item->reason);
        }
    }
}

static const struct dkim_verify_item *
most_telling(const struct dkim_verify *v, bool count_testing)
{
    /* temperror before fail: with the key at hand it might have passed. */
    static const enum dkim_result order[] = {DKIM_PASS,   DKIM_TEMPERROR, DKIM_FAIL,
                                             DKIM_POLICY, DKIM_NEUTRAL,   DKIM_PERMERROR};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        for (size_t j = 0; j < v->count; j++)
            if (v->items[j].result == order[i] &&
                (order[i] == DKIM_PASS || count_testing || !v->items[j].testing))
                return &v->items[j];
    return NULL;
}

enum dkim_result
dkim_verify_overall(const struct dkim_verify *v)
{
    const struct dkim_verify_item *item = most_telling(v, true);

    return item != NULL ? item->result : DKIM_NONE;
}

enum dkim_result
dkim_verify_decisive(const struct dkim_verify *v, const struct dkim_verify_item **item_out)
{
    *item_out = most_telling(v, false);
    return *item_out != NULL ? (*item_out)->result : DKIM_NONE;
}

void
dkim_verify_describe(struct buf *out, const struct dkim_verify_item *item)
{
    buf_add_cstr(out, dkim_reason_text(item->reason));
    if (item->detail.n == 0)
        return;
    buf_add_cstr(out, " (");
    for (size_t i = 0; i < item->detail.n; i++) {
        unsigned char c = (unsigned char)item->detail.p[i];

        buf_add_char(out, c < ' ' || c == 0x7f ? '?' : (char)c);
    }
    buf_add_char(out, ')');
}
