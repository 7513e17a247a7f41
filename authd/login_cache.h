/*
 * Passwords that were found right a short while ago: so that a mail program that logs in every
 * minute costs one hashing a while, and guessing cannot keep it waiting.
 *
 * What is kept is an HMAC of account, stored hash and password, by a secret of this process: nobody
 * can read a password out of it, and a changed password or hash is simply not found.
 *
 * Threads: locked (LOCK_LOGIN_CACHE).
 */
#ifndef OUTRIDER_AUTHD_LOGIN_CACHE_H
#define OUTRIDER_AUTHD_LOGIN_CACHE_H

#include "common/base/span.h"

#include <stdbool.h>

/* Logins kept at most; about 40 bytes each, allocated as they come. */
#define LOGIN_CACHE_ENTRIES 65536

struct login_cache;

struct login_cache *login_cache_new(void);
void login_cache_free(struct login_cache *cache); /* wipes it; NULL is allowed */

struct login_cache_question {
    struct span account; /* canonical address */
    struct span stored;  /* its hash as it is now */
    struct span password;
};

#define LOGIN_CACHE_KEY_BYTES 32
struct login_cache_key {
    unsigned char bytes[LOGIN_CACHE_KEY_BYTES];
};
void login_cache_key(const struct login_cache *cache, const struct login_cache_question *question,
                     struct login_cache_key *key_out);

/* Whether exactly this was right, not longer than its time ago. */
bool login_cache_has(struct login_cache *cache, const struct login_cache_key *key);
/* It was right now; believed for `ttl_ms`. Of those that share its place the oldest goes. */
void login_cache_add(struct login_cache *cache, const struct login_cache_key *key, int64_t ttl_ms);

#endif
