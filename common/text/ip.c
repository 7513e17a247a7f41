/*
 * IP addresses and CIDR blocks over inet_pton(3), which is as strict as we want it: no short forms,
 * no octal, no zone names.
 */
#include "common/text/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define MAPPED_PREFIX_BITS 96 /* ::ffff:0:0/96, RFC 4291 2.5.5.2 */

/* One host, one form: what arrives as ::ffff:192.0.2.1 on an IPv6 socket is 192.0.2.1. */
static void
unmap(struct ip *ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (ip->family != AF_INET6 || memcmp(ip->bytes, mapped, sizeof(mapped)) != 0)
        return;
    ip->family = AF_INET;
    memcpy(ip->bytes, ip->bytes + sizeof(mapped), 4);
    memset(ip->bytes + 4, 0, sizeof(ip->bytes) - 4);
}

or_status
ip_parse(struct span s, struct ip *ip_out)
{
    char text[IP_TEXT_BYTES];
    struct ip ip = {0};

    /* inet_pton() stops at a NUL: "192.0.2.1\0.evil" must not pass. */
    if (s.n == 0 || s.n >= sizeof(text) || span_contains_byte(s, '\0'))
        return OR_MALFORMED;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    ip.family = span_contains_byte(s, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(ip.family, text, ip.bytes) != 1)
        return OR_MALFORMED;
    unmap(&ip);
    *ip_out = ip;
    return OR_OK;
}

void
ip_format(const struct ip *ip, char out[IP_TEXT_BYTES])
{
    if (ip->family == 0 || inet_ntop(ip->family, ip->bytes, out, IP_TEXT_BYTES) == NULL)
        snprintf(out, IP_TEXT_BYTES, "unknown");
}

bool
ip_equal(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void
reverse_nibbles(const uint8_t bytes[16], char out[IP_REVERSE_BYTES])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        uint8_t byte = bytes[15 - i];

        out[4 * i] = digits[byte & 0x0f];
        out[4 * i + 1] = '.';
        out[4 * i + 2] = digits[byte >> 4];
        out[4 * i + 3] = '.';
    }
    out[63] = '\0'; /* over the last dot */
}

void
ip_reverse(const struct ip *ip, char out[IP_REVERSE_BYTES])
{
    const uint8_t *b = ip->bytes;

    if (ip->family == AF_INET6)
        reverse_nibbles(b, out);
    else
        snprintf(out, IP_REVERSE_BYTES, "%u.%u.%u.%u", b[3], b[2], b[1], b[0]);
}

/* Digits without a leading zero: "/08" is octal to some readers. */
static or_status
parse_prefix(struct span s, unsigned max, unsigned *prefix_out)
{
    uint64_t value;

    if (s.n > 1 && s.p[0] == '0')
        return OR_MALFORMED;
    or_status st = span_parse_u64(s, max, &value);
    if (st != OR_OK)
        return OR_MALFORMED;
    *prefix_out = (unsigned)value;
    return OR_OK;
}

or_status
cidr_parse(struct span s, struct cidr *cidr_out, struct err *e)
{
    size_t slash = span_find(s, '/');
    struct span address = span_slice(s, 0, slash);
    struct cidr block;

    if (ip_parse(address, &block.base) != OR_OK)
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not an IP address", SPAN_ARG(address));
    bool is_mapped = block.base.family == AF_INET && span_contains_byte(address, ':');
    unsigned written_bits = block.base.family == AF_INET && !is_mapped ? 32 : 128;
    block.prefix = written_bits;
    if (slash < s.n && parse_prefix(span_from(s, slash + 1), written_bits, &block.prefix) != OR_OK)
        return err_set(e, OR_MALFORMED, "\"%.*s\": the prefix length must be 0 to %u", SPAN_ARG(s),
                       written_bits);
    if (is_mapped) {
        if (block.prefix < MAPPED_PREFIX_BITS)
            return err_set(e, OR_MALFORMED, "\"%.*s\": write IPv4 blocks as IPv4", SPAN_ARG(s));
        block.prefix -= MAPPED_PREFIX_BITS;
    }
    *cidr_out = block;
    return OR_OK;
}

void
ip_mask(struct ip *ip, unsigned prefix)
{
    size_t whole = prefix / 8;

    if (whole >= sizeof(ip->bytes))
        return;
    ip->bytes[whole] &= (uint8_t)(0xff00 >> prefix % 8);
    memset(ip->bytes + whole + 1, 0, sizeof(ip->bytes) - whole - 1);
}

bool
cidr_contains(const struct cidr *block, const struct ip *ip)
{
    size_t whole = block->prefix / 8;
    unsigned rest = block->prefix % 8;

    if (ip->family == 0 || block->base.family != ip->family)
        return false;
    if (memcmp(block->base.bytes, ip->bytes, whole) != 0)
        return false;
    return rest == 0 || ((block->base.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest)) == 0;
}
