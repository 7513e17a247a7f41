/*
 * The decision about a login. Whoever has no account is hashed for too, so that neither answer nor
 * load tells names apart.
 */
#include "authd/login_check.h"

#include "authd/accounts/password.h"
#include "authd/authd_metrics.h"
#include "authd/login_app.h"
#include "authd/login_rehash.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"

struct login_names
login_names(const struct authd_settings *settings, const struct mech_exchange *x)
{
    struct span authcid = buf_span(&x->authcid);
    size_t star = span_rfind(authcid, '*');

    if (settings->master_users.count == 0 || star == authcid.n || x->authzid.n != 0)
        return (struct login_names){.who = authcid, .as = buf_span(&x->authzid)};
    return (struct login_names){.who = span_from(authcid, star + 1),
                                .as = span_slice(authcid, 0, star)};
}

static bool
is_master(const struct authd_settings *settings, const struct account_row *row)
{
    for (size_t i = 0; i < settings->master_users.count; i++)
        if (span_equal_cstr(row->address.whole, settings->master_users.items[i]))
            return true;
    return false;
}

/* OR_OK, OR_ABSENT (also for what no account can be called), OR_TEMPFAIL, OR_LIMIT. */
static or_status
find_account(const struct daemon_snapshot *snapshot, struct span name, struct arena *mem,
             struct account_row *row_out, struct err *e)
{
    const struct accounts *accounts = &((const struct authd_built *)snapshot->built)->accounts;
    struct account_address address;
    or_status st = account_address_parse(name, false, mem, &address, e);

    if (st == OR_OK)
        return accounts_find(accounts, &address, mem, row_out, e);
    return st == OR_MALFORMED ? OR_ABSENT : st;
}

/* An unknown name, or an account without password, costs what a wrong password costs. */
static or_status
check_password(const struct password_question *q, struct err *e)
{
    int64_t began_us = clock_mono_us();

    metrics_add(AUTHD_METRIC_CHECKS, 0, 0, 1);
    or_status st = q->stored.n == 0 ? password_check_nobody(q) : password_check(q, e);
    metrics_add(AUTHD_METRIC_CHECKS, 0, 0, -1);
    metrics_observe(AUTHD_METRIC_CHECK_SECONDS, 0, clock_mono_us() - began_us);
    if (st == OR_TIMEOUT)
        metrics_inc(AUTHD_METRIC_THROTTLED, AUTHD_THROTTLE_HASHING);
    return st;
}

/* A password that was right a short while ago, for the hash as it is stored now, is right. */
static or_status
check_known(const struct daemon_snapshot *snapshot, const struct account_row *row,
            const struct mech_exchange *x, bool trusted, struct err *e)
{
    struct span password = buf_span(&x->password);
    const struct authd_settings *settings = snapshot->settings;
    int64_t ttl_ms = settings->auth_cache_ttl_ms;
    const struct password_question asked = {.stored = row->password,
                                            .password = password,
                                            .deadline_mono_ms =
                                                clock_mono_ms() + settings->hash_timeout_ms,
                                            .goes_first = trusted,
                                            .allow_weak = settings->allow_weak_schemes};
    struct login_cache *cache = ((const struct authd_built *)snapshot->built)->cache;
    struct login_cache_question question = {row->address.whole, row->password, password};
    struct login_cache_key key;

    /* What the store says it says for now: nothing tells when the password changes there. */
    if (row->handle.n > 0) {
        const struct account_question q = {password, x->client, asked.deadline_mono_ms};

        return row->source->type->verify(row->source->self, row, &q, e);
    }
    if (row->password.n == 0)
        return check_password(&asked, e);
    login_cache_key(cache, &question, &key);
    /* What was right while weak schemes were allowed is not when they no longer are. */
    key.bytes[0] ^= asked.allow_weak;
    bool known = ttl_ms > 0 && login_cache_has(cache, &key);
    or_status st = known ? OR_OK : check_password(&asked, e);
    if (st == OR_OK && !known) {
        if (ttl_ms > 0)
            login_cache_add(cache, &key, ttl_ms);
        login_rehash(snapshot, row, password);
    }
    metrics_inc(AUTHD_METRIC_CACHE, known ? AUTHD_CACHE_HIT : AUTHD_CACHE_MISS);
    crypto_wipe(&key, sizeof(key));
    return st;
}

/* RFC 4616 2: logging in as somebody else needs a permission. `row` is who has logged in. */
static enum login_result
authorize(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
          const struct account_row *row, struct login_checked *checked)
{
    struct span as = login_names(snapshot->settings, x).as;
    bool is_token = x->mech->needs == MECH_KEYS_TOKEN;
    struct arena *mem = checked->mem;
    struct account_address address;
    struct account_row other;

    checked->user = row->address.whole;
    if (as.n == 0 || (account_address_parse(as, false, mem, &address, NULL) == OR_OK &&
                      span_equal(address.whole, row->address.whole)))
        return LOGIN_GOOD;
    /* What a program knows, or a token, opens one account, a master user's too. */
    if (!is_master(snapshot->settings, row) || checked->app.name.n > 0 || is_token)
        return LOGIN_OTHER_USER;
    or_status st = find_account(snapshot, as, mem, &other, &checked->err);
    if (st == OR_ABSENT)
        return LOGIN_OTHER_USER;
    if (st != OR_OK)
        return LOGIN_UNKNOWN_NOW;
    checked->user = other.address.whole;
    return other.enabled ? LOGIN_GOOD : LOGIN_DISABLED;
}

/* OR_OK, OR_ABSENT: wrong; OR_TIMEOUT, or what keeps us from knowing. */
static or_status
check_proof(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
            const struct account_row *row, bool trusted, struct err *e)
{
    enum mech_keys_kind needs = x->mech->needs;
    bool by_password = needs == MECH_KEYS_SCRAM || needs == MECH_KEYS_PASSWORD ||
                       (needs == MECH_KEYS_NONE && x->proof == MECH_PROOF_NONE);
    or_status st = x->proof == MECH_PROOF_RIGHT && row->address.whole.n > 0 ? OR_OK : OR_ABSENT;

    if (x->proof == MECH_PROOF_NONE)
        st = check_known(snapshot, row, x, trusted, e);
    /* Asked last: a right password that opens nothing takes as long as a wrong one. */
    return st == OR_OK && row->app_passwords_only && by_password ? OR_ABSENT : st;
}

/* An application password of the account, or the account's own password or proof. */
static enum login_result
authenticate(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
             const struct account_row *row, bool trusted, struct login_checked *checked)
{
    struct err *e = &checked->err;
    enum login_result result = login_app_check(row, x, checked->mem, &checked->app, e);

    if (result != LOGIN_WRONG)
        return result;
    or_status st = check_proof(snapshot, x, row, trusted, e);
    if (st == OR_TIMEOUT)
        return (void)err_set(e, st, "too many logins at once"), LOGIN_UNKNOWN_NOW;
    if (st == OR_ABSENT)
        return LOGIN_WRONG;
    /* Else no memory, or a hash that the operator must mend. */
    return st == OR_OK ? LOGIN_GOOD : LOGIN_UNKNOWN_NOW;
}

void
login_check(const struct daemon_snapshot *snapshot, const struct mech_exchange *x, bool trusted,
            struct arena *mem, struct login_checked *checked_out)
{
    const struct login_names names = login_names(snapshot->settings, x);
    struct account_row row = {.enabled = false};
    struct err *e = &checked_out->err;

    *checked_out = (struct login_checked){.result = LOGIN_UNKNOWN_NOW, .mem = mem};
    or_status st = find_account(snapshot, names.who, mem, &row, e);
    if (st != OR_OK && st != OR_ABSENT)
        return;
    /* An unknown name has no password either. */
    if (st == OR_ABSENT)
        row = (struct account_row){.enabled = false};
    checked_out->account = row.address.whole;
    enum login_result result = authenticate(snapshot, x, &row, trusted, checked_out);
    if (result == LOGIN_GOOD)
        result = row.enabled ? authorize(snapshot, x, &row, checked_out) : LOGIN_DISABLED;
    if (result == LOGIN_GOOD)
        login_app_used(&row, &checked_out->app);
    checked_out->result = result;
}
