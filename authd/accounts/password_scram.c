/*
 * Makes and reads stored SCRAM keys; password_digest.c checks a password against them.
 */
#include "authd/accounts/password_scram.h"

#include "common/base/crypto.h"

#include <string.h>

/* By enum scram_digest. */
static const char *const schemes[] = {
    [SCRAM_SHA1] = "{SCRAM-SHA-1}",
    [SCRAM_SHA256] = "{SCRAM-SHA-256}",
    [SCRAM_SHA512] = "{SCRAM-SHA-512}",
};

or_status
password_scram_hash(enum scram_digest digest, struct span password,
                    char out[PASSWORD_MAX_HASH_BYTES], struct err *e)
{
    struct scram_keys keys = {
        .digest = digest, .iterations = SCRAM_NEW_ITERATIONS, .salt_bytes = SCRAM_NEW_SALT_BYTES};
    struct buf text;

    if (password.n == 0 || password.n > PASSWORD_MAX_BYTES || span_contains_byte(password, '\0'))
        return err_set(e, OR_MALFORMED, "a password has 1 to %d bytes, none of them NUL",
                       PASSWORD_MAX_BYTES);
    crypto_random(keys.salt, SCRAM_NEW_SALT_BYTES);
    or_status st = scram_keys_derive(&keys, password);

    buf_init(&text, PASSWORD_MAX_HASH_BYTES - 1);
    buf_add_cstr(&text, schemes[digest]);
    scram_keys_format(&keys, &text);
    if (st == OR_OK)
        st = buf_finish(&text);
    if (st == OR_OK) {
        memcpy(out, text.p, text.n);
        out[text.n] = '\0';
    } else {
        (void)err_set(e, st, "OpenSSL does not compute SCRAM keys");
    }
    buf_fini_wiped(&text);
    crypto_wipe(&keys, sizeof(keys));
    return st;
}

or_status
password_scram_keys(struct span stored, enum scram_digest digest, struct scram_keys *keys_out)
{
    struct span scheme = span_cstr(schemes[digest]);
    struct scram_keys keys = {.iterations = 0};

    if (!span_has_prefix_nocase(stored, scheme))
        return OR_ABSENT;
    or_status st = scram_keys_parse(digest, span_from(stored, scheme.n), &keys, NULL);

    if (st == OR_OK)
        *keys_out = keys;
    crypto_wipe(&keys, sizeof(keys));
    return st;
}
