/*
 * A hostile zone: each line of the input is a TXT record, and every name has one of them; address,
 * MX and PTR answers hang on the name. Whatever the records say, the evaluation ends within its
 * limits.
 *
 * The first line is the sender, the second the HELO name, the third the checked domain's record.
 */
#include "policyd/spf/spf_eval.h"
#include "policyd/spf/spf_header.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_LINES 64
/* One TXT question for each record, at most SPF_MAX_NAMES + 1 for each term, PTR and its names,
 * exp=. */
#define MAX_QUERIES ((SPF_MAX_TERMS + 1) * (SPF_MAX_NAMES + 2) + SPF_MAX_NAMES + 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct hostile_dns {
    struct dns base;
    struct span lines[MAX_LINES];
    size_t count;
    unsigned queries;
};

static unsigned
hash(struct span name)
{
    unsigned h = 5381;

    for (size_t i = 0; i < name.n; i++)
        h = h * 33 + (unsigned char)name.p[i];
    return h;
}

static void
fill_record(const struct hostile_dns *dns, enum dns_type type, unsigned h, struct dns_record *r)
{
    static const char *const hosts[] = {"a.example.org", "mx.example.net", "", "b\\000.example"};
    struct span host = span_cstr(hosts[h % 4]);

    if (type == DNS_TXT)
        r->txt.joined = dns->count > 2 ? dns->lines[2 + h % (dns->count - 2)] : SPAN_EMPTY;
    else if (type == DNS_MX)
        r->mx.host = host;
    else if (type == DNS_PTR)
        r->name = host;
    else
        r->ip = (struct ip){.family = type == DNS_A ? AF_INET : AF_INET6,
                            .bytes = {192, 0, 2, (uint8_t)(h & 3)}};
}

static or_status
hostile_query(struct dns *base, enum dns_type type, struct span name, int64_t deadline_mono_ms,
              struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    struct hostile_dns *dns = (struct hostile_dns *)base;
    unsigned h = dns->queries == 0 ? 0 : hash(name);
    struct dns_answer *answer = arena_alloc(mem, sizeof(*answer));

    (void)deadline_mono_ms;
    if (++dns->queries > MAX_QUERIES || name.n == 0)
        abort();
    if (h % 16 == 15)
        return err_set(e, OR_TIMEOUT, "too late");
    if (answer == NULL)
        return err_set(e, OR_LIMIT, "arena");
    answer->result = h % 16 == 14 ? DNS_NXDOMAIN : h % 16 == 13 ? DNS_NODATA : DNS_FOUND;
    answer->count = answer->result != DNS_FOUND ? 0 : type == DNS_TXT ? 1 : 1 + h % 12;
    answer->records = arena_alloc_array(mem, answer->count, sizeof(*answer->records));
    if (answer->records == NULL)
        return err_set(e, OR_LIMIT, "arena");
    for (size_t i = 0; i < answer->count; i++)
        fill_record(dns, type, h + (unsigned)i, &answer->records[i]);
    *answer_out = answer;
    return OR_OK;
}

static void
check_outcome(const struct spf_query *q, const struct spf_outcome *o)
{
    bool is_error = o->result == SPF_TEMPERROR || o->result == SPF_PERMERROR;
    struct buf field;

    if (o->terms > SPF_MAX_TERMS || o->voids > SPF_MAX_VOIDS + 1)
        abort();
    if ((is_error && o->reason.n == 0) || o->explanation.n > SPF_MAX_EXPLANATION_BYTES)
        abort();
    buf_init(&field, SPF_HEADER_MAX_BYTES);
    spf_header_format(q, o, &field);
    if (buf_finish(&field) != OR_OK)
        abort();
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] < ' ' || field.p[i] > '~')
            abort();
    }
    buf_fini(&field);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dns_ops ops = {.query = hostile_query};
    struct hostile_dns dns = {.base = {.ops = &ops}};
    struct span rest = span_make((const char *)data, size);
    struct spf_outcome outcome;
    struct arena mem;

    while (dns.count < MAX_LINES && span_split(&rest, '\n', &dns.lines[dns.count]))
        dns.count++;
    arena_init(&mem, (size_t)4 << 20);
    struct spf_query q = {
        .ip = {.family = size % 2 != 0 ? AF_INET : AF_INET6, .bytes = {192, 0, 2, 1}},
        .sender = dns.count > 0 ? dns.lines[0] : SPAN_EMPTY,
        .helo = dns.count > 1 ? dns.lines[1] : SPAN_EMPTY,
        .dns = &dns.base,
        .mem = &mem,
        .limits = SPF_LIMITS_DEFAULT,
    };
    spf_eval(&q, &outcome);
    check_outcome(&q, &outcome);
    arena_fini(&mem);
    return 0;
}
