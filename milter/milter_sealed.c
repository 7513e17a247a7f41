/* From ARC-Authentication-Results fields to the few words that DMARC is about. */
#include "milter/milter_sealed.h"

#include "common/text/addr.h"
#include "milter/authres/authres_parse.h"

static void
add_dmarc(struct verdict_seal *seal, const struct authres_result *result)
{
    /* One that says pass beside one that does not was put there by somebody else. */
    if (seal->dmarc.n != 0 && !span_equal_nocase_cstr(seal->dmarc, "pass"))
        return;
    seal->dmarc = result->result;
    seal->from = authres_property(result, "header", "from");
}

static void
add_spf(struct verdict_seal *seal, const struct authres_result *result)
{
    struct span sender = authres_property(result, "smtp", "mailfrom");

    if (span_equal_nocase_cstr(result->result, "pass") && sender.n != 0)
        seal->spf = addr_split(sender).domain.n != 0 ? addr_split(sender).domain : sender;
}

/* Gmail reports i= and leaves d= out. */
static void
add_dkim(struct verdict_seal *seal, const struct authres_result *result)
{
    struct span domain = authres_property(result, "header", "d");

    if (domain.n == 0)
        domain = addr_split(authres_property(result, "header", "i")).domain;
    if (domain.n != 0 && span_equal_nocase_cstr(result->result, "pass") &&
        seal->dkim_count < VERDICT_MAX_SEAL_DKIM)
        seal->dkim[seal->dkim_count++] = domain;
}

static const struct {
    const char *method;
    void (*add)(struct verdict_seal *seal, const struct authres_result *result);
} methods[] = {{"dmarc", add_dmarc}, {"spf", add_spf}, {"dkim", add_dkim}};

static void
add_result(struct verdict_seal *seal, const struct authres_result *result)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (span_equal_nocase_cstr(result->method, methods[i].method))
            methods[i].add(seal, result);
}

static void
read_set(const struct arc_verify *arc, unsigned instance, struct arena *mem,
         struct verdict_seal *seal)
{
    char *digits = arena_printf(mem, "%u", instance);
    struct authres results;
    struct err e;

    *seal = (struct verdict_seal){
        .instance = span_cstr(digits),
        .domain = arc->sets[instance - 1].seal->sig.domain,
        .dmarc = SPAN_EMPTY,
        .from = SPAN_EMPTY,
        .spf = SPAN_EMPTY,
    };
    if (authres_parse(arc->chain.sets[instance - 1].results, mem, &results, &e) != OR_OK)
        return;
    for (size_t i = 0; i < results.count; i++)
        add_result(seal, &results.results[i]);
}

void
milter_sealed_list(const struct arc_verify *arc, struct arena *mem, struct verdict_question *q)
{
    q->seal_count = 0;
    if (arc->result != ARC_PASS)
        return;
    for (unsigned i = arc->chain.count; i > 0 && q->seal_count < VERDICT_MAX_SEALS; i--)
        read_set(arc, i, mem, &q->seals[q->seal_count++]);
}
