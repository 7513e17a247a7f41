/*
 * The only source of "now". Sessions read it and hand `now` to the logic below them.
 *
 * Threads: locked (plain system calls; the fake is for single-threaded tests).
 */
#ifndef OUTRIDER_COMMON_BASE_CLOCK_H
#define OUTRIDER_COMMON_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Wall-clock seconds. */
time_t clock_now(void);
/* Wall-clock with microseconds (Maildir names). */
struct timespec clock_now_precise(void);
/* Monotonic milliseconds: what every deadline is measured in. */
int64_t clock_mono_ms(void);
/* The same in microseconds: what durations are measured in. */
int64_t clock_mono_us(void);

/* For tests: freezes clock_now() at `now`; 0 goes back to the system's clock. */
void clock_fake(time_t now);

#endif
