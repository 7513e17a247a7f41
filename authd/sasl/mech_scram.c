/*
 * SCRAM (RFC 5802, RFC 7677): the client proves that it knows the password, the server that it has
 * the keys made from it; neither sends what the other could use elsewhere. The -PLUS ones are bound
 * to the TLS connection by tls-exporter (RFC 9266): whoever sits in between has another one.
 *
 * Messages are compared as they came: what is signed is their bytes. A name without keys goes
 * through the same motions with keys that nothing fits.
 */
#include "authd/sasl/mech_table.h"

#include "common/base/crypto.h"
#include "common/base/xalloc.h"
#include "common/text/base64.h"

#include <stdlib.h>

#define SCRAM_MAX_MESSAGE_BYTES 2048
#define SCRAM_MAX_NONCE_BYTES 256 /* of the client */
#define SCRAM_OWN_NONCE_BYTES 18  /* 144 bits, 36 hex digits */
#define BINDING "tls-exporter"

struct mech_state {
    struct buf gs2;          /* "n,," as it came */
    struct buf client_first; /* without it */
    struct buf server_first;
    struct buf nonce; /* both parts */
    struct scram_keys keys;
};

static enum mech_step
fail(struct err *e, const char *why)
{
    (void)err_set(e, OR_MALFORMED, "SCRAM: %s", why);
    return MECH_FAIL;
}

static void
scram_fini(struct mech_exchange *x)
{
    struct mech_state *s = x->state;

    if (s == NULL)
        return;
    buf_fini_wiped(&s->gs2);
    buf_fini_wiped(&s->client_first);
    buf_fini_wiped(&s->server_first);
    buf_fini_wiped(&s->nonce);
    crypto_wipe(s, sizeof(*s));
    free(s);
    x->state = NULL;
}

static struct mech_state *
state_new(void)
{
    struct mech_state *s = xcalloc(1, sizeof(*s));

    buf_init(&s->gs2, SCRAM_MAX_MESSAGE_BYTES);
    buf_init(&s->client_first, SCRAM_MAX_MESSAGE_BYTES);
    buf_init(&s->server_first, SCRAM_MAX_MESSAGE_BYTES);
    buf_init(&s->nonce, SCRAM_MAX_MESSAGE_BYTES);
    return s;
}

/* A saslname: "=2C" is a comma, "=3D" an equals sign, no other '=' (RFC 5802 5.1). */
static or_status
keep_saslname(struct buf *name, struct span text, struct err *e)
{
    struct buf plain;

    buf_init(&plain, SCRAM_MAX_MESSAGE_BYTES);
    or_status st = OR_OK;

    for (size_t i = 0; i < text.n && st == OR_OK; i++) {
        struct span three = span_slice(text, i, i + 3);
        bool quoted = text.p[i] == '=';

        if (quoted && !span_equal_cstr(three, "=2C") && !span_equal_cstr(three, "=3D"))
            st = err_set(e, OR_MALFORMED, "SCRAM: a name with a bare equals sign");
        else
            buf_add_char(&plain, !quoted ? text.p[i] : three.p[1] == '2' ? ',' : '=');
        i += quoted ? 2 : 0;
    }
    if (st == OR_OK)
        st = buf_finish(&plain);
    if (st == OR_OK)
        st = mech_keep_name(name, buf_span(&plain), e);
    buf_fini_wiped(&plain);
    return st;
}

/* Printable ASCII but for the comma. */
static bool
is_nonce(struct span nonce)
{
    for (size_t i = 0; i < nonce.n; i++)
        if (nonce.p[i] <= ' ' || nonce.p[i] > '~' || nonce.p[i] == ',')
            return false;
    return nonce.n > 0 && nonce.n <= SCRAM_MAX_NONCE_BYTES;
}

/* The flag in front of the GS2 header (RFC 5802 6). */
static or_status
check_binding_flag(struct mech_exchange *x, struct span flag, struct err *e)
{
    if (x->mech->binds) {
        if (!span_equal_cstr(flag, "p=" BINDING))
            return err_set(e, OR_MALFORMED, "SCRAM: no channel binding by " BINDING);
        x->binding_wanted = BINDING;
        return OR_OK;
    }
    if (!span_equal_cstr(flag, "n") && !span_equal_cstr(flag, "y"))
        return err_set(e, OR_MALFORMED, "SCRAM: channel binding is not in this mechanism");
    /* 'y': it would bind and believes that we cannot. Where we offered it, somebody in between took
     * the offer away. */
    if (flag.p[0] == 'y' && x->binding_offered)
        return err_set(e, OR_MALFORMED, "SCRAM: the offer of channel binding was taken away");
    return OR_OK;
}

/* "n,a=authzid," with the rest of the message left in `rest`. */
static or_status
parse_gs2(struct mech_exchange *x, struct span *rest, struct err *e)
{
    struct span whole = *rest, flag, authzid;

    if (!span_split(rest, ',', &flag) || !span_split(rest, ',', &authzid) || rest->p == NULL)
        return err_set(e, OR_MALFORMED, "SCRAM: no GS2 header");
    or_status st = check_binding_flag(x, flag, e);
    if (st != OR_OK)
        return st;
    buf_add_span(&x->state->gs2, span_slice(whole, 0, flag.n + authzid.n + 2));
    if (authzid.n == 0)
        return OR_OK;
    if (!span_has_prefix(authzid, SPAN_LIT("a=")))
        return err_set(e, OR_MALFORMED, "SCRAM: no GS2 header");
    /* GNU SASL sends "a=" for a name that was set to nothing. */
    return authzid.n == 2 ? OR_OK : keep_saslname(&x->authzid, span_from(authzid, 2), e);
}

/* client-first-message: "n,,n=user,r=nonce" */
static enum mech_step
first(struct mech_exchange *x, struct span message, struct err *e)
{
    struct span rest = message, name, nonce;

    x->state = state_new();
    if (message.n > SCRAM_MAX_MESSAGE_BYTES)
        return fail(e, "the first message is too long");
    if (parse_gs2(x, &rest, e) != OR_OK)
        return MECH_FAIL;
    buf_add_span(&x->state->client_first, rest);
    /* Also refuses "m=", an extension that must be understood. */
    if (!span_split(&rest, ',', &name) || !span_has_prefix(name, SPAN_LIT("n=")))
        return fail(e, "no user name");
    if (!span_split(&rest, ',', &nonce) || !span_has_prefix(nonce, SPAN_LIT("r=")) ||
        !is_nonce(span_from(nonce, 2)))
        return fail(e, "no nonce");
    if (keep_saslname(&x->authcid, span_from(name, 2), e) != OR_OK)
        return MECH_FAIL;
    buf_add_span(&x->state->nonce, span_from(nonce, 2));
    return MECH_NEED_KEYS;
}

/* server-first-message */
static enum mech_step
scram_keys(struct mech_exchange *x, const struct mech_keys *all, struct err *e)
{
    const struct scram_keys *keys = &all->scram;
    char own[2 * SCRAM_OWN_NONCE_BYTES + 1];
    struct mech_state *s = x->state;

    s->keys = *keys;
    crypto_random_hex(own, SCRAM_OWN_NONCE_BYTES);
    if (x->server_nonce.n > 0)
        buf_add_span(&s->nonce, x->server_nonce);
    else
        buf_add_cstr(&s->nonce, own);
    buf_add_cstr(&s->server_first, "r=");
    buf_add_span(&s->server_first, buf_span(&s->nonce));
    buf_add_cstr(&s->server_first, ",s=");
    base64_encode(&s->server_first, span_make(keys->salt, keys->salt_bytes));
    buf_addf(&s->server_first, ",i=%u", keys->iterations);
    if (buf_finish(&s->server_first) != OR_OK || buf_finish(&s->nonce) != OR_OK)
        return fail(e, "the messages are too long");
    x->challenge = buf_span(&s->server_first);
    return MECH_CONTINUE;
}

/* "c=" is the GS2 header again, and what binds to the channel: whoever changed it on the way, or
 * sits in between, is found out. */
static bool
is_same_channel(const struct mech_exchange *x, struct span attribute)
{
    struct buf bytes, want;

    buf_init(&bytes, SCRAM_MAX_MESSAGE_BYTES + MECH_MAX_BINDING_BYTES);
    buf_init(&want, 4 * SCRAM_MAX_MESSAGE_BYTES);
    buf_add_span(&bytes, buf_span(&x->state->gs2));
    if (x->mech->binds)
        buf_add_span(&bytes, buf_span(&x->binding));
    buf_add_cstr(&want, "c=");
    base64_encode(&want, buf_span(&bytes));
    bool same = buf_finish(&want) == OR_OK && crypto_equal(buf_span(&want), attribute);

    buf_fini_wiped(&bytes);
    buf_fini_wiped(&want);
    return same;
}

/* Whether the proof is right: H(proof XOR HMAC(StoredKey, messages)) is StoredKey (RFC 5802 3). */
static bool
is_proven(const struct scram_keys *keys, struct span messages, struct span proof)
{
    unsigned char signature[SCRAM_MAX_KEY_BYTES], made[SCRAM_MAX_KEY_BYTES];
    size_t n = scram_digest_bytes(keys->digest);
    struct span stored = span_make((const char *)keys->stored_key, n);
    bool right = false;

    if (proof.n == n && scram_hmac(keys->digest, stored, messages, signature) == OR_OK) {
        for (size_t i = 0; i < n; i++)
            signature[i] ^= (unsigned char)proof.p[i];
        right = scram_hash(keys->digest, span_make((const char *)signature, n), made) == OR_OK &&
                crypto_equal(span_make((const char *)made, n), stored);
    }
    crypto_wipe(signature, sizeof(signature));
    crypto_wipe(made, sizeof(made));
    return right;
}

/* server-final-message, in the place of server_first, which is not needed any more. */
static enum mech_step
sign(struct mech_exchange *x, struct span messages, struct err *e)
{
    unsigned char signature[SCRAM_MAX_KEY_BYTES];
    struct mech_state *s = x->state;
    struct span server_key =
        span_make((const char *)s->keys.server_key, scram_digest_bytes(s->keys.digest));

    if (scram_hmac(s->keys.digest, server_key, messages, signature) != OR_OK)
        return fail(e, "OpenSSL signs nothing");
    buf_fini_wiped(&s->server_first);
    buf_init(&s->server_first, SCRAM_MAX_MESSAGE_BYTES);
    buf_add_cstr(&s->server_first, "v=");
    base64_encode(&s->server_first, span_make((const char *)signature, server_key.n));
    x->challenge = buf_span(&s->server_first);
    x->proof = MECH_PROOF_RIGHT;
    return MECH_CHECK;
}

static enum mech_step
prove(struct mech_exchange *x, struct span unproven, struct span proof, struct err *e)
{
    const struct mech_state *s = x->state;
    struct buf messages;
    enum mech_step step = MECH_CHECK;

    buf_init(&messages, 4 * SCRAM_MAX_MESSAGE_BYTES);
    buf_add_span(&messages, buf_span(&s->client_first));
    buf_add_char(&messages, ',');
    buf_add_span(&messages, buf_span(&s->server_first));
    buf_add_char(&messages, ',');
    buf_add_span(&messages, unproven);
    x->proof = MECH_PROOF_WRONG;
    x->challenge = SPAN_EMPTY;
    if (buf_finish(&messages) == OR_OK && is_proven(&s->keys, buf_span(&messages), proof))
        step = sign(x, buf_span(&messages), e);
    buf_fini_wiped(&messages);
    return step;
}

/* client-final-message: "c=...,r=nonce,p=proof" */
static enum mech_step
last(struct mech_exchange *x, struct span message, struct err *e)
{
    struct span rest = message, channel, nonce;
    size_t comma = span_rfind(message, ',');
    struct buf proof;

    if (message.n > SCRAM_MAX_MESSAGE_BYTES || comma == message.n ||
        !span_has_prefix(span_from(message, comma + 1), SPAN_LIT("p=")))
        return fail(e, "no proof");
    if (x->mech->binds && x->binding.n == 0)
        return fail(e, "the connection's channel binding is not known");
    if (!span_split(&rest, ',', &channel) || !is_same_channel(x, channel))
        return fail(e, x->mech->binds ? "the login is bound to another connection"
                                      : "the GS2 header has changed");
    /* Our own part makes an exchange that somebody recorded worthless. */
    if (!span_split(&rest, ',', &nonce) || !span_has_prefix(nonce, SPAN_LIT("r=")) ||
        !crypto_equal(span_from(nonce, 2), buf_span(&x->state->nonce)))
        return fail(e, "the nonce has changed");
    buf_init(&proof, SCRAM_MAX_KEY_BYTES);
    or_status st = base64_decode(span_from(message, comma + 3), BASE64_STRICT, &proof);
    enum mech_step step = st == OR_OK ? prove(x, span_slice(message, 0, comma), buf_span(&proof), e)
                                      : fail(e, "the proof is not base64");

    buf_fini_wiped(&proof);
    return step;
}

static enum mech_step
step(struct mech_exchange *x, struct span response, struct err *e)
{
    if (response.p == NULL && x->round == 0)
        return MECH_CONTINUE;
    return x->state == NULL ? first(x, response, e) : last(x, response, e);
}

#define SCRAM(name_, digest_, binds_, flags_)                                                      \
    {                                                                                              \
        .name = (name_), .flags = (flags_), .binds = (binds_), .step = step, .keys = scram_keys,   \
        .fini = scram_fini, .needs = MECH_KEYS_SCRAM, .digest = (digest_)                          \
    }
#define SCRAM_PLUS(name_, digest_)                                                                 \
    SCRAM(name_ "-PLUS", digest_, true, "mutual-auth\tchannel-binding")

const struct mech mech_scram_sha1 = SCRAM("SCRAM-SHA-1", SCRAM_SHA1, false, "mutual-auth");
const struct mech mech_scram_sha256 = SCRAM("SCRAM-SHA-256", SCRAM_SHA256, false, "mutual-auth");
const struct mech mech_scram_sha512 = SCRAM("SCRAM-SHA-512", SCRAM_SHA512, false, "mutual-auth");
const struct mech mech_scram_sha1_plus = SCRAM_PLUS("SCRAM-SHA-1", SCRAM_SHA1);
const struct mech mech_scram_sha256_plus = SCRAM_PLUS("SCRAM-SHA-256", SCRAM_SHA256);
