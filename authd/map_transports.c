/*
 * transports: over which machine does mail for this address go on? relay-domains: for which domains
 * do we take mail that others keep?
 *
 * An account with a host of its own goes there over LMTP, on port 24 unless it says otherwise; a
 * domain with a relay goes there over SMTP. In brackets: Postfix asks no MX for what was named. It
 * asks a socketmap once, with the whole address (transport(5)): the domain is looked at here.
 */
#include "authd/authd_host.h"
#include "authd/socketmap_maps.h"
#include "common/text/domain.h"

#define LMTP_PORT 24 /* RFC 2033 */
#define SMTP_PORT 25

static void
add_next_hop(struct buf *value, const char *transport, const struct account_host *h, unsigned port)
{
    buf_addf(value, "%s:[%s%.*s]:%u", transport, span_contains_byte(h->host, ':') ? "ipv6:" : "",
             SPAN_ARG(h->host), h->port != 0 ? h->port : port);
}

static or_status
find_account(const struct map_query *q, struct buf *value, struct err *e)
{
    struct account_address address, base;
    struct account_host host;
    struct account_row row;
    struct span detail;

    or_status st = socketmap_maps_address(q, &address);
    if (st == OR_OK)
        st = accounts_find(q->accounts, &address, q->mem, &row, e);
    if (st == OR_ABSENT && socketmap_maps_address(q, &address) == OR_OK) {
        st = socketmap_maps_base(q, &address, &base, &detail);
        if (st == OR_OK)
            st = accounts_find(q->accounts, &base, q->mem, &row, e);
    }
    if (st == OR_OK)
        st = authd_host_of(q->settings, &row, q->mem, &host, e);
    if (st == OR_OK)
        add_next_hop(value, "lmtp", &host, LMTP_PORT);
    return st;
}

static or_status
find_relay(const struct map_query *q, struct span name, struct account_host *host_out,
           struct err *e)
{
    struct span domain, relay;

    if (domain_canonical(name, q->mem, &domain, NULL) != OR_OK)
        return OR_ABSENT;
    or_status st = accounts_find_relay(q->accounts, domain, q->mem, &relay, e);
    if (st == OR_OK && account_host_parse(relay, q->mem, host_out, e) != OR_OK)
        st = err_wrap(e, OR_TEMPFAIL, "the relay of %.*s", SPAN_ARG(domain));
    return st;
}

or_status
map_transports_find(const struct map_query *q, struct buf *value, struct err *e)
{
    size_t at = span_rfind(q->key, '@');
    struct account_host host;
    or_status st = at < q->key.n ? find_account(q, value, e) : OR_ABSENT;

    if (st != OR_ABSENT)
        return st;
    st = find_relay(q, at < q->key.n ? span_from(q->key, at + 1) : q->key, &host, e);
    if (st == OR_OK)
        add_next_hop(value, "relay", &host, SMTP_PORT);
    return st;
}

or_status
map_relay_domains_find(const struct map_query *q, struct buf *value, struct err *e)
{
    struct account_host host;
    or_status st = find_relay(q, q->key, &host, e);

    if (st == OR_OK)
        buf_add_span(value, q->key);
    return st;
}
