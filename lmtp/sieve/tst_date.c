/* date and currentdate (RFC 5260 4, 5). */
#include "lmtp/sieve/sieve_date.h"
#include "lmtp/sieve/sieve_fields.h"
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_rows.h"

or_status
tst_date_check(struct sieve_check *c, struct sieve_node *node)
{
    /* The part stands in front of the keys. */
    const struct sieve_arg *part = node->positional[node->row->keys - 2];
    const struct sieve_arg *zone = node->given[SIEVE_SLOT_ZONE].arg;
    bool variables = (c->required & SIEVE_VARIABLES) != 0;
    long offset;

    if (!sieve_date_is_part(part->strings[0]) && !(variables && sieve_vars_has(part->strings[0])))
        return sieve_check_fail(c, part->pos, "expected a part of a date, not \"%.*s\"",
                                SPAN_ARG(part->strings[0]));
    if (zone != NULL && !(variables && sieve_vars_has(zone->strings[0])) &&
        sieve_date_parse_zone(zone->strings[0], &offset) != OR_OK)
        return sieve_check_fail(c, zone->pos, "expected a time zone such as \"+0100\"");
    return OR_OK;
}

/* RFC 5260 4.1: the zone asked for, the one written, or ours. */
static or_status
set_zone(struct sieve_run *r, const struct sieve_node *node, struct sieve_date *date)
{
    const struct sieve_given *given = &node->given[SIEVE_SLOT_ZONE];
    struct span zone;

    if (given->tag == NULL) {
        date->offset_s =
            r->message->local_offset_s != NULL ? r->message->local_offset_s(date->when) : 0;
        return OR_OK;
    }
    if (given->arg == NULL)
        return OR_OK;
    or_status st = sieve_vars_expand(r, given->arg->strings[0], &zone);
    if (st == OR_OK && sieve_date_parse_zone(zone, &date->offset_s) != OR_OK)
        return err_set(r->e, OR_MALFORMED, "expected a time zone such as \"+0100\"");
    return st;
}

static or_status
match_date(struct sieve_match *m, struct sieve_date *date)
{
    const struct sieve_arg *arg = m->node->positional[m->node->row->keys - 2];
    char text[SIEVE_DATE_BYTES];
    struct span name = SPAN_EMPTY, value = SPAN_EMPTY;
    or_status st = set_zone(m->run, m->node, date);

    if (st == OR_OK)
        st = sieve_vars_expand(m->run, arg->strings[0], &name);
    if (st == OR_OK)
        st = arena_copy(&m->run->mem, sieve_date_part(date, name, text), &value);
    if (st == OR_OK && value.n > 0)
        sieve_match_value(m, value);
    return st;
}

or_status
tst_currentdate(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_date date = {.when = r->message->now};
    struct sieve_match m;
    or_status st = sieve_match_begin(&m, r, node);

    if (st == OR_OK)
        st = match_date(&m, &date);
    return st == OR_OK ? sieve_match_end(&m, out) : st;
}

/* RFC 5260 4: only one field, the first unless :index says otherwise; what is no date is not there.
 */
or_status
tst_date(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_fields fields;
    struct sieve_date date;
    struct sieve_match m;
    struct span name, text;
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &name);

    if (st == OR_OK)
        st = sieve_match_begin(&m, r, node);
    if (st == OR_OK)
        st = sieve_fields_begin(&fields, r, node, name);
    if (st != OR_OK)
        return st;
    const struct header_field *field = sieve_fields_next(&fields);
    if (field != NULL) {
        st = sieve_fields_text(r, field, false, &text);
        if (st == OR_OK && sieve_date_parse(text, &date) == OR_OK)
            st = match_date(&m, &date);
    }
    return st == OR_OK ? sieve_match_end(&m, out) : st;
}
