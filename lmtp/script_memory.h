/*
 * Keys in the store for what scripts remember: whom they have answered, which messages they have
 * seen or sent on. A key says nothing of whom it is about and is never too long.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SCRIPT_MEMORY_H
#define OUTRIDER_LMTP_SCRIPT_MEMORY_H

#include "common/base/span.h"

#define SCRIPT_MEMORY_KEY_BYTES 80

/* "kind/" and a digest of the parts, in which letters count in their case. `kind` has at most 12
 * characters. */
void script_memory_key(const char *kind, const struct span *parts, size_t count,
                       char out[SCRIPT_MEMORY_KEY_BYTES]);

#endif
