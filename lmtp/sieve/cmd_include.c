/* include, return and global (RFC 6609). */
#include "lmtp/sieve/sieve_rows.h"

#include "common/text/utf8.h"

/* RFC 5804 1.6, and nothing that means something to a file system. */
static bool
is_script_name(struct span name)
{
    struct span rest = name;
    uint32_t c;

    while (rest.n > 0)
        if (utf8_next(&rest, &c) != OR_OK || c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == '/' ||
            c == 0x2028 || c == 0x2029)
            return false;
    return name.n > 0 && name.n <= SIEVE_MAX_NAME_BYTES && name.p[0] != '.';
}

static or_status
check_constant(struct sieve_check *c, const struct sieve_arg *arg, size_t i)
{
    if ((c->required & SIEVE_VARIABLES) != 0 && sieve_vars_has(arg->strings[i]))
        return sieve_check_fail(c, arg->pos, "expected a name without variables");
    return OR_OK;
}

or_status
cmd_include_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *name = node->positional[0];
    or_status st = check_constant(c, name, 0);

    if (st == OR_OK && !is_script_name(name->strings[0]))
        st = sieve_check_fail(c, name->pos, "expected the name of a script");
    return st;
}

static bool
is_running(const struct sieve_run *r, const struct sieve_script *script)
{
    for (const struct sieve_scope *s = r->scope; s != NULL; s = s->outer)
        if (s->script == script)
            return true;
    return false;
}

static bool
was_included(const struct sieve_run *r, const struct sieve_script *script)
{
    for (size_t i = 0; i < r->included_count; i++)
        if (r->included[i] == script)
            return true;
    return is_running(r, script);
}

static or_status
include(struct sieve_run *r, const struct sieve_node *node, const struct sieve_script *script)
{
    struct span name = node->positional[0]->strings[0];
    size_t depth = 0;

    if (node->given[SIEVE_SLOT_ONCE].tag != NULL && was_included(r, script))
        return OR_OK;
    if (is_running(r, script))
        return err_set(r->e, OR_MALFORMED, "include: \"%.*s\" would include itself",
                       SPAN_ARG(name));
    for (const struct sieve_scope *s = r->scope; s != NULL; s = s->outer)
        depth++;
    if (depth > SIEVE_MAX_INCLUDE_DEPTH || r->included_count == SIEVE_MAX_INCLUDES)
        return err_set(r->e, OR_LIMIT, "include: \"%.*s\": too many scripts", SPAN_ARG(name));
    r->included[r->included_count++] = script;
    return sieve_run_include(r, script);
}

or_status
cmd_include(struct sieve_run *r, const struct sieve_node *node)
{
    const struct sieve_message *m = r->message;
    const struct sieve_given *place = &node->given[SIEVE_SLOT_PLACE];
    const struct span name = node->positional[0]->strings[0];
    const struct sieve_script *script = NULL;
    struct err why = {""};

    or_status st =
        m->load == NULL
            ? OR_ABSENT
            : m->load(m->context,
                      place->tag != NULL ? (enum sieve_place)place->tag->choice : SIEVE_PERSONAL,
                      name, &script, &why);
    if (st == OR_OK)
        return include(r, node, script);
    if (st != OR_ABSENT)
        return err_set(r->e, st, "include: %s", why.text);
    if (node->given[SIEVE_SLOT_OPTIONAL].tag != NULL)
        return OR_OK;
    return err_set(r->e, OR_MALFORMED, "include: there is no script \"%.*s\"", SPAN_ARG(name));
}

or_status
cmd_return(struct sieve_run *r, const struct sieve_node *node)
{
    (void)node;
    r->scope->returned = true;
    return OR_OK;
}

or_status
cmd_global_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *names = node->positional[0];
    or_status st = sieve_check_required(c, SIEVE_VARIABLES, node->pos, node->name);

    for (size_t i = 0; i < names->count && st == OR_OK; i++)
        if (!sieve_vars_is_name(names->strings[i]))
            st = sieve_check_fail(c, names->pos, "expected the name of a variable");
    return st;
}

or_status
cmd_global(struct sieve_run *r, const struct sieve_node *node)
{
    const struct sieve_arg *names = node->positional[0];
    or_status st = OR_OK;

    for (size_t i = 0; i < names->count && st == OR_OK; i++)
        st = sieve_vars_share(r, names->strings[i]);
    return st;
}
