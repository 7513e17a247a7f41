/*
 * Messages whose header a script has edited (RFC 5293): each place that gets one has a file of its
 * own, with our trace fields, the edited header and the body as it came.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_EDIT_H
#define OUTRIDER_LMTP_DELIVER_EDIT_H

#include "lmtp/deliver.h"

/* The header as it is stored or sent, the empty line included. OR_LIMIT: it has got too large. */
or_status deliver_edit_format(const struct header_block *header, struct buf *out) OR_MUST_USE;

/* Where the body begins in the spool that has the message as it came. */
uint64_t deliver_edit_body_at(const struct deliver *d, const struct spool *source);

/* Gives `place` its own file; it counts no longer as one that wants the other. As its owner. On
 * failure the place has its reply. */
void deliver_edit_place(struct deliver *d, struct deliver_target *place,
                        const struct header_block *header);

#endif
