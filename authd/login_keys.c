/*
 * Which keys a SCRAM exchange goes on with. Names without keys get some, too: only then does the
 * answer tell nobody which names there are (RFC 5802 9).
 */
#include "authd/login_keys.h"

#include "authd/accounts/password_scram.h"
#include "common/base/crypto.h"
#include "common/base/log.h"

#include <string.h>

/* The salt of a name without keys, from a secret that stays as long as we run. */
static void
fake_salt(const struct daemon_snapshot *snapshot, struct span name, struct scram_keys *keys)
{
    const struct authd_built *built = snapshot->built;
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];

    crypto_hmac(CRYPTO_SHA256, span_make(built->salt_secret, AUTHD_SALT_SECRET_BYTES), name, mac);
    /* Different for each digest, as real ones are. */
    mac[0] ^= (unsigned char)keys->digest;
    memcpy(keys->salt, mac, SCRAM_NEW_SALT_BYTES);
    keys->salt_bytes = SCRAM_NEW_SALT_BYTES;
    keys->iterations = SCRAM_NEW_ITERATIONS;
}

static or_status
find_row(const struct daemon_snapshot *snapshot, struct account_address *address, struct span name,
         struct arena *mem, struct account_row *row_out, struct err *e)
{
    const struct accounts *accounts = &((const struct authd_built *)snapshot->built)->accounts;
    or_status st = account_address_parse(name, false, mem, address, e);

    if (st == OR_OK)
        return accounts_find(accounts, address, mem, row_out, e);
    return st == OR_MALFORMED ? OR_ABSENT : st;
}

or_status
login_keys_find(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
                struct arena *mem, struct scram_keys *keys_out, struct err *e)
{
    struct account_address address = {.whole = buf_span(&x->authcid)};
    struct account_row row = {.enabled = false};
    or_status st = find_row(snapshot, &address, address.whole, mem, &row, e);

    if (st != OR_OK && st != OR_ABSENT)
        return st;
    /* The motions for a name without keys are gone through in any case: they take time. */
    *keys_out = (struct scram_keys){.digest = x->mech->digest};
    fake_salt(snapshot, address.whole, keys_out);
    crypto_random(keys_out->stored_key, sizeof(keys_out->stored_key));
    crypto_random(keys_out->server_key, sizeof(keys_out->server_key));
    /* A password stored otherwise is as good as none: the exchange fails at its end. */
    if (st == OR_OK && row.handle.n == 0 &&
        password_scram_keys(row.password, keys_out->digest, keys_out) != OR_OK)
        log_debug("%s for an account without keys for it", x->mech->name);
    return OR_OK;
}
