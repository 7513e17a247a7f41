/*
 * Which tables there are, and how their keys become addresses.
 */
#include "authd/socketmap_maps.h"

#include "common/text/addr.h"

static const struct map maps[] = {
    {"mailbox-domains", map_mailbox_domains_find},
    {"mailboxes", map_mailboxes_find},
    {"aliases", map_aliases_find},
    {"senders", map_senders_find},
    {"transports", map_transports_find},
    {"relay-domains", map_relay_domains_find},
};

const struct map *
socketmap_maps_find(struct span name)
{
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        if (span_equal_cstr(name, maps[i].name))
            return &maps[i];
    return NULL;
}

or_status
socketmap_maps_address(const struct map_query *q, struct account_address *address_out)
{
    struct addr parsed;

    if (addr_parse_path(q->key, true, q->mem, &parsed, NULL, NULL) != OR_OK || parsed.domain.n == 0)
        return OR_ABSENT;
    char *plain =
        arena_printf(q->mem, "%.*s@%.*s", SPAN_ARG(parsed.local), SPAN_ARG(parsed.domain));
    if (plain == NULL)
        return OR_LIMIT;
    or_status st = account_address_parse(span_cstr(plain), false, q->mem, address_out, NULL);
    return st == OR_MALFORMED ? OR_ABSENT : st;
}

or_status
socketmap_maps_base(const struct map_query *q, const struct account_address *address,
                    struct account_address *base_out, struct span *detail_out)
{
    struct span base;

    if (q->delimiter == '\0')
        return OR_ABSENT;
    addr_split_detail(address->local, q->delimiter, &base, detail_out);
    if (detail_out->p == NULL)
        return OR_ABSENT;
    char *whole = arena_printf(q->mem, "%.*s@%.*s", SPAN_ARG(base), SPAN_ARG(address->domain));
    if (whole == NULL)
        return OR_LIMIT;
    *base_out = (struct account_address){
        .local = base, .domain = address->domain, .whole = span_cstr(whole)};
    return OR_OK;
}
