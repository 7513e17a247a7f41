/*
 * Signing. What h= covers: dkim_fields.h.
 */
#include "milter/dkim/dkim_sign.h"

#include <string.h>

static or_status
add_name(struct dkim_sign *s, struct span name, size_t times, struct err *e)
{
    if (times > DKIM_SIG_MAX_NAMES - s->name_count)
        return err_set(e, OR_LIMIT, "too many %.*s fields to sign", SPAN_ARG(name));
    for (; times > 0; times--)
        s->names[s->name_count++] = name;
    return OR_OK;
}

static or_status
choose_names(struct dkim_sign *s, const struct dkim_fields *fields, struct err *e)
{
    struct span signature = SPAN_LIT("DKIM-Signature");
    or_status st = OR_OK;

    for (size_t i = 0; i < fields->count && st == OR_OK; i++) {
        struct span name = fields->items[i].name;

        st = add_name(s, name, dkim_message_count(s->message, name) + fields->items[i].oversigned,
                      e);
    }
    /* RFC 8617 4.1.2: what the sealer verified should stay what it was. */
    if (st == OR_OK && s->settings.arc_instance != 0)
        st = add_name(s, signature, dkim_message_count(s->message, signature), e);
    return st;
}

static or_status
copy_names(struct dkim_sign *s, struct err *e)
{
    if (s->settings.name_count > DKIM_SIG_MAX_NAMES)
        return err_set(e, OR_LIMIT, "too many names to sign");
    s->name_count = s->settings.name_count;
    memcpy(s->names, s->settings.names, s->name_count * sizeof(s->names[0]));
    return OR_OK;
}

or_status
dkim_sign_start(struct dkim_sign *s, struct dkim_message *m,
                const struct dkim_sign_settings *settings, struct err *e)
{
    struct dkim_fields defaults;

    s->message = m;
    s->settings = *settings;
    s->name_count = 0;
    s->header = NULL;
    if (settings->fields == NULL)
        dkim_fields_init_default(&defaults);
    or_status st =
        settings->names != NULL
            ? copy_names(s, e)
            : choose_names(s, settings->fields != NULL ? settings->fields : &defaults, e);
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

or_status
dkim_sign_hash_field(enum dkim_canon canon, const char *name, struct span value, struct arena *mem,
                     struct dkim_digest *digest)
{
    struct buf raw;
    or_status st;

    buf_init(&raw, 2 * (size_t)DKIM_SIGN_MAX_VALUE_BYTES);
    buf_addf(&raw, "%s:", name);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n' && (i == 0 || value.p[i - 1] != '\r'))
            buf_add_char(&raw, '\r');
        buf_add_char(&raw, value.p[i]);
    }
    buf_add_cstr(&raw, "\r\n");
    st = buf_finish(&raw);
    if (st == OR_OK)
        st = dkim_message_hash_own(canon, buf_span(&raw), mem, digest);
    buf_fini(&raw);
    return st;
}

static or_status
hash_header(const struct dkim_sign_field *f, struct span value,
            unsigned char hash_out[DKIM_HASH_BYTES])
{
    struct dkim_digest *digest = dkim_digest_copy(f->covered);
    or_status st = dkim_sign_hash_field(f->sig->header_canon, dkim_sig_field_name(f->sig->kind),
                                        value, f->mem, digest);

    dkim_digest_final(digest, hash_out);
    dkim_digest_free(digest);
    return st;
}

or_status
dkim_sign_field_value(const struct dkim_sign_field *f, struct span *value_out, struct err *e)
{
    unsigned char hash[DKIM_HASH_BYTES];
    struct span signature;
    struct buf value;
    or_status st;

    buf_init(&value, DKIM_SIGN_MAX_VALUE_BYTES);
    f->sig->algorithm =
        dkim_private_type(f->key) == DKIM_KEY_RSA ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
    dkim_sig_format(&value, f->sig);
    st = hash_header(f, buf_span(&value), hash);
    if (st != OR_OK) {
        st = err_set(e, st, "no memory left for the signature");
        goto out;
    }
    st = dkim_private_sign(f->key, hash, f->mem, &signature, e);
    if (st != OR_OK)
        goto out;
    dkim_sig_format_b(&value, signature);
    st = buf_finish(&value);
    if (st == OR_OK)
        st = arena_copy(f->mem, buf_span(&value), value_out);
    if (st != OR_OK)
        st = err_set(e, OR_LIMIT, "the signature is too long");
out:
    buf_fini(&value);
    return st;
}

or_status
dkim_sign_value(struct dkim_sign *s, const struct dkim_private *key, struct span domain,
                struct span selector, struct span *value_out, struct err *e)
{
    const struct dkim_body_hash *body = dkim_message_body_hash(s->message, s->body_slot);
    const struct dkim_sign_settings *settings = &s->settings;
    struct dkim_sig sig = {
        .kind = settings->arc_instance != 0 ? DKIM_SIG_OF_ARC_MESSAGE : DKIM_SIG_OF_MESSAGE,
        .header_canon = settings->header_canon,
        .body_canon = settings->body_canon,
        .domain = domain,
        .selector = selector,
        .names = s->names,
        .name_count = s->name_count,
        .body_hash = span_make((const char *)body->value, sizeof(body->value)),
        .has_time = !settings->omit_time,
        .time_s = (uint64_t)settings->now,
        .has_expiry = settings->lifetime_s != 0,
        .instance = settings->arc_instance,
    };

    sig.expires_s = sig.time_s + settings->lifetime_s;
    or_status st = hash_fields(s);
    if (st != OR_OK)
        return err_set(e, st, "no memory left for the signature");
    struct dkim_sign_field field = {
        .sig = &sig, .covered = s->header, .key = key, .mem = s->message->mem};
    return dkim_sign_field_value(&field, value_out, e);
}

void
dkim_sign_fini(struct dkim_sign *s)
{
    dkim_digest_free(s->header);
    s->header = NULL;
}
