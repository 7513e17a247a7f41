/*
 * One message on its way through the milter: envelope, header fields, and either a verifier or a
 * signer that take in header and body as they arrive.
 *
 * Threads: per-thread (callbacks of one session never overlap).
 */
#ifndef OUTRIDER_MILTER_MILTER_MESSAGE_H
#define OUTRIDER_MILTER_MILTER_MESSAGE_H

#include "common/base/arena.h"
#include "common/run/daemon.h"
#include "milter/arc/arc_seal.h"
#include "milter/arc/arc_verify.h"
#include "milter/dkim/dkim_sign.h"
#include "milter/dkim/dkim_verify.h"
#include "milter/milter_build.h"
#include "milter/milter_conf.h"
#include "milter/milter_prefetch.h"
#include "milter/milter_relayed.h"

/* The SMTP client of a session. */
struct milter_client {
    struct ip ip;     /* family 0: not known */
    struct span name; /* as Postfix confirmed it; "unknown" when it could not */
    struct span helo;
};

struct milter_message {
    struct arena mem;                       /* everything below lives here */
    const struct daemon_snapshot *snapshot; /* taken at MAIL, dropped at the end */
    const struct milter_settings *settings; /* the snapshot's */
    const struct milter_built *built;       /* the snapshot's */
    const struct milter_client *client;     /* the session's */
    int64_t began_mono_ms;
    struct span login;  /* SASL user, empty without authentication */
    struct span sender; /* internal form, empty for <> */
    struct span queue_id;
    size_t recipient_count;              /* counted where the seal depends on them */
    bool elsewhere;                      /* one of them at least is not here */
    const struct milter_seal *seal_rule; /* of the first recipient that has one; or NULL */
    bool originating;                    /* ours to sign, not to verify */
    bool no_senders;                     /* authd does not say whether this From may be signed */
    struct dkim_message dkim;            /* header fields and body hashes */
    size_t header_bytes;
    bool too_large; /* past max-header-size or DKIM_MESSAGE_MAX_FIELDS */
    struct dkim_verify_settings verify_settings;
    struct dkim_verify verify;                /* of what arrives from outside */
    struct milter_relayed relayed;            /* what a relay of ours found out before */
    struct arc_verify *arc;                   /* the same; NULL: not looked at */
    const struct dkim_keytable_row *seal_key; /* NULL: nothing is sealed */
    struct arc_seal *seal;                    /* NULL: not sealed, see not_sealed; in the arena */
    struct err not_sealed;                    /* empty: nothing is */
    struct dkim_signkeys keys;                /* what signs a message of ours */
    struct dkim_sign *sign; /* NULL: not signed, see not_signed; in the arena (its size) */
    struct err not_signed;
};

/* Takes a snapshot and begins; milter_message_end() gives both back. `client` must outlive the
 * message. */
void milter_message_begin(struct milter_message *m, struct daemon *d,
                          const struct milter_client *client);
void milter_message_end(struct milter_message *m, struct daemon *d);

/* MAIL FROM as libmilter has it: "<a@b>", from the sendmail command without brackets. */
or_status milter_message_set_sender(struct milter_message *m, struct span path) OR_MUST_USE;
/* RCPT TO as libmilter has it. */
void milter_message_add_recipient(struct milter_message *m, struct span path);
/* Keeps the field; past the limits sets too_large and keeps no more. */
void milter_message_add_field(struct milter_message *m, struct span name, struct span value);
/* Decides between signing and verifying; asks authd where From must match the login (until
 * authd-timeout), has the keys to verify with looked up while the body comes. `prefetch` may be
 * NULL: then they are looked up at the end. */
void milter_message_end_of_header(struct milter_message *m, struct milter_prefetch *prefetch);
/* At the end of the message: waits for the keys, until verify-timeout after the header, and checks
 * the signatures over the header. */
void milter_message_check_keys(struct milter_message *m);
/* Hashes a piece of the body. */
void milter_message_body(struct milter_message *m, struct span bytes);

#endif
