/*
 * One thread at a time fetches; the others go on with the keys that are there.
 */
#include "authd/oauth/oauth_keys.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define REFRESH_MS 3600000    /* so that a key taken back is gone within the hour */
#define UNKNOWN_KEY_MS 60000  /* between two fetches for a key that is not there */
#define AFTER_FAILURE_MS 5000 /* between two tries at a URL that is down */
#define KID_ARENA_BYTES 16384

/* Counted, under the lock: a set in use outlives its replacement. */
struct counted {
    struct jwks *jwks;
    unsigned uses;
};

struct oauth_keys {
    struct lock lock;
    const char *file;
    struct oauth_http http;
    struct counted *current; /* NULL: none yet */
    bool fetching;
    int64_t fetched_mono_ms, next_try_mono_ms;
    struct timespec changed; /* of the file */
};

struct oauth_keys *
oauth_keys_new(const char *file, const struct oauth_http *http)
{
    struct oauth_keys *keys = xcalloc(1, sizeof(*keys));

    lock_init(&keys->lock, LOCK_OAUTH_KEYS);
    keys->file = file;
    keys->http = *http;
    return keys;
}

/* With the lock held. */
static void
release(struct counted *set)
{
    if (set == NULL || --set->uses > 0)
        return;
    jwks_free(set->jwks);
    free(set);
}

void
oauth_keys_free(struct oauth_keys *keys)
{
    if (keys == NULL)
        return;
    release(keys->current);
    lock_fini(&keys->lock);
    free(keys);
}

static struct counted *
take(struct oauth_keys *keys)
{
    lock_take(&keys->lock);
    struct counted *set = keys->current;

    if (set != NULL)
        set->uses++;
    lock_drop(&keys->lock);
    return set;
}

static void
drop(struct oauth_keys *keys, struct counted *set)
{
    lock_take(&keys->lock);
    release(set);
    lock_drop(&keys->lock);
}

/* Whether the caller is the one to fetch now. */
static bool
claim_fetch(struct oauth_keys *keys, bool unknown_key)
{
    int64_t now = clock_mono_ms();

    lock_take(&keys->lock);
    int64_t age = now - keys->fetched_mono_ms;
    bool due = keys->current == NULL || age >= (unknown_key ? UNKNOWN_KEY_MS : REFRESH_MS);
    bool mine = due && !keys->fetching && now >= keys->next_try_mono_ms;

    keys->fetching |= mine;
    lock_drop(&keys->lock);
    return mine;
}

/* `jwks` is NULL after a failure. */
static void
end_fetch(struct oauth_keys *keys, struct jwks *jwks)
{
    struct counted *set = NULL;

    if (jwks != NULL) {
        set = xcalloc(1, sizeof(*set));
        *set = (struct counted){.jwks = jwks, .uses = 1};
    }
    lock_take(&keys->lock);
    keys->fetching = false;
    if (set != NULL) {
        release(keys->current);
        keys->current = set;
        keys->fetched_mono_ms = clock_mono_ms();
    }
    keys->next_try_mono_ms = set != NULL ? 0 : clock_mono_ms() + AFTER_FAILURE_MS;
    lock_drop(&keys->lock);
}

static or_status
read_file(const char *path, struct buf *text, struct err *e)
{
    char bytes[4096];
    size_t n;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return err_set(e, OR_TEMPFAIL, "%s: %s", path, os_error_text(errno));
    while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0 && buf_finish(text) == OR_OK)
        buf_add(text, bytes, n);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || buf_finish(text) != OR_OK)
        return err_set(e, OR_TEMPFAIL, "%s: cannot be read, or is over %u bytes", path,
                       JWKS_MAX_BYTES);
    return OR_OK;
}

static void
fetch(struct oauth_keys *keys)
{
    struct jwks *jwks = NULL;
    struct buf text;
    struct err e = {""};

    buf_init(&text, JWKS_MAX_BYTES);
    or_status st = keys->file != NULL ? read_file(keys->file, &text, &e)
                                      : oauth_http_get(&keys->http, &text, &e);
    if (st == OR_OK)
        st = jwks_parse(buf_span(&text), &jwks, &e);
    if (st != OR_OK)
        log_warning("oauth: no new keys: %s", e.text);
    buf_fini(&text);
    end_fetch(keys, jwks);
}

/* Time stamps, not ages: a file put back is a change, too. */
static bool
has_file_changed(struct oauth_keys *keys)
{
    struct stat now;

    if (keys->file == NULL || stat(keys->file, &now) != 0)
        return false;
    lock_take(&keys->lock);
    bool changed = !keys->fetching && (now.st_mtim.tv_sec != keys->changed.tv_sec ||
                                       now.st_mtim.tv_nsec != keys->changed.tv_nsec);

    if (changed) {
        keys->changed = now.st_mtim;
        keys->fetching = true;
    }
    lock_drop(&keys->lock);
    return changed;
}

or_status
oauth_keys_verify(struct oauth_keys *keys, struct span token, json_t **claims_out, struct err *e)
{
    struct arena mem;
    struct span kid = SPAN_EMPTY;

    arena_init(&mem, KID_ARENA_BYTES);
    /* Before anything is fetched for it: it must look like a token. */
    or_status st = jwt_key_id(token, &mem, &kid, e);
    if (st == OR_OK && (has_file_changed(keys) || claim_fetch(keys, false)))
        fetch(keys);
    struct counted *set = take(keys);
    if (st == OR_OK && kid.p != NULL && set != NULL && !jwks_has_kid(set->jwks, kid) &&
        claim_fetch(keys, true)) {
        fetch(keys);
        drop(keys, set);
        set = take(keys);
    }
    arena_fini(&mem);
    if (st == OR_OK)
        st = set != NULL ? jwt_verify(token, set->jwks, claims_out, e)
                         : err_set(e, OR_TEMPFAIL, "oauth: there are no keys yet");
    drop(keys, set);
    return st;
}
