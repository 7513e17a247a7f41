/*
 * What an LMTP session knows, shared by its command files only.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_LMTP_SESSION_STATE_H
#define OUTRIDER_LMTP_LMTP_SESSION_STATE_H

#include "lmtp/lmtp_message.h"
#include "lmtp/lmtp_session.h"

#define LMTP_MAX_LHLO_BYTES 255 /* RFC 5321 4.5.3.1.2 */

struct lmtp_session {
    struct stream *stream;
    struct lmtp_shared *shared;
    const struct lmtp_settings *settings; /* while serving */
    struct arena mem;                     /* of the transaction */
    const struct stream_tls_server *tls;  /* while serving; NULL: not offered */
    struct lmtp_client client;            /* counts this connection */
    struct ip client_ip;                  /* family 0: a unix socket, or not known */
    struct account_client *accounts;      /* NULL: not made */
    char *userdb;                         /* the address `accounts` points to */
    char lhlo[LMTP_MAX_LHLO_BYTES + 1];   /* empty: LHLO not said */
    char helo[LMTP_MAX_LHLO_BYTES + 1];   /* what XCLIENT says instead; empty: nothing */
    bool greeted;
    bool secure; /* after STARTTLS */
    bool over;
    bool in_mail; /* MAIL was accepted */
    bool smtputf8;
    bool binary;    /* BODY=BINARYMIME: for BDAT only */
    bool in_chunks; /* BDAT has begun, `message` is open */
    struct deliver_envelope envelope;
    struct lmtp_message message;
    unsigned errors;
};

/* A connection that can no longer be written to is over; there is nobody left to tell. */
void lmtp_session_reply(struct lmtp_session *s, const struct lmtp_reply *r);
/* The reply is the last one. */
void lmtp_session_hang_up(struct lmtp_session *s, const struct lmtp_reply *r);
/* The client did something that no client should; too much of that and it is hung up on. */
void lmtp_session_complain(struct lmtp_session *s, const struct lmtp_reply *r);
/* Forgets the userdb's connection. */
void lmtp_session_drop_accounts(struct lmtp_session *s);

#endif
