/*
 * From field -> author domain.
 */
#include "milter/milter_author.h"

#include "common/text/addrlist.h"
#include "common/text/domain.h"

or_status
milter_author_find(const struct dkim_message *m, struct span *domain_out, struct err *e)
{
    const struct dkim_field *from = NULL;
    struct addrlist list;

    for (size_t i = 0; i < m->field_count; i++) {
        if (!span_equal_nocase_cstr(m->fields[i].name, "From"))
            continue;
        if (from != NULL)
            return err_set(e, OR_MALFORMED, "more than one From field");
        from = &m->fields[i];
    }
    if (from == NULL)
        return err_set(e, OR_MALFORMED, "no From field");
    or_status st = addrlist_parse(from->value, m->mem, &list, e);
    if (st != OR_OK)
        return err_wrap(e, st, "From field");
    if (list.count != 1)
        return err_set(e, OR_MALFORMED, "%zu addresses in the From field", list.count);
    return domain_canonical(list.items[0].domain, m->mem, domain_out, e);
}
