/*
 * Is this name with this password an account that may log in? Asked once a mechanism has learnt
 * both.
 *
 * Threads: immutable (what it asks is locked).
 */
#ifndef OUTRIDER_AUTHD_LOGIN_CHECK_H
#define OUTRIDER_AUTHD_LOGIN_CHECK_H

#include "authd/authd.h"
#include "authd/sasl/mech.h"

enum login_result {
    LOGIN_GOOD,
    LOGIN_WRONG,        /* name or password: nobody is told which */
    LOGIN_OUT_OF_SCOPE, /* an application password that is not for this service */
    LOGIN_EXPIRED,      /* an application password whose time is over */
    LOGIN_DISABLED,     /* only said to who has the password */
    LOGIN_OTHER_USER,   /* RFC 4616 2: acting as somebody else, who is no master user */
    LOGIN_UNKNOWN_NOW,  /* the store or a turn at hashing is missing: "try again later" */
    LOGIN_BANNED,       /* not looked at: login_attempt.c */
};

/* Who shows a password or a proof, and as whom he wants to go on (empty: as himself): the master
 * user's "user*master" taken apart, where there are master users. */
struct login_names {
    struct span who, as;
};
struct login_names
login_names(const struct authd_settings *settings, const struct mech_exchange *x);

struct login_checked {
    enum login_result result;
    struct span user;        /* with LOGIN_GOOD: as whom he goes on */
    struct span account;     /* who showed the password, where there is such an account */
    struct app_password app; /* what it was shown by, where it was such a one */
    struct err err;          /* why, with LOGIN_UNKNOWN_NOW */
    struct arena *mem;       /* where all this is */
};

/* Spans are in `mem`. Takes as long as a hashing, plus hash-timeout at most for a turn at it;
 * `trusted` ones get theirs before others. */
void login_check(const struct daemon_snapshot *snapshot, const struct mech_exchange *x,
                 bool trusted, struct arena *mem, struct login_checked *checked_out);

#endif
