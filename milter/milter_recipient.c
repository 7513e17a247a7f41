/* Lists, compared without case. */
#include "milter/milter_recipient.h"

#include "common/text/domain.h"

static bool
is_listed(const struct conf_list *domains, struct span domain)
{
    for (size_t i = 0; i < domains->count; i++)
        if (domain_equal(span_cstr(domains->items[i]), domain))
            return true;
    return false;
}

/* "chat@example.org" or a whole domain. */
static bool
is_forwarded(const struct conf_list *recipients, const struct addr *address)
{
    for (size_t i = 0; i < recipients->count; i++) {
        struct addr listed = addr_split(span_cstr(recipients->items[i]));

        if (listed.domain.n != 0 && span_equal_nocase(listed.local, address->local) &&
            domain_equal(listed.domain, address->domain))
            return true;
    }
    return is_listed(recipients, address->domain);
}

bool
milter_recipient_parse(struct span path, struct arena *mem, struct addr *address_out)
{
    struct span domain;

    if (addr_parse_path(path, true, mem, address_out, NULL, NULL) != OR_OK ||
        address_out->domain.n == 0 ||
        domain_canonical(address_out->domain, mem, &domain, NULL) != OR_OK)
        return false;
    address_out->domain = domain;
    return true;
}

bool
milter_recipient_is_elsewhere(const struct milter_settings *settings, const struct addr *address)
{
    return !is_listed(&settings->local_domains, address->domain) ||
           is_forwarded(&settings->forwarded_recipients, address);
}

const struct milter_seal *
milter_recipient_seal(const struct milter_settings *settings, const struct addrpattern *patterns,
                      const struct addr *address)
{
    for (size_t i = 0; i < settings->seals.count; i++)
        if (addrpattern_matches(&patterns[i], address->local, address->domain))
            return milter_conf_seal(settings, i);
    return NULL;
}
