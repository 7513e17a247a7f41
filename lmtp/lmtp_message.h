/*
 * What follows DATA or comes in BDAT chunks: the message is read, delivered, and every accepted
 * recipient is answered in the order of RCPT (RFC 2033 4.2) once all copies are durable.
 *
 *     lmtp_message_begin -> lmtp_message_data | lmtp_message_chunk ... -> lmtp_message_end
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_LMTP_MESSAGE_H
#define OUTRIDER_LMTP_LMTP_MESSAGE_H

#include "lmtp/deliver.h"
#include "lmtp/lmtp_command.h"
#include "lmtp/lmtp_data.h"

/* Where it comes from and to whom it goes; nothing is owned. */
struct lmtp_message_source {
    struct stream *stream;
    const struct lmtp_settings *settings;
    const struct deliver_envelope *envelope; /* at least one recipient */
    struct deliver_shared *shared;
    struct arena *mem;
    bool chunked; /* BDAT */
    bool binary;  /* BODY=BINARYMIME */
};

struct lmtp_message {
    struct lmtp_message_source from;
    struct lmtp_data data;
    struct deliver delivery;
    int64_t started_ms;
};

/* OR_LIMIT: the arena is used up, and there is nothing to end. */
or_status
lmtp_message_begin(struct lmtp_message *m, const struct lmtp_message_source *from) OR_MUST_USE;

/* 354 has been said: reads to the final dot. OR_TIMEOUT, OR_CLOSED: it never came. */
or_status lmtp_message_data(struct lmtp_message *m) OR_MUST_USE;
/* Reads one chunk. OR_TIMEOUT, OR_CLOSED: it did not come whole. */
or_status lmtp_message_chunk(struct lmtp_message *m, const struct lmtp_chunk *chunk) OR_MUST_USE;

/* With OR_OK the message is whole: it is delivered and everybody answered, with whatever reply; a
 * log line for each recipient. With anything else it never ended: nothing is delivered, nobody
 * answered. Cleans up. OR_CLOSED, OR_TIMEOUT: the replies could not be written. */
or_status lmtp_message_end(struct lmtp_message *m, or_status st) OR_MUST_USE;

#endif
