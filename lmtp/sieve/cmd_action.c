/*
 * keep, discard, redirect (RFC 5228 4.2 to 4.4), fileinto (4.1), :copy (RFC 3894), reject and
 * ereject (RFC 5429), which are one here: LMTP can refuse for each recipient.
 */
#include "lmtp/sieve/sieve_rows.h"

#include "common/text/addr.h"
#include "common/text/utf8.h"

or_status
cmd_keep(struct sieve_run *r, const struct sieve_node *node)
{
    struct sieve_action action = {.kind = SIEVE_KEEP, .target = SPAN_EMPTY};
    or_status st = cmd_flags_of(r, node, &action.flags);

    r->implicit_keep = false;
    return st == OR_OK ? sieve_run_add(r, &action) : st;
}

or_status
cmd_discard(struct sieve_run *r, const struct sieve_node *node)
{
    (void)node;
    r->implicit_keep = false;
    return OR_OK;
}

/* RFC 3894 3: with :copy the implicit keep stays. */
static void
cancel_keep(struct sieve_run *r, const struct sieve_node *node)
{
    if (node->given[SIEVE_SLOT_COPY].tag == NULL)
        r->implicit_keep = false;
}

or_status
cmd_fileinto(struct sieve_run *r, const struct sieve_node *node)
{
    struct sieve_action action = {.kind = SIEVE_FILEINTO_FOLDER,
                                  .create = node->given[SIEVE_SLOT_CREATE].tag != NULL};
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &action.target);

    if (st == OR_OK)
        st = cmd_flags_of(r, node, &action.flags);
    if (st != OR_OK)
        return st;
    if (action.target.n == 0 || !utf8_is_valid(action.target))
        return err_set(r->e, OR_MALFORMED, "fileinto: no folder can have that name");
    cancel_keep(r, node);
    return sieve_run_add(r, &action);
}

static or_status
check_address(struct span text, struct arena *mem, struct err *e)
{
    struct addr address;
    struct err why;

    if (addr_parse_path(text, true, mem, &address, NULL, &why) != OR_OK || addr_is_null(&address) ||
        address.domain.n == 0)
        return err_set(e, OR_MALFORMED, "expected an address \"user@domain\"");
    return OR_OK;
}

or_status
cmd_redirect_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *arg = node->positional[0];
    struct err why;

    if (c->no_redirect)
        return sieve_check_fail(c, node->pos, "\"redirect\" is not available here");
    if ((c->required & SIEVE_VARIABLES) != 0 && sieve_vars_has(arg->strings[0]))
        return OR_OK;
    if (check_address(arg->strings[0], c->mem, &why) != OR_OK)
        return sieve_check_fail(c, arg->pos, "%s", why.text);
    return OR_OK;
}

or_status
cmd_redirect(struct sieve_run *r, const struct sieve_node *node)
{
    struct sieve_action action = {.kind = SIEVE_REDIRECT_TO, .flags = SPAN_EMPTY};
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &action.target);

    if (st == OR_OK)
        st = check_address(action.target, &r->mem, r->e);
    if (st != OR_OK)
        return st;
    /* RFC 5228 10: a ceiling on what one message may become. */
    if (++r->redirects > SIEVE_MAX_REDIRECTS)
        return err_set(r->e, OR_LIMIT, "the script redirects to more than %d addresses",
                       SIEVE_MAX_REDIRECTS);
    cancel_keep(r, node);
    return sieve_run_add(r, &action);
}

or_status
cmd_reject(struct sieve_run *r, const struct sieve_node *node)
{
    struct sieve_action action = {.kind = SIEVE_REFUSE, .flags = SPAN_EMPTY};
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &action.target);

    r->implicit_keep = false;
    return st == OR_OK ? sieve_run_add(r, &action) : st;
}
