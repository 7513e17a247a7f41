/* A condition that is not given holds for everybody. */
#include "policyd/verdict_rules.h"

#include "common/text/domain.h"

#include <string.h>

#define RULES_BYTES ((size_t)4 << 20) /* patterns of all rules */

struct domains {
    struct addrpattern *patterns;
    size_t count; /* 0: any */
};

struct verdict_rule {
    const struct policyd_dmarc_rule *conf;
    struct domains authors, list_ids;
};

static or_status
compile(const struct conf_list *list, const char *option, struct arena *mem, struct domains *out,
        struct err *e)
{
    out->count = list->count;
    out->patterns = arena_alloc_array(mem, list->count, sizeof(*out->patterns));
    if (out->patterns == NULL)
        return err_set(e, OR_CONFIG, "too many patterns");
    for (size_t i = 0; i < list->count; i++) {
        struct addrpattern *p = &out->patterns[i];

        if (addrpattern_parse(span_cstr(list->items[i]), mem, p, e) != OR_OK ||
            (p->kind != ADDRPATTERN_DOMAIN && p->kind != ADDRPATTERN_SUBDOMAINS))
            return err_set(e, OR_CONFIG, "%s: \"%.100s\" is neither example.org nor .example.org",
                           option, list->items[i]);
    }
    return OR_OK;
}

static or_status
compile_rule(const struct policyd_dmarc_rule *conf, struct arena *mem, struct verdict_rule *rule,
             struct err *e)
{
    rule->conf = conf;
    or_status st = compile(&conf->authors, "authors", mem, &rule->authors, e);
    if (st == OR_OK)
        st = compile(&conf->list_ids, "list-ids", mem, &rule->list_ids, e);
    if (st == OR_OK && conf->authors.count + conf->list_ids.count + conf->clients.count == 0)
        st = err_set(e, OR_CONFIG, "say whom it is about: authors, clients or list-ids");
    return st;
}

or_status
verdict_rules_init(struct verdict_rules *rules, const struct policyd_settings *settings,
                   struct err *e)
{
    size_t count = settings->dmarc_rules.count;

    memset(rules, 0, sizeof(*rules));
    arena_init(&rules->mem, RULES_BYTES);
    rules->rules = arena_alloc_array(&rules->mem, count, sizeof(*rules->rules));
    if (rules->rules == NULL)
        return err_set(e, OR_CONFIG, "too many dmarc-rule sections");
    for (; rules->count < count; rules->count++) {
        const struct policyd_dmarc_rule *conf = policyd_conf_dmarc_rule(settings, rules->count);

        if (compile_rule(conf, &rules->mem, &rules->rules[rules->count], e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "dmarc-rule \"%.60s\" (line %u)", conf->head.title,
                            conf->head.line);
    }
    return OR_OK;
}

void
verdict_rules_fini(struct verdict_rules *rules)
{
    arena_fini(&rules->mem);
}

static bool
has_domain(const struct domains *d, struct span domain)
{
    for (size_t i = 0; i < d->count; i++)
        if (addrpattern_matches(&d->patterns[i], SPAN_EMPTY, domain))
            return true;
    return d->count == 0;
}

static bool
has_client(const struct conf_cidrs *clients, const struct ip *client)
{
    for (size_t i = 0; i < clients->count; i++)
        if (cidr_contains(&clients->items[i], client))
            return true;
    return clients->count == 0;
}

/* RFC 2919 3: "Words about it <id.example.org>". Empty: there is none. */
static struct span
id_of(struct span field, struct arena *mem)
{
    size_t begin = span_rfind(field, '<');
    struct span id = begin < field.n ? span_from(field, begin + 1) : field;
    struct span canonical;

    id = span_trim(span_slice(id, 0, span_find(id, '>')));
    return domain_canonical(id, mem, &canonical, NULL) == OR_OK ? canonical : SPAN_EMPTY;
}

const struct policyd_dmarc_rule *
verdict_rules_find(const struct verdict_rules *rules, struct span author, const struct ip *client,
                   struct span list_id, struct arena *mem)
{
    struct span id = rules->count != 0 && list_id.n != 0 ? id_of(list_id, mem) : SPAN_EMPTY;

    for (size_t i = 0; i < rules->count; i++) {
        const struct verdict_rule *r = &rules->rules[i];

        if (has_domain(&r->authors, author) && has_domain(&r->list_ids, id) &&
            has_client(&r->conf->clients, client))
            return r->conf;
    }
    return NULL;
}
