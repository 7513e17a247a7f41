/* Every author of every From field is read; the first thing that is wrong is remembered. */
#include "policyd/dmarc/dmarc_from.h"

#include "common/text/addrlist.h"
#include "common/text/domain.h"

static void
set_defect(struct dmarc_from *from, enum dmarc_from_defect defect)
{
    if (from->defect == DMARC_FROM_OK)
        from->defect = defect;
}

static void
add_domain(struct dmarc_from *from, struct span written, struct arena *mem)
{
    struct span domain;

    /* CVE-2020-12272: what is not a host name is never compared, looked up or printed. */
    if (domain_canonical(written, mem, &domain, NULL) != OR_OK || !domain_is_hostname(domain)) {
        set_defect(from, DMARC_FROM_NO_DOMAIN);
        return;
    }
    for (size_t i = 0; i < from->count; i++) {
        if (span_equal(from->domains[i], domain))
            return;
    }
    if (from->count == DMARC_FROM_MAX_DOMAINS) {
        set_defect(from, DMARC_FROM_TOO_MANY);
        return;
    }
    from->domains[from->count++] = domain;
}

static void
add_field(struct dmarc_from *from, struct span field, struct arena *mem)
{
    struct addrlist list;

    if (addrlist_parse(field, mem, &list, NULL) != OR_OK) {
        set_defect(from, DMARC_FROM_UNPARSABLE);
        return;
    }
    if (list.count == 0)
        set_defect(from, DMARC_FROM_NO_DOMAIN);
    for (size_t i = 0; i < list.count; i++)
        add_domain(from, list.items[i].domain, mem);
}

void
dmarc_from_extract(const struct span *fields, size_t count, struct arena *mem,
                   struct dmarc_from *from_out)
{
    *from_out = (struct dmarc_from){.count = 0, .defect = DMARC_FROM_OK};
    if (count == 0)
        set_defect(from_out, DMARC_FROM_ABSENT);
    if (count > 1)
        set_defect(from_out, DMARC_FROM_SEVERAL);
    for (size_t i = 0; i < count; i++)
        add_field(from_out, fields[i], mem);
}

const char *
dmarc_from_defect_text(enum dmarc_from_defect defect)
{
    static const char *const texts[] = {
        [DMARC_FROM_OK] = "",
        [DMARC_FROM_ABSENT] = "has no From field",
        [DMARC_FROM_SEVERAL] = "has more than one From field",
        [DMARC_FROM_UNPARSABLE] = "has a From field that is not a list of addresses",
        [DMARC_FROM_NO_DOMAIN] = "has an author without a domain name in its From field",
        [DMARC_FROM_TOO_MANY] = "has authors of too many domains in its From field",
    };

    return texts[defect];
}
