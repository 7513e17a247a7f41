/*
 * Canonicalization (RFC 6376 3.4): what a signature really covers.
 *
 * The body is taken in chunks that may end anywhere, in constant memory: runs of blank lines are
 * counted, not kept. Only CRLF ends a line; a bare CR or LF, NUL and 8-bit bytes are ordinary
 * bytes.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_CANON_H
#define OUTRIDER_MILTER_DKIM_DKIM_CANON_H

#include "common/base/arena.h"
#include "milter/dkim/dkim.h"

#define DKIM_CANON_BLOCK_BYTES                                                                     \
    4096 /* the sink gets blocks of up to this size, never single bytes */

/* Gets canonical bytes; `p` is valid during the call only. */
typedef void (*dkim_canon_sink)(void *ctx, const char *p, size_t n);

struct dkim_canon_body {
    enum dkim_canon canon;
    dkim_canon_sink sink;
    void *ctx;
    uint64_t blank_lines; /* line ends seen and not yet passed on: dropped at the end of the body */
    bool held_cr;         /* the chunk ended in CR: LF may follow */
    bool held_wsp;        /* relaxed: a run of white space whose fate is open */
    bool any;             /* something other than line ends was passed on */
    size_t used;
    char block[DKIM_CANON_BLOCK_BYTES];
};

void dkim_canon_body_init(struct dkim_canon_body *c, enum dkim_canon canon, dkim_canon_sink sink,
                          void *ctx);
void dkim_canon_body_update(struct dkim_canon_body *c, struct span chunk);
/* Adds the final CRLF as RFC 6376 3.4.3 and 3.4.4 want it. Once, after the last chunk. */
void dkim_canon_body_finish(struct dkim_canon_body *c);

/* A header field for hashing, with its closing CRLF. `field` is "Name:value\r\n" with CRLF folds;
 * simple gives it back as it is, relaxed a copy in the arena (RFC 6376 3.4.1, 3.4.2). OR_LIMIT past
 * the arena. */
or_status dkim_canon_field(enum dkim_canon canon, struct span field, struct arena *mem,
                           struct span *canonical_out) OR_MUST_USE;

#endif
