/*
 * Public keys already read: reading one costs OpenSSL several times what verifying with it does,
 * and mail comes from few signers again and again.
 *
 * Keyed by the bytes published in DNS, not by name: a changed record is another key at once, and
 * TTLs stay the DNS cache's business. One slot per hash value; a newcomer takes the slot over. The
 * hash begins at random, so nobody outside can aim at a slot.
 *
 * Threads: locked (LOCK_DKIM_KEYS).
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_KEYCACHE_H
#define OUTRIDER_MILTER_DKIM_DKIM_KEYCACHE_H

#include "milter/dkim/dkim_crypto.h"

#define DKIM_KEYCACHE_SLOTS 1024
#define DKIM_KEYCACHE_MAX_BYTES 1024 /* of one key: RSA 4096 has 550; larger ones are not kept */

struct dkim_keycache;

struct dkim_keycache *dkim_keycache_new(void);
void dkim_keycache_free(struct dkim_keycache *cache); /* NULL is allowed */

/* As dkim_public_parse(), from the cache where it is there. NULL: without one. The caller frees the
 * key. */
or_status
dkim_keycache_parse(struct dkim_keycache *cache, enum dkim_key_type type, struct span bytes,
                    struct dkim_public **key_out, struct err *e) OR_MUST_USE;

#endif
