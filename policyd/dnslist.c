/* From sections to lists that can be asked. */
#include "policyd/dnslist.h"

#include "common/text/domain.h"

#include <string.h>

#define SET_BYTES ((size_t)4 << 20)
#define LOOPBACK 127

/* In the order of enum dnslist_kind. */
static const char *const kind_words[DNSLIST_KINDS] = {"client", "sender-domain", "helo",
                                                      "client-name"};

/* "2", "2-11" or "*". */
static or_status
parse_part(struct span part, uint8_t *low_out, uint8_t *high_out)
{
    struct span first = SPAN_EMPTY;
    uint64_t low = 0, high = 255;

    if (!span_equal_cstr(part, "*")) {
        if (!span_split(&part, '-', &first) || span_parse_u64(first, 255, &low) != OR_OK)
            return OR_MALFORMED;
        high = low;
        if (part.p != NULL && span_parse_u64(part, 255, &high) != OR_OK)
            return OR_MALFORMED;
    }
    if (high < low)
        return OR_MALFORMED;
    *low_out = (uint8_t)low;
    *high_out = (uint8_t)high;
    return OR_OK;
}

static or_status
parse_weight(struct span text, int64_t *weight_out)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    uint64_t value;

    if (span_parse_u64(span_from(text, negative), POLICYD_DNSLIST_MAX_WEIGHT, &value) != OR_OK)
        return OR_MALFORMED;
    *weight_out = negative ? -(int64_t)value : (int64_t)value;
    return OR_OK;
}

static or_status
parse_address(struct span text, struct dnslist_code *code)
{
    struct span part;
    size_t parts = 0;

    while (span_split(&text, '.', &part)) {
        if (parts == 4 || parse_part(part, &code->low[parts], &code->high[parts]) != OR_OK)
            return OR_MALFORMED;
        parts++;
    }
    bool loopback = parts == 4 && code->low[0] <= LOOPBACK && code->high[0] >= LOOPBACK;
    return loopback ? OR_OK : OR_MALFORMED;
}

or_status
dnslist_code_parse(struct span text, struct dnslist_code *code_out, struct err *e)
{
    size_t equals = span_find(text, '=');
    struct dnslist_code code = {.weight = 0};

    if (equals == text.n || parse_address(span_slice(text, 0, equals), &code) != OR_OK ||
        parse_weight(span_from(text, equals + 1), &code.weight) != OR_OK)
        return err_set(e, OR_CONFIG,
                       "\"%.*s\" is no code; expected like 127.0.0.2-11=5 or 127.0.*.3=-2, weights "
                       "from -%d to %d",
                       (int)(text.n > 60 ? 60 : text.n), text.p, POLICYD_DNSLIST_MAX_WEIGHT,
                       POLICYD_DNSLIST_MAX_WEIGHT);
    *code_out = code;
    return OR_OK;
}

static or_status
read_kinds(const struct conf_list *words, struct dnslist *list, struct err *e)
{
    for (size_t i = 0; i < words->count; i++) {
        size_t kind = 0;

        while (kind < DNSLIST_KINDS && strcmp(words->items[i], kind_words[kind]) != 0)
            kind++;
        if (kind == DNSLIST_KINDS)
            return err_set(e, OR_CONFIG,
                           "kinds: \"%.60s\"; allowed: client, sender-domain, helo, client-name",
                           words->items[i]);
        list->kinds |= 1U << kind;
    }
    return OR_OK;
}

static or_status
read_codes(const struct conf_list *words, struct arena *mem, struct dnslist *list, struct err *e)
{
    if (words->count > DNSLIST_MAX_CODES)
        return err_set(e, OR_CONFIG, "codes: more than %d", DNSLIST_MAX_CODES);
    list->codes = arena_alloc_array(mem, words->count, sizeof(*list->codes));
    if (list->codes == NULL)
        return err_set(e, OR_CONFIG, "codes: too many of all lists");
    for (size_t i = 0; i < words->count; i++) {
        or_status st = dnslist_code_parse(span_cstr(words->items[i]), &list->codes[i], e);
        if (st != OR_OK)
            return err_wrap(e, st, "codes");
    }
    list->code_count = words->count;
    return OR_OK;
}

static or_status
read_list(const struct policyd_dnslist *section, struct arena *mem, struct dnslist *list,
          struct err *e)
{
    struct span title = span_cstr(section->head.title);

    memset(list, 0, sizeof(*list));
    if (domain_canonical(title, mem, &list->zone, NULL) != OR_OK || !domain_is_hostname(list->zone))
        return err_set(e, OR_CONFIG, "the title must be the list's domain");
    list->weight = section->weight;
    or_status st = read_kinds(&section->kinds, list, e);
    return st == OR_OK ? read_codes(&section->codes, mem, list, e) : st;
}

static bool
is_allow_list(const struct dnslist *list)
{
    for (size_t i = 0; i < list->code_count; i++)
        if (list->codes[i].weight < 0)
            return true;
    return list->code_count == 0 && list->weight < 0;
}

or_status
dnslist_init(struct dnslist_set *set, const struct policyd_settings *settings, struct err *e)
{
    size_t count = settings->dnslists.count;

    memset(set, 0, sizeof(*set));
    arena_init(&set->mem, SET_BYTES);
    if (count > DNSLIST_MAX_LISTS)
        return err_set(e, OR_CONFIG, "more than %d dnslist sections", DNSLIST_MAX_LISTS);
    set->lists = arena_alloc_array(&set->mem, count, sizeof(*set->lists));
    if (set->lists == NULL)
        return err_set(e, OR_CONFIG, "too many dnslist sections");
    for (; set->count < count; set->count++) {
        const struct policyd_dnslist *section = policyd_conf_dnslist(settings, set->count);
        or_status st = read_list(section, &set->mem, &set->lists[set->count], e);

        if (st != OR_OK)
            return err_wrap(e, st, "dnslist \"%.60s\" (line %u)", section->head.title,
                            section->head.line);
        set->has_allow_list = set->has_allow_list || is_allow_list(&set->lists[set->count]);
    }
    return OR_OK;
}

void
dnslist_fini(struct dnslist_set *set)
{
    arena_fini(&set->mem);
}
