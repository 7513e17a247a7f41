/*
 * The client's side of LMTP: a message on its way to another LMTP server, for recipients whose
 * account says that their mailbox is there (userdb fields `proxy`, `host`, `port`); and of SMTP,
 * for what scripts redirect.
 *
 *     relay_open -> relay_rcpt ... -> relay_data -> relay_write ... -> relay_finish ->
 *     relay_result for each recipient that was accepted, in order -> relay_close
 *
 * A fault is kept: later calls do nothing and report it again.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_RELAY_H
#define OUTRIDER_LMTP_RELAY_H

#include "lmtp/lmtp_reply.h"

/* What the other server is told; must outlive relay_open(). */
struct relay_envelope {
    const char *hostname; /* ours, for LHLO or EHLO */
    struct span sender;   /* "a@b", empty for <> */
    bool smtputf8;
    bool smtp;          /* EHLO, and one result for all: the first relay_result() */
    int64_t timeout_ms; /* for the connection and for each reply */
};

struct relay {
    const char *address;   /* as stream_connect() takes it */
    struct stream *stream; /* NULL: not open */
    struct arena *mem;     /* texts of replies live here */
    bool eight_bit;        /* it takes 8BITMIME */
    bool in_line;          /* what was written so far does not end with a line end */
    size_t accepted;       /* recipients */
    struct lmtp_reply
        result;     /* for everybody, once the server is lost or has refused; code 0: none */
    struct err err; /* why, for the log */
};

/* Connects, says LHLO and MAIL. A failure is in r->result. `address` and `mem` must outlive it. */
void relay_open(struct relay *r, const char *address, const struct relay_envelope *envelope,
                struct arena *mem);
/* Names a recipient; the server's reply. */
struct lmtp_reply relay_rcpt(struct relay *r, struct span address);
/* With at least one recipient accepted: says DATA. */
void relay_data(struct relay *r);
/* The next bytes of the message, with LF line ends. */
void relay_write(struct relay *r, struct span bytes);
void relay_finish(struct relay *r);
struct lmtp_reply relay_result(struct relay *r);
/* At any point; before relay_finish() the other server gets no message. */
void relay_close(struct relay *r);

#endif
