/*
 * The message after DATA: from CRLF lines with stuffed dots to the bytes that are stored (LF
 * lines).
 *
 * Only CRLF "." CRLF ends the message. A CR or LF by itself is what SMTP smuggling is made of
 * (servers disagree on whether it ends a line): it never counts as a line end here, it is noted,
 * and the message is read to its true end and refused. Lines may have any length; no state grows
 * with them.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_LMTP_DATA_H
#define OUTRIDER_LMTP_LMTP_DATA_H

#include "common/base/buf.h"

enum lmtp_data_state {
    LMTP_DATA_LINE_START,
    LMTP_DATA_TEXT,
    LMTP_DATA_CR,     /* after a CR */
    LMTP_DATA_DOT,    /* after the first '.' of a line */
    LMTP_DATA_DOT_CR, /* after that and a CR */
    LMTP_DATA_END,
};

/* Start with a zeroed one. */
struct lmtp_data {
    enum lmtp_data_state state;
    bool bare;           /* a bare CR or LF was seen: refuse (550 5.6.11) */
    uint64_t wire_bytes; /* RFC 1870: with CRLF line ends, without stuffed dots and the final one */
};

/* Takes bytes off the front of `in` up to the message's end and appends what they stand for to
 * `out` (never more than in.n + 1 bytes). Returns how many were taken: less than in.n only at
 * LMTP_DATA_END. What follows belongs to the next command. */
size_t lmtp_data_feed(struct lmtp_data *d, struct span in, struct buf *out);

#endif
