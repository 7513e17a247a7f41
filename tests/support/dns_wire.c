/*
 * Hand-made DNS messages: no compression, one question.
 */
#include "tests/support/dns_wire.h"

#include <string.h>

#define MAX_DATA_BYTES 65535

void
dns_wire_u16(struct buf *out, unsigned value)
{
    buf_add_char(out, (char)(value >> 8));
    buf_add_char(out, (char)value);
}

void
dns_wire_u32(struct buf *out, uint32_t value)
{
    dns_wire_u16(out, value >> 16);
    dns_wire_u16(out, value & 0xffff);
}

void
dns_wire_name(struct buf *out, const char *name)
{
    struct span rest = name[0] != '\0' ? span_cstr(name) : span_make(NULL, 0), label;

    while (span_split(&rest, '.', &label)) {
        buf_add_char(out, (char)label.n);
        buf_add_span(out, label);
    }
    buf_add_char(out, '\0');
}

void
dns_wire_begin(struct buf *out, uint16_t id, unsigned flags, unsigned type, const char *name,
               unsigned answers, unsigned authorities)
{
    dns_wire_u16(out, id);
    dns_wire_u16(out, flags);
    dns_wire_u16(out, 1);
    dns_wire_u16(out, answers);
    dns_wire_u16(out, authorities);
    dns_wire_u16(out, 0);
    dns_wire_name(out, name);
    dns_wire_u16(out, type);
    dns_wire_u16(out, 1);
}

void
dns_wire_record(struct buf *out, const char *owner, unsigned type, uint32_t ttl_s, struct span data)
{
    dns_wire_name(out, owner);
    dns_wire_u16(out, type);
    dns_wire_u16(out, 1);
    dns_wire_u32(out, ttl_s);
    dns_wire_u16(out, (unsigned)data.n);
    buf_add_span(out, data);
}

void
dns_wire_txt(struct buf *out, const char *owner, uint32_t ttl_s, const char *text)
{
    struct span rest = span_cstr(text);
    struct buf data;

    buf_init(&data, MAX_DATA_BYTES);
    do {
        struct span part = span_slice(rest, 0, 255);

        buf_add_char(&data, (char)part.n);
        buf_add_span(&data, part);
        rest = span_from(rest, part.n);
    } while (rest.n > 0);
    dns_wire_record(out, owner, DNS_TXT, ttl_s, buf_span(&data));
    buf_fini(&data);
}

void
dns_wire_alias(struct buf *out, const char *owner, uint32_t ttl_s, const char *target)
{
    struct buf data;

    buf_init(&data, MAX_DATA_BYTES);
    dns_wire_name(&data, target);
    dns_wire_record(out, owner, DNS_WIRE_CNAME, ttl_s, buf_span(&data));
    buf_fini(&data);
}

void
dns_wire_soa(struct buf *out, const char *owner, uint32_t ttl_s, uint32_t minimum_s)
{
    struct buf data;

    buf_init(&data, MAX_DATA_BYTES);
    dns_wire_name(&data, "ns.test");
    dns_wire_name(&data, "hostmaster.test");
    for (int i = 0; i < 4; i++)
        dns_wire_u32(&data, 3600);
    dns_wire_u32(&data, minimum_s);
    dns_wire_record(out, owner, DNS_WIRE_SOA, ttl_s, buf_span(&data));
    buf_fini(&data);
}
