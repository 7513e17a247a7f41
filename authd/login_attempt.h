/*
 * One login from the moment that name and password (or proof) are there: the defence is asked, the
 * password checked, the outcome counted, logged and kept.
 *
 * Threads: immutable (what it asks is locked).
 */
#ifndef OUTRIDER_AUTHD_LOGIN_ATTEMPT_H
#define OUTRIDER_AUTHD_LOGIN_ATTEMPT_H

#include "authd/login_check.h"

/* Where it comes from, for the log and for the defence; parts that nobody knows are empty. */
struct login_origin {
    struct span session, client, service;
};

struct login_answer {
    enum login_result result;
    struct span user; /* with LOGIN_GOOD, in `mem` */
    int64_t delay_ms; /* how long after its arrival a refusal is said */
};

void
login_attempt(struct daemon *d, const struct mech_exchange *x, const struct login_origin *origin,
              struct arena *mem, struct login_answer *answer_out);

/* Whether whoever is about to show a token is banned: asked before the token is looked at, for its
 * issuer would be, too. True: logged and counted. */
bool login_attempt_banned(struct daemon *d, const struct mech_exchange *x,
                          const struct login_origin *origin, struct arena *mem);

/* What is refused before that: a response that is none, no TLS. */
void login_attempt_refused(struct daemon *d, const struct mech_exchange *x,
                           const struct login_origin *origin, unsigned outcome, const char *reason);

#endif
