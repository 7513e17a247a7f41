/*
 * A thread that does something every so often until it is told to stop.
 *
 * Threads: locked.
 */
#ifndef OUTRIDER_COMMON_RUN_TICKER_H
#define OUTRIDER_COMMON_RUN_TICKER_H

#include <stdint.h>

struct ticker;

/* Calls `tick` at once and then with pauses of period_ms, never twice at a time. Aborts when there
 * is no thread to be had. */
struct ticker *ticker_start(int64_t period_ms, void (*tick)(void *context), void *context);
/* Waits for a call under way. */
void ticker_stop(struct ticker *ticker);

#endif
