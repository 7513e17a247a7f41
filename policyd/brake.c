/*
 * Counters are exact over all hosts that share the store; the history may lose an hour when two
 * hosts write it at the same moment, which changes nothing that matters.
 */
#include "policyd/brake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HOUR_S 3600
#define DAY_S 86400
#define KEEP_COUNTS_S (2 * DAY_S)
#define KEEP_USUAL_S (90 * DAY_S) /* a login not used for so long begins anew */
#define HALF_LIFE_HOURS (30 * 24)
#define BOUNCE_SHARE 4 /* a quarter of the day's recipients */
#define HELD_PREFIX "brake/held/"
#define KEY_BYTES KVSTORE_MAX_KEY_BYTES
#define VALUE_BYTES 64

/* The busiest hour so far, and the count of the last hour in which mail was sent. */
struct usual {
    int64_t peak;
    int64_t hour;
    int64_t count;
};

struct brake {
    struct kvstore *store;
    const struct brake_settings *settings;
    struct span login;
    int64_t hour, day;
    struct arena mem;
};

static void
begin(struct brake *b, struct kvstore *store, const struct brake_settings *settings,
      struct span login, time_t now)
{
    *b = (struct brake){.store = store,
                        .settings = settings,
                        .login = login,
                        .hour = (int64_t)now / HOUR_S,
                        .day = (int64_t)now / DAY_S};
    arena_init(&b->mem, 65536);
}

/* "brake/KIND/NUMBER/login", the number left out when it is negative. Empty: too long. */
static struct span
key_of(struct brake *b, const char *kind, int64_t number)
{
    char *key = number < 0 ? arena_printf(&b->mem, "brake/%s/%.*s", kind, SPAN_ARG(b->login))
                           : arena_printf(&b->mem, "brake/%s/%" PRId64 "/%.*s", kind, number,
                                          SPAN_ARG(b->login));

    if (key == NULL || strlen(key) > KEY_BYTES)
        return SPAN_EMPTY;
    for (char *c = key; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return span_cstr(key);
}

static or_status
count(struct brake *b, const char *kind, int64_t number, int64_t by, int64_t *value_out,
      struct err *e)
{
    const struct kvstore_counter counter = {
        .key = key_of(b, kind, number), .by = by, .ttl_s = KEEP_COUNTS_S};

    if (counter.key.n == 0)
        return err_set(e, OR_LIMIT, "the login is too long");
    return kvstore_count(b->store, &counter, value_out, e);
}

/* ---- history */

/* "PEAK HOUR COUNT"; a value that is not that counts as none. */
static void
parse_usual(struct span text, int64_t hour, struct usual *u)
{
    uint64_t numbers[3];
    struct span word;

    *u = (struct usual){.hour = hour};
    for (size_t i = 0; i < 3; i++)
        if (!span_split(&text, ' ', &word) ||
            span_parse_u64(word, INT64_MAX / BRAKE_MAX_FACTOR, &numbers[i]) != OR_OK)
            return;
    *u = (struct usual){(int64_t)numbers[0], (int64_t)numbers[1], (int64_t)numbers[2]};
}

static or_status
read_usual(struct brake *b, struct usual *u, struct err *e)
{
    struct span text = SPAN_EMPTY;
    or_status st = kvstore_get(b->store, key_of(b, "usual", -1), &b->mem, &text, e);

    parse_usual(text, b->hour, u);
    return st == OR_ABSENT ? OR_OK : st;
}

/* Half of it is left after HALF_LIFE_HOURS; straight lines between are good enough. */
static int64_t
fade(int64_t peak, int64_t hours)
{
    for (; hours >= HALF_LIFE_HOURS && peak > 0; hours -= HALF_LIFE_HOURS)
        peak /= 2;
    return peak - peak * (hours > 0 ? hours : 0) / (2 * HALF_LIFE_HOURS);
}

/* An hour belongs to the history when it is over. */
static void
close_hour(const struct brake *b, struct usual *u)
{
    if (u->hour == b->hour)
        return;
    if (u->count > u->peak)
        u->peak = u->count;
    u->peak = fade(u->peak, b->hour - u->hour);
    u->hour = b->hour;
    u->count = 0;
}

static or_status
write_usual(struct brake *b, const struct usual *u, struct err *e)
{
    char text[VALUE_BYTES];

    snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 " %" PRId64, u->peak, u->hour, u->count);
    return kvstore_put(b->store, key_of(b, "usual", -1), span_cstr(text), KEEP_USUAL_S, e);
}

/* ---- the brake */

static or_status
hold(struct brake *b, struct brake_outcome *outcome, struct err *e)
{
    const struct kvstore_item item = {.key = key_of(b, "held", -1),
                                      .value = span_cstr(outcome->reason),
                                      .ttl_s = b->settings->hold_s};

    outcome->held = true;
    return kvstore_add(b->store, &item, &outcome->is_new, e);
}

static or_status
read_held(struct brake *b, struct brake_outcome *outcome, struct err *e)
{
    struct span reason;
    or_status st = kvstore_get(b->store, key_of(b, "held", -1), &b->mem, &reason, e);

    if (st != OR_OK)
        return st == OR_ABSENT ? OR_OK : st;
    outcome->held = true;
    snprintf(outcome->reason, sizeof(outcome->reason), "%.*s", SPAN_ARG(reason));
    return OR_OK;
}

static or_status
check_hour(struct brake *b, int64_t recipients, struct brake_outcome *outcome, struct err *e)
{
    const struct brake_settings *s = b->settings;
    struct usual u = {.hour = b->hour};
    int64_t now_count = 0;

    or_status st = count(b, "hour", b->hour, recipients, &now_count, e);
    if (st == OR_OK)
        st = read_usual(b, &u, e);
    if (st != OR_OK)
        return st;
    close_hour(b, &u);
    int64_t limit = u.peak * s->factor > s->min_recipients ? u.peak * s->factor : s->min_recipients;
    if (now_count > limit) {
        /* What the thief sends is no history: or he would only have to come back tomorrow. */
        snprintf(outcome->reason, sizeof(outcome->reason),
                 "%" PRId64 " recipients in an hour, usual are %" PRId64 " at most", now_count,
                 u.peak);
        return hold(b, outcome, e);
    }
    u.count = now_count;
    return write_usual(b, &u, e);
}

or_status
brake_sent(struct kvstore *store, const struct brake_settings *settings, struct span login,
           int64_t recipients, time_t now, struct brake_outcome *outcome_out, struct err *e)
{
    struct brake b;
    int64_t today;

    *outcome_out = (struct brake_outcome){.held = false};
    begin(&b, store, settings, login, now);
    or_status st = count(&b, "day", b.day, recipients, &today, e);
    if (st == OR_OK)
        st = read_held(&b, outcome_out, e);
    if (st == OR_OK && !outcome_out->held)
        st = check_hour(&b, recipients, outcome_out, e);
    arena_fini(&b.mem);
    return st;
}

/* The value of a counter, without making one. */
static or_status
read_count(struct brake *b, const char *kind, int64_t number, int64_t *value_out, struct err *e)
{
    struct span text, key = key_of(b, kind, number);
    uint64_t value = 0;

    *value_out = 0;
    if (key.n == 0)
        return OR_OK;
    or_status st = kvstore_get(b->store, key, &b->mem, &text, e);
    if (st == OR_OK && span_parse_u64(text, INT64_MAX, &value) == OR_OK)
        *value_out = (int64_t)value;
    return st == OR_ABSENT ? OR_OK : st;
}

/* Only for who sent something: mail that others forged in his name comes back to him too. */
static or_status
check_bounces(struct brake *b, struct brake_outcome *outcome, struct err *e)
{
    int64_t today = 0, yesterday = 0, bounces = 0;

    or_status st = read_count(b, "day", b->day, &today, e);
    if (st == OR_OK)
        st = read_count(b, "day", b->day - 1, &yesterday, e);
    if (st != OR_OK || today + yesterday == 0)
        return st;
    today += yesterday;
    st = count(b, "bounces", b->day, 1, &bounces, e);
    if (st != OR_OK || bounces < b->settings->bounces || bounces * BOUNCE_SHARE < today)
        return st;
    snprintf(outcome->reason, sizeof(outcome->reason),
             "%" PRId64 " bounces to %" PRId64 " recipients of a day or two", bounces, today);
    return hold(b, outcome, e);
}

or_status
brake_bounced(struct kvstore *store, const struct brake_settings *settings, struct span login,
              time_t now, struct brake_outcome *outcome_out, struct err *e)
{
    struct brake b;

    *outcome_out = (struct brake_outcome){.held = false};
    if (settings->bounces == 0)
        return OR_OK;
    begin(&b, store, settings, login, now);
    or_status st = check_bounces(&b, outcome_out, e);
    arena_fini(&b.mem);
    return st;
}

/* ---- for the administrator */

struct walk {
    brake_visit visit;
    void *context;
};

static bool
visit_held(void *context, struct span key, struct span reason)
{
    const struct walk *w = context;

    return w->visit(w->context, span_from(key, strlen(HELD_PREFIX)), reason);
}

or_status
brake_each(struct kvstore *store, brake_visit visit, void *context, struct err *e)
{
    struct walk w = {visit, context};

    return kvstore_each(store, SPAN_LIT(HELD_PREFIX), visit_held, &w, e);
}

static or_status
forget(struct brake *b, struct err *e)
{
    struct span reason;
    or_status st = kvstore_get(b->store, key_of(b, "held", -1), &b->mem, &reason, e);

    if (st == OR_OK)
        st = kvstore_remove(b->store, key_of(b, "held", -1), e);
    /* or the next message would trip the brake again */
    if (st == OR_OK)
        st = kvstore_remove(b->store, key_of(b, "hour", b->hour), e);
    return st == OR_OK ? kvstore_remove(b->store, key_of(b, "bounces", b->day), e) : st;
}

or_status
brake_release(struct kvstore *store, struct span login, time_t now, struct err *e)
{
    struct brake b;

    begin(&b, store, NULL, login, now);
    or_status st = key_of(&b, "held", -1).n != 0 ? forget(&b, e) : OR_ABSENT;
    arena_fini(&b.mem);
    return st;
}
