/*
 * Collecting the sets. Every ARC field counts: one that cannot be put into a set breaks the chain,
 * since nobody can tell which set it was taken from.
 */
#include "milter/arc/arc_set.h"

#include "common/text/header.h"
#include "common/text/taglist.h"
#include "milter/dkim/dkim_sig.h"

/* What is read of one field. */
struct reading {
    struct arena *mem;
    unsigned instance;
    struct span results;
    struct span status;
    struct span detail;
};

/* RFC 8617 4.2.1: 1*2DIGIT, 1 to 50. */
static enum arc_reason
read_number(struct reading *r, struct span digits)
{
    uint64_t number = 0;

    r->detail = digits;
    if (digits.n > 2 || span_parse_u64(digits, ARC_MAX_SETS, &number) != OR_OK || number == 0)
        return ARC_INSTANCE;
    r->instance = (unsigned)number;
    return ARC_OK;
}

static enum arc_reason
read_tags(struct reading *r, struct span value)
{
    struct taglist list;
    struct err e;

    if (value.n > DKIM_SIG_MAX_BYTES)
        return ARC_FIELD_SYNTAX;
    if (taglist_parse(value, &list, &e) != OR_OK) {
        r->detail = dkim_sig_detail(r->mem, span_cstr(e.text));
        return ARC_FIELD_SYNTAX;
    }
    const struct tag *status = taglist_get(&list, "cv");
    if (status != NULL)
        r->status = status->value;
    const struct tag *instance = taglist_get(&list, "i");
    return instance != NULL ? read_number(r, instance->value) : ARC_INSTANCE;
}

/* Takes `c` with the CFWS around it off the front. */
static bool
take(struct span *s, char c)
{
    if (header_skip_cfws(s) != OR_OK || s->n == 0 || s->p[0] != c)
        return false;
    *s = span_from(*s, 1);
    return header_skip_cfws(s) == OR_OK;
}

/* RFC 8617 4.1.1: "i=1;" and then what an Authentication-Results field has. */
static enum arc_reason
read_results(struct reading *r, struct span value)
{
    size_t n = 0;

    if (!take(&value, 'i') || !take(&value, '='))
        return ARC_INSTANCE;
    while (n < value.n && value.p[n] >= '0' && value.p[n] <= '9')
        n++;
    struct span digits = span_slice(value, 0, n);
    value = span_from(value, n);
    if (!take(&value, ';'))
        return ARC_INSTANCE;
    r->results = value;
    return read_number(r, digits);
}

static enum arc_reason (*const readers[ARC_FIELDS])(struct reading *r, struct span value) = {
    [ARC_FIELD_RESULTS] = read_results,
    [ARC_FIELD_MESSAGE] = read_tags,
    [ARC_FIELD_SEAL] = read_tags,
};

/* The first fault stands. */
static void
note(struct arc_chain *chain, enum arc_reason reason, unsigned instance, struct span detail)
{
    if (chain->reason != ARC_OK)
        return;
    chain->reason = reason;
    chain->instance = instance;
    chain->detail = span_slice(detail, 0, DKIM_DETAIL_BYTES);
}

static void
add_field(struct arc_chain *chain, const struct dkim_message *m, size_t index, enum arc_field field)
{
    struct reading r = {
        .mem = m->mem, .results = SPAN_EMPTY, .status = SPAN_EMPTY, .detail = SPAN_EMPTY};
    enum arc_reason reason = readers[field](&r, m->fields[index].value);

    if (reason != ARC_OK) {
        note(chain, reason, 0, r.detail.n != 0 ? r.detail : span_cstr(arc_field_name(field)));
        return;
    }
    struct arc_set *set = &chain->sets[r.instance - 1];
    if (r.instance > chain->count)
        chain->count = r.instance;
    if (set->fields[field] != DKIM_NO_FIELD) {
        note(chain, ARC_DUPLICATE, r.instance, span_cstr(arc_field_name(field)));
        return;
    }
    set->fields[field] = index;
    if (field == ARC_FIELD_SEAL)
        set->status = r.status;
    if (field == ARC_FIELD_RESULTS)
        set->results = r.results;
}

static or_status
make_sets(struct arc_chain *chain, const struct dkim_message *m)
{
    if (chain->sets != NULL)
        return OR_OK;
    chain->sets = arena_alloc_array(m->mem, ARC_MAX_SETS, sizeof(chain->sets[0]));
    if (chain->sets == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < ARC_MAX_SETS; i++) {
        chain->sets[i].status = chain->sets[i].results = SPAN_EMPTY;
        for (int field = 0; field < ARC_FIELDS; field++)
            chain->sets[i].fields[field] = DKIM_NO_FIELD;
    }
    return OR_OK;
}

/* RFC 8617 5.2 step 3A. */
static enum arc_reason
check_complete(const struct arc_set *set)
{
    static const enum arc_reason missing[ARC_FIELDS] = {
        [ARC_FIELD_RESULTS] = ARC_RESULTS_MISSING,
        [ARC_FIELD_MESSAGE] = ARC_MESSAGE_MISSING,
        [ARC_FIELD_SEAL] = ARC_SEAL_MISSING,
    };
    enum arc_reason reason = ARC_OK;
    int found = 0;

    for (int field = 0; field < ARC_FIELDS; field++) {
        if (set->fields[field] != DKIM_NO_FIELD)
            found++;
        else if (reason == ARC_OK)
            reason = missing[field];
    }
    return found == 0 ? ARC_GAP : reason;
}

/* RFC 8617 5.2 step 3C: the first seal says none, all later ones pass. */
static void
check_sets(struct arc_chain *chain)
{
    for (unsigned i = 1; i <= chain->count; i++) {
        const struct arc_set *set = &chain->sets[i - 1];
        enum arc_reason reason = check_complete(set);

        if (reason != ARC_OK)
            note(chain, reason, i, SPAN_EMPTY);
        else if (!span_equal_cstr(set->status, arc_result_name(i == 1 ? ARC_NONE : ARC_PASS)))
            note(chain, ARC_CHAIN_STATUS, i, set->status);
    }
}

bool
arc_set_is_closed(const struct arc_chain *chain)
{
    return chain->count != 0 &&
           span_equal_cstr(chain->sets[chain->count - 1].status, arc_result_name(ARC_FAIL));
}

or_status
arc_set_collect(struct arc_chain *chain, const struct dkim_message *m, struct err *e)
{
    *chain = (struct arc_chain){.detail = SPAN_EMPTY};
    for (size_t i = 0; i < m->field_count; i++) {
        for (int field = 0; field < ARC_FIELDS; field++) {
            if (!span_equal_nocase_cstr(m->fields[i].name, arc_field_name((enum arc_field)field)))
                continue;
            if (make_sets(chain, m) != OR_OK)
                return err_set(e, OR_LIMIT, "no memory left for ARC sets");
            add_field(chain, m, i, (enum arc_field)field);
        }
    }
    /* RFC 8617 5.2 step 2 comes before the rest. */
    if (arc_set_is_closed(chain))
        note(chain, ARC_REPORTED_FAIL, chain->count, SPAN_EMPTY);
    check_sets(chain);
    return OR_OK;
}
