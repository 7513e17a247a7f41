/* From the newest ARC set down, as long as the sealers are on the list. */
#include "policyd/verdict_sealed.h"

#include "common/text/domain.h"

#define SEALS_MAX_BYTES 1024 /* as much as an answer's value may have */

static bool
is_same_domain(struct span name, struct span canonical, struct arena *mem)
{
    struct span own;

    return name.n != 0 && domain_canonical(name, mem, &own, NULL) == OR_OK &&
           domain_equal(own, canonical);
}

static bool
is_trusted(const struct conf_list *trusted, struct span sealer)
{
    for (size_t i = 0; i < trusted->count; i++)
        if (domain_equal(span_cstr(trusted->items[i]), sealer))
            return true;
    return false;
}

/* What the sealer found, measured by the author's record. */
static bool
has_aligned_pass(const struct verdict_seal *seal, const struct dmarc_lookup *l, struct span author)
{
    struct dmarc_identity dkim[VERDICT_MAX_SEAL_DKIM];
    struct dmarc_input input = {
        .author = author,
        .spf = {.domain = seal->spf,
                .auth = seal->spf.n != 0 ? DMARC_AUTH_PASSED : DMARC_AUTH_NOT_PASSED},
        .dkim = dkim,
        .dkim_count = seal->dkim_count,
    };
    struct dmarc_outcome outcome;
    struct err why;

    for (size_t i = 0; i < seal->dkim_count; i++)
        dkim[i] = (struct dmarc_identity){.domain = seal->dkim[i], .auth = DMARC_AUTH_PASSED};
    if (input.dkim_count == 0 && seal->spf.n == 0)
        return false;
    dmarc_eval(l, &input, &outcome, &why);
    return outcome.result == DMARC_PASS;
}

static bool
vouches(const struct verdict_seal *seal, const struct dmarc_lookup *l, struct span author)
{
    if (seal->dmarc.n == 0)
        return has_aligned_pass(seal, l, author);
    return span_equal_nocase_cstr(seal->dmarc, "pass") &&
           is_same_domain(seal->from, author, l->mem);
}

bool
verdict_sealed_vouches(const struct conf_list *trusted, const struct verdict_question *q,
                       const struct dmarc_lookup *l, struct span author, struct span *seals_out)
{
    bool found = false;
    struct buf text;

    if (!span_equal_nocase_cstr(q->arc, "pass"))
        return false;
    buf_init(&text, SEALS_MAX_BYTES);
    buf_add_cstr(&text, "arc=pass");
    for (size_t i = 0; i < q->seal_count && !found; i++) {
        const struct verdict_seal *seal = &q->seals[i];

        if (!is_trusted(trusted, seal->domain))
            break;
        buf_addf(&text, " as[%.*s].d=%.*s", SPAN_ARG(seal->instance), SPAN_ARG(seal->domain));
        found = vouches(seal, l, author);
    }
    if (found &&
        (buf_finish(&text) != OR_OK || arena_copy(l->mem, buf_span(&text), seals_out) != OR_OK))
        *seals_out = SPAN_LIT("arc=pass");
    buf_fini(&text);
    return found;
}
