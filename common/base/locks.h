/*
 * Every mutex of the suite and its rank. Take them in rising rank; never hold one across DNS or
 * socket I/O. In builds with assertions lock_take() checks the order.
 *
 * Threads: this is what makes the others "locked".
 */
#ifndef OUTRIDER_COMMON_BASE_LOCKS_H
#define OUTRIDER_COMMON_BASE_LOCKS_H

#include <pthread.h>
#include <stdint.h>

enum lock_rank {
    LOCK_PREFETCH,       /* milter: names to be looked up; a snapshot is taken under it */
    LOCK_SERVER,         /* server.c: connection list and counters */
    LOCK_LMTP_CLIENTS,   /* lmtpd: connections by address */
    LOCK_SIEVE_CACHE,    /* lmtpd: compiled scripts; not held while compiling */
    LOCK_SETTINGS,       /* the counted snapshot pointer */
    LOCK_AUTH_REQUEST,   /* authd: logins waiting for their REQUEST */
    LOCK_ACCOUNT_DB,     /* authd: the SQLite handle */
    LOCK_LOGIN_CACHE,    /* authd: passwords found right */
    LOCK_GUARD,          /* authd: points and bans; never held across the store */
    LOCK_GUARD_HOOK,     /* authd: whom bans are told to; nothing else with it */
    LOCK_EXPORT,         /* authd: what is exported; nothing else with it */
    LOCK_TICKER,         /* ticker.c: the wait of a thread; nothing else with it */
    LOCK_OAUTH_KEYS,     /* authd: an issuer's keys */
    LOCK_OAUTH_SEEN,     /* authd: tokens that introspection found good */
    LOCK_PGSQL,          /* authd: idle connections to PostgreSQL */
    LOCK_LDAP,           /* authd: idle connections to a directory */
    LOCK_PAM,            /* authd: how many questions to PAM have no answer yet */
    LOCK_PASSWD_FILE,    /* authd: the table of a passwd-file */
    LOCK_DICT,           /* authd: the SQLite handle of the dict */
    LOCK_PASSWORD_GATE,  /* authd: turns at hashing; not held while hashing */
    LOCK_ROTATION,       /* milter: the rotation thread's wait; nothing else is held with it */
    LOCK_DKIM_KEYS,      /* milter: public keys already read */
    LOCK_RECENT_SENDERS, /* policyd: who used a sender last */
    LOCK_ACCESS_FILE,    /* policyd: which access rules are in force */
    LOCK_QUOTA_PROBE,    /* policyd: idle connections to the LMTP server */
    LOCK_KVSTORE,        /* the SQLite handle of the state store, or the idle Redis connections */
    LOCK_KVSTORE_WAKE,   /* its maintenance thread; never held together with another */
    LOCK_DECISIONS,      /* records of decisions on their way to the disk */
    LOCK_DNS_CACHE,      /* innermost; anything may log under any of them */
};

struct lock {
    pthread_mutex_t mutex;
    enum lock_rank rank;
};

#define LOCK_INIT(r)                                                                               \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .rank = (r)                                            \
    }

void lock_init(struct lock *l, enum lock_rank rank);
void lock_fini(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);
/* Waits on `cond` (initialised for CLOCK_MONOTONIC) until signalled or until `deadline_mono_ms`.
 * 0 or ETIMEDOUT, as pthread_cond_timedwait(). */
int lock_wait(struct lock *l, pthread_cond_t *cond, int64_t deadline_mono_ms);
/* A condition variable on CLOCK_MONOTONIC. */
void lock_cond_init(pthread_cond_t *cond);

#endif
