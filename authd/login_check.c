/*
 * The decision about a login. Whoever has no account is hashed for too, so that neither answer nor
 * load tells names apart.
 */
#include "authd/login_check.h"

#include "authd/accounts/password.h"
#include "authd/authd_metrics.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"

/* RFC 4616 2: logging in as somebody else needs a permission that nobody has. */
static bool
acts_as_itself(const struct mech_exchange *x, const struct account_row *row, struct arena *mem)
{
    struct account_address as;

    if (x->authzid.n == 0)
        return true;
    return account_address_parse(buf_span(&x->authzid), false, mem, &as, NULL) == OR_OK &&
           span_equal(as.whole, row->address.whole);
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
    or_status st = q->stored.n == 0 ? password_check_nobody(q->password, q->deadline_mono_ms)
                                    : password_check(q, e);
    metrics_add(AUTHD_METRIC_CHECKS, 0, 0, -1);
    metrics_observe(AUTHD_METRIC_CHECK_SECONDS, 0, clock_mono_us() - began_us);
    if (st == OR_TIMEOUT)
        metrics_inc(AUTHD_METRIC_THROTTLED, AUTHD_THROTTLE_HASHING);
    return st;
}

/* A password that was right a short while ago, for the hash as it is stored now, is right. */
static or_status
check_known(const struct daemon_snapshot *snapshot, const struct account_row *row,
            struct span password, int64_t deadline, struct err *e)
{
    const struct authd_settings *settings = snapshot->settings;
    int64_t ttl_ms = settings->auth_cache_ttl_ms;
    const struct password_question asked = {.stored = row->password,
                                            .password = password,
                                            .deadline_mono_ms = deadline,
                                            .allow_weak = settings->allow_weak_schemes};
    struct login_cache *cache = ((const struct authd_built *)snapshot->built)->cache;
    struct login_cache_question question = {row->address.whole, row->password, password};
    struct login_cache_key key;

    /* What the store says it says for now: nothing tells when the password changes there. */
    if (row->handle.n > 0)
        return row->source->type->verify(row->source->self, row, password, deadline, e);
    if (row->password.n == 0 || ttl_ms == 0)
        return check_password(&asked, e);
    login_cache_key(cache, &question, &key);
    /* What was right while weak schemes were allowed is not when they no longer are. */
    key.bytes[0] ^= asked.allow_weak;
    bool known = login_cache_has(cache, &key);
    or_status st = known ? OR_OK : check_password(&asked, e);
    if (st == OR_OK && !known)
        login_cache_add(cache, &key, ttl_ms);
    metrics_inc(AUTHD_METRIC_CACHE, known ? AUTHD_CACHE_HIT : AUTHD_CACHE_MISS);
    crypto_wipe(&key, sizeof(key));
    return st;
}

enum login_result
login_check(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
            struct arena *mem, struct span *user_out, struct err *e)
{
    const struct authd_settings *settings = snapshot->settings;
    int64_t deadline = clock_mono_ms() + settings->hash_timeout_ms;
    struct span password = buf_span(&x->password);
    struct account_row row = {.enabled = false};

    or_status st = find_account(snapshot, buf_span(&x->authcid), mem, &row, e);
    if (st != OR_OK && st != OR_ABSENT)
        return LOGIN_UNKNOWN_NOW;
    /* An unknown name has no password either. */
    if (st == OR_ABSENT)
        row.password = SPAN_EMPTY;
    if (x->proof == MECH_PROOF_NONE)
        st = check_known(snapshot, &row, password, deadline, e);
    else if (x->proof == MECH_PROOF_WRONG)
        st = OR_ABSENT;
    if (st == OR_TIMEOUT)
        return (void)err_set(e, st, "too many logins at once"), LOGIN_UNKNOWN_NOW;
    if (st == OR_ABSENT)
        return LOGIN_WRONG;
    if (st != OR_OK)
        return LOGIN_UNKNOWN_NOW; /* no memory, or a hash that the operator must mend */
    if (!row.enabled)
        return LOGIN_DISABLED;
    if (!acts_as_itself(x, &row, mem))
        return LOGIN_OTHER_USER;
    *user_out = row.address.whole;
    return LOGIN_GOOD;
}
