/*
 * Each part with its length, so that no two lists come to the same bytes.
 */
#include "lmtp/script_memory.h"

#include "common/base/buf.h"
#include "common/base/crypto.h"

#include <stdio.h>

void
script_memory_key(const char *kind, const struct span *parts, size_t count,
                  char out[SCRIPT_MEMORY_KEY_BYTES])
{
    unsigned char digest[CRYPTO_DIGEST_MAX_BYTES];
    struct buf text;

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&text, "%zu:", parts[i].n);
        buf_add_span(&text, parts[i]);
    }
    crypto_hmac(CRYPTO_SHA256, span_cstr(kind), buf_span(&text), digest);
    buf_fini(&text);
    size_t n = (size_t)snprintf(out, SCRIPT_MEMORY_KEY_BYTES, "%.12s/", kind);
    for (size_t i = 0; i < sizeof(digest); i++, n += 2)
        snprintf(out + n, SCRIPT_MEMORY_KEY_BYTES - n, "%02x", digest[i]);
}
