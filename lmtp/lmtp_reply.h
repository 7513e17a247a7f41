/*
 * One LMTP reply: code, enhanced status code (RFC 3463), text.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_LMTP_REPLY_H
#define OUTRIDER_LMTP_LMTP_REPLY_H

#include "common/base/arena.h"
#include "common/run/stream.h"

/* RFC 5321 4.5.3.1.5: 512 bytes for the line; longer texts are cut. */
#define LMTP_REPLY_MAX_TEXT_BYTES 480

struct lmtp_reply {
    unsigned code;        /* 0: none yet */
    const char *enhanced; /* "" for 354 */
    const char *text;     /* printable; lives as long as whoever made the reply says */
};

/* "<address> text" in `mem`; the address is cut when it would not fit. */
struct lmtp_reply lmtp_reply_about(unsigned code, const char *enhanced, struct span address,
                                   const char *text, struct arena *mem);

/* One line of another server's reply, without its LF: code, enhanced code (the class's "x.0.0" when
 * it has none) and text, made printable, in `mem`. *more_out: another line follows. OR_MALFORMED:
 * no reply of SMTP; OR_LIMIT: the arena is used up. */
or_status lmtp_reply_parse(struct span line, struct arena *mem, struct lmtp_reply *reply_out,
                           bool *more_out) OR_MUST_USE;

/* Buffered, as stream_write(). */
or_status lmtp_reply_write(struct stream *stream, const struct lmtp_reply *reply) OR_MUST_USE;

/* "delivered", "deferred" or "rejected": what the sending side makes of it. */
const char *lmtp_reply_action(const struct lmtp_reply *reply);

#endif
