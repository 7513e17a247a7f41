/*
 * A DNS that answers from a table: a question walks CNAMEs inside it as a resolver would.
 */
#include "tests/support/fake_dns.h"

#include "common/base/xalloc.h"
#include "common/text/domain.h"
#include "tests/support/fake_dns_table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_TTL_S 300

struct fake_dns {
    struct dns base;
    struct fake_dns_table table;
    atomic_uint queries; /* several threads may ask */
};

static bool
is_below(const char *name, const char *ancestor)
{
    size_t n = strlen(name), a = strlen(ancestor);

    return n > a + 1 && name[n - a - 1] == '.' && strcmp(name + n - a, ancestor) == 0;
}

static bool
has_type(const struct fake_dns *d, const char *name, int type)
{
    for (size_t i = 0; i < d->table.count; i++)
        if (d->table.records[i].type == type && strcmp(d->table.records[i].name, name) == 0)
            return true;
    return false;
}

/* In the vectors, SPF entries stand for TXT where a name has no TXT entry. */
static int
stored_type(const struct fake_dns *d, const char *name, enum dns_type asked)
{
    return asked == DNS_TXT && !has_type(d, name, DNS_TXT) ? FAKE_DNS_SPF : (int)asked;
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
    for (size_t i = 0; i < d->table.count; i++) {
        const struct fake_dns_record *r = &d->table.records[i];

        look->name_exists = look->name_exists || is_below(r->name, name);
        if (strcmp(r->name, name) != 0)
            continue;
        if (r->kind == FAKE_DNS_NXDOMAIN) {
            *look = (struct look){0};
            return OR_OK;
        }
        look->name_exists = true;
        if (r->type != type && r->type != FAKE_DNS_ANY && r->type != FAKE_DNS_CNAME)
            continue;
        if (r->kind == FAKE_DNS_NONE || (r->type == FAKE_DNS_ANY && look->count != 0))
            continue;
        if (r->kind == FAKE_DNS_TIMEOUT)
            return err_set(e, OR_TIMEOUT, "%s %s: no answer", name, dns_type_name(asked));
        if (r->kind == FAKE_DNS_SERVFAIL)
            return err_set(e, OR_TEMPFAIL, "%s %s: SERVFAIL", name, dns_type_name(asked));
        if (r->type == FAKE_DNS_CNAME)
            look->cname = r->target;
        else if (look->count < DNS_MAX_RECORDS)
            look->found[look->count++] = i;
    }
    return OR_OK;
}

static or_status
copy_txt(const struct fake_dns_record *r, struct arena *mem, struct dns_record *out)
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
copy_record(const struct fake_dns_record *r, struct arena *mem, struct dns_record *out)
{
    switch (r->type) {
    case DNS_A:
    case DNS_AAAA:
        out->ip = r->ip;
        return OR_OK;
    case DNS_TXT:
    case FAKE_DNS_SPF:
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
        or_status st =
            copy_record(&d->table.records[look->found[a->count]], mem, &a->records[a->count]);
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
    char *wanted = fake_dns_table_name(name);
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

    fake_dns_table_fini(&d->table);
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

    fake_dns_table_read(&d->table, table);
    return &d->base;
}

struct dns *
fake_dns_new_json(const char *zone_json)
{
    struct fake_dns *d = fake_dns_empty();

    fake_dns_table_read_json(&d->table, zone_json);
    return &d->base;
}

unsigned
fake_dns_queries(const struct dns *dns)
{
    return ((const struct fake_dns *)dns)->queries;
}
