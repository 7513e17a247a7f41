/*
 * Makes and reads stored SCRAM keys; password_digest.c checks a password against them.
 */
#include "authd/accounts/password_scram.h"

#include "common/base/crypto.h"

/* By enum scram_digest. */
static const char *const schemes[] = {
    [SCRAM_SHA1] = "{SCRAM-SHA-1}",
    [SCRAM_SHA256] = "{SCRAM-SHA-256}",
    [SCRAM_SHA512] = "{SCRAM-SHA-512}",
};

or_status
password_scram_make(enum scram_digest digest, struct span password, struct buf *out, struct err *e)
{
    struct scram_keys keys = {
        .digest = digest, .iterations = SCRAM_NEW_ITERATIONS, .salt_bytes = SCRAM_NEW_SALT_BYTES};

    crypto_random(keys.salt, SCRAM_NEW_SALT_BYTES);
    or_status st = scram_keys_derive(&keys, password);

    buf_add_cstr(out, schemes[digest]);
    scram_keys_format(&keys, out);
    crypto_wipe(&keys, sizeof(keys));
    if (st == OR_OK)
        st = buf_finish(out);
    return st == OR_OK ? OR_OK : err_set(e, st, "OpenSSL does not compute SCRAM keys");
}

static or_status
parse_one(struct span text, enum scram_digest digest, struct scram_keys *keys_out)
{
    struct scram_keys keys = {.iterations = 0};
    or_status st = scram_keys_parse(digest, text, &keys, NULL);

    if (st == OR_OK)
        *keys_out = keys;
    crypto_wipe(&keys, sizeof(keys));
    return st;
}

or_status
password_scram_keys(struct span stored, enum scram_digest digest, struct scram_keys *keys_out)
{
    struct span scheme = span_cstr(schemes[digest]), rest = stored, one;

    while (span_split(&rest, ' ', &one))
        if (span_has_prefix_nocase(one, scheme))
            return parse_one(span_from(one, scheme.n), digest, keys_out);
    return OR_ABSENT;
}
