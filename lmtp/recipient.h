/*
 * One recipient: from the address in RCPT to the account and the Maildir.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_RECIPIENT_H
#define OUTRIDER_LMTP_RECIPIENT_H

#include "common/run/account.h"
#include "common/text/addr.h"
#include "lmtp/lmtp_conf.h"
#include "lmtp/owner.h"
#include "lmtp/quota_rule.h"

struct recipient {
    struct span address;      /* as in RCPT TO, "local@domain" */
    struct span detail;       /* the folder that user+folder asks for; empty: none */
    struct span account_name; /* the mailbox's canonical address */
    struct owner owner;
    const char *root;  /* the Maildir's path; NULL: it is elsewhere */
    const char *proxy; /* the LMTP server that has the mailbox, "inet:host:port"; NULL: we do */
    const struct quota_rules *quota; /* NULL: no limit */
    const char *script; /* the owner's Sieve script, whether or not it is there; NULL: none */
    const char *script_directory; /* of those that it can include; NULL: none */
};

/* What a look-up needs beside the address. */
struct recipient_source {
    const struct lmtp_settings *settings;
    struct account_client *accounts;
    struct arena *mem; /* results live here */
};

/* Looks `address` up without its detail. OR_ABSENT: no such user; OR_MALFORMED: no userdb can know
 * such a name; OR_TEMPFAIL: the look-up failed; OR_CONFIG: nothing can be delivered to this account
 * until the operator mends something; OR_LIMIT: the arena is used up. recipient_out->address is set
 * in any case but OR_LIMIT. */
or_status recipient_lookup(const struct recipient_source *source, const struct addr *address,
                           struct recipient *recipient_out, struct err *e) OR_MUST_USE;

#endif
