/*
 * A table of places by inode; a script that has lost its place lives until the last delivery that
 * runs it is through.
 */
#include "lmtp/sieve_cache.h"

#include "common/base/buf.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536

struct sieve_cached {
    atomic_uint holders; /* the table is one of them */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed, modified;
    struct sieve_script *script; /* NULL: it has a fault */
    struct sieve_offer offer;
    or_status status;
    struct err err;
};

struct sieve_cache {
    struct lock lock;
    struct sieve_cached *places[SIEVE_CACHE_SCRIPTS];
};

struct sieve_cache *
sieve_cache_new(void)
{
    struct sieve_cache *cache = xcalloc(1, sizeof(*cache));

    lock_init(&cache->lock, LOCK_SIEVE_CACHE);
    return cache;
}

void
sieve_cache_drop(struct sieve_cached *cached)
{
    if (cached == NULL || atomic_fetch_sub(&cached->holders, 1) != 1)
        return;
    sieve_script_free(cached->script);
    free(cached);
}

void
sieve_cache_free(struct sieve_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < SIEVE_CACHE_SCRIPTS; i++)
        sieve_cache_drop(cache->places[i]);
    lock_fini(&cache->lock);
    free(cache);
}

const struct sieve_script *
sieve_cache_script(const struct sieve_cached *cached)
{
    return cached->script;
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
is_current(const struct sieve_cached *x, const struct stat *st, const struct sieve_offer *offer)
{
    return x->offer.no_redirect == offer->no_redirect &&
           x->offer.unavailable == offer->unavailable && x->device == st->st_dev &&
           x->inode == st->st_ino && x->size == st->st_size &&
           is_same_time(&x->changed, &st->st_ctim) && is_same_time(&x->modified, &st->st_mtim);
}

static struct sieve_cached **
place_of(struct sieve_cache *cache, const struct stat *st)
{
    return &cache->places[((uint64_t)st->st_ino * 31 + (uint64_t)st->st_dev) % SIEVE_CACHE_SCRIPTS];
}

static struct sieve_cached *
find(struct sieve_cache *cache, const struct stat *st, const struct sieve_offer *offer)
{
    lock_take(&cache->lock);
    struct sieve_cached *x = *place_of(cache, st);
    if (x != NULL && is_current(x, st, offer))
        atomic_fetch_add(&x->holders, 1);
    else
        x = NULL;
    lock_drop(&cache->lock);
    return x;
}

static void
keep(struct sieve_cache *cache, const struct stat *st, struct sieve_cached *x)
{
    atomic_fetch_add(&x->holders, 1);
    lock_take(&cache->lock);
    struct sieve_cached **place = place_of(cache, st), *old = *place;
    *place = x;
    lock_drop(&cache->lock);
    sieve_cache_drop(old);
}

/* ---- reading */

/* What keeps us from it for good is no reason to defer mail. */
static or_status
unreadable(const char *path, int os_error, struct err *e)
{
    bool for_now = os_error == EIO || os_error == ESTALE || os_error == EMFILE ||
                   os_error == ENFILE || os_error == ENOMEM || os_error == EINTR;

    if (os_error == ENOENT || os_error == ENOTDIR)
        return OR_ABSENT;
    return err_set(e, for_now ? OR_TEMPFAIL : OR_MALFORMED, "%s: %s", path,
                   os_error_text(os_error));
}

static or_status
read_all(int fd, const char *path, struct buf *text, struct err *e)
{
    char *chunk = xmalloc(READ_BYTES);
    ssize_t n;

    while ((n = read(fd, chunk, READ_BYTES)) > 0)
        buf_add(text, chunk, (size_t)n);
    int os_error = errno;
    free(chunk);
    if (n < 0)
        return unreadable(path, os_error, e);
    return buf_finish(text) == OR_OK
               ? OR_OK
               : err_set(e, OR_LIMIT, "%s: over %zu bytes", path, SIEVE_MAX_SCRIPT_BYTES);
}

/* A faulty script is kept, too, as what it is: compiling it again for each message would not mend
 * it. */
static struct sieve_cached *
compile(const char *path, const struct stat *st, struct span text, const struct sieve_offer *offer)
{
    struct sieve_cached *x = xcalloc(1, sizeof(*x));

    atomic_init(&x->holders, 1);
    x->device = st->st_dev;
    x->inode = st->st_ino;
    x->size = st->st_size;
    x->changed = st->st_ctim;
    x->modified = st->st_mtim;
    x->offer = *offer;
    x->status = sieve_script_compile(path, text, offer, &x->script, &x->err);
    return x;
}

static or_status
load(struct sieve_cache *cache, int fd, const char *path, const struct sieve_offer *offer,
     struct sieve_cached **cached_out, struct err *e)
{
    struct stat st;
    struct buf text;

    if (fstat(fd, &st) != 0)
        return unreadable(path, errno, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, OR_MALFORMED, "%s: no ordinary file", path);
    *cached_out = find(cache, &st, offer);
    if (*cached_out != NULL)
        return OR_OK;
    buf_init(&text, SIEVE_MAX_SCRIPT_BYTES);
    or_status status = read_all(fd, path, &text, e);
    if (status == OR_OK) {
        *cached_out = compile(path, &st, buf_span(&text), offer);
        keep(cache, &st, *cached_out);
    }
    buf_fini(&text);
    return status;
}

or_status
sieve_cache_get(struct sieve_cache *cache, const char *path, const struct sieve_offer *offer,
                struct sieve_cached **cached_out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct sieve_cached *x = NULL;

    *cached_out = NULL;
    if (fd < 0)
        return unreadable(path, errno, e);
    or_status st = load(cache, fd, path, offer, &x, e);
    close(fd);
    if (x == NULL || x->status == OR_OK) {
        *cached_out = x;
        return st;
    }
    st = x->status;
    *e = x->err;
    sieve_cache_drop(x);
    return st;
}
