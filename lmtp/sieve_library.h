/*
 * The scripts that a script can include (RFC 6609): files NAME.sieve in its owner's directory,
 * where ManageSieve keeps them, and in the site's.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_LIBRARY_H
#define OUTRIDER_LMTP_SIEVE_LIBRARY_H

#include "lmtp/sieve_cache.h"

/* What is not a number or pointer of its own must outlive the library. */
struct sieve_library {
    struct sieve_cache *cache;
    const char *personal, *global; /* directories; NULL: none */
    struct sieve_offer offer;
    struct sieve_library_entry *entries; /* loaded so far, newest first */
    struct arena mem;
};

/* The rest of *l is set. */
void sieve_library_init(struct sieve_library *l);
/* Gives back what was loaded. */
void sieve_library_fini(struct sieve_library *l);

/* For sieve_message.load; the script lives as long as the library. With the caller's (the owner's)
 * rights. */
or_status sieve_library_load(struct sieve_library *l, enum sieve_place place, struct span name,
                             const struct sieve_script **script_out, struct err *e) OR_MUST_USE;

#endif
