/*
 * Two kinds of keys: "grey/DIGEST", with "w" and the time of the first try while it waits, "k" and
 * the time when its lifetime began anew once it is known; and "grey-ok/DIGEST" with the number of
 * triplets that an identity brought through.
 */
#include "policyd/greylist.h"

#include "common/base/crypto.h"
#include "common/text/addr.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES 16 /* 128 bits: two triplets never meet */
#define KEY_BYTES (16 + DIGEST_BYTES)
#define VALUE_BYTES 24
#define NORMAL_MAX_BYTES 1000
#define REFRESHES 30 /* in a lifetime: mail that comes daily does not write each time */

/* The part of a sender that stays the same over a list's or a shop's messages: without a detail,
 * and with each run of digits as one '#' (VERP, serial numbers), in lower case. */
static void
add_normal_sender(struct buf *out, struct span sender)
{
    struct addr a = addr_split(sender);
    struct span base, detail;
    bool in_digits = false;

    addr_split_detail(a.local, '+', &base, &detail);
    for (size_t i = 0; i < base.n; i++) {
        char c = base.p[i];
        bool digit = c >= '0' && c <= '9';

        if (!digit)
            buf_add_char(out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
        else if (!in_digits)
            buf_add_char(out, '#');
        in_digits = digit;
    }
    buf_add_char(out, '@');
    buf_add_span(out, a.domain);
}

static void
add_lower(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_add_char(out, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i]);
}

struct key {
    char bytes[KEY_BYTES];
    size_t n;
};

/* PREFIX and the digest of `text`; the digest needs no secret, an attacker knows his own mail. */
static struct span
make_key(struct key *key, const char *prefix, struct span text)
{
    unsigned char mac[CRYPTO_DIGEST_MAX_BYTES];
    size_t n = strlen(prefix);

    crypto_hmac(CRYPTO_SHA256, SPAN_LIT("greylist"), text, mac);
    memcpy(key->bytes, prefix, n);
    memcpy(key->bytes + n, mac, DIGEST_BYTES);
    key->n = n + DIGEST_BYTES;
    return span_make(key->bytes, key->n);
}

static struct span
triplet_key(struct key *key, const struct greylist_triplet *t)
{
    struct buf text;

    buf_init(&text, 3 * NORMAL_MAX_BYTES);
    add_lower(&text, span_slice(t->identity, 0, NORMAL_MAX_BYTES));
    buf_add_char(&text, '\0');
    add_normal_sender(&text, span_slice(t->sender, 0, NORMAL_MAX_BYTES - 16));
    buf_add_char(&text, '\0');
    add_lower(&text, span_slice(t->recipient, 0, NORMAL_MAX_BYTES - 16));
    struct span made = make_key(key, "grey/", buf_span(&text));
    buf_fini(&text);
    return made;
}

struct check {
    struct kvstore *store;
    const struct greylist_settings *settings;
    const struct greylist_triplet *triplet;
    struct key triplet_key, identity_key;
    struct err *e;
};

static or_status
put_state(struct check *c, char state, int64_t ttl_s)
{
    char value[VALUE_BYTES];
    int n = snprintf(value, sizeof(value), "%c%" PRId64, state, (int64_t)c->triplet->now);

    return kvstore_put(c->store, span_make(c->triplet_key.bytes, c->triplet_key.n),
                       span_make(value, (size_t)n), ttl_s, c->e);
}

static or_status
is_allowed(struct check *c, struct arena *mem, bool *allowed_out)
{
    struct span identity = make_key(&c->identity_key, "grey-ok/", c->triplet->identity);
    struct span value;

    *allowed_out = false;
    if (c->settings->auto_allow == 0)
        return OR_OK;
    or_status st = kvstore_get(c->store, identity, mem, &value, c->e);
    if (st == OR_OK)
        *allowed_out = strtoll(value.p, NULL, 10) >= c->settings->auto_allow;
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
first_try(struct check *c, struct greylist_outcome *o)
{
    o->verdict = GREYLIST_NEW;
    o->wait_s = c->settings->delay_s;
    return put_state(c, 'w', c->settings->window_s);
}

static or_status
next_try(struct check *c, struct span value, struct greylist_outcome *o)
{
    int64_t first = strtoll(value.p + 1, NULL, 10), ignored;
    int64_t waited = c->triplet->now - first;
    struct kvstore_counter passed = {
        .key = span_make(c->identity_key.bytes, c->identity_key.n),
        .by = 1,
        .ttl_s = c->settings->lifetime_s,
    };

    if (waited < 0) /* the clock was set back */
        return first_try(c, o);
    if (waited < c->settings->delay_s) {
        o->verdict = GREYLIST_EARLY;
        o->wait_s = c->settings->delay_s - waited;
        return OR_OK;
    }
    o->verdict = GREYLIST_WAITED;
    o->waited_s = waited;
    or_status st = put_state(c, 'k', c->settings->lifetime_s);
    if (st == OR_OK && c->settings->auto_allow != 0)
        st = kvstore_count(c->store, &passed, &ignored, c->e);
    return st;
}

static or_status
check_triplet(struct check *c, struct arena *mem, struct greylist_outcome *o)
{
    struct span value;
    bool allowed;
    or_status st = is_allowed(c, mem, &allowed);

    if (st == OR_OK && allowed) {
        o->verdict = GREYLIST_ALLOWED;
        return OR_OK;
    }
    if (st == OR_OK)
        st = kvstore_get(c->store, triplet_key(&c->triplet_key, c->triplet), mem, &value, c->e);
    if (st == OR_ABSENT || (st == OR_OK && value.n < 2))
        return first_try(c, o);
    if (st != OR_OK)
        return st;
    if (value.p[0] != 'k')
        return next_try(c, value, o);
    o->verdict = GREYLIST_KNOWN;
    int64_t age = c->triplet->now - strtoll(value.p + 1, NULL, 10);
    if (age >= 0 && age < c->settings->lifetime_s / REFRESHES)
        return OR_OK;
    return put_state(c, 'k', c->settings->lifetime_s);
}

or_status
greylist_check(struct kvstore *store, const struct greylist_settings *settings,
               const struct greylist_triplet *triplet, struct greylist_outcome *outcome_out,
               struct err *e)
{
    struct check c = {.store = store, .settings = settings, .triplet = triplet, .e = e};
    struct greylist_outcome outcome = {.verdict = GREYLIST_NEW};
    struct arena mem;

    arena_init(&mem, (size_t)KVSTORE_MAX_VALUE_BYTES * 4);
    or_status st = check_triplet(&c, &mem, &outcome);
    arena_fini(&mem);
    if (st == OR_OK)
        *outcome_out = outcome;
    return st;
}

const char *
greylist_verdict_name(enum greylist_verdict verdict)
{
    static const char *const names[] = {
        [GREYLIST_KNOWN] = "known", [GREYLIST_ALLOWED] = "allowed", [GREYLIST_WAITED] = "waited",
        [GREYLIST_NEW] = "new",     [GREYLIST_EARLY] = "early",
    };

    return names[verdict];
}
