/*
 * From and Sender fields -> one address.
 */
#include "milter/milter_author.h"

#include "common/text/addrlist.h"
#include "common/text/domain.h"

static or_status
find_one(const struct dkim_message *m, const char *name, struct milter_author *author_out,
         struct err *e)
{
    const struct dkim_field *field = NULL;
    struct addrlist list;

    for (size_t i = 0; i < m->field_count; i++) {
        if (!span_equal_nocase_cstr(m->fields[i].name, name))
            continue;
        if (field != NULL)
            return err_set(e, OR_MALFORMED, "more than one %s field", name);
        field = &m->fields[i];
    }
    if (field == NULL)
        return err_set(e, OR_ABSENT, "no %s field", name);
    or_status st = addrlist_parse(field->value, m->mem, &list, e);
    if (st != OR_OK)
        return err_wrap(e, st, "%s field", name);
    if (list.count != 1)
        return err_set(e, OR_MALFORMED, "%zu addresses in the %s field", list.count, name);
    author_out->local = list.items[0].local;
    return domain_canonical(list.items[0].domain, m->mem, &author_out->domain, e);
}

or_status
milter_author_find(const struct dkim_message *m, struct milter_author *author_out, struct err *e)
{
    or_status st = find_one(m, "From", author_out, e);

    return st == OR_ABSENT ? OR_MALFORMED : st;
}

or_status
milter_author_find_sender(const struct dkim_message *m, struct milter_author *sender_out,
                          struct err *e)
{
    return find_one(m, "Sender", sender_out, e);
}
