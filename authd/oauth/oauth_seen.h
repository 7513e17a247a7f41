/*
 * What introspection said a moment ago: token -> user name. Only good tokens are
 * kept, as a keyed digest: made-up ones would push them out.
 *
 * Threads: locked (LOCK_OAUTH_SEEN).
 */
#ifndef OUTRIDER_AUTHD_OAUTH_OAUTH_SEEN_H
#define OUTRIDER_AUTHD_OAUTH_OAUTH_SEEN_H

#include "authd/oauth/jwt.h"

#define OAUTH_SEEN_ENTRIES 1024 /* about 600 KiB; a newer one takes the place of an older */

struct oauth_seen;

struct oauth_seen *oauth_seen_new(void);
void oauth_seen_free(struct oauth_seen *seen); /* NULL is allowed */

/* OR_OK with the name in `mem`; OR_ABSENT: nothing is known. */
or_status oauth_seen_find(struct oauth_seen *seen, struct span token, struct arena *mem,
                          struct span *user_out) OR_MUST_USE;
void
oauth_seen_add(struct oauth_seen *seen, struct span token, struct span user, int64_t until_mono_ms);

#endif
