/*
 * Steps are numbered as in RFC 9989 4.10. A record counts for the walk when it is a DMARC record at
 * all; whether its policy can be acted on is asked later, of the one that applies.
 */
#include "policyd/dmarc/dmarc_discover.h"

#include "common/text/domain.h"
#include "common/text/suffix.h"

#define WALK_CUT_LABELS 7 /* step 4: longer names are cut to this many */

/* Steps 2 and 6: what is not a DMARC record does not count; several records count as none. */
static or_status
pick_record(const struct dns_answer *answer, struct arena *mem, struct dmarc_record *record_out)
{
    struct dmarc_record record;
    size_t found = 0;

    for (size_t i = 0; i < answer->count && found < 2; i++) {
        or_status st = dmarc_record_parse(answer->records[i].txt.joined, mem, &record);
        if (st == OR_LIMIT)
            return st;
        if (st == OR_OK && ++found == 1)
            *record_out = record;
    }
    return found == 1 ? OR_OK : OR_ABSENT;
}

static or_status
ask_one(const struct dmarc_lookup *l, struct span domain, struct dmarc_record *record_out,
        struct err *e)
{
    const struct dns_answer *answer = NULL;
    char *name = arena_printf(l->mem, "_dmarc.%.*s", SPAN_ARG(domain));

    if (name == NULL)
        return err_set(e, OR_TEMPFAIL, "out of memory for this request");
    or_status st =
        dns_query(l->dns, DNS_TXT, span_cstr(name), l->deadline_mono_ms, l->mem, &answer, e);
    /* A name that no query can carry holds no record. */
    if (st == OR_MALFORMED)
        return OR_ABSENT;
    if (st == OR_OK)
        st = pick_record(answer, l->mem, record_out);
    return st == OR_LIMIT ? err_set(e, OR_TEMPFAIL, "%s: the answers are too large", name) : st;
}

/* One question of the walk; psd=y and psd=n end it. */
static or_status
walk_step(const struct dmarc_lookup *l, struct dmarc_walk *walk, struct span domain, struct err *e)
{
    struct dmarc_found *found = &walk->found[walk->count];
    or_status st = ask_one(l, domain, &found->record, e);

    if (st == OR_ABSENT)
        return OR_OK;
    if (st != OR_OK)
        return st;
    found->domain = domain;
    walk->count++;
    walk->finished = found->record.psd != DMARC_PSD_UNKNOWN;
    return OR_OK;
}

or_status
dmarc_discover_begin(const struct dmarc_lookup *l, struct span start, struct dmarc_walk *walk_out,
                     struct err *e)
{
    walk_out->start = start;
    walk_out->count = 0;
    walk_out->finished = false;
    walk_out->psl_org =
        l->discovery == DMARC_BY_PSL ? dmarc_discover_psl_domain(start, l->mem) : SPAN_EMPTY;
    return walk_step(l, walk_out, start, e);
}

/* RFC 7489 6.6.3. */
static or_status
finish_by_psl(const struct dmarc_lookup *l, struct dmarc_walk *walk, struct err *e)
{
    or_status st = walk->count == 0 && !span_equal(walk->psl_org, walk->start)
                       ? walk_step(l, walk, walk->psl_org, e)
                       : OR_OK;

    walk->finished = st == OR_OK;
    return st;
}

or_status
dmarc_discover_finish(const struct dmarc_lookup *l, struct dmarc_walk *walk, struct err *e)
{
    size_t labels = domain_label_count(walk->start);
    size_t next = labels > WALK_CUT_LABELS ? WALK_CUT_LABELS : labels - 1;

    if (walk->psl_org.n != 0)
        return walk->finished ? OR_OK : finish_by_psl(l, walk, e);
    /* Steps 4 to 7: at most seven more, down to the single label. */
    for (; labels > 0 && next > 0 && !walk->finished; next--) {
        or_status st = walk_step(l, walk, domain_rightmost(walk->start, next), e);
        if (st != OR_OK)
            return st;
    }
    walk->finished = true;
    return OR_OK;
}

struct span
dmarc_discover_psl_domain(struct span name, struct arena *mem)
{
    struct span found;

    return suffix_registrable(name, mem, &found) == OR_OK ? found : name;
}

struct span
dmarc_discover_org_domain(const struct dmarc_walk *walk)
{
    if (walk->psl_org.n != 0)
        return walk->psl_org;
    for (size_t i = 0; i < walk->count; i++) {
        const struct dmarc_found *found = &walk->found[i];
        if (found->record.psd == DMARC_PSD_NO)
            return found->domain;
        /* One label below it in the name itself: the cut of step 4 may have skipped that label. */
        if (found->record.psd == DMARC_PSD_YES && !span_equal(found->domain, walk->start))
            return domain_rightmost(walk->start, domain_label_count(found->domain) + 1);
    }
    return walk->count > 0 ? walk->found[walk->count - 1].domain : walk->start;
}

const struct dmarc_found *
dmarc_discover_policy(const struct dmarc_walk *walk, enum dmarc_source *source_out)
{
    if (walk->count == 0)
        return NULL;
    if (span_equal(walk->found[0].domain, walk->start)) {
        *source_out = DMARC_SOURCE_AUTHOR;
        return &walk->found[0];
    }
    struct span org = dmarc_discover_org_domain(walk);
    for (size_t i = 0; i < walk->count; i++) {
        if (!span_equal(walk->found[i].domain, org))
            continue;
        *source_out = DMARC_SOURCE_ORG;
        return &walk->found[i];
    }
    /* Only a psd=y record makes an Organizational Domain that has none, and it ended the walk. */
    *source_out = DMARC_SOURCE_PSD;
    return &walk->found[walk->count - 1];
}
