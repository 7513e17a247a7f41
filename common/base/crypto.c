/*
 * The little cryptography that several parts share.
 */
#include "common/base/crypto.h"

#include "common/base/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
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

void
crypto_hmac(enum crypto_digest digest, struct span key, struct span bytes,
            unsigned char out[CRYPTO_DIGEST_MAX_BYTES])
{
    const EVP_MD *md = digest == CRYPTO_SHA1 ? EVP_sha1() : EVP_sha256();
    /* A null key would mean "the one of before". */
    const char *key_bytes = key.n == 0 ? "" : key.p;

    if (HMAC(md, key_bytes, (int)key.n, (const unsigned char *)bytes.p, bytes.n, out, NULL) ==
        NULL) {
        log_error("OpenSSL computes no HMAC");
        abort();
    }
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
