/*
 * Form, header and signature of a token. What the header says is believed about nothing but which
 * of our keys to try (RFC 8725 3.1): jku, jwk, x5u and x5c in it are not looked at.
 */
#include "authd/oauth/jwt.h"

#include "authd/oauth/oauth_json.h"

#include <cjose/cjose.h>

#define MIN_RSA_BITS 2048 /* RFC 7518 3.3 */
#define MAX_RSA_BITS 8192 /* a key of a megabit would cost whoever asks nothing, and us minutes */
#define HEADER_MAX_BYTES 4096

/* Every algorithm that is taken (RFC 7518 3.1), with the only keys that fit it. */
static const struct algorithm {
    const char *name, *kty, *crv;
} algorithms[] = {
    {"RS256", "RSA", NULL},   {"RS384", "RSA", NULL},   {"RS512", "RSA", NULL},
    {"PS256", "RSA", NULL},   {"PS384", "RSA", NULL},   {"PS512", "RSA", NULL},
    {"ES256", "EC", "P-256"}, {"ES384", "EC", "P-384"}, {"ES512", "EC", "P-521"},
};

struct parts {
    struct span header, payload, signature;
};

static or_status
split(struct span token, struct parts *parts_out, struct err *e)
{
    struct span rest = token;

    if (token.n > JWT_MAX_BYTES)
        return err_set(e, OR_LIMIT, "a token over %d bytes", JWT_MAX_BYTES);
    if (!span_split(&rest, '.', &parts_out->header) ||
        !span_split(&rest, '.', &parts_out->payload) ||
        !span_split(&rest, '.', &parts_out->signature) || rest.p != NULL ||
        parts_out->header.n == 0 || parts_out->payload.n == 0)
        return err_set(e, OR_MALFORMED, "not three parts");
    return OR_OK;
}

bool
jwt_is_one(struct span token)
{
    struct parts parts = {.header = SPAN_EMPTY};
    struct err e;

    return split(token, &parts, &e) == OR_OK;
}

static or_status
parse_part(struct span base64, json_t **object_out, struct err *e)
{
    struct buf json;

    buf_init(&json, JWT_MAX_BYTES);
    or_status st = oauth_base64url_decode(base64, &json);
    st = st == OR_OK ? oauth_json_parse(buf_span(&json), object_out, e)
                     : err_set(e, OR_MALFORMED, "not base64url");
    buf_fini_wiped(&json);
    return st;
}

/* cjose ends the process over base64 that it does not like: it gets none. */
static or_status
check_base64(struct span base64, struct err *e)
{
    struct buf bytes;

    buf_init(&bytes, JWT_MAX_BYTES);
    or_status st = oauth_base64url_decode(base64, &bytes);
    buf_fini(&bytes);
    return st == OR_OK ? OR_OK : err_set(e, OR_MALFORMED, "a signature that is not base64url");
}

/* RFC 8725 3.11, RFC 9068 2.1: what is signed for something else is no access token. */
static bool
is_type_good(struct span typ)
{
    static const char *const types[] = {"JWT", "at+jwt", "application/at+jwt", "application/jwt"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (span_equal_nocase_cstr(typ, types[i]))
            return true;
    return typ.p == NULL;
}

static or_status
check_header(const json_t *header, const struct algorithm **algorithm_out, struct err *e)
{
    struct span alg = oauth_json_string(header, "alg");

    if (json_object_get(header, "crit") != NULL) /* RFC 7515 4.1.11: we know no extension */
        return err_set(e, OR_ABSENT, "crit");
    if (!is_type_good(oauth_json_string(header, "typ")))
        return err_set(e, OR_ABSENT, "a token of another type");
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (alg.p != NULL && span_equal_cstr(alg, algorithms[i].name)) {
            *algorithm_out = &algorithms[i];
            return OR_OK;
        }
    return err_set(e, OR_ABSENT, "algorithm \"%.*s\" is not allowed", SPAN_ARG(alg));
}

or_status
jwt_key_id(struct span token, struct arena *mem, struct span *kid_out, struct err *e)
{
    struct parts parts = {.header = SPAN_EMPTY};
    json_t *header = NULL;
    const struct algorithm *algorithm = &algorithms[0];
    or_status st = split(token, &parts, e);

    if (st == OR_OK)
        st = parse_part(parts.header, &header, e);
    if (st == OR_OK)
        st = check_header(header, &algorithm, e);
    if (st == OR_OK) {
        struct span kid = oauth_json_string(header, "kid");

        *kid_out = kid;
        if (kid.p != NULL)
            st = arena_copy(mem, kid, kid_out);
    }
    json_decref(header);
    return st;
}

/* A key says by itself what it is for; the token has no say in it. */
static bool
fits(const struct jwk *key, const struct algorithm *algorithm, struct span kid)
{
    if (kid.p != NULL && (key->kid == NULL || !span_equal_cstr(kid, key->kid)))
        return false;
    if (key->alg != NULL && !span_equal_cstr(span_cstr(key->alg), algorithm->name))
        return false;
    return span_equal_cstr(span_cstr(key->kty), algorithm->kty) &&
           (algorithm->crv == NULL ||
            (key->crv != NULL && span_equal_cstr(span_cstr(key->crv), algorithm->crv)));
}

static bool
is_signed_by(cjose_jws_t *jws, const struct jwk *key)
{
    cjose_err ignored;
    cjose_jwk_t *jwk = cjose_jwk_import(key->json, key->json_bytes, &ignored);
    bool good = false;

    if (jwk == NULL)
        return false;
    size_t bits = cjose_jwk_get_keysize(jwk, &ignored);
    if (cjose_jwk_get_kty(jwk, &ignored) != CJOSE_JWK_KTY_RSA ||
        (bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS))
        good = cjose_jws_verify(jws, jwk, &ignored);
    cjose_jwk_release(jwk);
    return good;
}

static or_status
check_signature(struct span token, const struct algorithm *algorithm, struct span kid,
                const struct jwks *keys, struct err *e)
{
    cjose_err error;
    cjose_jws_t *jws = cjose_jws_import(token.p, token.n, &error);
    bool good = false;

    if (jws == NULL)
        return err_set(e, OR_MALFORMED, "%s", error.message != NULL ? error.message : "no JWS");
    for (size_t i = 0; i < keys->count && !good; i++)
        good = fits(&keys->keys[i], algorithm, kid) && is_signed_by(jws, &keys->keys[i]);
    cjose_jws_release(jws);
    return good ? OR_OK : err_set(e, OR_ABSENT, "no key of ours has signed it");
}

or_status
jwt_verify(struct span token, const struct jwks *keys, json_t **claims_out, struct err *e)
{
    struct parts parts = {.header = SPAN_EMPTY};
    json_t *header = NULL, *claims = NULL;
    const struct algorithm *algorithm = &algorithms[0];

    or_status st = split(token, &parts, e);
    if (st == OR_OK && parts.header.n > HEADER_MAX_BYTES)
        st = err_set(e, OR_LIMIT, "a header over %d bytes", HEADER_MAX_BYTES);
    if (st == OR_OK)
        st = parse_part(parts.header, &header, e);
    if (st == OR_OK)
        st = check_header(header, &algorithm, e);
    /* Both parts within our ceilings before the library, which has none, reads them. */
    if (st == OR_OK)
        st = parse_part(parts.payload, &claims, e);
    if (st == OR_OK)
        st = check_base64(parts.signature, e);
    if (st == OR_OK)
        st = check_signature(token, algorithm, oauth_json_string(header, "kid"), keys, e);
    if (st == OR_OK)
        *claims_out = claims;
    else
        json_decref(claims);
    json_decref(header);
    return st;
}
