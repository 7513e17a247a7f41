/*
 * Keys and values.
 */
#include "authd/guard/guard_store.h"

#include "common/base/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_S ((int64_t)86400)
#define KEEP_TIMES_S (7 * DAY_S)
#define KEEP_GOOD_S (30 * DAY_S)
#define KEEP_KNOWN_S (400 * DAY_S)
#define KEEP_CHANGES_S (3650 * DAY_S)
#define BAN_PREFIX "ban/"
#define KEY_BYTES KVSTORE_MAX_KEY_BYTES
#define VALUE_BYTES (GUARD_REASON_BYTES + 80)

struct key {
    char text[KEY_BYTES];
};

static struct span
key_span(const struct key *key)
{
    return span_cstr(key->text);
}

static struct key
network_key(const char *prefix, const struct cidr *network)
{
    char text[GUARD_NETWORK_BYTES];
    struct key key;

    guard_network_format(network, text);
    snprintf(key.text, sizeof(key.text), "%s%s", prefix, text);
    return key;
}

static struct key
user_key(const char *prefix, struct span place, struct span user)
{
    struct key key;

    snprintf(key.text, sizeof(key.text), "%s%.*s/%.*s", prefix, SPAN_ARG(place), SPAN_ARG(user));
    return key;
}

/* ---- bans */

or_status
guard_store_count_ban(struct kvstore *store, const struct cidr *network, unsigned *times_out,
                      struct err *e)
{
    const struct key key = network_key("banned/", network);
    const struct kvstore_counter counter = {.key = key_span(&key), .by = 1, .ttl_s = KEEP_TIMES_S};
    int64_t times = 1;
    or_status st = kvstore_count(store, &counter, &times, e);

    *times_out = st == OR_OK && times > 0 && times < 1000 ? (unsigned)times : 1;
    return st;
}

static or_status
note_change(struct kvstore *store, struct err *e)
{
    char value[24];

    /* No counter: a Redis that lost its memory would begin anew and come to the same numbers. */
    snprintf(value, sizeof(value), "%" PRIu32, 1 + crypto_random_below(UINT32_MAX));
    return kvstore_put(store, SPAN_LIT("ban-changes"), span_cstr(value), KEEP_CHANGES_S, e);
}

or_status
guard_store_put_ban(struct kvstore *store, const struct guard_ban *ban, struct err *e)
{
    const struct key key = network_key(BAN_PREFIX, &ban->network);
    char value[VALUE_BYTES];

    if (ban->until <= ban->since)
        return OR_OK;
    snprintf(value, sizeof(value), "%" PRId64 " %" PRId64 " %u %s", (int64_t)ban->since,
             (int64_t)ban->until, ban->times, ban->reason);
    or_status st =
        kvstore_put(store, key_span(&key), span_cstr(value), (int64_t)(ban->until - ban->since), e);
    return st == OR_OK ? note_change(store, e) : st;
}

or_status
guard_store_remove_ban(struct kvstore *store, const struct cidr *network, struct err *e)
{
    const struct key key = network_key(BAN_PREFIX, network);
    struct arena mem;
    struct span value;

    arena_init(&mem, KVSTORE_MAX_VALUE_BYTES + 1024);
    or_status st = kvstore_get(store, key_span(&key), &mem, &value, e);
    if (st == OR_OK)
        st = kvstore_remove(store, key_span(&key), e);
    arena_fini(&mem);
    return st == OR_OK ? note_change(store, e) : st;
}

or_status
guard_store_parse(struct span network, struct span value, struct guard_ban *ban_out)
{
    struct span word;
    uint64_t numbers[3];
    struct guard_ban ban = {.stored = true};

    if (cidr_parse(network, &ban.network, NULL) != OR_OK)
        return OR_MALFORMED;
    ip_mask(&ban.network.base, ban.network.prefix);
    for (size_t i = 0; i < 3; i++)
        if (!span_split(&value, ' ', &word) ||
            span_parse_u64(word, INT64_MAX / 2, &numbers[i]) != OR_OK)
            return OR_MALFORMED;
    ban.since = (time_t)numbers[0];
    ban.until = (time_t)numbers[1];
    ban.times = numbers[2] < 1000 ? (unsigned)numbers[2] : 1000;
    snprintf(ban.reason, sizeof(ban.reason), "%.*s", SPAN_ARG(value));
    *ban_out = ban;
    return OR_OK;
}

struct walk {
    guard_store_visit visit;
    void *context;
};

static bool
visit_value(void *context, struct span key, struct span value)
{
    const struct walk *w = context;
    struct guard_ban ban;

    if (guard_store_parse(span_from(key, strlen(BAN_PREFIX)), value, &ban) != OR_OK)
        return true;
    return w->visit(w->context, &ban);
}

or_status
guard_store_each_ban(struct kvstore *store, guard_store_visit visit, void *context, struct err *e)
{
    struct walk w = {visit, context};

    return kvstore_each(store, SPAN_LIT(BAN_PREFIX), visit_value, &w, e);
}

or_status
guard_store_changes(struct kvstore *store, int64_t *changes_out, struct err *e)
{
    struct arena mem;
    struct span value = SPAN_EMPTY;
    uint64_t changes = 0;

    arena_init(&mem, KVSTORE_MAX_VALUE_BYTES + 1024);
    or_status st = kvstore_get(store, SPAN_LIT("ban-changes"), &mem, &value, e);
    if (st == OR_OK && span_parse_u64(value, INT64_MAX, &changes) != OR_OK)
        changes = 0;
    *changes_out = (int64_t)changes;
    arena_fini(&mem);
    return st == OR_ABSENT ? OR_OK : st;
}

/* ---- good logins */

or_status
guard_store_is_good(struct kvstore *store, const struct cidr *network, struct span user,
                    bool *good_out, struct err *e)
{
    char place[GUARD_NETWORK_BYTES];
    struct arena mem;
    struct span value;

    guard_network_format(network, place);
    const struct key key = user_key("good/", span_cstr(place), user);
    arena_init(&mem, KVSTORE_MAX_VALUE_BYTES + 1024);
    or_status st = kvstore_get(store, key_span(&key), &mem, &value, e);
    arena_fini(&mem);
    *good_out = st == OR_OK;
    return st == OR_ABSENT ? OR_OK : st;
}

/* Keeps it for another while; whether it was new. */
static or_status
touch(struct kvstore *store, const struct key *key, int64_t keep_s, bool *new_out, struct err *e)
{
    const struct kvstore_item item = {
        .key = key_span(key), .value = SPAN_LIT("1"), .ttl_s = keep_s};
    or_status st = kvstore_add(store, &item, new_out, e);

    return st == OR_OK && !*new_out ? kvstore_put(store, item.key, item.value, keep_s, e) : st;
}

or_status
guard_store_set_good(struct kvstore *store, const struct cidr *network, struct span user,
                     struct span country, bool *new_out, struct err *e)
{
    char place[GUARD_NETWORK_BYTES];
    bool network_new = false, user_new = false, country_new = true;

    guard_network_format(network, place);
    const struct key good = user_key("good/", span_cstr(place), user),
                     known = user_key("known", SPAN_EMPTY, user),
                     where = user_key("place/", country, user);
    or_status st = touch(store, &good, KEEP_GOOD_S, &network_new, e);
    if (st == OR_OK)
        st = touch(store, &known, KEEP_KNOWN_S, &user_new, e);
    if (st == OR_OK && country.n > 0)
        st = touch(store, &where, KEEP_KNOWN_S, &country_new, e);
    *new_out = st == OR_OK && network_new && country_new && !user_new;
    return st;
}
