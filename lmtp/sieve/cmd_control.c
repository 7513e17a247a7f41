/* require (RFC 5228 3.2), stop (3.3), ihave and error (RFC 5463); if, elsif and else are part of
 * sieve_run.c. */
#include "lmtp/sieve/sieve_rows.h"

or_status
cmd_require_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *names = node->positional[0];

    for (size_t i = 0; i < names->count; i++) {
        const struct sieve_extension *ext = sieve_table_extension(names->strings[i]);

        if (ext == NULL)
            return sieve_check_fail(c, names->pos, "unknown extension \"%.*s\"",
                                    SPAN_ARG(names->strings[i]));
        if ((ext->bits & c->unavailable) != 0)
            return sieve_check_fail(c, names->pos, "extension \"%s\" is not available here",
                                    ext->name);
        c->required |= ext->bits;
        c->declared |= ext->bits;
    }
    return OR_OK;
}

or_status
cmd_require(struct sieve_run *r, const struct sieve_node *node)
{
    (void)r, (void)node;
    return OR_OK;
}

or_status
cmd_stop(struct sieve_run *r, const struct sieve_node *node)
{
    (void)node;
    r->stopped = true;
    return OR_OK;
}

/* What an ihave finds; NULL in its place: not all of it. */
struct found {
    uint64_t bits;
};

or_status
tst_ihave_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *names = node->positional[0];
    struct found *found = arena_alloc(c->mem, sizeof(*found));

    if (found == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < names->count; i++) {
        const struct sieve_extension *ext = sieve_table_extension(names->strings[i]);

        if ((c->required & SIEVE_VARIABLES) != 0 && sieve_vars_has(names->strings[i]))
            return sieve_check_fail(c, names->pos, "expected names without variables");
        /* RFC 5463 4: extensions that change the grammar can only be required. */
        if (ext == NULL || (ext->bits & c->unavailable) != 0 ||
            (ext->bits & SIEVE_GRAMMAR & ~c->declared) != 0)
            return OR_OK;
        found->bits |= ext->bits;
    }
    node->compiled = found;
    c->required |= found->bits;
    return OR_OK;
}

or_status
tst_ihave(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    const struct found *found = node->compiled;

    *out = found != NULL;
    if (found != NULL)
        r->scope->enabled |= found->bits;
    return OR_OK;
}

or_status
cmd_error(struct sieve_run *r, const struct sieve_node *node)
{
    struct span text = SPAN_EMPTY;
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &text);

    return st == OR_OK ? err_set(r->e, OR_MALFORMED, "%.*s", SPAN_ARG(text)) : st;
}
