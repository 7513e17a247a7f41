/*
 * From the members of a JWK to a key of OpenSSL's, by EVP_PKEY_fromdata() alone.
 */
#include "authd/oauth/jwk.h"

#include "authd/oauth/oauth_json.h"
#include "common/base/xalloc.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#define MIN_RSA_BITS 2048 /* RFC 7518 3.3 */
#define MAX_RSA_BITS 8192 /* a key of a megabit would cost whoever asks nothing, and us minutes */
#define MAX_EXPONENT_BITS 64   /* the same of the other number; real ones have 17 */
#define MEMBER_MAX_BYTES 1025  /* of 8192 bits; RFC 7518 6.3.1.1: some put a zero in front */
#define EC_POINT_MAX_BYTES 133 /* P-521, uncompressed */

struct kind {
    enum jwk_kind kind;
    const char *kty, *crv; /* crv: NULL where there is none */
    size_t member_bytes;   /* of x, and of y */
    EVP_PKEY *(*make)(const struct kind *kind, const json_t *json);
};

/* Takes `build`. */
static EVP_PKEY *
make_public(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

static bool
read_member(const json_t *json, const char *name, struct buf *out)
{
    struct span text = oauth_json_string(json, name);

    return text.p != NULL && text.n > 0 && oauth_base64url_decode(text, out) == OR_OK;
}

/* NULL: none. */
static BIGNUM *
read_number(const json_t *json, const char *name)
{
    struct buf bytes;
    BIGNUM *number = NULL;

    buf_init(&bytes, MEMBER_MAX_BYTES);
    if (read_member(json, name, &bytes))
        number = BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.n, NULL);
    buf_fini(&bytes);
    return number;
}

static bool
is_rsa_good(const BIGNUM *n, const BIGNUM *e)
{
    return n != NULL && e != NULL && BN_num_bits(n) >= MIN_RSA_BITS &&
           BN_num_bits(n) <= MAX_RSA_BITS && BN_is_odd(n) &&
           /* with 1 every signature is its own message */
           BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= MAX_EXPONENT_BITS;
}

static EVP_PKEY *
make_rsa(const struct kind *kind, const json_t *json)
{
    BIGNUM *n = read_number(json, "n"), *e = read_number(json, "e");
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    if (is_rsa_good(n, e) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        pkey = make_public(kind->kty, build);
    else
        OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return pkey;
}

/* SEC 1 2.3.3, uncompressed. RFC 7518 6.2.1.2: both members have the curve's full length. */
static bool
read_point(const struct kind *kind, const json_t *json, struct buf *out)
{
    buf_add_char(out, '\x04');
    return read_member(json, "x", out) && out->n == 1 + kind->member_bytes &&
           read_member(json, "y", out) && out->n == 1 + 2 * kind->member_bytes;
}

/* RFC 7518 6.2: OpenSSL refuses a point that is not on the curve. */
static EVP_PKEY *
make_ec(const struct kind *kind, const json_t *json)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    struct buf point;
    EVP_PKEY *pkey = NULL;

    buf_init(&point, EC_POINT_MAX_BYTES);
    if (read_point(kind, json, &point) &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, kind->crv, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) == 1)
        pkey = make_public("EC", build);
    else
        OSSL_PARAM_BLD_free(build);
    buf_fini(&point);
    return pkey;
}

/* RFC 8037 2 */
static EVP_PKEY *
make_okp(const struct kind *kind, const json_t *json)
{
    struct buf x;
    EVP_PKEY *pkey = NULL;

    buf_init(&x, kind->member_bytes);
    if (read_member(json, "x", &x) && x.n == kind->member_bytes)
        pkey =
            EVP_PKEY_new_raw_public_key_ex(NULL, kind->crv, NULL, (const unsigned char *)x.p, x.n);
    buf_fini(&x);
    return pkey;
}

/* RFC 8725 3.1: a symmetric key never comes to where public ones are looked for. */
static const struct kind kinds[] = {
    {JWK_RSA, "RSA", NULL, 0, make_rsa},           {JWK_P256, "EC", "P-256", 32, make_ec},
    {JWK_P384, "EC", "P-384", 48, make_ec},        {JWK_P521, "EC", "P-521", 66, make_ec},
    {JWK_ED25519, "OKP", "Ed25519", 32, make_okp},
};

static bool
is_member(const json_t *json, const char *name, const char *wanted)
{
    struct span value = oauth_json_string(json, name);

    return value.p != NULL && span_equal_cstr(value, wanted);
}

/* RFC 7517 4.2, 4.3 */
static bool
is_for_signatures(const json_t *json)
{
    return (json_object_get(json, "use") == NULL || is_member(json, "use", "sig")) &&
           (json_object_get(json, "key_ops") == NULL || oauth_json_has(json, "key_ops", "verify"));
}

/* NULL: it is of no use. */
static const struct kind *
find_kind(const json_t *json)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (is_member(json, "kty", kinds[i].kty) &&
            (kinds[i].crv == NULL || is_member(json, "crv", kinds[i].crv)))
            return is_for_signatures(json) ? &kinds[i] : NULL;
    return NULL;
}

static char *
copy_member(const json_t *json, const char *name)
{
    struct span value = oauth_json_string(json, name);

    return value.p != NULL ? xmemdup0(value.p, value.n) : NULL;
}

or_status
jwk_parse(const json_t *json, struct jwk *jwk_out)
{
    const struct kind *kind = find_kind(json);

    if (kind == NULL)
        return OR_ABSENT;
    EVP_PKEY *pkey = kind->make(kind, json);
    if (pkey == NULL) {
        ERR_clear_error(); /* or the next TLS connection of this thread trips over it */
        return OR_MALFORMED;
    }
    *jwk_out = (struct jwk){.kid = copy_member(json, "kid"),
                            .alg = copy_member(json, "alg"),
                            .kind = kind->kind,
                            .pkey = pkey};
    return OR_OK;
}

void
jwk_fini(struct jwk *jwk)
{
    EVP_PKEY_free(jwk->pkey);
    free(jwk->kid);
    free(jwk->alg);
}
