/*
 * Which keys a SCRAM exchange goes on with. Names without keys get some, too: only then does the
 * answer tell nobody which names there are (RFC 5802 9).
 */
#include "authd/login_keys.h"

#include "authd/accounts/password.h"
#include "authd/accounts/password_scram.h"
#include "authd/login_check.h"
#include "common/base/crypto.h"
#include "common/base/log.h"

#include <string.h>

#define RANDOM_PASSWORD_BYTES 32

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

static void
find_scram(const struct daemon_snapshot *snapshot, struct span name, const struct account_row *row,
           struct scram_keys *keys_out)
{
    enum scram_digest digest = keys_out->digest;

    /* The motions for a name without keys are gone through in any case: they take time. */
    fake_salt(snapshot, name, keys_out);
    crypto_random(keys_out->stored_key, sizeof(keys_out->stored_key));
    crypto_random(keys_out->server_key, sizeof(keys_out->server_key));
    /* A password stored otherwise is as good as none: the exchange fails at its end. */
    if (row != NULL && password_scram_keys(row->scram_keys, digest, keys_out) != OR_OK &&
        password_scram_keys(row->password, digest, keys_out) != OR_OK)
        log_debug("SCRAM for an account without keys for it");
}

/* The password itself, where it is stored so; else one that nobody can have. */
static or_status
find_password(const struct daemon_snapshot *snapshot, const struct account_row *row,
              struct arena *mem, struct span *password_out)
{
    char random[2 * RANDOM_PASSWORD_BYTES + 1];
    struct span plain = SPAN_EMPTY;
    bool weak = ((const struct authd_settings *)snapshot->settings)->allow_weak_schemes;

    crypto_random_hex(random, RANDOM_PASSWORD_BYTES);
    if (row != NULL && weak && password_is_plain(row->password, &plain))
        return arena_copy(mem, plain, password_out);
    return arena_copy(mem, span_cstr(random), password_out);
}

/* OR_OK also for a token that is not good: then it is nobody's. */
static or_status
find_token(const struct daemon_snapshot *snapshot, struct span token, struct arena *mem,
           struct mech_token *token_out, struct err *e)
{
    const struct authd_oauth *settings =
        &((const struct authd_settings *)snapshot->settings)->oauth;
    struct oauth *oauth = ((const struct authd_built *)snapshot->built)->oauth;
    struct span user = SPAN_EMPTY;
    /* Gone with a new configuration since the login began. */
    or_status st = oauth == NULL ? err_set(e, OR_TEMPFAIL, "oauth is no longer configured")
                                 : oauth_check(oauth, token, mem, &user, e);

    if (st == OR_ABSENT)
        log_info("oauth: token refused: %s", e->text);
    else if (st != OR_OK)
        return st;
    *token_out = (struct mech_token){.user = st == OR_OK ? user : SPAN_EMPTY,
                                     .scope = span_cstr(settings->scope),
                                     .discovery = span_cstr(settings->discovery)};
    return OR_OK;
}

/* Whoever comes without a name may read: a mail server that sends for him is everybody's. */
static struct span
find_anonymous(const struct daemon_snapshot *snapshot, struct span service)
{
    static const char *const services[] = {"imap", "pop3"};

    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (span_equal_cstr(service, services[i]))
            return span_cstr(((const struct authd_settings *)snapshot->settings)->anonymous_user);
    return SPAN_EMPTY;
}

or_status
login_keys_find(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
                struct arena *mem, struct mech_keys *keys_out, struct err *e)
{
    struct account_address address = {.whole = login_names(snapshot->settings, x).who};
    struct account_row row = {.enabled = false};

    *keys_out = (struct mech_keys){
        .scram.digest = x->mech->digest, .password = SPAN_EMPTY, .anonymous = SPAN_EMPTY};
    if (x->mech->needs == MECH_KEYS_TOKEN)
        return find_token(snapshot, buf_span(&x->password), mem, &keys_out->token, e);
    if (x->mech->needs == MECH_KEYS_ANONYMOUS) {
        struct span anonymous = find_anonymous(snapshot, x->service);

        return arena_copy(mem, anonymous, &keys_out->anonymous);
    }
    or_status st = find_row(snapshot, &address, address.whole, mem, &row, e);
    /* One that its source checks by itself (LDAP by bind) has no keys here. */
    const struct account_row *found = st == OR_OK && row.handle.n == 0 ? &row : NULL;

    if (st != OR_OK && st != OR_ABSENT)
        return st;
    if (x->mech->needs == MECH_KEYS_PASSWORD)
        return find_password(snapshot, found, mem, &keys_out->password);
    find_scram(snapshot, address.whole, found, &keys_out->scram);
    return OR_OK;
}
