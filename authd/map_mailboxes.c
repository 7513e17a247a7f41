/*
 * mailbox-domains (virtual_mailbox_domains) and mailboxes (virtual_mailbox_maps): what do we
 * deliver?
 */
#include "authd/socketmap_maps.h"
#include "common/text/domain.h"

or_status
map_mailbox_domains_find(const struct map_query *q, struct buf *value, struct err *e)
{
    struct span domain;

    if (domain_canonical(q->key, q->mem, &domain, NULL) != OR_OK)
        return OR_ABSENT;
    or_status st = accounts_find_domain(q->accounts, domain, e);
    if (st == OR_OK)
        buf_add_span(value, domain);
    return st;
}

or_status
map_mailboxes_find(const struct map_query *q, struct buf *value, struct err *e)
{
    struct account_address address, base;
    struct account_row row;
    struct span detail;

    or_status st = socketmap_maps_address(q, &address);
    if (st != OR_OK)
        return st;
    st = accounts_find(q->accounts, &address, q->mem, &row, e);
    if (st == OR_ABSENT) {
        st = socketmap_maps_base(q, &address, &base, &detail);
        if (st == OR_OK)
            st = accounts_find(q->accounts, &base, q->mem, &row, e);
    }
    if (st == OR_OK)
        buf_add_span(value, row.address.whole);
    return st;
}
