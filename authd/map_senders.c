/*
 * senders (smtpd_sender_login_maps): which logins may use this envelope sender? The account itself,
 * also with a detail; for an alias everybody it leads to. A catch-all gives nobody a right: what
 * mail one gets says nothing about whose names one may write under.
 *
 * Bounds: aliases are followed ACCOUNT_MAX_ALIAS_DEPTH deep, MAX_VISITS look-ups in all.
 */
#include "authd/socketmap_maps.h"

#define MAX_VISITS 1000

/* The walk from an address to the accounts behind it. */
struct walk {
    const struct map_query *query;
    struct buf *value;
    struct err *e;
    unsigned visits;
};

static or_status add_owners(struct walk *w, const struct account_address *address, unsigned depth);

static void
add_login(struct buf *value, struct span login)
{
    if (value->n != 0)
        buf_add_char(value, ',');
    buf_add_span(value, login);
}

static or_status
add_alias_owners(struct walk *w, const struct account_address *address, unsigned depth)
{
    const struct map_query *q = w->query;
    struct span *targets;
    size_t count;
    or_status st = accounts_find_alias(q->accounts, address, q->mem, &targets, &count, w->e);

    for (size_t i = 0; st == OR_OK && i < count && w->visits < MAX_VISITS; i++) {
        struct account_address target;

        if (account_address_parse(targets[i], false, q->mem, &target, NULL) == OR_OK)
            st = add_owners(w, &target, depth + 1);
    }
    return st == OR_ABSENT ? OR_OK : st;
}

/* What has no owner as it stands has the owner of the address without its detail: of the sender,
 * and of an alias's target ("info" leading to "alice+info"). */
static or_status
add_base_owners(struct walk *w, const struct account_address *address, unsigned depth)
{
    struct account_address base;
    struct span detail;
    or_status st = socketmap_maps_base(w->query, address, &base, &detail);

    return st == OR_OK ? add_owners(w, &base, depth) : st;
}

/* OR_OK also when nobody owns the address. */
static or_status
add_owners(struct walk *w, const struct account_address *address, unsigned depth)
{
    const struct map_query *q = w->query;
    struct account_row row;
    size_t before = w->value->n;

    if (depth > ACCOUNT_MAX_ALIAS_DEPTH || w->visits++ >= MAX_VISITS)
        return OR_OK;
    or_status st = accounts_find(q->accounts, address, q->mem, &row, w->e);
    if (st == OR_OK)
        add_login(w->value, row.address.whole);
    if (st == OR_ABSENT)
        st = add_alias_owners(w, address, depth);
    if (st == OR_OK && w->value->n == before)
        st = add_base_owners(w, address, depth);
    return st == OR_ABSENT ? OR_OK : st;
}

or_status
map_senders_find(const struct map_query *q, struct buf *value, struct err *e)
{
    struct walk w = {.query = q, .value = value, .e = e};
    struct account_address address;

    or_status st = socketmap_maps_address(q, &address);
    if (st != OR_OK)
        return st;
    st = add_owners(&w, &address, 0);
    return st == OR_OK && value->n == 0 ? OR_ABSENT : st;
}
