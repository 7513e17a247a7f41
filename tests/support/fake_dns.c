/*
 * A DNS that answers from a table. Names are kept in canonical text; a question walks CNAMEs inside
 * the table as a resolver would.
 */
#include "tests/support/fake_dns.h"

#include "common/base/xalloc.h"
#include "common/text/domain.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_TTL_S 300

enum { FAKE_CNAME = 5, FAKE_SPF = 99, FAKE_ANY = 255 };
enum fake_kind { FAKE_DATA, FAKE_SERVFAIL, FAKE_TIMEOUT, FAKE_NXDOMAIN, FAKE_NONE };

struct fake_record {
    char *name; /* lower case, no final dot */
    int type;   /* enum dns_type or one of the above; FAKE_ANY for words about the whole name */
    enum fake_kind kind;
    struct ip ip;
    char *target; /* PTR, NS, MX, CNAME */
    uint16_t preference;
    char **strings; /* TXT, SPF */
    size_t *lengths;
    size_t string_count;
};

struct fake_dns {
    struct dns base;
    struct fake_record *records;
    size_t count;
    unsigned queries;
};

static const struct {
    const char *word;
    int type;
} types[] = {{"A", DNS_A},     {"AAAA", DNS_AAAA},    {"PTR", DNS_PTR}, {"MX", DNS_MX},
             {"TXT", DNS_TXT}, {"CNAME", FAKE_CNAME}, {"NS", DNS_NS},   {"SPF", FAKE_SPF}};

static const struct {
    const char *word;
    enum fake_kind kind;
} words[] = {{"SERVFAIL", FAKE_SERVFAIL},
             {"REFUSED", FAKE_SERVFAIL},
             {"TIMEOUT", FAKE_TIMEOUT},
             {"NXDOMAIN", FAKE_NXDOMAIN},
             {"NONE", FAKE_NONE}};

static void
die(const char *what, const char *where)
{
    fprintf(stderr, "fake_dns: %s: %s\n", what, where);
    abort();
}

static int
find_type(const char *word)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].word, word) == 0)
            return types[i].type;
    return 0;
}

static bool
find_word(const char *word, enum fake_kind *kind_out)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0) {
            *kind_out = words[i].kind;
            return true;
        }
    }
    return false;
}

/* Lower case, final dot dropped. */
static char *
fake_name(struct span s)
{
    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    char *name = xmemdup0(s.p, s.n);
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return name;
}

static struct fake_record *
add_record(struct fake_dns *d, struct span name, int type, enum fake_kind kind)
{
    d->records = xreallocarray(d->records, d->count + 1, sizeof(*d->records));
    struct fake_record *r = &d->records[d->count++];
    *r = (struct fake_record){.name = fake_name(name), .type = type, .kind = kind};
    return r;
}

static void
add_string(struct fake_record *r, struct span s)
{
    r->strings = xreallocarray(r->strings, r->string_count + 1, sizeof(*r->strings));
    r->lengths = xreallocarray(r->lengths, r->string_count + 1, sizeof(*r->lengths));
    r->strings[r->string_count] = xmemdup0(s.p, s.n);
    r->lengths[r->string_count++] = s.n;
}

/* A TXT value longer than a character-string is cut as a zone compiler would. */
static void
add_long_string(struct fake_record *r, struct span s)
{
    do {
        add_string(r, span_slice(s, 0, 255));
        s = span_from(s, 255);
    } while (s.n > 0);
}

static void
set_ip(struct fake_record *r, struct span text)
{
    if (ip_parse(text, &r->ip) != OR_OK)
        die("bad address", r->name);
    /* The suite writes IPv4-mapped addresses as AAAA; they stay IPv6 there, and match nothing. */
    if ((r->type == DNS_AAAA) != (r->ip.family != AF_INET))
        r->kind = FAKE_NONE;
}

/* ---- the text table */

static struct span
next_word(struct span *rest)
{
    *rest = span_trim(*rest);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    struct span word = span_slice(*rest, 0, n);
    *rest = span_trim(span_from(*rest, n));
    return word;
}

static void
parse_txt(struct fake_record *r, struct span data)
{
    if (data.n == 0 || data.p[0] != '"') {
        add_long_string(r, data);
        return;
    }
    while (data.n > 0 && data.p[0] == '"') {
        struct buf text;
        size_t i = 1;

        buf_init(&text, 65536);
        for (; i < data.n && data.p[i] != '"'; i++) {
            if (data.p[i] == '\\' && i + 1 < data.n)
                i++;
            buf_add_char(&text, data.p[i]);
        }
        if (i >= data.n)
            die("missing quote", r->name);
        add_long_string(r, buf_span(&text));
        buf_fini(&text);
        data = span_trim(span_from(data, i + 1));
    }
}

static void
parse_data(struct fake_record *r, struct span data)
{
    switch (r->type) {
    case DNS_A:
    case DNS_AAAA:
        set_ip(r, data);
        break;
    case DNS_MX: {
        struct span number = next_word(&data);
        uint64_t preference;
        if (span_parse_u64(number, 65535, &preference) != OR_OK)
            die("bad MX preference", r->name);
        r->preference = (uint16_t)preference;
        r->target = fake_name(data);
        break;
    }
    case DNS_TXT:
    case FAKE_SPF:
        parse_txt(r, data);
        break;
    default:
        r->target = fake_name(data);
    }
}

static void
parse_line(struct fake_dns *d, struct span line)
{
    struct span name = next_word(&line);
    struct span type_word = next_word(&line);
    char *type_text = xmemdup0(type_word.p, type_word.n);
    char *data_text = xmemdup0(line.p, line.n);
    enum fake_kind kind;
    int type = find_type(type_text);

    if (type == 0 && find_word(type_text, &kind))
        add_record(d, name, FAKE_ANY, kind);
    else if (type == 0)
        die("unknown type", type_text);
    else if (find_word(data_text, &kind))
        add_record(d, name, type, kind);
    else
        parse_data(add_record(d, name, type, FAKE_DATA), line);
    free(type_text);
    free(data_text);
}

/* ---- JSON zones */

static void
add_json_value(struct fake_dns *d, struct span name, int type, const json_t *value)
{
    enum fake_kind kind;

    if (json_is_string(value) && find_word(json_string_value(value), &kind)) {
        add_record(d, name, type, kind);
        return;
    }
    struct fake_record *r = add_record(d, name, type, FAKE_DATA);
    bool text = type == DNS_TXT || type == FAKE_SPF;
    if (type == DNS_MX) {
        r->preference = (uint16_t)json_integer_value(json_array_get(value, 0));
        r->target = fake_name(span_cstr(json_string_value(json_array_get(value, 1))));
    } else if (text && json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            const json_t *s = json_array_get(value, i);
            add_string(r, span_make(json_string_value(s), json_string_length(s)));
        }
    } else if (!json_is_string(value)) {
        die("unexpected JSON value", r->name);
    } else if (text) {
        add_long_string(r, span_make(json_string_value(value), json_string_length(value)));
    } else {
        parse_data(r, span_cstr(json_string_value(value)));
    }
}

static void
add_json_entry(struct fake_dns *d, struct span name, json_t *entry)
{
    const char *key;
    json_t *value;
    enum fake_kind kind;

    if (json_is_string(entry)) {
        if (!find_word(json_string_value(entry), &kind))
            die("unknown word", json_string_value(entry));
        add_record(d, name, FAKE_ANY, kind);
        return;
    }
    json_object_foreach(entry, key, value)
    {
        int type = find_type(key);
        if (type != 0)
            add_json_value(d, name, type, value);
    }
}

/* ---- answering */

static bool
is_below(const char *name, const char *ancestor)
{
    size_t n = strlen(name), a = strlen(ancestor);

    return n > a + 1 && name[n - a - 1] == '.' && strcmp(name + n - a, ancestor) == 0;
}

static bool
has_type(const struct fake_dns *d, const char *name, int type)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->records[i].type == type && strcmp(d->records[i].name, name) == 0)
            return true;
    return false;
}

/* In the vectors, SPF entries stand for TXT where a name has no TXT entry. */
static int
stored_type(const struct fake_dns *d, const char *name, enum dns_type asked)
{
    return asked == DNS_TXT && !has_type(d, name, DNS_TXT) ? FAKE_SPF : (int)asked;
}

struct look {
    bool name_exists;
    size_t found[DNS_MAX_RECORDS];
    size_t count;
    const char *cname;
};

/* A word about the whole name (TIMEOUT) counts for the types not listed before it. */
static or_status
look_up(const struct fake_dns *d, const char *name, enum dns_type asked, struct look *look,
        struct err *e)
{
    int type = stored_type(d, name, asked);

    *look = (struct look){0};
    for (size_t i = 0; i < d->count; i++) {
        const struct fake_record *r = &d->records[i];

        look->name_exists = look->name_exists || is_below(r->name, name);
        if (strcmp(r->name, name) != 0)
            continue;
        if (r->kind == FAKE_NXDOMAIN)
            return OR_OK;
        look->name_exists = true;
        if (r->type != type && r->type != FAKE_ANY && r->type != FAKE_CNAME)
            continue;
        if (r->kind == FAKE_NONE || (r->type == FAKE_ANY && look->count != 0))
            continue;
        if (r->kind == FAKE_TIMEOUT)
            return err_set(e, OR_TIMEOUT, "%s %s: no answer", name, dns_type_name(asked));
        if (r->kind == FAKE_SERVFAIL)
            return err_set(e, OR_TEMPFAIL, "%s %s: SERVFAIL", name, dns_type_name(asked));
        if (r->type == FAKE_CNAME)
            look->cname = r->target;
        else if (look->count < DNS_MAX_RECORDS)
            look->found[look->count++] = i;
    }
    return OR_OK;
}

static or_status
copy_txt(const struct fake_record *r, struct arena *mem, struct dns_record *out)
{
    struct buf joined;

    out->txt.count = r->string_count;
    out->txt.strings = arena_alloc_array(mem, r->string_count, sizeof(struct span));
    if (out->txt.strings == NULL)
        return OR_LIMIT;
    buf_init(&joined, 1 << 20);
    or_status st = OR_OK;
    for (size_t i = 0; i < r->string_count && st == OR_OK; i++) {
        struct span s = span_make(r->strings[i], r->lengths[i]);
        buf_add_span(&joined, s);
        st = arena_copy(mem, s, &out->txt.strings[i]);
    }
    if (st == OR_OK)
        st = arena_copy(mem, buf_span(&joined), &out->txt.joined);
    buf_fini(&joined);
    return st;
}

static or_status
copy_record(const struct fake_record *r, struct arena *mem, struct dns_record *out)
{
    switch (r->type) {
    case DNS_A:
    case DNS_AAAA:
        out->ip = r->ip;
        return OR_OK;
    case DNS_TXT:
    case FAKE_SPF:
        return copy_txt(r, mem, out);
    case DNS_MX:
        out->mx.preference = r->preference;
        return arena_copy(mem, span_cstr(r->target), &out->mx.host);
    default:
        return arena_copy(mem, span_cstr(r->target), &out->name);
    }
}

static or_status
make_answer(const struct fake_dns *d, const struct look *look, struct arena *mem,
            const struct dns_answer **answer_out)
{
    struct dns_answer *a = arena_alloc(mem, sizeof(*a));

    if (a == NULL)
        return OR_LIMIT;
    a->ttl_s = FAKE_TTL_S;
    a->result = look->count != 0 ? DNS_FOUND : look->name_exists ? DNS_NODATA : DNS_NXDOMAIN;
    a->records = arena_alloc_array(mem, look->count, sizeof(*a->records));
    if (a->records == NULL)
        return OR_LIMIT;
    for (; a->count < look->count; a->count++) {
        or_status st = copy_record(&d->records[look->found[a->count]], mem, &a->records[a->count]);
        if (st != OR_OK)
            return st;
    }
    *answer_out = a;
    return OR_OK;
}

static bool
is_sendable(const char *name)
{
    struct span rest = span_cstr(name), label;

    if (rest.n == 0 || rest.n > DOMAIN_MAX_BYTES)
        return false;
    while (span_split(&rest, '.', &label))
        if (label.n == 0 || label.n > DOMAIN_MAX_LABEL_BYTES)
            return false;
    return true;
}

static or_status
answer_from_table(struct fake_dns *d, enum dns_type type, const char *name, struct arena *mem,
                  const struct dns_answer **answer_out, struct err *e)
{
    struct look look;
    bool existed = false;

    for (int hop = 0; hop <= DNS_MAX_CNAMES; hop++) {
        or_status st = look_up(d, name, type, &look, e);
        if (st != OR_OK)
            return st;
        if (!look.name_exists && !existed && strncmp(name, "error.", 6) == 0)
            return err_set(e, OR_TIMEOUT, "%s %s: no answer", name, dns_type_name(type));
        existed = true;
        if (look.count != 0 || look.cname == NULL)
            return make_answer(d, &look, mem, answer_out);
        name = look.cname;
    }
    return err_set(e, OR_TEMPFAIL, "%s: more than %d CNAMEs", name, DNS_MAX_CNAMES);
}

static or_status
fake_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
           struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    struct fake_dns *d = (struct fake_dns *)dns;
    char *wanted = fake_name(name);
    or_status st;

    (void)deadline_mono_ms;
    d->queries++;
    if (!is_sendable(wanted))
        st = err_set(e, OR_MALFORMED, "%s cannot be asked for", wanted);
    else
        st = answer_from_table(d, type, wanted, mem, answer_out, e);
    free(wanted);
    return st;
}

static void
fake_free(struct dns *dns)
{
    struct fake_dns *d = (struct fake_dns *)dns;

    for (size_t i = 0; i < d->count; i++) {
        struct fake_record *r = &d->records[i];

        for (size_t k = 0; k < r->string_count; k++)
            free(r->strings[k]);
        free(r->strings);
        free(r->lengths);
        free(r->target);
        free(r->name);
    }
    free(d->records);
    free(d);
}

static struct fake_dns *
fake_dns_empty(void)
{
    static const struct dns_ops ops = {.query = fake_query, .free = fake_free};
    struct fake_dns *d = xcalloc(1, sizeof(*d));

    d->base.ops = &ops;
    return d;
}

struct dns *
fake_dns_new(const char *table)
{
    struct fake_dns *d = fake_dns_empty();
    struct span rest = span_cstr(table), line;

    while (span_split(&rest, '\n', &line)) {
        line = span_trim(line);
        if (line.n != 0 && line.p[0] != '#')
            parse_line(d, line);
    }
    return &d->base;
}

struct dns *
fake_dns_new_json(const char *zone_json)
{
    struct fake_dns *d = fake_dns_empty();
    json_error_t error;
    json_t *zone = json_loads(zone_json, JSON_ALLOW_NUL, &error), *entries, *entry;
    const char *name;
    size_t i;

    if (zone == NULL)
        die("bad JSON", error.text);
    json_object_foreach(zone, name, entries)
    {
        if (json_array_size(entries) == 0) /* a name without records: it exists */
            add_record(d, span_cstr(name), FAKE_ANY, FAKE_NONE);
        json_array_foreach(entries, i, entry) add_json_entry(d, span_cstr(name), entry);
    }
    json_decref(zone);
    return &d->base;
}

unsigned
fake_dns_queries(const struct dns *dns)
{
    return ((const struct fake_dns *)dns)->queries;
}
