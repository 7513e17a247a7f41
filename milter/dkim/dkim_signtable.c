/*
 * Exact patterns lie in one sorted array, looked up by what they would have to say; expressions are
 * tried one after the other.
 */
#include "milter/dkim/dkim_signtable.h"

#include "common/base/xalloc.h"
#include "common/text/domain.h"
#include "common/text/pattern.h"

#include <stdlib.h>
#include <string.h>

struct rule {
    const struct dkim_signrule *conf;
    char *text;   /* of an exact pattern: lower case, canonical; NULL: an expression */
    char *domain; /* canonical d=; NULL: the author's own */
    char **selectors;
    struct pattern *expression;
};

struct dkim_signtable {
    const struct dkim_keytable *keys; /* NULL: there are none */
    struct dkim_signrule *confs;      /* copies; what they point to is the caller's */
    struct rule *rules;               /* exact ones first, sorted; expressions in their order */
    size_t count;
    size_t exact_count;
};

/* ---- building */

static char *
canonical(struct span name, struct err *e)
{
    struct arena mem;
    struct span text;
    char *copy = NULL;

    arena_init(&mem, 65536);
    if (domain_canonical(name, &mem, &text, e) == OR_OK)
        copy = xmemdup0(text.p, text.n);
    arena_fini(&mem);
    return copy;
}

static void
lower(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
}

/* "local@domain", ".domain", "domain" or "*": the form in which the look-up asks. */
static or_status
parse_exact(struct rule *r, struct span pattern, struct err *e)
{
    size_t at = span_rfind(pattern, '@');
    size_t head = at < pattern.n ? at + 1 : (pattern.n > 0 && pattern.p[0] == '.');

    if (span_equal_cstr(pattern, "*")) {
        r->text = xstrdup("*");
        return OR_OK;
    }
    if (at == 0)
        return err_set(e, OR_CONFIG, "nobody stands before the @");
    char *domain = canonical(span_from(pattern, head), e);
    if (domain == NULL)
        return OR_CONFIG;
    size_t n = strlen(domain);
    r->text = xmalloc(head + n + 1);
    memcpy(r->text, pattern.p, head);
    lower(r->text, head);
    memcpy(r->text + head, domain, n + 1);
    free(domain);
    return OR_OK;
}

static or_status
parse_pattern(struct rule *r, struct err *e)
{
    struct span pattern = span_cstr(r->conf->pattern);

    if (pattern.n < 2 || pattern.p[0] != '/')
        return parse_exact(r, pattern, e);
    if (pattern.p[pattern.n - 1] != '/')
        return err_set(e, OR_CONFIG, "an expression stands between two slashes");
    return pattern_compile(span_slice(pattern, 1, pattern.n - 1), PATTERN_ANY_CASE, &r->expression,
                           e) == OR_OK
               ? OR_OK
               : OR_CONFIG;
}

static const struct dkim_keytable_row *
find_row(const struct dkim_keytable_row *rows, size_t count, const char *selector)
{
    for (size_t i = 0; i < count; i++)
        if (dkim_keytable_answers_to(&rows[i], selector))
            return &rows[i];
    return NULL;
}

/* A rule with a domain of its own must have its keys: better to hear it now than to wonder later.
 */
static or_status
check_keys(const struct dkim_signtable *t, const struct rule *r, struct err *e)
{
    const struct dkim_keytable_row *rows = NULL;
    size_t count = 0;

    if (r->domain == NULL)
        return OR_OK;
    if (t->keys != NULL)
        rows = dkim_keytable_find(t->keys, span_cstr(r->domain), &count);
    if (count == 0)
        return err_set(e, OR_CONFIG, "there is no usable key of %s", r->domain);
    for (size_t i = 0; i < r->conf->selector_count; i++)
        if (find_row(rows, count, r->selectors[i]) == NULL)
            return err_set(e, OR_CONFIG, "there is no usable key %s of %s", r->selectors[i],
                           r->domain);
    return OR_OK;
}

static or_status
parse_selectors(struct rule *r, struct err *e)
{
    if (r->conf->selector_count > DKIM_KEYTABLE_MAX_PER_DOMAIN)
        return err_set(e, OR_CONFIG, "selectors: more than %d", DKIM_KEYTABLE_MAX_PER_DOMAIN);
    r->selectors = xcalloc(r->conf->selector_count + 1, sizeof(*r->selectors));
    for (size_t i = 0; i < r->conf->selector_count; i++) {
        r->selectors[i] = canonical(span_cstr(r->conf->selectors[i]), e);
        if (r->selectors[i] == NULL)
            return err_wrap(e, OR_CONFIG, "selectors: \"%s\"", r->conf->selectors[i]);
    }
    return OR_OK;
}

static or_status
fill_rule(const struct dkim_signtable *t, struct rule *r, struct err *e)
{
    or_status st = parse_pattern(r, e);

    if (st == OR_OK)
        st = parse_selectors(r, e);
    if (st == OR_OK && r->conf->domain != NULL && r->conf->domain[0] != '\0') {
        r->domain = canonical(span_cstr(r->conf->domain), e);
        if (r->domain == NULL)
            return err_wrap(e, OR_CONFIG, "domain");
    }
    return st == OR_OK && !r->conf->never ? check_keys(t, r, e) : st;
}

/* Expressions last, in their order. */
static int
compare_rules(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;

    if (x->text == NULL || y->text == NULL)
        return x->text != NULL   ? -1
               : y->text != NULL ? 1
                                 : (x->conf > y->conf) - (x->conf < y->conf);
    return strcmp(x->text, y->text);
}

static or_status
sort_rules(struct dkim_signtable *t, struct err *e)
{
    if (t->count != 0)
        qsort(t->rules, t->count, sizeof(*t->rules), compare_rules);
    while (t->exact_count < t->count && t->rules[t->exact_count].text != NULL)
        t->exact_count++;
    for (size_t i = 1; i < t->exact_count; i++)
        if (strcmp(t->rules[i - 1].text, t->rules[i].text) == 0)
            return err_set(e, OR_CONFIG,
                           "sign \"%s\" (line %u) and sign \"%s\" (line %u) are the same",
                           t->rules[i - 1].conf->pattern, t->rules[i - 1].conf->line,
                           t->rules[i].conf->pattern, t->rules[i].conf->line);
    return OR_OK;
}

or_status
dkim_signtable_new(const struct dkim_signrule *rules, size_t count,
                   const struct dkim_keytable *keys, struct dkim_signtable **table_out,
                   struct err *e)
{
    struct dkim_signtable *t = xcalloc(1, sizeof(*t));
    or_status st = OR_OK;

    t->keys = keys;
    t->confs = xcalloc(count + 1, sizeof(*t->confs));
    t->rules = xcalloc(count + 1, sizeof(*t->rules));
    for (size_t i = 0; i < count && st == OR_OK; i++) {
        struct rule *r = &t->rules[t->count++];

        t->confs[i] = rules[i];
        r->conf = &t->confs[i];
        st = fill_rule(t, r, e);
        if (st != OR_OK)
            err_wrap(e, st, "sign \"%s\" (line %u)", rules[i].pattern, rules[i].line);
    }
    if (st == OR_OK)
        st = sort_rules(t, e);
    if (st != OR_OK) {
        dkim_signtable_free(t);
        return st;
    }
    *table_out = t;
    return OR_OK;
}

void
dkim_signtable_free(struct dkim_signtable *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++) {
        struct rule *r = &table->rules[i];

        for (size_t k = 0; r->selectors != NULL && r->selectors[k] != NULL; k++)
            free(r->selectors[k]);
        free(r->selectors);
        free(r->text);
        free(r->domain);
        pattern_free(r->expression);
    }
    free(table->rules);
    free(table->confs);
    free(table);
}

/* ---- looking up */

static const struct rule *
find_exact(const struct dkim_signtable *t, struct span text)
{
    size_t low = 0, high = t->exact_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(span_cstr(t->rules[middle].text), text);

        if (order == 0)
            return &t->rules[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ".example.org" of "a.b.example.org": the longest first. */
static const struct rule *
find_subdomain(const struct dkim_signtable *t, struct span domain)
{
    for (size_t dot = span_find(domain, '.'); dot < domain.n; dot = span_find(domain, '.')) {
        const struct rule *r = find_exact(t, span_from(domain, dot));

        if (r != NULL)
            return r;
        domain = span_from(domain, dot + 1);
    }
    return NULL;
}

static const struct rule *
find_expression(const struct dkim_signtable *t, struct span address)
{
    for (size_t i = t->exact_count; i < t->count; i++)
        if (pattern_match(t->rules[i].expression, address) == OR_OK)
            return &t->rules[i];
    return NULL;
}

/* `address` is "local@domain" in lower case. */
static const struct rule *
find_rule(const struct dkim_signtable *t, struct span address, struct span domain)
{
    const struct rule *r = find_exact(t, address);

    if (r == NULL)
        r = find_exact(t, domain);
    if (r == NULL)
        r = find_subdomain(t, domain);
    if (r == NULL)
        r = find_expression(t, address);
    return r != NULL ? r : find_exact(t, SPAN_LIT("*"));
}

static bool
is_chosen(const struct rule *r, const struct dkim_keytable_row *row)
{
    if (r == NULL || r->selectors[0] == NULL)
        return true;
    for (size_t i = 0; r->selectors[i] != NULL; i++)
        if (dkim_keytable_answers_to(row, r->selectors[i]))
            return true;
    return false;
}

/* The keys of exactly that domain, as the rule (NULL: none) wants them. */
static or_status
collect(const struct dkim_signtable *t, const struct rule *r, struct span domain,
        struct dkim_signkeys *keys)
{
    size_t count = 0;
    const struct dkim_keytable_row *rows =
        t->keys == NULL ? NULL : dkim_keytable_find(t->keys, domain, &count);

    keys->count = 0;
    for (size_t i = 0; i < count && keys->count < DKIM_KEYTABLE_MAX_PER_DOMAIN; i++)
        if (is_chosen(r, &rows[i]))
            keys->rows[keys->count++] = &rows[i];
    return keys->count != 0 ? OR_OK : OR_ABSENT;
}

static or_status
collect_own(const struct dkim_signtable *t, struct span domain, bool subdomains,
            struct dkim_signkeys *keys)
{
    or_status st = collect(t, NULL, domain, keys);

    while (st == OR_ABSENT && subdomains && (domain = domain_parent(domain)).n != 0)
        st = collect(t, NULL, domain, keys);
    return st;
}

or_status
dkim_signtable_find(const struct dkim_signtable *t, struct span local, struct span domain,
                    bool subdomains, struct arena *mem, struct dkim_signkeys *keys_out,
                    struct err *e)
{
    const struct rule *r = NULL;

    if (t->count != 0) {
        char *address = arena_printf(mem, "%.*s@%.*s", SPAN_ARG(local), SPAN_ARG(domain));

        if (address == NULL)
            return err_set(e, OR_LIMIT, "header too large");
        lower(address, local.n);
        r = find_rule(t, span_cstr(address), domain);
    }
    if (r != NULL && r->conf->never)
        return err_set(e, OR_ABSENT, "sign \"%.100s\" says never", r->conf->pattern);
    or_status st = r == NULL
                       ? collect_own(t, domain, subdomains, keys_out)
                       : collect(t, r, r->domain != NULL ? span_cstr(r->domain) : domain, keys_out);
    if (st == OR_OK)
        return OR_OK;
    if (r == NULL)
        return err_set(e, OR_ABSENT, "no key for %.*s", SPAN_ARG(domain));
    return err_set(e, OR_ABSENT, "no key for %.*s by sign \"%.100s\"", SPAN_ARG(domain),
                   r->conf->pattern);
}
