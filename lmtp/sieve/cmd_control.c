/* require (RFC 5228 3.2) and stop (3.3); if, elsif and else are part of sieve_run.c. */
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
