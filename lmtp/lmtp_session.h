/*
 * One LMTP connection (RFC 2033), served in bursts: whatever is between two rests belongs to one
 * settings snapshot, and a connection at rest holds next to no memory.
 *
 *     while (lmtp_session_serve(s, settings) && lmtp_session_await(s, idle_ms))
 *         ;
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_LMTP_SESSION_H
#define OUTRIDER_LMTP_LMTP_SESSION_H

#include "common/run/stream.h"
#include "common/run/stream_tls.h"
#include "lmtp/deliver.h"
#include "lmtp/lmtp_clients.h"

struct lmtp_session;

/* What the sessions of a process have in common; outlives reloads. */
struct lmtp_shared {
    struct deliver_shared delivery;
    struct lmtp_clients clients;
};

struct lmtp_shared *lmtp_shared_new(void);
void lmtp_shared_free(struct lmtp_shared *shared);

/* Neither is owned; both must outlive the session. */
struct lmtp_session *lmtp_session_new(struct stream *stream, struct lmtp_shared *shared);
void lmtp_session_free(struct lmtp_session *s);

/* Offers STARTTLS, or no longer with NULL, until the next call; for the next
 * lmtp_session_serve(). */
void lmtp_session_offer_tls(struct lmtp_session *s, const struct stream_tls_server *tls);

/* Greets (the first time), then serves commands until no transaction is open and no input waits.
 * False when the session is over. `settings` is not used after it returns. */
bool lmtp_session_serve(struct lmtp_session *s, const struct lmtp_settings *settings);

/* Waits for the next command; says 421 when it does not come or the daemon is stopping. False when
 * the session is over. */
bool lmtp_session_await(struct lmtp_session *s, int64_t idle_timeout_ms);

#endif
