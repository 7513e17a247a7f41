/* Names are compared without regard to case (RFC 5229 3); a handful of them: a list will do. */
#include "lmtp/sieve/sieve_vars.h"

#include "common/base/buf.h"
#include "lmtp/sieve/sieve_run.h"
#include "lmtp/sieve/sieve_script.h"

#include <string.h>

#define GLOBAL "global."

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_number(struct span s)
{
    size_t n = 0;

    while (n < s.n && is_digit(s.p[n]))
        n++;
    return n > 0 && n == s.n;
}

bool
sieve_vars_is_name(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_alpha(name.p[i]) && (i == 0 || !is_digit(name.p[i])))
            return false;
    return name.n > 0;
}

/* A "${...}" at the front of `s`: the name in it. False: it is none. */
static bool
read_reference(struct span s, struct span *name_out)
{
    if (!span_has_prefix(s, SPAN_LIT("${")))
        return false;
    size_t end = span_find(s, '}');
    if (end == s.n)
        return false;
    struct span inner = span_slice(s, 2, end), rest = inner, part;
    size_t parts = 0;
    while (span_split(&rest, '.', &part)) {
        if (!sieve_vars_is_name(part) && !is_number(part))
            return false;
        parts++;
    }
    if (parts == 0 || (parts > 1 && is_digit(inner.p[0])))
        return false;
    *name_out = inner;
    return true;
}

/* RFC 6609 3.4.2: "global.name", when the script may use it. */
static bool
has_global_prefix(struct span name)
{
    struct span rest = span_from(name, strlen(GLOBAL));

    return span_has_prefix_nocase(name, SPAN_LIT(GLOBAL)) && sieve_vars_is_name(rest);
}

or_status
sieve_vars_check(struct span text, bool has_global, struct err *e)
{
    struct span name;

    for (size_t i = span_find(text, '$'); i < text.n;
         i += 1 + span_find(span_from(text, i + 1), '$'))
        if (read_reference(span_from(text, i), &name) && span_contains_byte(name, '.') &&
            !(has_global && has_global_prefix(name)))
            return err_set(e, OR_MALFORMED, "expected a variable without namespace, not \"%.*s\"",
                           SPAN_ARG(name));
    return OR_OK;
}

bool
sieve_vars_has(struct span text)
{
    struct span name;

    for (size_t i = span_find(text, '$'); i < text.n;
         i += 1 + span_find(span_from(text, i + 1), '$'))
        if (read_reference(span_from(text, i), &name))
            return true;
    return false;
}

bool
sieve_vars_is_settable(struct span name, bool has_global)
{
    return sieve_vars_is_name(name) || (has_global && has_global_prefix(name));
}

static bool
is_shared(const struct sieve_scope *s, struct span name)
{
    for (size_t i = 0; i < s->shared_count; i++)
        if (span_equal_nocase(s->shared[i], name))
            return true;
    return false;
}

/* Where a variable of that name is kept, and under which name. */
struct home {
    struct sieve_variable *items;
    size_t *count;
    struct span name;
};

static struct home
find_home(struct sieve_run *r, struct span name)
{
    bool is_global = has_global_prefix(name);

    if (is_global || is_shared(r->scope, name))
        return (struct home){r->globals, &r->global_count,
                             is_global ? span_from(name, strlen(GLOBAL)) : name};
    return (struct home){r->scope->variables, &r->scope->variable_count, name};
}

static size_t
find(const struct home *home)
{
    size_t i = 0;

    while (i < *home->count && !span_equal_nocase(home->items[i].name, home->name))
        i++;
    return i;
}

or_status
sieve_vars_share(struct sieve_run *r, struct span name)
{
    struct sieve_scope *s = r->scope;
    const struct home own = {s->variables, &s->variable_count, name};

    if (is_shared(s, name))
        return OR_OK;
    /* RFC 6609 3.4.1 */
    if (find(&own) < *own.count)
        return err_set(r->e, OR_MALFORMED, "global: \"%.*s\" is a variable of the script's own",
                       SPAN_ARG(name));
    if (s->shared_count == SIEVE_MAX_VARIABLES)
        return err_set(r->e, OR_LIMIT, "more than %d variables", SIEVE_MAX_VARIABLES);
    s->shared[s->shared_count++] = name;
    return OR_OK;
}

struct span
sieve_vars_get(struct sieve_run *r, struct span name)
{
    const struct home home = find_home(r, name);
    const struct sieve_scope *s = r->scope;
    uint64_t number;

    if (is_number(name)) {
        if (span_parse_u64(name, SIEVE_MAX_CAPTURES - 1, &number) != OR_OK ||
            number >= s->capture_count)
            return SPAN_EMPTY;
        return s->captures[number];
    }
    size_t i = find(&home);
    return i < *home.count ? home.items[i].value : SPAN_EMPTY;
}

or_status
sieve_vars_expand(struct sieve_run *r, struct span text, struct span *out)
{
    struct span rest = text, name;
    struct buf b;

    *out = text;
    if ((r->scope->script->required & SIEVE_VARIABLES) == 0 || !sieve_vars_has(text))
        return OR_OK;
    buf_init(&b, SIEVE_MAX_STRING_BYTES);
    while (rest.n > 0) {
        size_t n = span_find(rest, '$');

        buf_add_span(&b, span_slice(rest, 0, n));
        rest = span_from(rest, n);
        if (rest.n > 0 && read_reference(rest, &name)) {
            buf_add_span(&b, sieve_vars_get(r, name));
            rest = span_from(rest, name.n + 3);
        } else if (rest.n > 0) {
            buf_add_char(&b, '$');
            rest = span_from(rest, 1);
        }
    }
    or_status st = buf_finish(&b);
    if (st == OR_OK)
        st = sieve_run_charge(r, b.n);
    if (st == OR_OK)
        st = arena_copy(&r->mem, buf_span(&b), out);
    buf_fini(&b);
    return st;
}

or_status
sieve_vars_strings(struct sieve_run *r, const struct sieve_arg *arg, struct span **strings_out,
                   size_t *count_out)
{
    struct span *strings = arg->strings;

    *count_out = arg->count;
    if ((r->scope->script->required & SIEVE_VARIABLES) != 0) {
        strings = arena_alloc_array(&r->mem, arg->count, sizeof(*strings));
        for (size_t i = 0; strings != NULL && i < arg->count; i++) {
            or_status st = sieve_vars_expand(r, arg->strings[i], &strings[i]);

            if (st != OR_OK)
                return st;
        }
    }
    *strings_out = strings;
    return strings != NULL ? OR_OK : OR_LIMIT;
}

/* RFC 5229 6: a long value may be cut; never inside a character. */
static struct span
cut(struct span value)
{
    size_t n = SIEVE_MAX_VARIABLE_BYTES;

    if (value.n <= n)
        return value;
    while (n > SIEVE_MAX_VARIABLE_BYTES - 4 && ((unsigned char)value.p[n] & 0xC0) == 0x80)
        n--;
    return span_slice(value, 0, n);
}

or_status
sieve_vars_set(struct sieve_run *r, struct span name, struct span value)
{
    const struct home home = find_home(r, name);
    size_t i = find(&home);
    struct span copy;

    if (i == SIEVE_MAX_VARIABLES)
        return err_set(r->e, OR_LIMIT, "more than %d variables", SIEVE_MAX_VARIABLES);
    if (arena_copy(&r->mem, cut(value), &copy) != OR_OK)
        return OR_LIMIT;
    home.items[i] = (struct sieve_variable){.name = home.name, .value = copy};
    if (i == *home.count)
        (*home.count)++;
    return OR_OK;
}

or_status
sieve_vars_capture(struct sieve_run *r, struct span whole, const struct span *parts, size_t count)
{
    struct span copies[SIEVE_MAX_CAPTURES];

    if ((r->scope->script->required & SIEVE_VARIABLES) == 0)
        return OR_OK;
    if (count > SIEVE_MAX_CAPTURES - 1)
        count = SIEVE_MAX_CAPTURES - 1;
    for (size_t i = 0; i <= count; i++)
        if (arena_copy(&r->mem, cut(i == 0 ? whole : parts[i - 1]), &copies[i]) != OR_OK)
            return OR_LIMIT;
    memcpy(r->scope->captures, copies, (count + 1) * sizeof(copies[0]));
    r->scope->capture_count = count + 1;
    return OR_OK;
}
