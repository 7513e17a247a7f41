/*
 * The table of the fake DNS, out of text or JSON. Names are kept in canonical text.
 */
#include "tests/support/fake_dns_table.h"

#include "common/base/xalloc.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    int type;
} types[] = {{"A", DNS_A},     {"AAAA", DNS_AAAA},        {"PTR", DNS_PTR}, {"MX", DNS_MX},
             {"TXT", DNS_TXT}, {"CNAME", FAKE_DNS_CNAME}, {"NS", DNS_NS},   {"SPF", FAKE_DNS_SPF}};

static const struct {
    const char *word;
    enum fake_dns_kind kind;
} words[] = {{"SERVFAIL", FAKE_DNS_SERVFAIL},
             {"REFUSED", FAKE_DNS_SERVFAIL},
             {"TIMEOUT", FAKE_DNS_TIMEOUT},
             {"NXDOMAIN", FAKE_DNS_NXDOMAIN},
             {"NONE", FAKE_DNS_NONE}};

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
find_word(const char *word, enum fake_dns_kind *kind_out)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0) {
            *kind_out = words[i].kind;
            return true;
        }
    }
    return false;
}

char *
fake_dns_table_name(struct span s)
{
    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    char *name = xmemdup0(s.p, s.n);
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return name;
}

static struct fake_dns_record *
add_record(struct fake_dns_table *t, struct span name, int type, enum fake_dns_kind kind)
{
    t->records = xreallocarray(t->records, t->count + 1, sizeof(*t->records));
    struct fake_dns_record *r = &t->records[t->count++];
    *r = (struct fake_dns_record){.name = fake_dns_table_name(name), .type = type, .kind = kind};
    return r;
}

static void
add_string(struct fake_dns_record *r, struct span s)
{
    r->strings = xreallocarray(r->strings, r->string_count + 1, sizeof(*r->strings));
    r->lengths = xreallocarray(r->lengths, r->string_count + 1, sizeof(*r->lengths));
    r->strings[r->string_count] = xmemdup0(s.p, s.n);
    r->lengths[r->string_count++] = s.n;
}

/* A TXT value longer than a character-string is cut as a zone compiler would. */
static void
add_long_string(struct fake_dns_record *r, struct span s)
{
    do {
        add_string(r, span_slice(s, 0, 255));
        s = span_from(s, 255);
    } while (s.n > 0);
}

static void
set_ip(struct fake_dns_record *r, struct span text)
{
    if (ip_parse(text, &r->ip) != OR_OK)
        die("bad address", r->name);
    /* The suite writes IPv4-mapped addresses as AAAA; they stay IPv6 there, and match nothing. */
    if ((r->type == DNS_AAAA) != (r->ip.family != AF_INET))
        r->kind = FAKE_DNS_NONE;
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
parse_txt(struct fake_dns_record *r, struct span data)
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
parse_data(struct fake_dns_record *r, struct span data)
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
        r->target = fake_dns_table_name(data);
        break;
    }
    case DNS_TXT:
    case FAKE_DNS_SPF:
        parse_txt(r, data);
        break;
    default:
        r->target = fake_dns_table_name(data);
    }
}

static void
parse_line(struct fake_dns_table *t, struct span line)
{
    struct span name = next_word(&line);
    struct span type_word = next_word(&line);
    char *type_text = xmemdup0(type_word.p, type_word.n);
    char *data_text = xmemdup0(line.p, line.n);
    enum fake_dns_kind kind;
    int type = find_type(type_text);

    if (type == 0 && find_word(type_text, &kind))
        add_record(t, name, FAKE_DNS_ANY, kind);
    else if (type == 0)
        die("unknown type", type_text);
    else if (find_word(data_text, &kind))
        add_record(t, name, type, kind);
    else
        parse_data(add_record(t, name, type, FAKE_DNS_DATA), line);
    free(type_text);
    free(data_text);
}

/* ---- JSON zones */

static void
add_json_value(struct fake_dns_table *t, struct span name, int type, const json_t *value)
{
    enum fake_dns_kind kind;

    if (json_is_string(value) && find_word(json_string_value(value), &kind)) {
        add_record(t, name, type, kind);
        return;
    }
    struct fake_dns_record *r = add_record(t, name, type, FAKE_DNS_DATA);
    bool text = type == DNS_TXT || type == FAKE_DNS_SPF;
    if (type == DNS_MX) {
        r->preference = (uint16_t)json_integer_value(json_array_get(value, 0));
        r->target = fake_dns_table_name(span_cstr(json_string_value(json_array_get(value, 1))));
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
add_json_entry(struct fake_dns_table *t, struct span name, json_t *entry)
{
    const char *key;
    json_t *value;
    enum fake_dns_kind kind;

    if (json_is_string(entry)) {
        if (!find_word(json_string_value(entry), &kind))
            die("unknown word", json_string_value(entry));
        add_record(t, name, FAKE_DNS_ANY, kind);
        return;
    }
    json_object_foreach(entry, key, value)
    {
        int type = find_type(key);
        if (type != 0)
            add_json_value(t, name, type, value);
    }
}

/* ---- all of it */

void
fake_dns_table_read(struct fake_dns_table *t, const char *text)
{
    struct span rest = span_cstr(text), line;

    while (span_split(&rest, '\n', &line)) {
        line = span_trim(line);
        if (line.n != 0 && line.p[0] != '#')
            parse_line(t, line);
    }
}

void
fake_dns_table_read_json(struct fake_dns_table *t, const char *zone_json)
{
    json_error_t error;
    json_t *zone = json_loads(zone_json, JSON_ALLOW_NUL, &error), *entries, *entry;
    const char *name;
    size_t i;

    if (zone == NULL)
        die("bad JSON", error.text);
    json_object_foreach(zone, name, entries)
    {
        if (json_array_size(entries) == 0) /* a name without records: it exists */
            add_record(t, span_cstr(name), FAKE_DNS_ANY, FAKE_DNS_NONE);
        json_array_foreach(entries, i, entry) add_json_entry(t, span_cstr(name), entry);
    }
    json_decref(zone);
}

static void
free_record(struct fake_dns_record *r)
{
    for (size_t i = 0; i < r->string_count; i++)
        free(r->strings[i]);
    free(r->strings);
    free(r->lengths);
    free(r->target);
    free(r->name);
}

void
fake_dns_table_fini(struct fake_dns_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free_record(&t->records[i]);
    free(t->records);
}
