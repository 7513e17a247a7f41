/*
 * What the header of a message says that delivery cares about: marks, trace fields, loops.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_MESSAGE_HEAD_H
#define OUTRIDER_LMTP_MESSAGE_HEAD_H

#include "common/text/header.h"

struct message_head {
    struct span bytes; /* the header and whatever of the body came with it, LF line ends */
    struct header_block block;
    size_t received_count;
    bool quarantined;
    struct span queue_id; /* of the topmost Received field; empty when it has none */
};

/* Whether `bytes` hold the whole header: up to an empty line. `from` is how many bytes an earlier
 * call has already seen. */
bool message_head_is_complete(struct span bytes, size_t from);

/* `bytes` must outlive the head. OR_LIMIT: too many fields or `mem` used up. */
or_status message_head_parse(struct span bytes, const char *quarantine_header, struct arena *mem,
                             struct message_head *head_out, struct err *e) OR_MUST_USE;

/* Whether the message bears a Delivered-To field with this address: it came back to where it was.
 */
bool message_head_was_delivered_to(const struct message_head *head, struct span address);

/* The next piece of what is stored, from *cursor (0 at the start) on: everything but Return-Path
 * fields (RFC 5321 4.4: at most one, and the delivering system writes it). False at the end. */
bool
message_head_next_piece(const struct message_head *head, size_t *cursor, struct span *piece_out);

/* How much of the header is stored, the empty line behind it included. */
size_t message_head_kept_bytes(const struct message_head *head);

/* Whether an empty line must be put in front: without it the lines that delivery adds would run
 * into a body that has no header of its own. */
bool message_head_needs_separator(const struct message_head *head);

#endif
