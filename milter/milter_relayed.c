/* Which fields are the relay's, and what is taken over from them. */
#include "milter/milter_relayed.h"

#include "common/text/addr.h"
#include "common/text/domain.h"
#include "milter/authres/authres_parse.h"

bool
milter_relayed_is_relay(const struct milter_settings *settings, const struct ip *client)
{
    const struct conf_cidrs *relays = &settings->trusted_relays;

    for (size_t i = 0; i < relays->count; i++)
        if (cidr_contains(&relays->items[i], client))
            return true;
    return false;
}

static bool
claims_trusted_id(const struct milter_settings *settings, struct span value)
{
    for (size_t i = 0; i < settings->trusted_authserv_ids.count; i++)
        if (authres_claims_id(value, span_cstr(settings->trusted_authserv_ids.items[i])))
            return true;
    return false;
}

/* What was removed as forged could be read in two ways; what is believed must be plain. */
static bool
is_trusted_id(const struct milter_settings *settings, struct span id)
{
    for (size_t i = 0; i < settings->trusted_authserv_ids.count; i++)
        if (span_equal_nocase_cstr(id, settings->trusted_authserv_ids.items[i]))
            return true;
    return false;
}

static bool
is_results(const struct dkim_field *field)
{
    return span_equal_nocase_cstr(field->name, "Authentication-Results");
}

/* The first Received field is the relay's own, the second was there before. */
static size_t
find_field_end(const struct dkim_message *m)
{
    unsigned received = 0;

    for (size_t i = 0; i < m->field_count; i++)
        if (span_equal_nocase_cstr(m->fields[i].name, "Received") && ++received == 2)
            return i;
    return m->field_count;
}

static bool
find_result(struct span word, enum dkim_result *result_out)
{
    for (int i = 0; i < DKIM_RESULTS; i++) {
        if (!span_equal_nocase_cstr(word, dkim_result_name((enum dkim_result)i)))
            continue;
        *result_out = (enum dkim_result)i;
        return true;
    }
    return false;
}

/* The name, canonical; empty when it is none. */
static struct span
hostname(struct arena *mem, struct span name)
{
    struct span canonical;

    if (!domain_is_hostname(name) || domain_canonical(name, mem, &canonical, NULL) != OR_OK)
        return SPAN_EMPTY;
    return canonical;
}

static struct dkim_verify_item
item_of(const struct authres_result *result, enum dkim_result word, struct span id,
        struct arena *mem)
{
    struct span domain = authres_property(result, "header", "d");
    struct dkim_verify_item item = {
        .result = word,
        .reason = DKIM_RELAYED,
        .detail = id,
        .sig = {.selector = hostname(mem, authres_property(result, "header", "s")),
                .algorithm_name = authres_property(result, "header", "a"),
                .b_prefix = authres_property(result, "header", "b")},
    };

    if (domain.n == 0)
        domain = addr_split(authres_property(result, "header", "i")).domain;
    item.sig.domain = hostname(mem, domain);
    return item;
}

/* False, and nothing changed, when the signatures are ours to verify. */
static bool
take_dkim(const struct authres *found, const struct milter_settings *settings, struct arena *mem,
          struct dkim_verify *verify)
{
    size_t max = (size_t)settings->max_signatures;
    struct dkim_verify v = {.items = arena_alloc_array(mem, max, sizeof(v.items[0])),
                            .twice = SPAN_EMPTY};
    bool reported = false;

    for (size_t i = 0; i < found->count && v.items != NULL; i++) {
        const struct authres_result *result = &found->results[i];
        enum dkim_result word;

        if (!span_equal_nocase_cstr(result->method, "dkim"))
            continue;
        if (!find_result(result->result, &word) || word == DKIM_TEMPERROR)
            return false;
        reported = true;
        if (word == DKIM_NONE)
            continue;
        if (v.count == max)
            v.ignored_count++;
        else
            v.items[v.count++] = item_of(result, word, found->id, mem);
    }
    if (reported)
        *verify = v;
    return reported;
}

static void
take_spf(struct milter_relayed *r, const struct authres_result *result, bool null_sender,
         struct arena *mem)
{
    struct span sender = authres_property(result, "smtp", "mailfrom");
    struct span domain = addr_split(sender).domain;

    r->spf_identity = sender;
    r->spf = (struct verdict_spf){.result = result->result, .scope = SPAN_LIT("mfrom")};
    /* HELO must never stand in for a sender (CVE-2019-20790). */
    if (sender.n == 0 && null_sender) {
        r->spf.scope = SPAN_LIT("helo");
        r->spf_identity = domain = authres_property(result, "smtp", "helo");
    }
    r->spf.domain = hostname(mem, domain.n != 0 ? domain : sender);
    if (r->spf.domain.n == 0)
        r->spf.result = SPAN_LIT("none");
}

static void
take_over(struct milter_relayed *r, const struct authres *found, bool null_sender,
          struct arena *mem)
{
    r->id = found->id;
    for (size_t i = 0; i < found->count; i++) {
        const struct authres_result *result = &found->results[i];

        if (span_equal_nocase_cstr(result->method, "spf") && r->spf_identity.n == 0)
            take_spf(r, result, null_sender, mem);
    }
}

void
milter_relayed_read(struct milter_relayed *r, const struct milter_settings *settings,
                    const struct dkim_message *m, bool null_sender, struct dkim_verify *verify)
{
    struct authres found;
    struct err e;

    /* Without a word of the relay SPF says nothing: the relay's own address is not the sender's. */
    *r = (struct milter_relayed){
        .from_relay = true,
        .field_end = find_field_end(m),
        .id = SPAN_EMPTY,
        .spf = {.result = SPAN_LIT("none"), .domain = SPAN_EMPTY, .scope = SPAN_LIT("mfrom")},
        .spf_identity = SPAN_EMPTY,
    };
    for (size_t i = 0; i < r->field_end; i++) {
        if (!is_results(&m->fields[i]) || !claims_trusted_id(settings, m->fields[i].value) ||
            authres_parse(m->fields[i].value, m->mem, &found, &e) != OR_OK ||
            !is_trusted_id(settings, found.id))
            continue;
        take_over(r, &found, null_sender, m->mem);
        r->has_dkim = take_dkim(&found, settings, m->mem, verify);
        return;
    }
}

bool
milter_relayed_is_forged(const struct milter_relayed *r, const struct milter_settings *settings,
                         const struct dkim_message *m, size_t field)
{
    return claims_trusted_id(settings, m->fields[field].value) &&
           !(r->from_relay && field < r->field_end);
}
