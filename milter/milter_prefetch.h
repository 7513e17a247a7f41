/*
 * Looking keys up while the body still arrives: threads that ask DNS ahead of time, so that the
 * answer lies in the shared cache, or is at least under way, when the end of the message wants it.
 * Nothing depends on them: what they did not get to is asked then.
 *
 * Threads: locked (LOCK_PREFETCH); jobs hold the settings snapshot that they belong to.
 */
#ifndef OUTRIDER_MILTER_MILTER_PREFETCH_H
#define OUTRIDER_MILTER_MILTER_PREFETCH_H

#include "common/run/daemon.h"

#define MILTER_PREFETCH_MAX_THREADS 32 /* started when needed */
#define MILTER_PREFETCH_MAX_JOBS 512   /* waiting; more are not taken */

struct milter_prefetch;

/* Takes nothing until it is started. Lives as long as the process: libmilter's threads may outlive
 * smfi_main(). */
struct milter_prefetch *milter_prefetch_new(void);
/* Takes names from now on; `d` must outlive the stop. */
void milter_prefetch_start(struct milter_prefetch *prefetch, struct daemon *d);
/* Waits for the look-ups under way, forgets the others, takes no more until the next start. */
void milter_prefetch_stop(struct milter_prefetch *prefetch);

/* Asks for a TXT record that the cache does not have. `name` is copied. */
void milter_prefetch_txt(struct milter_prefetch *prefetch, struct dns *dns, const char *name,
                         int64_t deadline_mono_ms);

#endif
