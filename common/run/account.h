/*
 * An account as delivery needs it, and the client that asks for it over Dovecot's userdb protocol
 * (protocols.md 4.2): authd's socket or stock Dovecot's auth-userdb, no matter which.
 *
 * Threads: per-thread (one connection per lookup client).
 */
#ifndef OUTRIDER_COMMON_RUN_ACCOUNT_H
#define OUTRIDER_COMMON_RUN_ACCOUNT_H

#include "common/base/arena.h"

#include <sys/types.h>

#define ACCOUNT_MAX_QUOTA_RULES 16

struct account {
    struct span name; /* as the server spells it: the mailbox's canonical address */
    uid_t uid;
    gid_t gid;
    struct span home;  /* absolute */
    struct span proxy; /* "inet:host:port": the mailbox is there; empty: it is here */
    struct span mail;  /* "maildir:~/Maildir" or mail_path=; empty when the server did not say */
    struct span sieve; /* "~/.dovecot.sieve", "file:~/sieve;active=~/.dovecot.sieve"; likewise */
    /* As Dovecot 2.3 writes them ("*:storage=5G"), also where 2.4's fields said it. */
    struct span quota_rules[ACCOUNT_MAX_QUOTA_RULES];
    size_t quota_rule_count;
};

/* A reply to USER is at most this long (Dovecot's own limit). */
#define ACCOUNT_MAX_REPLY_BYTES 8192

struct account_client;

/* Connects on first use. `address` as in stream_connect(); must outlive the client. */
struct account_client *account_client_new(const char *address, int64_t timeout_ms);
void account_client_free(struct account_client *c);

/* OR_OK, OR_ABSENT (no such user), OR_TEMPFAIL (the server says so, is gone, or the timeout
 * passed), OR_MALFORMED (`user` has TAB, CR, LF, NUL or is too long to ask). Reconnects once when a
 * kept connection turns out dead. The account lives in `mem`. */
or_status account_lookup(struct account_client *c, struct span user, struct arena *mem,
                         struct account *account_out, struct err *e) OR_MUST_USE;

/* Reads the reply to USER with this id: "USER\tid\tname\tuid=..." OR_OK, "NOTFOUND\tid" OR_ABSENT,
 * "FAIL\tid\treason=..." OR_TEMPFAIL; also OR_TEMPFAIL for an account that nothing can be delivered
 * to (no uid or gid unless it is elsewhere, in a chroot, `proxy` without an address in `host`) and
 * OR_MALFORMED for anything else. */
or_status account_parse_reply(struct span line, uint64_t id, struct arena *mem,
                              struct account *account_out, struct err *e) OR_MUST_USE;

#endif
