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
