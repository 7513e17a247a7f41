/*
 * The message after DATA or in BDAT chunks: from CRLF lines, with stuffed dots after DATA, to the
 * bytes that are stored (LF lines).
 *
 * Only CRLF "." CRLF ends the message after DATA; chunks (RFC 3030) are counted. A CR or LF by
 * itself is what SMTP smuggling is made of (servers disagree on whether it ends a line): it never
 * counts as a line end here. It is noted, and the message is read to its true end and refused; or,
 * when so configured, it becomes a space, as Postfix makes of it. Lines may have any length; no
 * state grows with them.
 *
 * BODY=BINARYMIME allows CR and LF anywhere below the header: there the bytes are stored as they
 * come.
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
    LMTP_DATA_EMPTY,  /* after a CR at a line's start */
    LMTP_DATA_DOT,    /* after the first '.' of a line */
    LMTP_DATA_DOT_CR, /* after that and a CR */
    LMTP_DATA_BINARY, /* below the header of a binary message */
    LMTP_DATA_END,
};

/* Start with one that is zero but for how it is to be read. */
struct lmtp_data {
    enum lmtp_data_state state;
    bool chunked;        /* from BDAT: dots mean nothing, lmtp_data_finish() tells the end */
    bool binary;         /* chunked only: BODY=BINARYMIME */
    bool repair;         /* a bare CR or LF becomes a space */
    bool bare;           /* a bare CR or LF was seen: refuse (550 5.6.11) */
    uint64_t wire_bytes; /* RFC 1870: with CRLF line ends, without stuffed dots and the final one */
};

/* Takes bytes off the front of `in` up to the message's end and appends what they stand for to
 * `out` (never more than in.n + 1 bytes). Returns how many were taken: less than in.n only at
 * LMTP_DATA_END. What follows belongs to the next command. */
size_t lmtp_data_feed(struct lmtp_data *d, struct span in, struct buf *out);

/* Behind the last chunk: what was held back (at most one byte) is appended to `out`. */
void lmtp_data_finish(struct lmtp_data *d, struct buf *out);

#endif
