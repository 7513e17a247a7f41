/* :fcc (RFC 8580): a copy of what a script sends goes into a folder of its owner. */
#include "lmtp/sieve/sieve_rows.h"

#include "common/text/utf8.h"

or_status
cmd_fcc_check(struct sieve_check *c, struct sieve_node *node)
{
    static const enum sieve_slot slots[] = {SIEVE_SLOT_CREATE, SIEVE_SLOT_FLAGS};

    if (node->given[SIEVE_SLOT_FCC].tag != NULL)
        return OR_OK;
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        if (node->given[slots[i]].tag != NULL)
            return sieve_check_fail(c, node->pos, "expected \":fcc\" beside \":%s\"",
                                    node->given[slots[i]].tag->name);
    return OR_OK;
}

or_status
cmd_fcc_of(struct sieve_run *r, const struct sieve_node *node, struct sieve_fcc *out)
{
    const struct sieve_arg *folder = node->given[SIEVE_SLOT_FCC].arg;

    *out = (struct sieve_fcc){.folder = SPAN_EMPTY, .flags = SPAN_EMPTY};
    if (folder == NULL)
        return OR_OK;
    out->create = node->given[SIEVE_SLOT_CREATE].tag != NULL;
    or_status st = sieve_vars_expand(r, folder->strings[0], &out->folder);
    /* RFC 8580 3.1: flags are those of :flags only, not of the message that came. */
    if (st == OR_OK && node->given[SIEVE_SLOT_FLAGS].tag != NULL)
        st = cmd_flags_of(r, node, &out->flags);
    if (st != OR_OK)
        return st;
    return out->folder.n > 0 && utf8_is_valid(out->folder)
               ? OR_OK
               : err_set(r->e, OR_MALFORMED, ":fcc: no folder can have that name");
}
