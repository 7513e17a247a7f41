/*
 * DNS block and allow lists (RFC 5782): the sections `dnslist "ZONE" { ... }` made ready, and what
 * they say of a client, a sender's domain, a HELO name and a client's name.
 *
 * A listing is an address in 127.0.0.0/8 and nothing else. What a list that has died or moved
 * answers for every name (an address of some web server) is none, and neither is the answer by
 * which a list says that it does not serve us (127.255.255.x; 127.0.0.1, which RFC 5782 5 keeps for
 * what is not listed; 127.0.1.255).
 *
 * Threads: immutable once built, but for what is known of each list's health (atomic).
 */
#ifndef OUTRIDER_POLICYD_DNSLIST_H
#define OUTRIDER_POLICYD_DNSLIST_H

#include "common/dns/dns.h"
#include "policyd/policyd_conf.h"

#include <stdatomic.h>

#define DNSLIST_MAX_LISTS 32
#define DNSLIST_MAX_CODES 64 /* of one list */

/* So many questions in a row without an answer, and a list is not asked for a while. What fails
 * shortly after another counts with it: the recipients of one message ask the same. */
#define DNSLIST_MAX_FAILURES 5
#define DNSLIST_FAILURE_GAP_MS 500
#define DNSLIST_PAUSE_MS 60000

/* What a list is asked about. */
enum dnslist_kind {
    DNSLIST_CLIENT,
    DNSLIST_SENDER_DOMAIN,
    DNSLIST_HELO,
    DNSLIST_CLIENT_NAME,
    DNSLIST_KINDS,
};

/* "127.0.0.2-11=5" */
struct dnslist_code {
    uint8_t low[4], high[4]; /* both included */
    int64_t weight;
};

struct dnslist {
    struct span zone; /* canonical */
    unsigned kinds;   /* bits by enum dnslist_kind */
    int64_t weight;   /* of any listing, when there are no codes */
    struct dnslist_code *codes;
    size_t code_count;
    atomic_uint failures;
    atomic_llong failed_mono_ms; /* the last that counted */
    atomic_llong paused_until_mono_ms, silent_until_mono_ms;
};

struct dnslist_set {
    struct dnslist *lists;
    size_t count;
    bool has_allow_list; /* some weight is negative */
    struct arena mem;
};

/* OR_CONFIG names the section. Freed with dnslist_fini(), also after a failure. */
or_status dnslist_init(struct dnslist_set *set, const struct policyd_settings *settings,
                       struct err *e) OR_MUST_USE;
void dnslist_fini(struct dnslist_set *set);

/* Four numbers, ranges or asterisks, and a weight from -1000 to 1000. */
or_status
dnslist_code_parse(struct span text, struct dnslist_code *code_out, struct err *e) OR_MUST_USE;

#endif
