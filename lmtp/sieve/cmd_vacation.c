/*
 * vacation (RFC 5230) and its :seconds (RFC 6131). Whether the sender is answered at all is for the
 * delivery to decide (lmtp/vacation.h): here it is only said how.
 */
#include "lmtp/sieve/sieve_rows.h"

#include "common/text/addrlist.h"

#define DAY_S 86400

/* RFC 5230 4.3: one mailbox. */
static or_status
check_from(struct span text, struct arena *mem)
{
    struct addrlist list;
    struct err why;

    if (addrlist_parse(text, mem, &list, &why) != OR_OK)
        return OR_MALFORMED;
    return list.count == 1 && list.items[0].domain.n > 0 ? OR_OK : OR_MALFORMED;
}

or_status
cmd_vacation_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *from = node->given[SIEVE_SLOT_FROM].arg;
    bool is_known =
        from != NULL && ((c->required & SIEVE_VARIABLES) == 0 || !sieve_vars_has(from->strings[0]));

    if (is_known && check_from(from->strings[0], c->mem) != OR_OK)
        return sieve_check_fail(c, from->pos, "expected one address \"user@domain\"");
    return cmd_fcc_check(c, node);
}

/* RFC 5230 4.1: days out of bounds are brought in. RFC 6131 2: no second is too short. */
static int64_t
period_of(const struct sieve_given *given)
{
    if (given->tag == NULL)
        return (int64_t)SIEVE_VACATION_DAYS * DAY_S;
    const int64_t unit = given->tag->choice == SIEVE_DAYS ? DAY_S : 1,
                  most = (int64_t)SIEVE_VACATION_MAX_DAYS * DAY_S / unit,
                  least = given->tag->choice == SIEVE_DAYS ? 1 : 0;
    int64_t n = (int64_t)given->arg->number;

    return (n < least ? least : n > most ? most : n) * unit;
}

static or_status
expand_tag(struct sieve_run *r, const struct sieve_node *node, enum sieve_slot slot,
           struct span *out)
{
    const struct sieve_arg *arg = node->given[slot].arg;

    *out = SPAN_EMPTY;
    return arg != NULL ? sieve_vars_expand(r, arg->strings[0], out) : OR_OK;
}

static or_status
expand_tags(struct sieve_run *r, const struct sieve_node *node, struct sieve_vacation *v)
{
    const struct sieve_arg *addresses = node->given[SIEVE_SLOT_ADDRESSES].arg;
    struct span *strings = NULL;
    or_status st = expand_tag(r, node, SIEVE_SLOT_SUBJECT, &v->subject);

    if (st == OR_OK)
        st = expand_tag(r, node, SIEVE_SLOT_FROM, &v->from);
    if (st == OR_OK)
        st = expand_tag(r, node, SIEVE_SLOT_HANDLE, &v->handle);
    if (st == OR_OK && addresses != NULL)
        st = sieve_vars_strings(r, addresses, &strings, &v->address_count);
    v->addresses = strings;
    return st == OR_OK ? cmd_fcc_of(r, node, &v->fcc) : st;
}

/* RFC 5230 4: the message itself is kept or not as if there were no vacation. */
or_status
cmd_vacation(struct sieve_run *r, const struct sieve_node *node)
{
    struct sieve_vacation *v = arena_alloc(&r->mem, sizeof(*v));
    struct sieve_action action = {.kind = SIEVE_ANSWER, .flags = SPAN_EMPTY, .vacation = v};

    if (v == NULL)
        return OR_LIMIT;
    v->period_s = period_of(&node->given[SIEVE_SLOT_PERIOD]);
    v->mime = node->given[SIEVE_SLOT_MIME].tag != NULL;
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &action.target);
    if (st == OR_OK)
        st = expand_tags(r, node, v);
    if (st == OR_OK && v->from.n > 0 && check_from(v->from, &r->mem) != OR_OK)
        st = err_set(r->e, OR_MALFORMED, "vacation: expected one address behind :from");
    return st == OR_OK ? sieve_run_add(r, &action) : st;
}
