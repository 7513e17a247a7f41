/* One pass in the order of the script, since a require counts for what follows it. */
#include "lmtp/sieve/sieve_check.h"

#include "common/text/pattern.h"
#include "lmtp/sieve/sieve_encoded.h"
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_vars.h"

#include <stdarg.h>
#include <stdio.h>

static or_status
fail_at(struct sieve_check *c, struct sieve_pos pos, const char *fmt, va_list ap)
{
    char text[ERR_TEXT_BYTES];

    (void)vsnprintf(text, sizeof(text), fmt, ap);
    return sieve_lexer_locate(c->name, pos, err_set(c->e, OR_MALFORMED, "%s", text), c->e);
}

or_status
sieve_check_fail(struct sieve_check *c, struct sieve_pos pos, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    or_status st = fail_at(c, pos, fmt, ap);
    va_end(ap);
    c->is_missing = false;
    return st;
}

or_status
sieve_check_missing(struct sieve_check *c, struct sieve_pos pos, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    or_status st = fail_at(c, pos, fmt, ap);
    va_end(ap);
    c->is_missing = true;
    return st;
}

static or_status
fail_memory(struct sieve_check *c, struct sieve_pos pos)
{
    return sieve_lexer_locate(c->name, pos, err_set(c->e, OR_LIMIT, "the script is too large"),
                              c->e);
}

or_status
sieve_check_required(struct sieve_check *c, uint64_t bits, struct sieve_pos pos, struct span what)
{
    if (bits == 0 || (c->required & bits) != 0)
        return OR_OK;
    return sieve_check_missing(c, pos, "\"%.*s\" needs require \"%s\"", SPAN_ARG(what),
                               sieve_table_extension_name(bits));
}

static const char *
kind_name(unsigned kinds)
{
    if (kinds == SIEVE_ARG_NUMBER)
        return "a number";
    return kinds == SIEVE_ARG_STRING ? "a string" : "a string or a list of strings";
}

/* RFC 5228 2.4.2.4 and RFC 5229 3, for every string as soon as it has a place. */
static or_status
check_strings(struct sieve_check *c, struct sieve_arg *arg)
{
    for (size_t i = 0; i < arg->count; i++) {
        struct err why;
        or_status st = OR_OK;

        if ((c->required & SIEVE_ENCODED_CHARACTER) != 0)
            st = sieve_encoded_decode(arg->strings[i], c->mem, &arg->strings[i], &why);
        if (st == OR_OK && (c->required & SIEVE_VARIABLES) != 0)
            st = sieve_vars_check(arg->strings[i], (c->required & SIEVE_INCLUDE) != 0, &why);
        if (st == OR_LIMIT)
            return fail_memory(c, arg->pos);
        if (st != OR_OK)
            return sieve_check_fail(c, arg->pos, "%s", why.text);
    }
    return OR_OK;
}

/* The value of a tag is the next argument as written. */
static or_status
take_tag(struct sieve_check *c, struct sieve_node *node, struct sieve_arg **at)
{
    struct sieve_arg *arg = *at, *value = arg->next;
    const struct sieve_tag *tag = sieve_table_tag(node->row, arg->tag);

    *at = value;
    if (tag == NULL)
        return sieve_check_missing(c, arg->pos, "\"%s\" has no argument \":%.*s\"", node->row->name,
                                   SPAN_ARG(arg->tag));
    or_status st = sieve_check_required(c, tag->ext, arg->pos, arg->tag);
    if (st != OR_OK)
        return st;
    struct sieve_given *given = &node->given[tag->slot];
    if (given->tag != NULL)
        return sieve_check_fail(c, arg->pos, "\":%s\" cannot stand beside \":%s\"", tag->name,
                                given->tag->name);
    *given = (struct sieve_given){.tag = tag};
    if (tag->value == SIEVE_ARG_NONE)
        return OR_OK;
    if (value == NULL || (tag->value & value->kind) == 0)
        return sieve_check_fail(c, value != NULL ? value->pos : arg->pos,
                                "expected %s behind \":%s\"", kind_name(tag->value), tag->name);
    given->arg = value;
    *at = value->next;
    return check_strings(c, value);
}

static size_t
positional_count(const struct sieve_row *row)
{
    size_t n = 0;

    while (n < SIEVE_MAX_POSITIONAL && row->positional[n] != SIEVE_ARG_NONE)
        n++;
    return n;
}

/* Puts the arguments without a tag where the row wants them. */
static or_status
place_positional(struct sieve_check *c, struct sieve_node *node, struct sieve_arg **found,
                 size_t count)
{
    size_t wanted = positional_count(node->row);
    size_t skip = node->row->first_optional && count + 1 == wanted ? 1 : 0;

    if (node->row->last_optional && count + 1 == wanted)
        wanted = count;

    for (size_t i = skip; i < wanted; i++) {
        struct sieve_arg *arg = i - skip < count ? found[i - skip] : NULL;

        if (arg == NULL || (arg->kind & node->row->positional[i]) == 0)
            return sieve_check_fail(
                c, arg != NULL ? arg->pos : node->pos, "expected %s as argument %zu of \"%s\"",
                kind_name(node->row->positional[i]), i - skip + 1, node->row->name);
        node->positional[i] = arg;
        or_status st = check_strings(c, arg);
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

static or_status
check_arguments(struct sieve_check *c, struct sieve_node *node)
{
    struct sieve_arg *found[SIEVE_MAX_POSITIONAL], *at = node->args;
    size_t count = 0;

    while (at != NULL) {
        if (at->kind == SIEVE_ARG_TAG) {
            or_status st = take_tag(c, node, &at);

            if (st != OR_OK)
                return st;
            continue;
        }
        if (count == positional_count(node->row))
            return sieve_check_fail(c, at->pos, "\"%s\" takes no further argument",
                                    node->row->name);
        found[count++] = at;
        at = at->next;
    }
    const struct sieve_tag *last = node->given[SIEVE_SLOT_LAST].tag;
    if (last != NULL && last->choice == SIEVE_LAST_INDEX &&
        node->given[SIEVE_SLOT_INDEX].tag == NULL)
        return sieve_check_fail(c, node->pos, "expected \":index\" beside \":last\"");
    return place_positional(c, node, found, count);
}

/* Expressions that hold no variables are compiled once, here. */
static or_status
compile_patterns(struct sieve_check *c, struct sieve_node *node, const struct sieve_arg *keys)
{
    struct sieve_patterns *set = arena_alloc(c->mem, sizeof(*set));
    enum pattern_case letters = sieve_match_is_octet(node) ? PATTERN_EXACT_CASE : PATTERN_ANY_CASE;

    if (set == NULL)
        return fail_memory(c, keys->pos);
    set->items = arena_alloc_array(c->mem, keys->count, sizeof(struct pattern *));
    if (set->items == NULL)
        return fail_memory(c, keys->pos);
    set->count = keys->count;
    set->next = c->patterns;
    c->patterns = set;
    node->compiled = set;
    for (size_t i = 0; i < keys->count; i++) {
        struct err why;

        if ((c->required & SIEVE_VARIABLES) != 0 && sieve_vars_has(keys->strings[i]))
            continue;
        if (pattern_compile(keys->strings[i], letters, &set->items[i], &why) != OR_OK)
            return sieve_check_fail(c, keys->pos, "expected a regular expression: %s", why.text);
    }
    return OR_OK;
}

static or_status
check_match(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *keys;
    struct sieve_pos where = node->pos;
    struct err why;

    if (node->row->keys == 0)
        return OR_OK;
    for (size_t i = 0; i <= SIEVE_SLOT_MATCH; i++)
        if (node->given[i].arg != NULL)
            where = node->given[i].arg->pos;
    if (sieve_match_check(node, &why) != OR_OK)
        return sieve_check_fail(c, where, "%s", why.text);
    if (sieve_match_is_numeric(node)) {
        or_status st = sieve_check_required(c, SIEVE_NUMERIC, where, SPAN_LIT("i;ascii-numeric"));

        if (st != OR_OK)
            return st;
    }
    keys = node->positional[node->row->keys - 1];
    if (keys == NULL)
        return OR_OK;
    return sieve_match_type(node) == SIEVE_REGEX_MATCH ? compile_patterns(c, node, keys) : OR_OK;
}

/* RFC 5463 4: with ihave a script may hold what there is not, as long as it is not run. */
static or_status
defer_missing(struct sieve_check *c, struct sieve_node *node, or_status st)
{
    if (st != OR_MALFORMED || !c->is_missing || (c->required & SIEVE_IHAVE) == 0)
        return st;
    node->fault = arena_strdup(c->mem, span_cstr(c->e->text));
    return node->fault != NULL ? OR_OK : fail_memory(c, node->pos);
}

static or_status check_test(struct sieve_check *c, struct sieve_node *node);

static or_status
check_tests(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_row *row = node->row;

    if (row->tests == SIEVE_NO_TEST && node->tests != NULL)
        return sieve_check_fail(c, node->tests->pos, "\"%s\" takes no test", row->name);
    if (row->tests == SIEVE_ONE_TEST && (node->tests == NULL || node->test_list))
        return sieve_check_fail(c, node->pos, "expected one test behind \"%s\"", row->name);
    if (row->tests == SIEVE_TEST_LIST && !node->test_list)
        return sieve_check_fail(c, node->pos, "expected tests in parentheses behind \"%s\"",
                                row->name);
    for (struct sieve_node *t = node->tests; t != NULL; t = t->next) {
        or_status st = check_test(c, t);

        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

static or_status
check_node(struct sieve_check *c, struct sieve_node *node)
{
    or_status st = sieve_check_required(c, node->row->ext, node->pos, node->name);

    if (st == OR_OK)
        st = check_arguments(c, node);
    if (st == OR_OK)
        st = check_match(c, node);
    if (st == OR_OK)
        st = check_tests(c, node);
    if (st == OR_OK && node->row->check != NULL)
        st = node->row->check(c, node);
    return st;
}

static or_status
check_test(struct sieve_check *c, struct sieve_node *node)
{
    node->row = sieve_table_test(node->name);
    or_status st = node->row != NULL ? check_node(c, node)
                                     : sieve_check_missing(c, node->pos, "unknown test \"%.*s\"",
                                                           SPAN_ARG(node->name));
    return defer_missing(c, node, st);
}

static bool
is_command(const struct sieve_node *node, const char *name)
{
    return node != NULL && span_equal_nocase_cstr(node->name, name);
}

/* RFC 5228 3.1: elsif and else follow if or elsif; RFC 5228 3.2: require comes first. */
static or_status
check_order(struct sieve_check *c, const struct sieve_node *node, const struct sieve_node *before)
{
    bool require = is_command(node, "require");

    if (require && !c->may_require)
        return sieve_check_fail(c, node->pos, "expected \"require\" before all other commands");
    c->may_require = c->may_require && require;
    if ((is_command(node, "elsif") || is_command(node, "else")) && !is_command(before, "if") &&
        !is_command(before, "elsif"))
        return sieve_check_fail(c, node->pos, "expected \"%.*s\" behind \"if\" or \"elsif\"",
                                SPAN_ARG(node->name));
    return OR_OK;
}

static or_status
check_command(struct sieve_check *c, struct sieve_node *node)
{
    node->row = sieve_table_command(node->name);
    or_status st = node->row != NULL ? check_node(c, node)
                                     : sieve_check_missing(c, node->pos, "unknown command \"%.*s\"",
                                                           SPAN_ARG(node->name));
    st = defer_missing(c, node, st);
    if (st != OR_OK || node->fault != NULL || node->row == NULL)
        return st;
    if (node->row->block != node->has_block)
        return sieve_check_fail(c, node->pos,
                                node->has_block ? "\"%s\" takes no block"
                                                : "expected a block in braces behind \"%s\"",
                                node->row->name);
    return OR_OK;
}

or_status
sieve_check_run(struct sieve_check *c, struct sieve_node *first)
{
    const struct sieve_node *before = NULL;

    for (struct sieve_node *n = first; n != NULL; n = n->next) {
        or_status st = check_order(c, n, before);

        if (st == OR_OK)
            st = check_command(c, n);
        if (st == OR_OK && n->fault == NULL)
            st = sieve_check_run(c, n->block);
        if (st != OR_OK)
            return st;
        before = n;
    }
    return OR_OK;
}
