/*
 * Key rotation at work: looks at DNS for every domain whose keys are being changed, lets the next
 * keys sign once their records are there, and says when the old records may go. Each milter host
 * decides for itself, from what it sees.
 *
 * Threads: milter_rotation_run() in a thread of its own, started and stopped here.
 */
#ifndef OUTRIDER_MILTER_MILTER_ROTATION_H
#define OUTRIDER_MILTER_MILTER_ROTATION_H

#include "common/run/daemon.h"
#include "milter/dkim/dkim_keytable.h"

struct milter_rotation;

/* Lets each domain sign with the keys that the stored state names. For a table not yet shared. */
void milter_rotation_restore(const struct dkim_keytable *keys, const char *state_directory);

/* Starts looking; `d` must outlive it. Aborts when no thread can be had. */
struct milter_rotation *milter_rotation_start(struct daemon *d);
/* Ends the thread (at most one look-up later) and frees. */
void milter_rotation_stop(struct milter_rotation *rotation);

#endif
