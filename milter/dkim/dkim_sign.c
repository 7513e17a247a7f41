/*
 * Signing. Decides what h= covers.
 */
#include "milter/dkim/dkim_sign.h"

#include <string.h>

/* RFC 6376 5.4.1, with the MIME fields (without them an attacker turns the body into another one).
 * Fields that transit changes or adds (Received, Return-Path, Authentication-Results,
 * DKIM-Signature, ...) are left out. The fields of a list or a resender are signed where present,
 * and not oversigned: forwarders add their own. */
static const struct {
    const char *name;
    bool oversigned;
} signed_fields[] = {
    {"From", true},
    {"To", true},
    {"Cc", true},
    {"Subject", true},
    {"Date", true},
    {"Message-ID", true},
    {"Reply-To", true},
    {"MIME-Version", true},
    {"Content-Type", true},
    {"Content-Transfer-Encoding", true},
    {"Content-Disposition", false},
    {"Content-ID", false},
    {"Content-Description", false},
    {"Sender", false},
    {"In-Reply-To", false},
    {"References", false},
    {"Resent-Date", false},
    {"Resent-From", false},
    {"Resent-Sender", false},
    {"Resent-To", false},
    {"Resent-Cc", false},
    {"Resent-Message-ID", false},
    {"List-Id", false},
    {"List-Help", false},
    {"List-Unsubscribe", false},
    {"List-Unsubscribe-Post", false}, /* RFC 8058 4: must be signed */
    {"List-Subscribe", false},
    {"List-Post", false},
    {"List-Owner", false},
    {"List-Archive", false},
    {"Autocrypt", false},
};

static or_status
choose_names(struct dkim_sign *s, struct err *e)
{
    for (size_t i = 0; i < sizeof(signed_fields) / sizeof(signed_fields[0]); i++) {
        struct span name = span_cstr(signed_fields[i].name);
        size_t times = dkim_message_count(s->message, name) + signed_fields[i].oversigned;

        if (times > DKIM_SIG_MAX_NAMES - s->name_count)
            return err_set(e, OR_LIMIT, "too many %s fields to sign", signed_fields[i].name);
        for (; times > 0; times--)
            s->names[s->name_count++] = name;
    }
    return OR_OK;
}

or_status
dkim_sign_start(struct dkim_sign *s, struct dkim_message *m,
                const struct dkim_sign_settings *settings, struct err *e)
{
    s->message = m;
    s->settings = *settings;
    s->name_count = 0;
    s->header = NULL;
    or_status st = choose_names(s, e);
    if (st != OR_OK)
        return st;
    st = dkim_message_want_body(m, settings->body_canon, DKIM_WHOLE_BODY, &s->body_slot);
    return st == OR_OK ? OR_OK : err_set(e, st, "no memory left for the body hash");
}

/* Hashes the signed fields when the first key needs them. */
static or_status
hash_fields(struct dkim_sign *s)
{
    if (s->header != NULL)
        return OR_OK;
    s->header = dkim_digest_new();
    return dkim_message_hash_fields(s->message, s->settings.header_canon, s->names, s->name_count,
                                    DKIM_NO_FIELD, s->header);
}

/* The field as the receiver's verifier will see it: with CRLF folds. OR_LIMIT past the arena. */
static or_status
hash_own_field(struct dkim_sign *s, struct span value, struct dkim_digest *digest)
{
    static const char name[] = "DKIM-Signature:";
    struct buf raw;
    or_status st;

    buf_init(&raw, 2 * (size_t)DKIM_SIGN_MAX_VALUE_BYTES);
    buf_add_cstr(&raw, name);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n')
            buf_add_char(&raw, '\r');
        buf_add_char(&raw, value.p[i]);
    }
    buf_add_cstr(&raw, "\r\n");
    st = buf_finish(&raw);
    if (st == OR_OK)
        st = dkim_message_hash_own(s->settings.header_canon, buf_span(&raw), s->message->mem,
                                   digest);
    buf_fini(&raw);
    return st;
}

static or_status
hash_header(struct dkim_sign *s, struct span value, unsigned char hash_out[DKIM_HASH_BYTES])
{
    or_status st = hash_fields(s);

    if (st != OR_OK)
        return st;
    struct dkim_digest *digest = dkim_digest_copy(s->header);
    st = hash_own_field(s, value, digest);
    dkim_digest_final(digest, hash_out);
    dkim_digest_free(digest);
    return st;
}

static void
format_unsigned(struct dkim_sign *s, const struct dkim_private *key, struct dkim_sig *sig,
                struct buf *out)
{
    const struct dkim_body_hash *body = dkim_message_body_hash(s->message, s->body_slot);

    sig->algorithm = dkim_private_type(key) == DKIM_KEY_RSA ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
    sig->header_canon = s->settings.header_canon;
    sig->body_canon = s->settings.body_canon;
    sig->names = s->names;
    sig->name_count = s->name_count;
    sig->body_hash = span_make((const char *)body->value, sizeof(body->value));
    sig->has_time = true;
    sig->time_s = (uint64_t)s->settings.now;
    sig->has_expiry = s->settings.lifetime_s != 0;
    sig->expires_s = sig->time_s + s->settings.lifetime_s;
    dkim_sig_format(out, sig);
}

or_status
dkim_sign_value(struct dkim_sign *s, const struct dkim_private *key, struct span domain,
                struct span selector, struct span *value_out, struct err *e)
{
    struct dkim_sig sig = {.domain = domain, .selector = selector};
    unsigned char hash[DKIM_HASH_BYTES];
    struct span signature;
    struct buf value;
    or_status st;

    buf_init(&value, DKIM_SIGN_MAX_VALUE_BYTES);
    format_unsigned(s, key, &sig, &value);
    st = hash_header(s, buf_span(&value), hash);
    if (st != OR_OK) {
        st = err_set(e, st, "no memory left for the signature");
        goto out;
    }
    st = dkim_private_sign(key, hash, s->message->mem, &signature, e);
    if (st != OR_OK)
        goto out;
    dkim_sig_format_b(&value, signature);
    st = buf_finish(&value);
    if (st == OR_OK)
        st = arena_copy(s->message->mem, buf_span(&value), value_out);
    if (st != OR_OK)
        st = err_set(e, OR_LIMIT, "the signature is too long");
out:
    buf_fini(&value);
    return st;
}

void
dkim_sign_fini(struct dkim_sign *s)
{
    dkim_digest_free(s->header);
    s->header = NULL;
}
