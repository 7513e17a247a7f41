/*
 * Asks the LMTP server that will deliver a message whether a mailbox has room for it: LHLO, MAIL,
 * RCPT, RSET, no DATA (a call-ahead). Works with every LMTP server that refuses full mailboxes at
 * RCPT: outrider-lmtpd, Dovecot with lmtp_rcpt_check_quota.
 *
 * Connections are kept and used again. While the server cannot be asked, nobody waits for it: after
 * a failure it is left alone for a while.
 *
 * Standards: RFC 2033 (LMTP), RFC 1870 (SIZE), RFC 2920 (PIPELINING), RFC 6531 (SMTPUTF8), RFC 3463
 * (x.2.2: mailbox full).
 *
 * Threads: locked (LOCK_QUOTA_PROBE around the list of idle connections; not held while asking).
 */
#ifndef OUTRIDER_POLICYD_QUOTA_PROBE_H
#define OUTRIDER_POLICYD_QUOTA_PROBE_H

#include "common/base/arena.h"
#include "common/text/addr.h"

struct quota_probe;

struct quota_question {
    struct addr recipient; /* its domain canonical; no control bytes */
    uint64_t size_bytes;   /* of the message, 0: not known */
    int64_t deadline_mono_ms;
};

/* `address` ("unix:/path", "inet:ip:port") is checked by the configuration; both strings stay the
 * caller's. */
struct quota_probe *quota_probe_new(const char *address, const char *hostname);
void quota_probe_free(struct quota_probe *probe); /* NULL is allowed; nobody may be asking */

/* OR_OK: there is room, or the server has another objection, which is its to make at delivery.
 * OR_LIMIT: the mailbox is full; *reply_out is the server's reply, one line, as "552 5.2.2 ...".
 * OR_TEMPFAIL: nobody could be asked, now or shortly before; `e` says why, and is empty when that
 * was said within the last minute. */
or_status quota_probe_ask(struct quota_probe *probe, const struct quota_question *question,
                          struct arena *mem, struct span *reply_out, struct err *e) OR_MUST_USE;

#endif
