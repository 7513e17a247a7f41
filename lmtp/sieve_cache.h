/*
 * Compiled scripts, kept as long as their files do not change.
 *
 * A script is looked for as its owner, and found by device, inode, time of change and size of what
 * the path leads to: ManageSieve puts another file there when it activates another script.
 *
 * Threads: locked (LOCK_SIEVE_CACHE; not held while reading or compiling).
 */
#ifndef OUTRIDER_LMTP_SIEVE_CACHE_H
#define OUTRIDER_LMTP_SIEVE_CACHE_H

#include "lmtp/sieve/sieve_script.h"

#define SIEVE_CACHE_SCRIPTS 1024 /* at most; of those that share a place the older one goes */

struct sieve_cache;
struct sieve_cached;

struct sieve_cache *sieve_cache_new(void);
void sieve_cache_free(struct sieve_cache *cache); /* NULL is allowed; nobody may hold a script */

/* The script of the file at `path`, for a place that can do what `offer` says, read with the
 * caller's (the owner's) rights. OR_ABSENT: there is none. OR_MALFORMED, OR_LIMIT: it has a fault,
 * or is too large; `e` says where. OR_TEMPFAIL: it cannot be read now. What is got is given back
 * with sieve_cache_drop(). */
or_status
sieve_cache_get(struct sieve_cache *cache, const char *path, const struct sieve_offer *offer,
                struct sieve_cached **cached_out, struct err *e) OR_MUST_USE;
void sieve_cache_drop(struct sieve_cached *cached);
const struct sieve_script *sieve_cache_script(const struct sieve_cached *cached);

#endif
