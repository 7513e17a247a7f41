/*
 * What a daemon decided in the last days, for `explain`: a ring of records in one SQLite file,
 * bounded by age and by bytes. Each daemon has a file of its own.
 *
 * Keeping records never holds up mail: decisions_add() puts a record into a bounded queue and
 * returns; a thread of the ring writes them in batches. A queue that is full and a disk that does
 * not take them cost records, which is counted and logged once a minute. What was written survives
 * the daemon's death; the last fraction of a second does not.
 *
 * A record's text is "key=value\n" lines as log_line_record() makes them: what the log line says,
 * and more. Never message content or secrets.
 *
 * Strategy of the bounds: after each batch as many of the oldest rows go as stand over the bounds,
 * a slice at a time; SQLite uses their pages again. A file never shrinks.
 *
 * Threads: locked (LOCK_DECISIONS; never held across disk).
 */
#ifndef OUTRIDER_COMMON_RUN_DECISIONS_H
#define OUTRIDER_COMMON_RUN_DECISIONS_H

#include "common/base/span.h"
#include "common/base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define DECISIONS_MAX_TEXT_BYTES 32768
#define DECISIONS_MAX_ID_BYTES 128    /* longer ids are cut; Postfix's have about 25 bytes */
#define DECISIONS_MIN_BYTES (1 << 20) /* of max_bytes */
#define DECISIONS_MAX_FOUND 1000      /* records that one question gives */

struct decisions;

/* The words of the counter's label: "kept", "dropped". */
enum decisions_metric { DECISIONS_KEPT, DECISIONS_DROPPED };

struct decisions_settings {
    const char *path;
    int64_t keep_s;    /* older records go */
    int64_t max_bytes; /* of the file; its write-ahead log takes a few megabytes more */
    unsigned metric;   /* the daemon's counter of records, by enum decisions_metric; 0: none */
};

struct decision {
    int64_t time_ms;      /* wall clock */
    struct span queue_id; /* empty: not known yet */
    struct span instance; /* Postfix's name for a transaction; empty: none */
    struct span text;
};

/* The next "key=value" line off a record's text; false: there is none. */
bool decision_next_pair(struct span *rest, struct span *key_out, struct span *value_out);

struct decisions_counts {
    uint64_t written;
    uint64_t dropped; /* the queue was full, or the disk refused */
};

/* OR_CONFIG: the file cannot be made or used; the caller goes on without, with a warning. */
or_status decisions_open(const struct decisions_settings *settings, struct decisions **ring_out,
                         struct err *e) OR_MUST_USE;
/* Writes what is queued, then frees. NULL is allowed; nobody may be inside a call. */
void decisions_close(struct decisions *ring);

/* Takes a copy. NULL as ring: nothing happens. */
void decisions_add(struct decisions *ring, const struct decision *decision);

struct decisions_counts decisions_count(struct decisions *ring);

/* Calls `visit` for each record of a queue id or instance, oldest first, at most
 * DECISIONS_MAX_FOUND; false ends it. Records with the id in either place are joined: questions
 * before the queue id was known share the instance of later ones that know both. The file may be in
 * use by its daemon. OR_ABSENT: no such file; OR_TEMPFAIL, OR_CONFIG: it cannot be read. No records
 * is no failure. */
typedef bool (*decisions_visit)(void *context, const struct decision *decision);
or_status decisions_find(const char *path, struct span id, decisions_visit visit, void *context,
                         struct err *e) OR_MUST_USE;
/* The newest `most` with exactly this queue id, oldest first; fails as decisions_find(). */
or_status decisions_last(const char *path, struct span queue_id, int most, decisions_visit visit,
                         void *context, struct err *e) OR_MUST_USE;

#endif
