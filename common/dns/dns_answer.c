/*
 * A block holds the answer, its records, the spans of TXT records, then all text.
 */
#include "common/dns/dns_answer.h"

#include <string.h>

/* What is still free of a block, and the type that says what its records hold. */
struct packing {
    enum dns_type type;
    struct span *spans;
    char *text;
};

static size_t
text_bytes(enum dns_type type, const struct dns_record *record)
{
    switch (type) {
    case DNS_TXT:
        return record->txt.joined.n;
    case DNS_MX:
        return record->mx.host.n;
    case DNS_PTR:
    case DNS_NS:
        return record->name.n;
    case DNS_A:
    case DNS_AAAA:
        break;
    }
    return 0;
}

static size_t
span_count(enum dns_type type, const struct dns_answer *answer)
{
    size_t count = 0;

    for (size_t i = 0; type == DNS_TXT && i < answer->count; i++)
        count += answer->records[i].txt.count;
    return count;
}

size_t
dns_answer_bytes(enum dns_type type, const struct dns_answer *answer)
{
    size_t bytes = sizeof(*answer) + answer->count * sizeof(*answer->records) +
                   span_count(type, answer) * sizeof(struct span);

    for (size_t i = 0; i < answer->count; i++)
        bytes += text_bytes(type, &answer->records[i]);
    return bytes;
}

static struct span
pack_text(struct packing *p, struct span text)
{
    struct span copy = span_make(p->text, text.n);

    if (text.n != 0)
        memcpy(p->text, text.p, text.n);
    p->text += text.n;
    return copy;
}

static void
pack_txt(struct packing *p, struct dns_record *record)
{
    struct span joined = pack_text(p, record->txt.joined);
    const struct span *strings = record->txt.strings;
    size_t at = 0;

    record->txt.joined = joined;
    record->txt.strings = p->spans;
    for (size_t i = 0; i < record->txt.count; i++) {
        *p->spans++ = span_slice(joined, at, at + strings[i].n);
        at += strings[i].n;
    }
}

static void
pack_record(struct packing *p, struct dns_record *record)
{
    switch (p->type) {
    case DNS_TXT:
        pack_txt(p, record);
        break;
    case DNS_MX:
        record->mx.host = pack_text(p, record->mx.host);
        break;
    case DNS_PTR:
    case DNS_NS:
        record->name = pack_text(p, record->name);
        break;
    case DNS_A:
    case DNS_AAAA:
        break;
    }
}

struct dns_answer *
dns_answer_copy(enum dns_type type, const struct dns_answer *answer, void *block)
{
    struct dns_answer *copy = block;
    struct packing p = {.type = type};

    *copy = *answer;
    copy->records = (struct dns_record *)(copy + 1);
    p.spans = (struct span *)(copy->records + copy->count);
    p.text = (char *)(p.spans + span_count(type, answer));
    for (size_t i = 0; i < copy->count; i++) {
        copy->records[i] = answer->records[i];
        pack_record(&p, &copy->records[i]);
    }
    return copy;
}
