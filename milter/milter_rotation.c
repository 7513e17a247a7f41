/*
 * The thread behind key rotation. What it decides is in dkim_rotation.c; here are DNS, the state
 * files and the log. A state that cannot be stored is kept in memory: the rotation goes on, and a
 * restart begins it anew.
 */
#include "milter/milter_rotation.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "milter/dkim/dkim_published.h"
#include "milter/dkim/dkim_rotation_file.h"
#include "milter/milter_build.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000          /* how soon a reload is noticed */
#define LOOK_UP_MS 5000       /* for one record */
#define ARENA_BYTES (1 << 20) /* for one record */

struct track {
    char *domain;
    struct dkim_rotation_state state;
    bool unsaved; /* the last write failed: tried again at every look */
};

struct milter_rotation {
    pthread_t thread;
    struct daemon *daemon;
    struct lock lock; /* only for the wait between two looks */
    pthread_cond_t wake;
    atomic_bool stopping;
    struct track *tracks; /* of every domain seen since the start; few */
    size_t count;
    const struct dkim_keytable *applied; /* compared only, never followed */
    int64_t next_look_mono_ms;
};

void
milter_rotation_restore(const struct dkim_keytable *keys, const char *state_directory)
{
    struct dkim_keytable_rotation *r;

    for (size_t i = 0; (r = dkim_keytable_rotation_at(keys, i)) != NULL; i++) {
        struct dkim_rotation_state state;
        struct err e;
        or_status st = dkim_rotation_state_read(state_directory, r->domain, &r->plan, &state, &e);

        if (st == OR_CONFIG)
            log_error("key rotation of %s begins anew: %s", r->domain, e.text);
        dkim_keytable_switch(r, state.phase != DKIM_ROTATION_WAITING);
    }
}

/* The domain's track; one of an earlier rotation gives way. */
static struct track *
find_track(struct milter_rotation *m, const struct dkim_keytable_rotation *r,
           const char *state_directory)
{
    struct track *t = NULL;

    for (size_t i = 0; i < m->count && t == NULL; i++)
        if (strcmp(m->tracks[i].domain, r->domain) == 0)
            t = &m->tracks[i];
    if (t != NULL && strcmp(t->state.id, r->plan.id) == 0)
        return t;
    if (t == NULL) {
        m->tracks = xreallocarray(m->tracks, m->count + 1, sizeof(*m->tracks));
        t = &m->tracks[m->count++];
        t->domain = xstrdup(r->domain);
    }
    t->unsaved = false;
    (void)dkim_rotation_state_read(state_directory, r->domain, &r->plan, &t->state, NULL);
    return t;
}

/* A wrong record is said at every look: the operator waits for it. */
static enum dkim_rotation_sight
look_at(const struct dkim_keytable_row *row, struct dns *dns)
{
    struct arena mem;
    struct span text;

    arena_init(&mem, ARENA_BYTES);
    enum dkim_published published =
        dkim_published_check(row, dns, clock_mono_ms() + LOOK_UP_MS, &mem, &text);
    if (row->role == DKIM_KEYTABLE_NEXT && published != DKIM_PUBLISHED &&
        published != DKIM_PUBLISHED_MISSING)
        log_warning("key rotation: domain=%s selector=%s dns=%s reason=\"%.*s\"", row->domain,
                    row->selector, dkim_published_name(published), SPAN_ARG(text));
    arena_fini(&mem);
    if (published == DKIM_PUBLISHED)
        return DKIM_ROTATION_SEEN;
    return published == DKIM_PUBLISHED_UNKNOWN ? DKIM_ROTATION_UNSEEN : DKIM_ROTATION_GONE;
}

/* One key gone makes its side gone; else one look-up without an answer makes it unseen. */
static enum dkim_rotation_sight
look_at_all(const struct dkim_keytable_rotation *r, enum dkim_keytable_role role, struct dns *dns)
{
    enum dkim_rotation_sight all = DKIM_ROTATION_SEEN;
    size_t seen = 0;

    for (size_t i = 0; i < r->count && all != DKIM_ROTATION_GONE; i++) {
        if (r->rows[i].role != role)
            continue;
        enum dkim_rotation_sight one = look_at(&r->rows[i], dns);
        seen++;
        if (one != DKIM_ROTATION_SEEN)
            all = one;
    }
    return seen != 0 ? all : DKIM_ROTATION_UNSEEN;
}

static void
log_records(const struct dkim_keytable_rotation *r)
{
    const struct dkim_rotation_names *old = &r->plan.old;

    for (size_t i = 0; i < old->count; i++)
        log_info("key rotation: domain=%s selector=%s action=retired: this record may go: "
                 "%s._domainkey.%s. TXT \"v=DKIM1; p=\"",
                 r->domain, old->name[i], old->name[i], r->domain);
}

static void
log_event(const struct dkim_keytable_rotation *r, enum dkim_rotation_event event)
{
    const char *first = r->plan.next.name[0];

    switch (event) {
    case DKIM_ROTATION_SWITCH:
        log_info("key rotation: domain=%s selector=%s action=switched: the next keys sign now; "
                 "leave the old records published",
                 r->domain, first);
        break;
    case DKIM_ROTATION_BACK:
        log_error("key rotation: domain=%s selector=%s action=back: the record is gone, the old "
                  "keys sign again",
                  r->domain, first);
        break;
    case DKIM_ROTATION_RETIRE:
        log_records(r);
        break;
    case DKIM_ROTATION_LOST:
        log_error("key rotation: domain=%s selector=%s: the record of a key that signs is gone",
                  r->domain, first);
        break;
    case DKIM_ROTATION_FOUND:
        log_info("key rotation: domain=%s selector=%s: the record is back", r->domain, first);
        break;
    case DKIM_ROTATION_NOTHING:
        break;
    }
}

static void
save(struct track *t, const char *state_directory)
{
    struct err e;
    bool was_unsaved = t->unsaved;

    t->unsaved = dkim_rotation_state_write(state_directory, t->domain, &t->state, &e) != OR_OK;
    if (t->unsaved && !was_unsaved)
        log_error("key rotation of %s goes on, but a restart will begin it anew: %s", t->domain,
                  e.text);
}

static void
look(struct milter_rotation *m, struct dkim_keytable_rotation *r, const struct milter_settings *s,
     struct dns *dns)
{
    struct track *t = find_track(m, r, s->state_directory);

    if (!r->complete)
        return; /* a next key is missing or broken: the table has said so */
    enum dkim_rotation_sight next = look_at_all(r, DKIM_KEYTABLE_NEXT, dns);
    enum dkim_rotation_sight old = look_at_all(r, DKIM_KEYTABLE_OLD, dns);
    enum dkim_rotation_event event =
        dkim_rotation_step(&t->state, next, old, (int64_t)clock_now(), s->rotation_grace_ms / 1000);
    if (t->unsaved || event == DKIM_ROTATION_SWITCH || event == DKIM_ROTATION_BACK ||
        event == DKIM_ROTATION_RETIRE)
        save(t, s->state_directory);
    dkim_keytable_switch(r, t->state.phase != DKIM_ROTATION_WAITING);
    log_event(r, event);
}

/* After a reload the table is another one: what could not be stored is put into it, too. */
static void
apply(struct milter_rotation *m, const struct dkim_keytable *keys, const char *state_directory)
{
    struct dkim_keytable_rotation *r;

    for (size_t i = 0; (r = dkim_keytable_rotation_at(keys, i)) != NULL; i++)
        dkim_keytable_switch(r, find_track(m, r, state_directory)->state.phase !=
                                    DKIM_ROTATION_WAITING);
    m->applied = keys;
}

static void
look_round(struct milter_rotation *m, const struct milter_settings *s,
           const struct dkim_keytable *keys)
{
    struct dkim_keytable_rotation *r;
    struct dns *dns = NULL;
    struct err e;

    if (dkim_keytable_rotation_at(keys, 0) == NULL)
        return;
    if (daemon_dns_new_uncached(&s->common, &dns, &e) != OR_OK) {
        log_error("key rotation: %s", e.text);
        return;
    }
    for (size_t i = 0; (r = dkim_keytable_rotation_at(keys, i)) != NULL; i++)
        if (!atomic_load(&m->stopping))
            look(m, r, s, dns);
    dns_free(dns);
}

/* The end is noticed at once: a restart should not wait for it. */
static void
wait_tick(struct milter_rotation *m)
{
    lock_take(&m->lock);
    if (!atomic_load(&m->stopping))
        (void)lock_wait(&m->lock, &m->wake, clock_mono_ms() + TICK_MS);
    lock_drop(&m->lock);
}

static void *
run(void *context)
{
    struct milter_rotation *m = context;

    while (!atomic_load(&m->stopping)) {
        const struct daemon_snapshot *snapshot = daemon_snapshot_take(m->daemon);
        const struct milter_settings *s = snapshot->settings;
        const struct dkim_keytable *keys = ((const struct milter_built *)snapshot->built)->keys;

        if (keys != NULL && keys != m->applied)
            apply(m, keys, s->state_directory);
        if (keys != NULL && clock_mono_ms() >= m->next_look_mono_ms) {
            look_round(m, s, keys);
            m->next_look_mono_ms = clock_mono_ms() + s->rotation_check_interval_ms;
        }
        daemon_snapshot_drop(m->daemon, snapshot);
        wait_tick(m);
    }
    return NULL;
}

struct milter_rotation *
milter_rotation_start(struct daemon *d)
{
    struct milter_rotation *m = xcalloc(1, sizeof(*m));

    m->daemon = d;
    lock_init(&m->lock, LOCK_ROTATION);
    lock_cond_init(&m->wake);
    int error = pthread_create(&m->thread, NULL, run, m);
    if (error != 0) {
        log_error("key rotation: no thread: %s", os_error_text(error));
        abort();
    }
    return m;
}

void
milter_rotation_stop(struct milter_rotation *rotation)
{
    lock_take(&rotation->lock);
    atomic_store(&rotation->stopping, true);
    pthread_cond_signal(&rotation->wake);
    lock_drop(&rotation->lock);
    pthread_join(rotation->thread, NULL);
    for (size_t i = 0; i < rotation->count; i++)
        free(rotation->tracks[i].domain);
    free(rotation->tracks);
    pthread_cond_destroy(&rotation->wake);
    lock_fini(&rotation->lock);
    free(rotation);
}
