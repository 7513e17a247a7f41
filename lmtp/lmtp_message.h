/*
 * What follows DATA: the message is read to its end, delivered, and every accepted recipient is
 * answered in the order of RCPT (RFC 2033 4.2), each as soon as its copy is durable.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_LMTP_MESSAGE_H
#define OUTRIDER_LMTP_LMTP_MESSAGE_H

#include "lmtp/deliver.h"

/* Nothing is owned. */
struct lmtp_message {
    struct stream *stream;
    const struct lmtp_settings *settings;
    const struct deliver_envelope *envelope; /* at least one recipient */
    struct deliver_shared *shared;
    struct arena *mem;
};

/* 354 has been said. OR_OK: the message was read to its end and everybody answered, with whatever
 * reply. OR_TIMEOUT, OR_CLOSED: it never ended; nothing was delivered, nobody answered. Logs a line
 * for each recipient. */
or_status lmtp_message_receive(const struct lmtp_message *m) OR_MUST_USE;

#endif
