/*
 * Where mail for an account or a domain goes when that is another machine: "192.0.2.7",
 * "[2001:db8::7]:24", "mx.example.org:25".
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_HOST_H
#define OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_HOST_H

#include "common/base/arena.h"

struct account_host {
    struct span host; /* an address without brackets, or a host name */
    uint16_t port;    /* 0: the protocol's own */
    bool is_address;
};

/* OR_MALFORMED: it is none; OR_LIMIT: `mem` is used up. */
or_status account_host_parse(struct span text, struct arena *mem, struct account_host *host_out,
                             struct err *e) OR_MUST_USE;

#endif
