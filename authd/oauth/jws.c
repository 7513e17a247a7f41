/*
 * One table of algorithms, each with the only kind of key that fits it, and OpenSSL's EVP below.
 */
#include "authd/oauth/jws.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

struct jws_algorithm {
    const char *name;
    const EVP_MD *(*digest)(void); /* NULL: the signature's own */
    enum jwk_kind kind;
    bool pss;
};

static const struct jws_algorithm algorithms[] = {
    {"RS256", EVP_sha256, JWK_RSA, false},  {"RS384", EVP_sha384, JWK_RSA, false},
    {"RS512", EVP_sha512, JWK_RSA, false},  {"PS256", EVP_sha256, JWK_RSA, true},
    {"PS384", EVP_sha384, JWK_RSA, true},   {"PS512", EVP_sha512, JWK_RSA, true},
    {"ES256", EVP_sha256, JWK_P256, false}, {"ES384", EVP_sha384, JWK_P384, false},
    {"ES512", EVP_sha512, JWK_P521, false}, {"EdDSA", NULL, JWK_ED25519, false},
    {"Ed25519", NULL, JWK_ED25519, false}, /* RFC 9864 2.2: the name that says which curve */
};

const struct jws_algorithm *
jws_find_algorithm(struct span name)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (span_equal_cstr(name, algorithms[i].name))
            return &algorithms[i];
    return NULL;
}

/* RFC 7518 3.5: the salt is as long as the digest; MGF1 takes the same digest by itself. */
static bool
set_padding(EVP_PKEY_CTX *ctx, const struct jws_algorithm *algorithm)
{
    return !algorithm->pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static bool
is_verified(const struct jws_algorithm *algorithm, EVP_PKEY *pkey, struct span message,
            const unsigned char *signature, size_t signature_bytes)
{
    const EVP_MD *digest = algorithm->digest != NULL ? algorithm->digest() : NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL; /* belongs to `md` */
    bool good = md != NULL && EVP_DigestVerifyInit(md, &ctx, digest, NULL, pkey) == 1 &&
                set_padding(ctx, algorithm) &&
                EVP_DigestVerify(md, signature, signature_bytes, (const unsigned char *)message.p,
                                 message.n) == 1;

    EVP_MD_CTX_free(md);
    return good;
}

/* RFC 7518 3.4: r and s, each as long as the curve's order, where OpenSSL wants DER. For
 * OPENSSL_free(); NULL: it has another length. */
static unsigned char *
der_of(struct span raw, size_t half_bytes, size_t *n_out)
{
    unsigned char *der = NULL;
    const unsigned char *p = (const unsigned char *)raw.p;

    if (raw.n != 2 * half_bytes)
        return NULL;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(p, (int)half_bytes, NULL);
    BIGNUM *s = BN_bin2bn(p + half_bytes, (int)half_bytes, NULL);
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        int n = i2d_ECDSA_SIG(pair, &der);

        *n_out = n > 0 ? (size_t)n : 0;
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return der;
}

static bool
is_verified_ec(const struct jws_algorithm *algorithm, EVP_PKEY *pkey, struct span message,
               struct span signature)
{
    size_t n = 0;
    unsigned char *der = der_of(signature, ((size_t)EVP_PKEY_get_bits(pkey) + 7) / 8, &n);
    bool good = der != NULL && is_verified(algorithm, pkey, message, der, n);

    OPENSSL_free(der);
    return good;
}

bool
jws_is_signed_by(const struct jws_algorithm *algorithm, const struct jwk *jwk, struct span message,
                 struct span signature)
{
    bool good;

    if (jwk->kind != algorithm->kind ||
        (jwk->alg != NULL && !span_equal_cstr(span_cstr(jwk->alg), algorithm->name)))
        return false;
    if (EVP_PKEY_is_a(jwk->pkey, "EC"))
        good = is_verified_ec(algorithm, jwk->pkey, message, signature);
    else
        good = is_verified(algorithm, jwk->pkey, message, (const unsigned char *)signature.p,
                           signature.n);
    ERR_clear_error(); /* or the next TLS connection of this thread trips over it */
    return good;
}
