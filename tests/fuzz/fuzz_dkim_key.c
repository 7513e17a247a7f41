/* DKIM key records, the public keys in them, and what they say of a signature. */
#include "milter/dkim/dkim_key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char hash[DKIM_HASH_BYTES];
    struct dkim_sig sig = {.domain = SPAN_LIT("example.org"),
                           .identity_domain = SPAN_LIT("a.example.org")};
    struct dkim_key key;
    struct span detail;
    struct arena mem;

    arena_init(&mem, 1 << 20);
    if (dkim_key_parse(span_make((const char *)data, size), &mem, &key, &detail) == DKIM_OK) {
        if (key.public_key == NULL || key.bits == 0)
            abort();
        /* A modulus of one's choice is not slow: sizes out of range never reach the arithmetic. */
        if (dkim_key_check(&key, &sig, 0, &detail) == DKIM_OK &&
            dkim_public_verify(key.public_key, hash, SPAN_LIT("no signature")))
            abort();
    }
    dkim_key_fini(&key);
    arena_fini(&mem);
    return 0;
}
