/*
 * SCRAM's keys and how they are written.
 */
#include "authd/accounts/scram_keys.h"

#include "common/base/crypto.h"
#include "common/text/base64.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* By enum scram_digest. */
static const struct {
    size_t bytes;
    const EVP_MD *(*md)(void);
} digests[] = {
    [SCRAM_SHA1] = {20, EVP_sha1},
    [SCRAM_SHA256] = {32, EVP_sha256},
    [SCRAM_SHA512] = {64, EVP_sha512},
};

size_t
scram_digest_bytes(enum scram_digest digest)
{
    return digests[digest].bytes;
}

or_status
scram_hmac(enum scram_digest digest, struct span key, struct span bytes,
           unsigned char out[SCRAM_MAX_KEY_BYTES])
{
    return HMAC(digests[digest].md(), key.p, (int)key.n, (const unsigned char *)bytes.p, bytes.n,
                out, NULL) != NULL
               ? OR_OK
               : OR_TEMPFAIL;
}

or_status
scram_hash(enum scram_digest digest, struct span bytes, unsigned char out[SCRAM_MAX_KEY_BYTES])
{
    return EVP_Digest(bytes.p, bytes.n, out, NULL, digests[digest].md(), NULL) == 1 ? OR_OK
                                                                                    : OR_TEMPFAIL;
}

or_status
scram_keys_derive(struct scram_keys *keys, struct span password)
{
    unsigned char salted[SCRAM_MAX_KEY_BYTES], client[SCRAM_MAX_KEY_BYTES];
    size_t n = scram_digest_bytes(keys->digest);
    struct span salted_span = span_make((const char *)salted, n);
    or_status st = OR_TEMPFAIL;

    /* Hi() is PBKDF2 with HMAC, one block. */
    if (PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)keys->salt,
                          (int)keys->salt_bytes, (int)keys->iterations, digests[keys->digest].md(),
                          (int)n, salted) == 1)
        st = scram_hmac(keys->digest, salted_span, SPAN_LIT("Client Key"), client);
    if (st == OR_OK)
        st = scram_hash(keys->digest, span_make((const char *)client, n), keys->stored_key);
    if (st == OR_OK)
        st = scram_hmac(keys->digest, salted_span, SPAN_LIT("Server Key"), keys->server_key);
    crypto_wipe(salted, sizeof(salted));
    crypto_wipe(client, sizeof(client));
    return st;
}

/* The bytes of one base64 field; `out` has room for `max`. */
static or_status
decode_field(struct span text, void *out, size_t max, size_t *n_out)
{
    struct buf bytes;

    buf_init(&bytes, max);
    or_status st = base64_decode(text, BASE64_STRICT, &bytes);

    if (st == OR_OK && bytes.n > 0)
        memcpy(out, bytes.p, bytes.n);
    *n_out = bytes.n;
    buf_fini_wiped(&bytes);
    return st;
}

or_status
scram_keys_parse(enum scram_digest digest, struct span text, struct scram_keys *keys_out,
                 struct err *e)
{
    struct span rest = text, part[4] = {{NULL, 0}};
    size_t want = scram_digest_bytes(digest), stored = 0, server = 0;
    uint64_t iterations = 0;

    keys_out->digest = digest;
    for (size_t i = 0; i < 4; i++)
        if (!span_split(&rest, ',', &part[i]))
            return err_set(e, OR_MALFORMED, "the stored SCRAM keys are not complete");
    if (rest.p != NULL || span_parse_u64(part[0], SCRAM_MAX_ITERATIONS, &iterations) != OR_OK ||
        iterations == 0)
        return err_set(e, OR_MALFORMED, "the stored SCRAM iterations are not in 1 to %d",
                       SCRAM_MAX_ITERATIONS);
    keys_out->iterations = (uint32_t)iterations;
    if (decode_field(part[1], keys_out->salt, SCRAM_MAX_SALT_BYTES, &keys_out->salt_bytes) !=
            OR_OK ||
        keys_out->salt_bytes == 0 ||
        decode_field(part[2], keys_out->stored_key, want, &stored) != OR_OK || stored != want ||
        decode_field(part[3], keys_out->server_key, want, &server) != OR_OK || server != want)
        return err_set(e, OR_MALFORMED, "the stored SCRAM keys are not complete");
    return OR_OK;
}

void
scram_keys_format(const struct scram_keys *keys, struct buf *out)
{
    size_t n = scram_digest_bytes(keys->digest);

    buf_addf(out, "%u,", keys->iterations);
    base64_encode(out, span_make(keys->salt, keys->salt_bytes));
    buf_add_char(out, ',');
    base64_encode(out, span_make((const char *)keys->stored_key, n));
    buf_add_char(out, ',');
    base64_encode(out, span_make((const char *)keys->server_key, n));
}
