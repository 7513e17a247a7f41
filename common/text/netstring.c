/*
 * Netstrings. The length has one form only, so that two readers never find the end in different
 * places.
 */
#include "common/text/netstring.h"

/* Reads the digits; *at_out is the position behind them. */
static or_status
parse_length(struct span input, size_t max_bytes, size_t *length_out, size_t *at_out)
{
    size_t length = 0, at = 0;

    for (; at < input.n && input.p[at] >= '0' && input.p[at] <= '9'; at++) {
        size_t digit = (size_t)(input.p[at] - '0');

        if (at > 0 && length == 0)
            return OR_MALFORMED; /* leading zero */
        if (digit > max_bytes || length > (max_bytes - digit) / 10)
            return OR_LIMIT;
        length = length * 10 + digit;
    }
    *length_out = length;
    *at_out = at;
    return OR_OK;
}

or_status
netstring_parse(struct span input, size_t max_bytes, struct span *payload_out, size_t *consumed_out)
{
    size_t length, at;
    or_status st = parse_length(input, max_bytes, &length, &at);

    if (st != OR_OK)
        return st;
    if (at == input.n)
        return OR_ABSENT;
    if (at == 0 || input.p[at] != ':')
        return OR_MALFORMED;
    size_t start = at + 1;
    if (input.n - start <= length)
        return OR_ABSENT;
    if (input.p[start + length] != ',')
        return OR_MALFORMED;
    *payload_out = span_slice(input, start, start + length);
    *consumed_out = start + length + 1;
    return OR_OK;
}

void
netstring_format(struct buf *out, struct span payload)
{
    buf_addf(out, "%zu:", payload.n);
    buf_add_span(out, payload);
    buf_add_char(out, ',');
}
