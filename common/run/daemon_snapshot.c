/*
 * Settings and what was built from them, replaced as a whole on reload. Whoever took the old one
 * keeps it until dropping it; the last drop frees.
 */
#include "common/run/daemon_snapshot.h"

#include "common/base/xalloc.h"

#include <stdlib.h>

static void
free_snapshot(const struct daemon_spec *spec, struct counted_snapshot *c)
{
    if (spec->destroy != NULL && c->snapshot.built != NULL)
        spec->destroy(c->snapshot.built);
    conf_free(spec->schema, c->settings);
    free(c);
}

/* Outside of the lock: freeing may take its time. */
static void
drop(struct daemon *d, struct counted_snapshot *c)
{
    if (c == NULL)
        return;
    lock_take(&d->lock);
    bool last = --c->holders == 0;

    lock_drop(&d->lock);
    if (last)
        free_snapshot(d->spec, c);
}

or_status
daemon_snapshot_load(struct daemon *d, void **settings_out, struct err *e)
{
    return conf_load(d->spec->schema, d->config, settings_out, e);
}

or_status
daemon_snapshot_install(struct daemon *d, void *settings, struct err *e)
{
    struct counted_snapshot *fresh = xcalloc(1, sizeof(*fresh));
    or_status st = OR_OK;

    fresh->settings = settings;
    fresh->snapshot.settings = settings;
    fresh->holders = 1;
    if (d->spec->build != NULL)
        st = d->spec->build(d->state, settings, false, &fresh->snapshot.built, e);
    if (st != OR_OK) {
        fresh->snapshot.built = NULL;
        free_snapshot(d->spec, fresh);
        return st;
    }
    lock_take(&d->lock);
    struct counted_snapshot *old = d->current;

    d->current = fresh;
    lock_drop(&d->lock);
    drop(d, old);
    return OR_OK;
}

void
daemon_snapshot_clear(struct daemon *d)
{
    lock_take(&d->lock);
    struct counted_snapshot *old = d->current;

    d->current = NULL;
    lock_drop(&d->lock);
    drop(d, old);
}

const struct daemon_snapshot *
daemon_snapshot_take(struct daemon *d)
{
    lock_take(&d->lock);
    struct counted_snapshot *c = d->current;

    c->holders++;
    lock_drop(&d->lock);
    return &c->snapshot;
}

void
daemon_snapshot_drop(struct daemon *d, const struct daemon_snapshot *snapshot)
{
    /* The snapshot is the first member of what counts it; const is for the readers. */
    drop(d, (struct counted_snapshot *)(void *)(uintptr_t)snapshot);
}
