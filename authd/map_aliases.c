/*
 * aliases (virtual_alias_maps): where does mail for this address go instead?
 *
 * The order is Postfix's for virtual(5): the address itself; without its detail, which is then
 * carried over to the targets; last the domain's catch-all, which never takes mail from an account.
 */
#include "authd/socketmap_maps.h"

#include "common/text/addr.h"

static void
add_separator(struct buf *value)
{
    if (value->n != 0)
        buf_add_char(value, ',');
}

/* user@domain with +detail in between, as propagate_unmatched_extensions does. */
static void
add_target(struct buf *value, struct span target, char delimiter, struct span detail)
{
    struct addr a = addr_split(target);

    add_separator(value);
    if (detail.n == 0) {
        buf_add_span(value, target);
        return;
    }
    buf_add_span(value, a.local);
    buf_add_char(value, delimiter);
    buf_add_span(value, detail);
    buf_add_char(value, '@');
    buf_add_span(value, a.domain);
}

static or_status
add_alias(const struct map_query *q, const struct account_address *alias, struct span detail,
          struct buf *value, struct err *e)
{
    struct span *targets;
    size_t count;
    or_status st = accounts_find_alias(q->accounts, alias, q->mem, &targets, &count, e);

    for (size_t i = 0; st == OR_OK && i < count; i++)
        add_target(value, targets[i], q->delimiter, detail);
    return st;
}

static or_status
is_account(const struct map_query *q, const struct account_address *address, struct err *e)
{
    struct account_row row;

    return accounts_find(q->accounts, address, q->mem, &row, e);
}

static or_status
add_catch_all(const struct map_query *q, const struct account_address *address, struct buf *value,
              struct err *e)
{
    char *whole = arena_printf(q->mem, "@%.*s", SPAN_ARG(address->domain));

    if (whole == NULL)
        return OR_LIMIT;
    struct account_address all = {
        .local = SPAN_EMPTY, .domain = address->domain, .whole = span_cstr(whole)};
    return add_alias(q, &all, SPAN_EMPTY, value, e);
}

or_status
map_aliases_find(const struct map_query *q, struct buf *value, struct err *e)
{
    struct account_address address, base;
    struct span detail = SPAN_EMPTY;

    or_status st = socketmap_maps_address(q, &address);
    if (st != OR_OK)
        return st;
    st = add_alias(q, &address, SPAN_EMPTY, value, e);
    if (st != OR_ABSENT)
        return st;
    st = is_account(q, &address, e);
    if (st != OR_ABSENT)
        return st == OR_OK ? OR_ABSENT : st;
    st = socketmap_maps_base(q, &address, &base, &detail);
    if (st == OR_OK) {
        st = add_alias(q, &base, detail, value, e);
        if (st != OR_ABSENT)
            return st;
        st = is_account(q, &base, e);
        if (st == OR_OK)
            return OR_ABSENT;
    }
    return st == OR_ABSENT ? add_catch_all(q, &address, value, e) : st;
}
