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

#include "common/base/arena.h"
#include "common/base/buf.h"

#define MECH_MAX_RESPONSE_BYTES 12288 /* Postfix's smtpd_sasl_response_limit */
#define MECH_MAX_NAME_BYTES 512

enum mech_step {
    MECH_CONTINUE, /* send `challenge`, wait for the client's next response */
    MECH_CHECK,    /* authcid, authzid and password are known: check them */
    MECH_FAIL,     /* the exchange is malformed: `e` says how */
};

struct mech;

/* One login under way. Everything is wiped by mech_exchange_fini(). */
struct mech_exchange {
    const struct mech *mech;
    unsigned round;
    struct span challenge; /* static, for MECH_CONTINUE */
    struct buf authcid;    /* who logs in */
    struct buf authzid;    /* as whom; empty: the same */
    struct buf password;
};

struct mech {
    const char *name;  /* upper case */
    const char *flags; /* TAB-separated flags of the MECH line: "plaintext" */
    /* `response`: the decoded bytes; p == NULL: there was no initial response. */
    enum mech_step (*step)(struct mech_exchange *x, struct span response, struct err *e);
};

void mech_exchange_init(struct mech_exchange *x, const struct mech *mech);
void mech_exchange_fini(struct mech_exchange *x);
enum mech_step mech_exchange_step(struct mech_exchange *x, struct span response, struct err *e);

/* By name without case (clients send "plain"); NULL when unknown. */
const struct mech *mech_find(struct span name);
/* Every mechanism we offer, in the order they are listed to clients; ends with NULL. */
const struct mech *const *mech_all(void);

#endif
