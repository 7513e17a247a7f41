/*
 * SASL mechanisms, server side: one struct each, rows of mech_table.c.
 *
 * A mechanism only speaks its exchange: it learns who wants to log in and with what password.
 * Whether that is true is asked by the session (accounts), so that no mechanism can forget it.
 *
 * Threads: immutable; a struct mech_exchange is per-thread.
 */
#ifndef OUTRIDER_AUTHD_SASL_MECH_H
#define OUTRIDER_AUTHD_SASL_MECH_H

#include "authd/accounts/scram_keys.h"
#include "common/base/arena.h"
#include "common/base/buf.h"

#define MECH_MAX_RESPONSE_BYTES 12288 /* Postfix's smtpd_sasl_response_limit */
#define MECH_MAX_NAME_BYTES 512
#define MECH_MAX_BINDING_BYTES 512

enum mech_step {
    MECH_CONTINUE,  /* send `challenge`, wait for the client's next response */
    MECH_NEED_KEYS, /* authcid is known: say its keys with mech_exchange_keys() */
    MECH_CHECK,     /* authcid, authzid and password (or proof) are known: check them */
    MECH_FAIL,      /* the exchange is malformed: `e` says how */
};

/* What the mechanism found out by itself, without a password in `password`. */
enum mech_proof { MECH_PROOF_NONE, MECH_PROOF_RIGHT, MECH_PROOF_WRONG };

/* What a mechanism needs of an account. */
enum mech_keys_kind {
    MECH_KEYS_NONE,
    MECH_KEYS_SCRAM,
    MECH_KEYS_PASSWORD,
    MECH_KEYS_TOKEN,
    MECH_KEYS_ANONYMOUS,
};

/* What is known about the access token that stands in `password`. */
struct mech_token {
    struct span user;             /* whose it is; empty: it is not good */
    struct span scope, discovery; /* where to get one; empty: not said */
};

/* As far as the kind goes; wiped by who has it. */
struct mech_keys {
    struct scram_keys scram;
    struct span password; /* as it is stored, in plain text */
    struct mech_token token;
    struct span anonymous; /* the account of whoever has none; empty: not for this service */
};

struct mech;
struct mech_state; /* the mechanism's own */

/* One login under way. Everything is wiped by mech_exchange_fini(). */
struct mech_exchange {
    const struct mech *mech;
    unsigned round;
    struct mech_state *state;
    enum mech_proof proof;
    struct span server_nonce;   /* empty: a fresh one; the RFCs' examples have theirs */
    struct span challenge;      /* for MECH_CONTINUE; with a right proof, what the client waits for,
                                 * p == NULL: nothing */
    const char *binding_wanted; /* with MECH_CONTINUE: this kind of channel binding; NULL: none */
    bool binding_offered;       /* by us, on this connection */
    struct buf binding;         /* RFC 5056: the connection's, as the peer found it */
    struct buf certificate;     /* the name in the client's certificate, once that was checked */
    struct buf authcid;         /* who logs in */
    struct buf authzid;         /* as whom; empty: the same */
    struct buf password;
    struct buf trace; /* what somebody without a name says of himself, for the log */
    /* The session's, no mechanism looks at them: for whom ("smtp", "imap"), and the client's
     * address as text, empty where nobody knows. */
    struct span service, client;
};

struct mech {
    const char *name;  /* upper case */
    const char *flags; /* TAB-separated flags of the MECH line: "plaintext" */
    bool binds;        /* only for who can say the channel's binding */
    /* `response`: the decoded bytes; p == NULL: there was no initial response. */
    enum mech_step (*step)(struct mech_exchange *x, struct span response, struct err *e);
    /* After MECH_NEED_KEYS; NULL where that never comes. */
    enum mech_step (*keys)(struct mech_exchange *x, const struct mech_keys *keys, struct err *e);
    void (*fini)(struct mech_exchange *x); /* wipes and frees `state`; NULL: it has none */
    enum mech_keys_kind needs;
    enum scram_digest digest; /* of the keys that it needs */
};

void mech_exchange_init(struct mech_exchange *x, const struct mech *mech);
void mech_exchange_fini(struct mech_exchange *x);
enum mech_step mech_exchange_step(struct mech_exchange *x, struct span response, struct err *e);
/* Goes on after MECH_NEED_KEYS. For a name without keys: ones that nothing fits, with a salt that
 * is the same each time, so that the answer does not tell names apart. */
enum mech_step
mech_exchange_keys(struct mech_exchange *x, const struct mech_keys *keys, struct err *e);

/* By name without case (clients send "plain"); NULL when unknown. */
const struct mech *mech_find(struct span name);
/* Every mechanism we know; ends with NULL. */
const struct mech *const *mech_all(void);

#endif
