/* MX, else address; then, if wanted, the addresses of the hosts. */
#include "policyd/sender_domain.h"

#include "common/dns/dns_batch.h"

#include <sys/socket.h>

bool
sender_domain_is_private(const struct ip *ip)
{
    static const struct cidr blocks[] = {
        {{AF_INET, {0}}, 8},
        {{AF_INET, {10}}, 8},
        {{AF_INET, {100, 64}}, 10},
        {{AF_INET, {127}}, 8},
        {{AF_INET, {169, 254}}, 16},
        {{AF_INET, {172, 16}}, 12},
        {{AF_INET, {192, 0, 0}}, 24},
        {{AF_INET, {192, 168}}, 16},
        {{AF_INET, {224}}, 3}, /* multicast and reserved */
        {{AF_INET6, {0}}, 96}, /* unspecified, loopback */
        {{AF_INET6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, 96},
        {{AF_INET6, {0xfc}}, 7},
        {{AF_INET6, {0xfe, 0x80}}, 10},
        {{AF_INET6, {0xff}}, 8},
    };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
        if (cidr_contains(&blocks[i], ip))
            return true;
    return false;
}

/* Addresses of several hosts. */
struct addresses {
    bool found, public, unknown;
};

static void
read_addresses(const struct dns_question *question, struct addresses *a)
{
    if (question->status != OR_OK) {
        a->unknown = a->unknown || question->status != OR_MALFORMED;
        return;
    }
    for (size_t i = 0; i < question->answer->count; i++) {
        a->found = true;
        a->public = a->public || !sender_domain_is_private(&question->answer->records[i].ip);
    }
}

static struct addresses
find_addresses(const struct policyd_work *w, const struct span *hosts, size_t count)
{
    struct dns_question questions[2 * SENDER_DOMAIN_MAX_HOSTS] = {{.status = OR_OK}};
    struct addresses a = {.found = false};

    for (size_t i = 0; i < 2 * count; i++) {
        questions[i].type = i % 2 == 0 ? DNS_A : DNS_AAAA;
        questions[i].name = hosts[i / 2];
    }
    dns_batch_query(w->view->dns, questions, 2 * count, w->deadline_mono_ms, w->mem);
    for (size_t i = 0; i < 2 * count; i++)
        read_addresses(&questions[i], &a);
    return a;
}

/* RFC 5321 5.1: without MX the domain itself is the host. */
static enum sender_domain_route
find_implicit(const struct policyd_work *w, struct span domain, bool look_at_hosts)
{
    struct addresses a = find_addresses(w, &domain, 1);

    if (a.found)
        return look_at_hosts && !a.public && !a.unknown ? SENDER_DOMAIN_BAD_MX : SENDER_DOMAIN_FINE;
    return a.unknown ? SENDER_DOMAIN_TEMPERROR : SENDER_DOMAIN_NOT_FOUND;
}

static enum sender_domain_route
look_at(const struct policyd_work *w, const struct dns_answer *mx)
{
    struct span hosts[SENDER_DOMAIN_MAX_HOSTS];
    size_t count = 0;

    for (size_t i = 0; i < mx->count; i++) {
        if (mx->records[i].mx.host.n == 0) /* one of several: not a null MX, and no host */
            continue;
        /* More than are looked at: one of the others may do. */
        if (count == SENDER_DOMAIN_MAX_HOSTS)
            return SENDER_DOMAIN_FINE;
        hosts[count++] = mx->records[i].mx.host;
    }
    struct addresses a = find_addresses(w, hosts, count);
    return a.public || a.unknown ? SENDER_DOMAIN_FINE : SENDER_DOMAIN_BAD_MX;
}

enum sender_domain_route
sender_domain_find(const struct policyd_work *w, struct span domain, bool look_at_hosts)
{
    const struct dns_answer *mx;
    or_status st = dns_query(w->view->dns, DNS_MX, domain, w->deadline_mono_ms, w->mem, &mx, NULL);

    if (st != OR_OK)
        return st == OR_MALFORMED ? SENDER_DOMAIN_NOT_FOUND : SENDER_DOMAIN_TEMPERROR;
    if (mx->result == DNS_NXDOMAIN) /* RFC 8020 */
        return SENDER_DOMAIN_NOT_FOUND;
    if (mx->count == 0)
        return find_implicit(w, domain, look_at_hosts);
    if (mx->count == 1 && mx->records[0].mx.host.n == 0)
        return SENDER_DOMAIN_NULL_MX;
    return look_at_hosts ? look_at(w, mx) : SENDER_DOMAIN_FINE;
}
