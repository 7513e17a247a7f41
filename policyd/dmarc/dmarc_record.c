/*
 * Parsing in two steps: collect the values of the known tags, then read each one. What is wrong in
 * one tag leaves the others as they are (RFC 9989 4.8), except that a record without a policy that
 * can be understood is used as p=none if it asks for reports, and not at all if it does not
 * (4.10.1).
 */
#include "policyd/dmarc/dmarc_record.h"

enum tag {
    TAG_P,
    TAG_SP,
    TAG_NP,
    TAG_ADKIM,
    TAG_ASPF,
    TAG_PSD,
    TAG_T,
    TAG_FO,
    TAG_RUA,
    TAG_RUF,
    TAG_COUNT,
};

static const char *const tag_names[TAG_COUNT] = {
    [TAG_P] = "p",     [TAG_SP] = "sp", [TAG_NP] = "np", [TAG_ADKIM] = "adkim", [TAG_ASPF] = "aspf",
    [TAG_PSD] = "psd", [TAG_T] = "t",   [TAG_FO] = "fo", [TAG_RUA] = "rua",     [TAG_RUF] = "ruf",
};

struct tag_values {
    struct span value[TAG_COUNT];
    unsigned times[TAG_COUNT];
};

/* Tag names are ABNF strings, so of either case. False without a "=". */
static bool
split_tag(struct span part, struct span *name_out, struct span *value_out)
{
    size_t equals = span_find(part, '=');

    if (equals == part.n)
        return false;
    *name_out = span_trim(span_slice(part, 0, equals));
    *value_out = span_trim(span_from(part, equals + 1));
    return true;
}

/* RFC 9989 4.7: v must be the first tag, and its value is the one thing where case matters. */
static bool
is_version(struct span part)
{
    struct span name, value;

    if (part.n == 0 || (part.p[0] != 'v' && part.p[0] != 'V'))
        return false;
    return split_tag(part, &name, &value) && span_equal_nocase_cstr(name, "v") &&
           span_equal_cstr(value, "DMARC1");
}

static void
collect_tag(struct span part, struct tag_values *values)
{
    struct span name, value;

    if (!split_tag(part, &name, &value))
        return;
    for (size_t i = 0; i < TAG_COUNT; i++) {
        if (!span_equal_nocase_cstr(name, tag_names[i]))
            continue;
        values->value[i] = value;
        values->times[i]++;
        return;
    }
}

/* Index of the word that the tag says, or `absent` when it says nothing that can be used. */
static int
read_word(const struct tag_values *values, enum tag tag, const char *const *words, int absent)
{
    if (values->times[tag] != 1)
        return absent;
    for (int i = 0; words[i] != NULL; i++) {
        if (span_equal_nocase_cstr(values->value[tag], words[i]))
            return i;
    }
    return absent;
}

static int
read_policy(const struct tag_values *values, enum tag tag)
{
    static const char *const words[] = {"none", "quarantine", "reject", NULL};

    return read_word(values, tag, words, -1);
}

/* RFC 9989 4.7: the only scheme that has to be supported; others are ignored. */
static bool
is_mailto(struct span uri)
{
    struct span scheme = SPAN_LIT("mailto:");
    struct span address = span_from(uri, scheme.n);
    size_t at = span_rfind(address, '@');

    if (!span_has_prefix_nocase(uri, scheme) || at == 0 || at + 1 >= address.n)
        return false;
    for (size_t i = 0; i < address.n; i++) {
        if ((unsigned char)address.p[i] <= ' ' || (unsigned char)address.p[i] >= 0x7f)
            return false;
    }
    return true;
}

static or_status
read_uris(const struct tag_values *values, enum tag tag, struct arena *mem, struct dmarc_uris *out)
{
    struct span rest = values->value[tag], uri;

    if (values->times[tag] != 1)
        return OR_OK;
    out->items = arena_alloc_array(mem, DMARC_RECORD_MAX_URIS, sizeof(*out->items));
    if (out->items == NULL)
        return OR_LIMIT;
    while (out->count < DMARC_RECORD_MAX_URIS && span_split(&rest, ',', &uri)) {
        /* obs-dmarc-report-size: "!" cannot stand in a URI here, so it always begins a size. */
        uri = span_trim(span_slice(uri, 0, span_find(uri, '!')));
        if (is_mailto(uri))
            out->items[out->count++] = uri;
    }
    return OR_OK;
}

/* Bit i is the option at place i; the last two are the upper case of "d" and "s". */
static unsigned
read_fo(const struct tag_values *values, bool has_ruf)
{
    static const char options[] = "01dsDS";
    struct span rest = values->value[TAG_FO], option;
    unsigned fo = 0;

    if (!has_ruf || values->times[TAG_FO] != 1)
        return DMARC_FO_ALL;
    while (span_split(&rest, ':', &option)) {
        option = span_trim(option);
        size_t at = option.n == 1 ? span_find(SPAN_LIT(options), option.p[0]) : sizeof(options) - 1;
        if (at == sizeof(options) - 1)
            return DMARC_FO_ALL;
        fo |= 1U << (at < 4 ? at : at - 2);
    }
    return fo == 0 ? DMARC_FO_ALL : fo;
}

static void
read_policies(const struct tag_values *values, struct dmarc_record *record)
{
    int p = read_policy(values, TAG_P);
    int sp = read_policy(values, TAG_SP);
    int np = read_policy(values, TAG_NP);
    bool bad_sub = (values->times[TAG_SP] > 0 && sp < 0) || (values->times[TAG_NP] > 0 && np < 0);

    if (p >= 0 && !bad_sub) {
        record->p = (enum dmarc_policy)p;
        record->sp = sp < 0 ? record->p : (enum dmarc_policy)sp;
        record->np = np < 0 ? record->sp : (enum dmarc_policy)np;
        return;
    }
    /* RFC 9989 4.10.1: with an address for reports it counts as p=none, policies for subdomains
     * gone. */
    if (record->rua.count > 0)
        return;
    record->usable =
        values->times[TAG_P] == 0 && !bad_sub ? DMARC_USABLE_NO_POLICY : DMARC_USABLE_BAD_POLICY;
}

or_status
dmarc_record_parse(struct span text, struct arena *mem, struct dmarc_record *record_out)
{
    static const char *const modes[] = {"r", "s", NULL};
    static const char *const yes_no[] = {"n", "y", NULL};
    static const char *const psd[] = {"u", "y", "n", NULL};
    struct dmarc_record record = {.usable = DMARC_USABLE};
    struct tag_values values = {.times = {0}};
    struct span part;

    if (!span_split(&text, ';', &part) || !is_version(part))
        return OR_ABSENT;
    while (span_split(&text, ';', &part))
        collect_tag(part, &values);
    if (read_uris(&values, TAG_RUA, mem, &record.rua) != OR_OK ||
        read_uris(&values, TAG_RUF, mem, &record.ruf) != OR_OK)
        return OR_LIMIT;
    read_policies(&values, &record);
    record.adkim_strict = read_word(&values, TAG_ADKIM, modes, 0) == 1;
    record.aspf_strict = read_word(&values, TAG_ASPF, modes, 0) == 1;
    record.testing = read_word(&values, TAG_T, yes_no, 0) == 1;
    record.psd = (enum dmarc_psd)read_word(&values, TAG_PSD, psd, DMARC_PSD_UNKNOWN);
    record.fo = read_fo(&values, record.ruf.count > 0);
    *record_out = record;
    return OR_OK;
}
