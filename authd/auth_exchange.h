/*
 * One connection of the login protocol: what auth_session.c (commands, decisions) and
 * auth_exchange.c (logins under way, what the client is told) share.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_AUTH_EXCHANGE_H
#define OUTRIDER_AUTHD_AUTH_EXCHANGE_H

#include "authd/auth_proto.h"
#include "authd/auth_session.h"
#include "authd/sasl/mech.h"

#define AUTH_REPLY_MAX_BYTES 8192
#define AUTH_SHORT_TEXT_BYTES 64 /* of service, session and addresses, for the log */

/* One login under way, or a refusal that waits for its delay. */
struct auth_exchange {
    struct auth_exchange *next;
    uint32_t id;
    struct mech_exchange sasl;
    bool nologin;
    bool final_with_ok; /* the client takes the server's last word with OK */
    bool final_sent;    /* or it was sent before */
    char service[AUTH_SHORT_TEXT_BYTES], session[AUTH_SHORT_TEXT_BYTES],
        remote[AUTH_SHORT_TEXT_BYTES];
    int64_t due_mono_ms; /* refused: when to say so; else when it is forgotten */
    char *refusal;       /* the line to send, NULL while the login is under way */
};

struct auth_session {
    struct stream *stream;
    struct daemon *daemon;
    struct auth_requests *requests;
    enum auth_peer peer;
    uint32_t cpid;
    bool has_cpid;
    uint32_t minor;    /* of the client's VERSION */
    bool offers_binds; /* it was told of mechanisms that bind */
    char cookie[AUTH_COOKIE_HEX + 1];
    struct auth_exchange *exchanges; /* newest first */
    size_t count;
    int64_t idle_timeout_ms, io_timeout_ms; /* of the settings now in force */
    struct arena mem;                       /* of one line */
};

/* The place in the list that points to it, or to NULL. */
struct auth_exchange **auth_exchange_find(struct auth_session *s, uint32_t id);
struct auth_exchange *
auth_exchange_add(struct auth_session *s, const struct auth_line *line, const struct mech *mech);
void auth_exchange_drop(struct auth_session *s, uint32_t id);
/* The server's own proof, which comes before OK or with it. */
bool auth_exchange_has_last_word(const struct auth_exchange *x);

/* What the client is told. All but OR_OK mean that the connection is over; all but the first two
 * end the login. */
or_status auth_exchange_send(struct auth_session *s, struct buf *line) OR_MUST_USE;
or_status
auth_exchange_challenge(struct auth_session *s, const struct auth_exchange *x) OR_MUST_USE;
/* Said at `due_mono_ms`, at once when that is over. `fields` of FAIL tell Dovecot's login processes
 * why; none: a wrong name or password. */
or_status auth_exchange_refuse(struct auth_session *s, struct auth_exchange *x, int64_t due_mono_ms,
                               const char *fields) OR_MUST_USE;
or_status auth_exchange_refuse_for_now(struct auth_session *s, struct auth_exchange *x) OR_MUST_USE;
or_status
auth_exchange_accept(struct auth_session *s, struct auth_exchange *x, struct span user) OR_MUST_USE;
/* Without a login under way: FAIL with these fields; "later", as this client understands it. */
or_status auth_exchange_fail(struct auth_session *s, uint32_t id, const char *fields) OR_MUST_USE;
or_status auth_exchange_later(struct auth_session *s, uint32_t id) OR_MUST_USE;
/* Says refusals whose delay is over, forgets logins nobody went on with. `all`: without waiting for
 * the delay. */
or_status auth_exchange_settle(struct auth_session *s, bool all) OR_MUST_USE;

#endif
