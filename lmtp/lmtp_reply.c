/*
 * Replies are one line each; what a peer sent comes back only as an address that was checked
 * before.
 */
#include "lmtp/lmtp_reply.h"

#define MAX_ADDRESS_BYTES 300

struct lmtp_reply
lmtp_reply_about(unsigned code, const char *enhanced, struct span address, const char *text,
                 struct arena *mem)
{
    struct span shown = span_slice(address, 0, MAX_ADDRESS_BYTES);
    const char *full = arena_printf(mem, "<%.*s> %s", SPAN_ARG(shown), text);

    return (struct lmtp_reply){code, enhanced, full != NULL ? full : text};
}

/* Digits at the front, at most three. */
static size_t
count_digits(struct span s)
{
    size_t n = 0;

    while (n < s.n && n < 4 && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n <= 3 ? n : 0;
}

/* The length of "x.yyy.zzz" at the front (RFC 3463 2), of the same class as the code; or 0. */
static size_t
enhanced_length(struct span s, char class)
{
    size_t at = 2, n;

    if (s.n < 5 || s.p[0] != class || s.p[1] != '.' || (n = count_digits(span_from(s, 2))) == 0)
        return 0;
    at += n;
    if (at >= s.n || s.p[at] != '.' || (n = count_digits(span_from(s, at + 1))) == 0)
        return 0;
    at += 1 + n;
    return at == s.n || s.p[at] == ' ' ? at : 0;
}

static const char *
printable(struct span text, struct arena *mem)
{
    char *copy = arena_strdup(mem, span_slice(text, 0, LMTP_REPLY_MAX_TEXT_BYTES));

    for (char *p = copy; p != NULL && *p != '\0'; p++)
        if (*p < ' ' || *p >= 0x7f)
            *p = '?';
    return copy;
}

or_status
lmtp_reply_parse(struct span line, struct arena *mem, struct lmtp_reply *reply_out, bool *more_out)
{
    uint64_t code;

    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n < 3 || span_parse_u64(span_slice(line, 0, 3), 599, &code) != OR_OK || code < 200 ||
        (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
        return OR_MALFORMED;
    struct span text = span_from(line, 4);
    size_t n = enhanced_length(text, line.p[0]);
    const char *enhanced =
        n > 0 ? arena_strdup(mem, span_slice(text, 0, n)) : arena_printf(mem, "%c.0.0", line.p[0]);

    *reply_out = (struct lmtp_reply){(unsigned)code, enhanced,
                                     printable(span_trim(span_from(text, n)), mem)};
    *more_out = line.n > 3 && line.p[3] == '-';
    return enhanced != NULL && reply_out->text != NULL ? OR_OK : OR_LIMIT;
}

or_status
lmtp_reply_write(struct stream *stream, const struct lmtp_reply *reply)
{
    /* RFC 2034 4: no enhanced code with 3yz. */
    return stream_writef(stream, "%u%s%s %.*s\r\n", reply->code,
                         reply->enhanced[0] != '\0' ? " " : "", reply->enhanced,
                         LMTP_REPLY_MAX_TEXT_BYTES, reply->text);
}

const char *
lmtp_reply_action(const struct lmtp_reply *reply)
{
    if (reply->code >= 500)
        return "rejected";
    return reply->code >= 400 ? "deferred" : "delivered";
}
