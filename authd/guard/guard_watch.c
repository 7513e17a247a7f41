/*
 * Once a second.
 */
#include "authd/guard/guard_watch.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/hook.h"
#include "common/run/ticker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define NEWS_AT_ONCE HOOK_MAX_RUNNING

struct guard_watch {
    struct guard *guard;
    struct lock lock;
    char *hook; /* NULL: none */
    struct ticker *ticker;
};

static void
log_news(const struct guard_news *news, const char *network)
{
    const struct guard_ban *ban = &news->ban;

    if (news->lifted)
        log_info("%s is no longer banned", network);
    else
        log_warning("%s is banned for %lld seconds: %s", network,
                    (long long)(ban->until - ban->since), ban->reason);
}

/* False: not now. A program that cannot be started at all is told of in the log, once for each. */
static bool
tell(const char *hook, const struct guard_news *news, const char *network)
{
    const struct guard_ban *ban = &news->ban;
    char seconds[24];
    const char *const argv[] = {hook, news->lifted ? "unban" : "ban", network, seconds, ban->reason,
                                NULL};
    struct err e = {""};

    snprintf(seconds, sizeof(seconds), "%" PRId64,
             news->lifted ? (int64_t)0 : (int64_t)(ban->until - clock_now()));
    or_status st = hook_run(argv, &e);
    if (st != OR_OK && st != OR_LIMIT)
        log_error("ban-hook: %s", e.text);
    return st != OR_LIMIT;
}

static void
look(struct guard_watch *w, const char *hook)
{
    struct guard_news news[NEWS_AT_ONCE];
    size_t count = guard_refresh(w->guard, clock_now(), news, NEWS_AT_ONCE);

    for (size_t i = 0; i < count; i++) {
        char network[GUARD_NETWORK_BYTES];

        guard_network_format(&news[i].ban.network, network);
        if (hook != NULL && !tell(hook, &news[i], network))
            guard_untold(w->guard, &news[i]);
        else
            log_news(&news[i], network);
    }
}

static void
tick(void *context)
{
    struct guard_watch *w = context;

    lock_take(&w->lock);
    char *hook = w->hook != NULL ? xstrdup(w->hook) : NULL;
    lock_drop(&w->lock);
    look(w, hook);
    free(hook);
}

struct guard_watch *
guard_watch_start(struct guard *guard)
{
    struct guard_watch *w = xcalloc(1, sizeof(*w));

    w->guard = guard;
    lock_init(&w->lock, LOCK_GUARD_HOOK);
    w->ticker = ticker_start(TICK_MS, tick, w);
    return w;
}

void
guard_watch_stop(struct guard_watch *w)
{
    ticker_stop(w->ticker);
    lock_fini(&w->lock);
    free(w->hook);
    free(w);
}

void
guard_watch_set_hook(struct guard_watch *w, const char *hook)
{
    lock_take(&w->lock);
    free(w->hook);
    w->hook = hook != NULL && hook[0] != '\0' ? xstrdup(hook) : NULL;
    lock_drop(&w->lock);
}
