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
#include <sys/socket.h>

#define DIGEST_BYTES 16 /* 128 bits: two triplets never meet */
#define KEY_BYTES (16 + DIGEST_BYTES)
#define VALUE_BYTES 24
#define NORMAL_MAX_BYTES 1000
#define IPV4_NET 24
#define IPV6_NET 64
#define REFRESHES 30 /* in a lifetime: mail that comes daily does not write each time */

struct greylist_settings
greylist_settings_of(const struct policyd_settings *set)
{
    return (struct greylist_settings){
        .delay_s = set->greylist_delay_ms / 1000,
        .window_s = set->greylist_window_ms / 1000,
        .lifetime_s = set->greylist_lifetime_ms / 1000,
        .auto_allow = set->greylist_auto_allow,
    };
}

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
triplet_key(struct key *key, const struct greylist_triplet *t, struct span identity)
{
    struct buf text;

    buf_init(&text, 3 * NORMAL_MAX_BYTES);
    add_lower(&text, span_slice(identity, 0, NORMAL_MAX_BYTES));
    buf_add_char(&text, '\0');
    add_normal_sender(&text, span_slice(t->sender, 0, NORMAL_MAX_BYTES - 16));
    buf_add_char(&text, '\0');
    add_lower(&text, span_slice(t->recipient, 0, NORMAL_MAX_BYTES - 16));
    struct span made = make_key(key, "grey/", buf_span(&text));
    buf_fini(&text);
    return made;
}

char *
greylist_network(const struct ip *client, struct arena *mem)
{
    char address[IP_TEXT_BYTES];
    struct ip net = *client;

    ip_mask(&net, net.family == AF_INET ? IPV4_NET : IPV6_NET);
    ip_format(&net, address);
    return arena_printf(mem, "net:%s", address);
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
is_allowed(struct check *c, struct span key, struct arena *mem, bool *allowed_out)
{
    struct span value;

    *allowed_out = false;
    if (c->settings->auto_allow == 0)
        return OR_OK;
    or_status st = kvstore_get(c->store, key, mem, &value, c->e);
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

/* An identity may have come to a network that is known by itself: from an import, or from the time
 * before it published SPF. */
static or_status
first_try_of_identity(struct check *c, struct arena *mem, struct greylist_outcome *o)
{
    const struct greylist_triplet *t = c->triplet;
    struct span value;
    struct key key;
    bool known = false;

    if (t->network.n == 0)
        return first_try(c, o);
    or_status st = is_allowed(c, make_key(&key, "grey-ok/", t->network), mem, &known);
    if (st == OR_OK && !known) {
        st = kvstore_get(c->store, triplet_key(&key, t, t->network), mem, &value, c->e);
        known = st == OR_OK && value.n > 0 && value.p[0] == 'k';
    }
    if (st != OR_OK && st != OR_ABSENT)
        return st;
    if (!known)
        return first_try(c, o);
    o->verdict = GREYLIST_KNOWN;
    return put_state(c, 'k', c->settings->lifetime_s);
}

static or_status
check_triplet(struct check *c, struct arena *mem, struct greylist_outcome *o)
{
    struct span identity = make_key(&c->identity_key, "grey-ok/", c->triplet->identity);
    struct span value;
    bool allowed;
    or_status st = is_allowed(c, identity, mem, &allowed);

    if (st == OR_OK && allowed) {
        o->verdict = GREYLIST_ALLOWED;
        return OR_OK;
    }
    if (st == OR_OK)
        st = kvstore_get(c->store, triplet_key(&c->triplet_key, c->triplet, c->triplet->identity),
                         mem, &value, c->e);
    if (st == OR_ABSENT || (st == OR_OK && value.n < 2))
        return first_try_of_identity(c, mem, o);
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

/* What would be gone by now is not taken over. */
static or_status
take_over(struct kvstore *store, struct span key, const char *value, int64_t ttl_s, bool *taken_out,
          struct err *e)
{
    const struct kvstore_item item = {.key = key, .value = span_cstr(value), .ttl_s = ttl_s};

    *taken_out = false;
    return ttl_s > 0 ? kvstore_add(store, &item, taken_out, e) : OR_OK;
}

or_status
greylist_import(struct kvstore *store, const struct greylist_settings *s,
                const struct greylist_triplet *triplet, const struct greylist_past *past,
                bool *taken_out, struct err *e)
{
    bool passed = past->last - past->first >= s->delay_s;
    char value[VALUE_BYTES];
    struct key key;

    (void)triplet_key(&key, triplet, triplet->identity);
    snprintf(value, sizeof(value), "%c%" PRId64, passed ? 'k' : 'w',
             (int64_t)(passed ? past->last : past->first));
    return take_over(store, span_make(key.bytes, key.n), value,
                     passed ? past->last + s->lifetime_s - triplet->now
                            : past->first + s->window_s - triplet->now,
                     taken_out, e);
}

or_status
greylist_import_identity(struct kvstore *store, const struct greylist_settings *s,
                         const struct greylist_triplet *triplet, const struct greylist_past *past,
                         bool *taken_out, struct err *e)
{
    char value[VALUE_BYTES];
    struct key key;

    (void)make_key(&key, "grey-ok/", triplet->identity);
    snprintf(value, sizeof(value), "%" PRId64, past->times);
    return take_over(store, span_make(key.bytes, key.n), value,
                     past->last + s->lifetime_s - triplet->now, taken_out, e);
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
