/*
 * What the SMTP client is told when a message is refused or deferred, and what is put into a
 * message that goes to Junk: which domain, what was seen, what to do and who is to do it. Sender's
 * administrators read it in bounces, so it is one line of plain words.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_VERDICT_TEXT_H
#define OUTRIDER_POLICYD_VERDICT_TEXT_H

#include "common/base/arena.h"
#include "policyd/verdict_decide.h"

/* RFC 5321 4.5.3.1.5: a reply line has 512 bytes, "550 5.7.26 " and CRLF included. */
#define VERDICT_TEXT_MAX_BYTES 480

struct verdict_text_facts {
    const struct verdict_facts *facts;
    bool from_is_reason;    /* struct verdict_decision */
    struct span author;     /* canonical, checked host name; empty where From has none */
    struct span spf_domain; /* printed only when it is a host name (CVE-2020-12272) */
    struct ip client;
    size_t signatures;
    const char *override; /* struct verdict_decision; NULL or "": none */
};

/* Empty for VERDICT_ACCEPT, or when the arena is full. *dsn_out is the enhanced status code
 * (RFC 3463, RFC 7372) of VERDICT_REJECT and VERDICT_TEMPFAIL. */
struct span verdict_text(const struct verdict_text_facts *t, enum verdict_action action,
                         struct arena *mem, struct span *dsn_out);

#endif
