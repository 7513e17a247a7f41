/*
 * Reads one block of the attribute protocol (common/text/attrs.h) from a connection: what both ends
 * of policyd's socket need.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_ATTRS_STREAM_H
#define OUTRIDER_COMMON_RUN_ATTRS_STREAM_H

#include "common/base/arena.h"
#include "common/run/stream.h"
#include "common/text/attrs.h"

/* Lines up to and including the empty one; the attributes live in `mem`. OR_CLOSED, OR_TIMEOUT,
 * OR_TEMPFAIL: the connection; OR_MALFORMED: not attributes; OR_LIMIT: over ATTRS_MAX_BYTES,
 * ATTRS_MAX, ATTRS_MAX_LINE_BYTES or the arena. Always with a text. */
or_status attrs_stream_read(struct stream *s, struct arena *mem, struct attrs *attrs_out,
                            struct err *e) OR_MUST_USE;

#endif
