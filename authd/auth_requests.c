/*
 * The waiting room between a login and its session: a list in order of arrival, so the oldest is at
 * the end. It is short: a session process asks within milliseconds.
 */
#include "authd/auth_requests.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct waiting {
    struct waiting *newer, *older;
    uint32_t cpid, id;
    char cookie[AUTH_COOKIE_HEX];
    const char *mechanism;
    int64_t expires_mono_ms;
    size_t user_bytes;
    char user[];
};

struct auth_requests {
    struct lock lock;
    uint32_t spid;
    struct waiting *newest, *oldest;
    size_t count;
};

struct auth_requests *
auth_requests_new(void)
{
    struct auth_requests *r = xcalloc(1, sizeof(*r));

    lock_init(&r->lock, LOCK_AUTH_REQUEST);
    r->spid = (uint32_t)getpid();
    return r;
}

uint32_t
auth_requests_spid(const struct auth_requests *r)
{
    return r->spid;
}

static void
free_waiting(struct waiting *w)
{
    crypto_wipe(w->cookie, sizeof(w->cookie));
    free(w);
}

static void
remove_waiting(struct auth_requests *r, struct waiting *w)
{
    if (w->newer != NULL)
        w->newer->older = w->older;
    else
        r->newest = w->older;
    if (w->older != NULL)
        w->older->newer = w->newer;
    else
        r->oldest = w->newer;
    r->count--;
    free_waiting(w);
}

void
auth_requests_free(struct auth_requests *r)
{
    for (struct waiting *w = r->oldest, *newer; w != NULL; w = newer) {
        newer = w->newer;
        free_waiting(w);
    }
    lock_fini(&r->lock);
    free(r);
}

static void
remove_expired(struct auth_requests *r, int64_t now)
{
    for (struct waiting *w = r->oldest, *newer; w != NULL; w = newer) {
        newer = w->newer;
        if (w->expires_mono_ms > now && r->count <= AUTH_REQUESTS_MAX)
            break;
        remove_waiting(r, w);
    }
}

void
auth_requests_add(struct auth_requests *r, uint32_t cpid, uint32_t id, struct span cookie,
                  struct span user, const char *mechanism)
{
    int64_t now = clock_mono_ms();

    if (cookie.n != AUTH_COOKIE_HEX || user.n > AUTH_MAX_USER_BYTES)
        return;
    struct waiting *w = xcalloc(1, sizeof(*w) + user.n);
    w->cpid = cpid;
    w->id = id;
    w->mechanism = mechanism;
    w->expires_mono_ms = now + AUTH_REQUESTS_KEEP_MS;
    w->user_bytes = user.n;
    memcpy(w->cookie, cookie.p, AUTH_COOKIE_HEX);
    memcpy(w->user, user.p, user.n);

    lock_take(&r->lock);
    w->older = r->newest;
    *(r->newest != NULL ? &r->newest->newer : &r->oldest) = w;
    r->newest = w;
    r->count++;
    remove_expired(r, now);
    lock_drop(&r->lock);
}

static struct waiting *
find(struct auth_requests *r, uint32_t cpid, uint32_t id, struct span cookie)
{
    for (struct waiting *w = r->newest; w != NULL; w = w->older)
        if (w->cpid == cpid && w->id == id &&
            crypto_equal(span_make(w->cookie, sizeof(w->cookie)), cookie))
            return w;
    return NULL;
}

or_status
auth_requests_take(struct auth_requests *r, uint32_t cpid, uint32_t id, struct span cookie,
                   struct arena *mem, struct span *user_out, const char **mechanism_out)
{
    or_status st = OR_ABSENT;

    lock_take(&r->lock);
    remove_expired(r, clock_mono_ms());
    struct waiting *w = find(r, cpid, id, cookie);
    if (w != NULL) {
        st = arena_copy(mem, span_make(w->user, w->user_bytes), user_out);
        *mechanism_out = w->mechanism;
        remove_waiting(r, w);
    }
    lock_drop(&r->lock);
    return st;
}
