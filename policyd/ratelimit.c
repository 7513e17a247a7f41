/* Rules from text, keys from requests. */
#include "policyd/ratelimit.h"

#include "common/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES KVSTORE_MAX_KEY_BYTES
/* Of one part of a key: longer names share a bucket with others that begin alike. */
#define VALUE_MAX_BYTES 255
#define DAY_MS ((int64_t)86400 * 1000)

static const char *const key_names[RATELIMIT_KEYS] = {
    [RATELIMIT_SASL_USER] = "sasl-user",         [RATELIMIT_CLIENT] = "client",
    [RATELIMIT_CLIENT_NET] = "client-net",       [RATELIMIT_SENDER] = "sender",
    [RATELIMIT_SENDER_DOMAIN] = "sender-domain", [RATELIMIT_RECIPIENT_DOMAIN] = "recipient-domain",
};

static or_status
parse_key(const char *name, enum ratelimit_key *key_out, struct err *e)
{
    struct buf known;

    for (size_t i = 0; i < RATELIMIT_KEYS; i++) {
        if (strcmp(name, key_names[i]) == 0) {
            *key_out = (enum ratelimit_key)i;
            return OR_OK;
        }
    }
    buf_init(&known, 512);
    for (size_t i = 0; i < RATELIMIT_KEYS; i++)
        buf_addf(&known, "%s%s", i == 0 ? "" : ", ", key_names[i]);
    err_set(e, OR_CONFIG, "by: \"%.60s\" is not known; allowed: %.*s", name,
            SPAN_ARG(buf_span(&known)));
    buf_fini(&known);
    return OR_CONFIG;
}

static or_status
parse_by(struct ratelimit_rule *rule, struct err *e)
{
    const struct conf_list *by = &rule->conf->by;

    if (by->count == 0 || by->count > RATELIMIT_MAX_KEYS)
        return err_set(e, OR_CONFIG, "by: 1 to %d names are needed", RATELIMIT_MAX_KEYS);
    for (size_t i = 0; i < by->count; i++)
        if (parse_key(by->items[i], &rule->by[rule->by_count++], e) != OR_OK)
            return OR_CONFIG;
    return OR_OK;
}

/* "100/1h" */
static or_status
parse_window(const char *text, int64_t *limit_out, int64_t *window_ms_out)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', DAY_MS}};
    struct span s = span_cstr(text);
    size_t slash = span_find(s, '/');
    uint64_t limit, times = 1;

    if (slash + 1 >= s.n || span_parse_u64(span_slice(s, 0, slash), 1000000000, &limit) != OR_OK ||
        limit == 0)
        return OR_MALFORMED;
    struct span number = span_slice(s, slash + 1, s.n - 1);
    /* "100/h" is how people say it. */
    if (number.n != 0 && span_parse_u64(number, 1000000, &times) != OR_OK)
        return OR_MALFORMED;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s.p[s.n - 1] != units[i].unit)
            continue;
        *limit_out = (int64_t)limit;
        *window_ms_out = (int64_t)times * units[i].ms;
        return *window_ms_out > 0 && *window_ms_out <= 31 * DAY_MS ? OR_OK : OR_MALFORMED;
    }
    return OR_MALFORMED;
}

static or_status
parse_windows(struct ratelimit_rule *rule, struct err *e)
{
    const struct conf_list *limits = &rule->conf->limits;

    if (limits->count == 0 || limits->count > RATELIMIT_MAX_WINDOWS)
        return err_set(e, OR_CONFIG, "limits: 1 to %d are needed", RATELIMIT_MAX_WINDOWS);
    for (size_t i = 0; i < limits->count; i++) {
        size_t n = rule->window_count;

        if (parse_window(limits->items[i], &rule->windows[n].limit, &rule->windows[n].window_ms) !=
            OR_OK)
            return err_set(e, OR_CONFIG,
                           "limits: \"%.60s\" is no limit; write e.g. \"100/1h\", a number and a "
                           "time of up to 31d",
                           limits->items[i]);
        rule->window_count++;
    }
    return OR_OK;
}

/* Postfix names the recipient only at RCPT, and counts recipients only after it. */
static or_status
check_stage(const struct ratelimit_rule *rule, struct err *e)
{
    bool at_rcpt = rule->conf->stage == POLICYD_RATE_RCPT;

    for (size_t i = 0; i < rule->by_count; i++)
        if (rule->by[i] == RATELIMIT_RECIPIENT_DOMAIN && !at_rcpt)
            return err_set(e, OR_CONFIG, "by recipient-domain needs stage = rcpt");
    if (at_rcpt && rule->conf->count == POLICYD_RATE_MESSAGES)
        return err_set(e, OR_CONFIG,
                       "stage = rcpt comes once for each recipient: say count = recipients");
    return OR_OK;
}

or_status
ratelimit_init(struct ratelimit *limits, const struct policyd_settings *settings, struct err *e)
{
    size_t count = settings->rates.count;

    *limits = (struct ratelimit){.rules = xcalloc(count == 0 ? 1 : count, sizeof(*limits->rules))};
    for (size_t i = 0; i < count; i++) {
        struct ratelimit_rule *rule = &limits->rules[limits->count++];

        rule->conf = policyd_conf_rate(settings, i);
        or_status st = parse_by(rule, e);
        if (st == OR_OK)
            st = parse_windows(rule, e);
        if (st == OR_OK)
            st = check_stage(rule, e);
        if (st != OR_OK)
            return err_wrap(e, st, "rate \"%.60s\" (line %u)", rule->conf->head.title,
                            rule->conf->head.line);
    }
    return OR_OK;
}

void
ratelimit_fini(struct ratelimit *limits)
{
    free(limits->rules);
    *limits = (struct ratelimit){0};
}

/* Lower case, without what would make two keys look alike: '|' separates, control bytes confuse
 * terminals. */
static void
add_value(struct buf *key, struct span value)
{
    value = span_slice(value, 0, VALUE_MAX_BYTES);
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c < ' ' || c == 0x7f || c == '|')
            c = '?';
        buf_add_char(key, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : (char)c);
    }
}

static or_status
format_keys(const struct ratelimit_rule *rule, const struct ratelimit_request *request,
            struct buf *key)
{
    for (size_t i = 0; i < rule->by_count; i++) {
        struct span value = request->values[rule->by[i]];

        if (value.n == 0)
            return OR_ABSENT;
        if (i != 0)
            buf_add_char(key, '|');
        add_value(key, value);
    }
    return OR_OK;
}

void
ratelimit_key(const struct ratelimit_rule *rule, size_t window, struct span who, struct buf *out)
{
    buf_addf(out, RATELIMIT_PREFIX "%s/%lld/", rule->conf->head.title,
             (long long)(rule->windows[window].window_ms / 1000));
    buf_add_span(out, who);
}

static or_status
take(const struct ratelimit_rule *rule, struct kvstore *store,
     const struct ratelimit_request *request, struct span who, struct kvstore_taken *taken_out,
     struct err *e)
{
    struct kvstore_bucket buckets[RATELIMIT_MAX_WINDOWS];
    struct buf keys[RATELIMIT_MAX_WINDOWS];
    or_status st = OR_OK;

    for (size_t i = 0; i < rule->window_count; i++) {
        buf_init(&keys[i], KEY_MAX_BYTES);
        ratelimit_key(rule, i, who, &keys[i]);
        if (buf_finish(&keys[i]) != OR_OK)
            st = err_set(e, OR_LIMIT, "the key is too long");
        buckets[i] = (struct kvstore_bucket){.key = buf_span(&keys[i]),
                                             .limit = rule->windows[i].limit,
                                             .window_ms = rule->windows[i].window_ms,
                                             .cost = request->cost};
    }
    if (st == OR_OK)
        st = kvstore_take(store, buckets, rule->window_count, request->now_ms, taken_out, e);
    for (size_t i = 0; i < rule->window_count; i++)
        buf_fini(&keys[i]);
    return st;
}

or_status
ratelimit_check(const struct ratelimit_rule *rule, struct kvstore *store,
                const struct ratelimit_request *request, struct kvstore_taken *taken_out,
                struct err *e)
{
    struct buf who;

    buf_init(&who, KEY_MAX_BYTES);
    or_status st = format_keys(rule, request, &who);
    if (st == OR_OK)
        st = buf_finish(&who);
    if (st == OR_OK)
        st = take(rule, store, request, buf_span(&who), taken_out, e);
    buf_fini(&who);
    return st;
}
