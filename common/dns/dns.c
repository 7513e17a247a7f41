/*
 * Dispatch to whichever resolver was made, and the words for what it says.
 */
#include "common/dns/dns.h"

or_status
dns_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
          struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    return dns->ops->query(dns, type, name, deadline_mono_ms, mem, answer_out, e);
}

bool
dns_is_at_hand(struct dns *dns, enum dns_type type, struct span name)
{
    return dns->ops->is_at_hand != NULL && dns->ops->is_at_hand(dns, type, name);
}

void
dns_free(struct dns *dns)
{
    if (dns != NULL)
        dns->ops->free(dns);
}

const char *
dns_type_name(enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_NS:
        return "NS";
    case DNS_PTR:
        return "PTR";
    case DNS_MX:
        return "MX";
    case DNS_TXT:
        return "TXT";
    case DNS_AAAA:
        return "AAAA";
    }
    return "unknown type";
}

const char *
dns_result_name(enum dns_result result)
{
    switch (result) {
    case DNS_FOUND:
        return "found";
    case DNS_NODATA:
        return "NODATA";
    case DNS_NXDOMAIN:
        return "NXDOMAIN";
    }
    return "unknown result";
}
