/* Keys are taken apart by the rules there are: a rule's name may hold any byte. */
#include "policyd/ratelimit_list.h"

#include "common/run/kvstore_bucket.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    const struct ratelimit *limits;
    struct span part;
    int64_t now_us;
    struct arena *mem;
    struct ratelimit_list *list;
};

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
contains(struct span s, struct span part)
{
    for (size_t at = 0; at + part.n <= s.n; at++)
        if (span_equal_nocase(span_slice(s, at, at + part.n), part))
            return true;
    return false;
}

/* The bucket of a stored key, and whose it is: the longest that fits, as a rule's name may look
 * like another's with a window. */
static bool
find_bucket(const struct ratelimit *limits, struct span stored, struct ratelimit_level *level)
{
    struct buf prefix;
    size_t longest = 0;

    buf_init(&prefix, KVSTORE_MAX_KEY_BYTES);
    for (size_t i = 0; i < limits->count; i++) {
        for (size_t w = 0; w < limits->rules[i].window_count; w++) {
            buf_reset(&prefix);
            ratelimit_key(&limits->rules[i], w, SPAN_EMPTY, &prefix);
            if (prefix.n <= longest || !span_has_prefix(stored, buf_span(&prefix)))
                continue;
            longest = prefix.n;
            level->rule = &limits->rules[i];
            level->window = w;
        }
    }
    buf_fini(&prefix);
    level->key = span_from(stored, longest);
    return longest != 0;
}

/* False: nothing of it is in use. */
static bool
measure(struct ratelimit_level *level, int64_t full_at_us, int64_t now_us)
{
    const struct ratelimit_rule *rule = level->rule;
    const struct kvstore_bucket bucket = {.limit = rule->windows[level->window].limit,
                                          .window_ms = rule->windows[level->window].window_ms,
                                          .cost = 1};
    int64_t step_us = kvstore_bucket_step_us(&bucket), wait_us;

    if (full_at_us <= now_us || step_us == 0)
        return false;
    (void)kvstore_bucket_spend(&bucket, now_us, full_at_us, &wait_us);
    level->used = (full_at_us - now_us + step_us - 1) / step_us;
    if (level->used > bucket.limit)
        level->used = bucket.limit;
    level->full_at_ms = full_at_us / 1000;
    level->wait_ms = (wait_us + 999) / 1000;
    return true;
}

static bool
keep(struct ratelimit_list *list, struct arena *mem, struct ratelimit_level level)
{
    list->cut =
        list->count == RATELIMIT_LIST_MAX || arena_copy(mem, level.key, &level.key) != OR_OK;
    if (!list->cut)
        list->items[list->count++] = level;
    return !list->cut;
}

static bool
take_key(void *context, struct span key, struct span value)
{
    struct reading *r = context;
    struct ratelimit_level level = {.rule = NULL};
    char number[24];

    if (value.n == 0 || value.n >= sizeof(number) || !find_bucket(r->limits, key, &level) ||
        !contains(level.key, r->part))
        return true;
    memcpy(number, value.p, value.n);
    number[value.n] = '\0';
    if (!measure(&level, strtoll(number, NULL, 10), r->now_us))
        return true;
    return keep(r->list, r->mem, level);
}

/* The fullest first; then by rule and key, so that what Redis told twice stands together. */
static int
compare(const void *a, const void *b)
{
    const struct ratelimit_level *x = a, *y = b;
    double x_load = (double)x->used / (double)x->rule->windows[x->window].limit;
    double y_load = (double)y->used / (double)y->rule->windows[y->window].limit;

    if (x_load < y_load || x_load > y_load)
        return x_load < y_load ? 1 : -1;
    if (x->rule != y->rule)
        return x->rule < y->rule ? -1 : 1;
    if (x->window != y->window)
        return x->window < y->window ? -1 : 1;
    return span_compare(x->key, y->key);
}

/* SCAN may give a key twice. */
static void
sort(struct ratelimit_list *list)
{
    size_t kept = 0;

    qsort(list->items, list->count, sizeof(*list->items), compare);
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || compare(&list->items[kept - 1], &list->items[i]) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

or_status
ratelimit_list_read(const struct ratelimit_list_query *query, struct arena *mem,
                    struct ratelimit_list *list_out, struct err *e)
{
    struct ratelimit_list list = {.count = 0};
    struct reading reading = {.limits = query->limits,
                              .part = query->part,
                              .now_us = query->now_ms * 1000,
                              .mem = mem,
                              .list = &list};

    list.items = arena_alloc_array(mem, RATELIMIT_LIST_MAX, sizeof(*list.items));
    if (list.items == NULL)
        return err_set(e, OR_LIMIT, "no memory for a listing");
    or_status st = kvstore_each(query->store, SPAN_LIT(RATELIMIT_PREFIX), take_key, &reading, e);
    if (st != OR_OK)
        return st;
    sort(&list);
    *list_out = list;
    return OR_OK;
}

/* As keys are stored: in lower case. */
static or_status
reset_window(const struct ratelimit_rule *rule, size_t window, struct kvstore *store,
             struct span key, struct err *e)
{
    struct span ignored;
    struct arena mem;
    struct buf stored;

    arena_init(&mem, (size_t)KVSTORE_MAX_VALUE_BYTES * 2);
    buf_init(&stored, KVSTORE_MAX_KEY_BYTES);
    ratelimit_key(rule, window, key, &stored);
    for (size_t i = stored.n - key.n; i < stored.n && !stored.failed; i++)
        stored.p[i] = lower(stored.p[i]);
    or_status st = buf_finish(&stored);
    if (st == OR_OK)
        st = kvstore_get(store, buf_span(&stored), &mem, &ignored, e);
    if (st == OR_OK)
        st = kvstore_remove(store, buf_span(&stored), e);
    buf_fini(&stored);
    arena_fini(&mem);
    return st;
}

or_status
ratelimit_list_reset(const struct ratelimit_rule *rule, struct kvstore *store, struct span key,
                     struct err *e)
{
    or_status all = err_set(e, OR_ABSENT, "nothing of it is in use");

    for (size_t i = 0; i < rule->window_count; i++) {
        or_status st = reset_window(rule, i, store, key, e);

        if (st != OR_OK && st != OR_ABSENT)
            return st;
        if (st == OR_OK)
            all = OR_OK;
    }
    return all;
}
