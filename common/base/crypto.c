/*
 * The little cryptography that several parts share.
 */
#include "common/base/crypto.h"

#include "common/base/log.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

void
crypto_random(void *p, size_t n)
{
    char *at = p;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            log_error("the kernel gives no random bytes: %s", os_error_text(errno));
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

uint32_t
crypto_random_below(uint32_t bound)
{
    /* Values past the last whole multiple of `bound` would favour small results. */
    uint32_t limit = UINT32_MAX - UINT32_MAX % bound;
    uint32_t value;

    do
        crypto_random(&value, sizeof(value));
    while (value >= limit);
    return value % bound;
}

void
crypto_random_hex(char *out, size_t n_bytes)
{
    static const char digits[] = "0123456789abcdef";

    crypto_random(out, n_bytes);
    for (size_t i = n_bytes; i-- > 0;) { /* from the back: each byte becomes two, in place */
        unsigned char byte = (unsigned char)out[i];

        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    out[2 * n_bytes] = '\0';
}

/* Looking algorithms up by name costs OpenSSL more than a short HMAC does: it is done once, and
 * each call copies what came of it. By enum crypto_digest. */
static EVP_MAC_CTX *hmac_of[CRYPTO_SHA256 + 1];
static pthread_once_t hmac_once = PTHREAD_ONCE_INIT;

static void
hmac_prepare(void)
{
    static const struct {
        enum crypto_digest digest;
        const char *name;
    } digests[] = {{CRYPTO_SHA1, "SHA1"}, {CRYPTO_SHA256, "SHA256"}};
    const unsigned char any_key[1] = {0};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

    for (size_t i = 0; mac != NULL && i < sizeof(digests) / sizeof(digests[0]); i++) {
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
        const OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                             (char *)(uintptr_t)digests[i].name, 0),
            OSSL_PARAM_construct_end()};

        if (ctx != NULL && EVP_MAC_init(ctx, any_key, sizeof(any_key), params) == 1)
            hmac_of[digests[i].digest] = ctx;
        else
            EVP_MAC_CTX_free(ctx);
    }
    EVP_MAC_free(mac);
}

void
crypto_hmac(enum crypto_digest digest, struct span key, struct span bytes,
            unsigned char out[CRYPTO_DIGEST_MAX_BYTES])
{
    /* A null key would mean "the one of before". */
    const char *key_bytes = key.n == 0 ? "" : key.p;
    size_t n;

    (void)pthread_once(&hmac_once, hmac_prepare);
    EVP_MAC_CTX *ctx = hmac_of[digest] != NULL ? EVP_MAC_CTX_dup(hmac_of[digest]) : NULL;
    if (ctx == NULL || EVP_MAC_init(ctx, (const unsigned char *)key_bytes, key.n, NULL) != 1 ||
        EVP_MAC_update(ctx, (const unsigned char *)bytes.p, bytes.n) != 1 ||
        EVP_MAC_final(ctx, out, &n, CRYPTO_DIGEST_MAX_BYTES) != 1) {
        log_error("OpenSSL computes no HMAC");
        abort();
    }
    EVP_MAC_CTX_free(ctx);
}

bool
crypto_hmac_md5(struct span key, struct span bytes, unsigned char out[CRYPTO_MD5_BYTES])
{
    return HMAC(EVP_md5(), key.n == 0 ? "" : key.p, (int)key.n, (const unsigned char *)bytes.p,
                bytes.n, out, NULL) != NULL;
}

bool
crypto_equal(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

void
crypto_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
