/*
 * One domain's change of DKIM keys: what the operator planned (the plan, beside the keys), how far
 * this host is with it (the state, in the daemon's own directory), and when it goes on.
 *
 *   waiting ---- every next record seen, several times ----> switched ---- grace ----> retired
 *      ^                                                        |                         |
 *      +-------- a next record gone, the old ones still there --+-------------------------+
 *
 * waiting: the old keys sign. switched: the next keys sign, the old records stay published for
 * mail under way. retired: the old records may go. Going back is safe because it is done only
 * while DNS shows the old records: no signature is ever made with a key known to be unpublished
 * while another one is published.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_ROTATION_H
#define OUTRIDER_MILTER_DKIM_DKIM_ROTATION_H

#include "common/base/buf.h"
#include "common/base/span.h"

#define DKIM_ROTATION_MAX_KEYS 8     /* on either side, as dkim_keytable has it */
#define DKIM_ROTATION_NAME_BYTES 254 /* a selector with its NUL */
#define DKIM_ROTATION_ID_BYTES 17    /* 16 hex digits and NUL */
#define DKIM_ROTATION_MAX_BYTES 8192 /* of either file */
#define DKIM_ROTATION_LOOKS 3        /* the same answer that often, before it is acted on */

struct dkim_rotation_names {
    char name[DKIM_ROTATION_MAX_KEYS][DKIM_ROTATION_NAME_BYTES];
    size_t count;
};

struct dkim_rotation_plan {
    char id[DKIM_ROTATION_ID_BYTES]; /* tells this change from the one before */
    int64_t started;                 /* wall-clock seconds */
    struct dkim_rotation_names next, old;
};

enum dkim_rotation_phase { DKIM_ROTATION_WAITING, DKIM_ROTATION_SWITCHED, DKIM_ROTATION_RETIRED };

struct dkim_rotation_state {
    char id[DKIM_ROTATION_ID_BYTES]; /* of the plan that it is about */
    enum dkim_rotation_phase phase;
    int64_t since;  /* wall-clock seconds */
    unsigned looks; /* in a row that speak for a change; not stored: a restart counts anew */
    bool lost;      /* a signing key's record is gone; not stored */
};

/* What one round of look-ups found of all keys of a side. */
enum dkim_rotation_sight {
    DKIM_ROTATION_UNSEEN, /* DNS did not answer for one of them */
    DKIM_ROTATION_GONE,   /* one of them is missing, revoked or another key */
    DKIM_ROTATION_SEEN,   /* all are as they should be */
};

/* What the caller has to store and log. */
enum dkim_rotation_event {
    DKIM_ROTATION_NOTHING,
    DKIM_ROTATION_SWITCH,
    DKIM_ROTATION_BACK,
    DKIM_ROTATION_RETIRE,
    DKIM_ROTATION_LOST,
    DKIM_ROTATION_FOUND,
};

/* One look: moves the state on. A clock that went back starts the grace time anew (records stay
 * published longer than needed, never shorter). */
enum dkim_rotation_event
dkim_rotation_step(struct dkim_rotation_state *state, enum dkim_rotation_sight next,
                   enum dkim_rotation_sight old, int64_t now, int64_t grace_s);
/* "waiting", "switched", "retired". */
const char *dkim_rotation_phase_name(enum dkim_rotation_phase phase);

bool dkim_rotation_has(const struct dkim_rotation_names *names, const char *selector);
/* OR_LIMIT: too many, or too long. */
or_status dkim_rotation_add(struct dkim_rotation_names *names, struct span selector) OR_MUST_USE;

/* The files' text. Parsing is strict and total: OR_MALFORMED on anything that format does not
 * write. A selector is any canonical host name. */
or_status dkim_rotation_plan_parse(struct span text, struct dkim_rotation_plan *plan_out,
                                   struct err *e) OR_MUST_USE;
void dkim_rotation_plan_format(const struct dkim_rotation_plan *plan, struct buf *out);
or_status dkim_rotation_state_parse(struct span text, struct dkim_rotation_state *state_out,
                                    struct err *e) OR_MUST_USE;
void dkim_rotation_state_format(const struct dkim_rotation_state *state, struct buf *out);

#endif
