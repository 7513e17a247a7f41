/* One row per comparator, match type and relation; work is charged to the run. */
#include "lmtp/sieve/sieve_match.h"

#include "common/text/pattern.h"
#include "lmtp/sieve/sieve_check.h"
#include "lmtp/sieve/sieve_run.h"
#include "lmtp/sieve/sieve_vars.h"

#include <stdio.h>

/* What an expression costs at its own worst (pattern.h), in bytes of sieve_run_charge(). */
#define REGEX_WORK (SIEVE_MAX_WORK / 2000)

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int
order_casemap(struct span a, struct span b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int d = (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);

        if (d != 0)
            return d;
    }
    return (a.n > b.n) - (a.n < b.n);
}

/* The digits at the front without leading zeros; p is NULL when there are none. */
static struct span
leading_digits(struct span s)
{
    size_t n = 0, zeros = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    if (n == 0)
        return (struct span){0};
    while (zeros + 1 < n && s.p[zeros] == '0')
        zeros++;
    return span_slice(s, zeros, n);
}

/* RFC 4790 9.1.1: what does not begin with a digit is infinity, all of these equal. */
static int
order_numeric(struct span a, struct span b)
{
    struct span x = leading_digits(a), y = leading_digits(b);

    if (x.p == NULL || y.p == NULL)
        return (x.p == NULL) - (y.p == NULL);
    if (x.n != y.n)
        return x.n > y.n ? 1 : -1;
    return span_compare(x, y);
}

struct comparator {
    const char *name;
    int (*order)(struct span a, struct span b);
    bool octet;
    bool numeric;
};

static const struct comparator comparators[] = {
    {"i;ascii-casemap", order_casemap, false, false}, /* first: RFC 5228 2.7.3 */
    {"i;octet", span_compare, true, false},
    {"i;ascii-numeric", order_numeric, false, true},
};

static const struct {
    const char *name;
    bool less, equal, greater;
} relations[] = {
    {"gt", false, false, true}, {"ge", false, true, true},  {"lt", true, false, false},
    {"le", true, true, false},  {"eq", false, true, false}, {"ne", true, false, true},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct comparator *
find_comparator(const struct sieve_node *node)
{
    const struct sieve_arg *arg = node->given[SIEVE_SLOT_COMPARATOR].arg;

    if (arg == NULL)
        return &comparators[0];
    for (size_t i = 0; i < COUNT(comparators); i++)
        if (span_equal_cstr(arg->strings[0], comparators[i].name))
            return &comparators[i];
    return NULL;
}

/* Its index, COUNT(relations) when there is none of that name. */
static size_t
find_relation(const struct sieve_node *node)
{
    struct span name = node->given[SIEVE_SLOT_MATCH].arg->strings[0];
    size_t i = 0;

    while (i < COUNT(relations) && !span_equal_nocase_cstr(name, relations[i].name))
        i++;
    return i;
}

enum sieve_match_type
sieve_match_type(const struct sieve_node *node)
{
    const struct sieve_tag *tag = node->given[SIEVE_SLOT_MATCH].tag;

    return tag != NULL ? (enum sieve_match_type)tag->choice : SIEVE_IS;
}

bool
sieve_match_is_octet(const struct sieve_node *node)
{
    const struct comparator *c = find_comparator(node);

    return c != NULL && c->octet;
}

bool
sieve_match_is_numeric(const struct sieve_node *node)
{
    const struct comparator *c = find_comparator(node);

    return c != NULL && c->numeric;
}

or_status
sieve_match_check(const struct sieve_node *node, struct err *e)
{
    enum sieve_match_type type = sieve_match_type(node);

    if (find_comparator(node) == NULL)
        return err_set(e, OR_MALFORMED,
                       "expected \"i;ascii-casemap\", \"i;octet\" or \"i;ascii-numeric\"");
    if ((type == SIEVE_VALUE || type == SIEVE_COUNT) && find_relation(node) == COUNT(relations))
        return err_set(e, OR_MALFORMED,
                       "expected \"gt\", \"ge\", \"lt\", \"le\", \"eq\" or \"ne\"");
    if (sieve_match_is_numeric(node) &&
        (type == SIEVE_CONTAINS || type == SIEVE_MATCHES || type == SIEVE_REGEX_MATCH))
        return err_set(e, OR_MALFORMED, "\"i;ascii-numeric\" cannot look for parts of a string");
    return OR_OK;
}

or_status
sieve_match_begin(struct sieve_match *m, struct sieve_run *r, const struct sieve_node *node)
{
    *m = (struct sieve_match){.run = r, .node = node, .type = sieve_match_type(node)};
    return sieve_vars_strings(r, node->positional[node->row->keys - 1], &m->keys, &m->key_count);
}

static bool
relates(const struct sieve_match *m, int order)
{
    size_t i = find_relation(m->node);

    return order < 0 ? relations[i].less : order > 0 ? relations[i].greater : relations[i].equal;
}

static bool
contains(struct span value, struct span key, bool octet)
{
    for (size_t i = 0; i + key.n <= value.n; i++) {
        struct span part = span_slice(value, i, i + key.n);

        if (octet ? span_equal(part, key) : span_equal_nocase(part, key))
            return true;
    }
    return false;
}

static or_status
match_glob(struct sieve_match *m, struct span value, struct span key)
{
    struct sieve_glob g = {.pattern = key,
                           .value = value,
                           .octet = sieve_match_is_octet(m->node),
                           .work = &m->run->work_left};
    or_status st = sieve_glob_match(&g);

    return st == OR_OK ? sieve_vars_capture(m->run, value, g.captures, g.capture_count) : st;
}

static or_status
match_regex(struct sieve_match *m, struct span value, size_t key)
{
    const struct sieve_patterns *set = m->node->compiled;
    struct span groups[SIEVE_GLOB_CAPTURES + 1];
    struct pattern *fresh = NULL;
    size_t count = 0;

    if (set->items[key] == NULL &&
        pattern_compile(m->keys[key],
                        sieve_match_is_octet(m->node) ? PATTERN_EXACT_CASE : PATTERN_ANY_CASE,
                        &fresh, NULL) != OR_OK)
        return OR_ABSENT;
    or_status st = pattern_match_groups(fresh != NULL ? fresh : set->items[key], value, groups,
                                        SIEVE_GLOB_CAPTURES + 1, &count);
    pattern_free(fresh);
    return st == OR_OK ? sieve_vars_capture(m->run, groups[0], groups + 1, count - 1) : st;
}

/* OR_OK, OR_ABSENT or OR_LIMIT. */
static or_status
match_key(struct sieve_match *m, struct span value, size_t key)
{
    const struct comparator *c = find_comparator(m->node);
    bool holds = false;

    switch (m->type) {
    case SIEVE_IS:
        holds = c->order(value, m->keys[key]) == 0;
        break;
    case SIEVE_CONTAINS:
        holds = contains(value, m->keys[key], c->octet);
        break;
    case SIEVE_MATCHES:
        return match_glob(m, value, m->keys[key]);
    case SIEVE_REGEX_MATCH:
        return match_regex(m, value, key);
    case SIEVE_VALUE:
        holds = relates(m, c->order(value, m->keys[key]));
        break;
    case SIEVE_COUNT: /* RFC 5231 4.2: only numbers make sense */
        holds = relates(m, order_numeric(value, m->keys[key]));
        break;
    }
    return holds ? OR_OK : OR_ABSENT;
}

static size_t
cost(const struct sieve_match *m, struct span value, struct span key)
{
    size_t bytes = value.n + key.n + 16;

    if (m->type == SIEVE_REGEX_MATCH)
        bytes += REGEX_WORK;
    return m->type == SIEVE_CONTAINS ? bytes + key.n / 8 * value.n / 8 : bytes;
}

static void
match_value(struct sieve_match *m, struct span value)
{
    for (size_t k = 0; k < m->key_count && !m->matched && m->status == OR_OK; k++) {
        or_status st = sieve_run_charge(m->run, cost(m, value, m->keys[k]));

        if (st == OR_OK)
            st = match_key(m, value, k);
        m->matched = st == OR_OK;
        m->status = st == OR_ABSENT ? OR_OK : st;
    }
}

void
sieve_match_value(struct sieve_match *m, struct span value)
{
    m->entities++;
    if (m->type != SIEVE_COUNT)
        match_value(m, value);
}

or_status
sieve_match_end(struct sieve_match *m, bool *matched_out)
{
    char number[24];

    if (m->type == SIEVE_COUNT && m->status == OR_OK) {
        int n = snprintf(number, sizeof(number), "%llu", (unsigned long long)m->entities);

        match_value(m, span_make(number, (size_t)n));
    }
    if (m->status == OR_OK)
        *matched_out = m->matched;
    return m->status;
}
