/* The mechanisms that compare addresses (RFC 7208 5.3 to 5.7). */
#include "policyd/spf/spf_match.h"

#include "common/text/domain.h"

#include <sys/socket.h>

or_status
spf_match_network(struct spf_check *c, const struct spf_term *term, struct span name,
                  bool *matched_out, struct err *e)
{
    (void)name;
    (void)e;
    *matched_out = cidr_contains(&term->network, &c->query->ip);
    return OR_OK;
}

/* RFC 7208 5: A for an IPv4 client, AAAA for an IPv6 one. */
or_status
spf_match_a(struct spf_check *c, const struct spf_term *term, struct span name, bool *matched_out,
            struct err *e)
{
    const struct ip *client = &c->query->ip;
    bool v4 = client->family == AF_INET;
    const struct dns_answer *answer;

    *matched_out = false;
    or_status st = spf_check_ask(c, v4 ? DNS_A : DNS_AAAA, name, &answer, e);
    if (st != OR_OK)
        return st == OR_ABSENT ? OR_OK : st;
    for (size_t i = 0; i < answer->count; i++) {
        struct cidr block = {.base = answer->records[i].ip,
                             .prefix = v4 ? term->prefix4 : term->prefix6};
        if (block.base.family == client->family && cidr_contains(&block, client)) {
            *matched_out = true;
            break;
        }
    }
    return OR_OK;
}

/* RFC 7208 5.4, 4.6.4: more than ten hosts are a permerror before any is asked for, so that the
 * result does not hang on the order of the answer. No MX: no match, never the domain's own address.
 */
or_status
spf_match_mx(struct spf_check *c, const struct spf_term *term, struct span name, bool *matched_out,
             struct err *e)
{
    const struct dns_answer *answer;

    *matched_out = false;
    or_status st = spf_check_ask(c, DNS_MX, name, &answer, e);
    if (st != OR_OK)
        return st == OR_ABSENT ? OR_OK : st;
    if (answer->count > SPF_MAX_NAMES)
        return err_set(e, OR_MALFORMED, "%.*s has more than %d MX hosts (RFC 7208 4.6.4)",
                       SPAN_ARG(name), SPF_MAX_NAMES);
    for (size_t i = 0; i < answer->count && st == OR_OK && !*matched_out; i++) {
        struct span host = answer->records[i].mx.host;
        if (host.n != 0) /* RFC 7505: null MX */
            st = spf_match_a(c, term, host, matched_out, e);
    }
    return st;
}

or_status
spf_match_ptr(struct spf_check *c, const struct spf_term *term, struct span name, bool *matched_out,
              struct err *e)
{
    (void)term;
    (void)e;
    *matched_out = false;
    spf_check_find_names(c);
    c->term_void = c->names_void;
    for (size_t i = 0; i < c->name_count && name.n != 0; i++) {
        if (domain_is_within(c->names[i], name))
            *matched_out = true;
    }
    return OR_OK;
}

/* RFC 7208 5.7: an A record, whatever the client's family, and whatever it says. */
or_status
spf_match_exists(struct spf_check *c, const struct spf_term *term, struct span name,
                 bool *matched_out, struct err *e)
{
    const struct dns_answer *answer;

    (void)term;
    *matched_out = false;
    or_status st = spf_check_ask(c, DNS_A, name, &answer, e);
    if (st == OR_OK)
        *matched_out = answer->result == DNS_FOUND;
    return st == OR_ABSENT ? OR_OK : st;
}
