/*
 * The trace fields that delivery puts in front of a message.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_TRACE_H
#define OUTRIDER_LMTP_DELIVER_TRACE_H

#include "lmtp/deliver.h"

#define DELIVER_TRACE_MAX_BYTES 16384

/* `sole` is the only recipient of this copy, or NULL: the addresses of several must not be told to
 * each other. */

/* Received alone, for other servers, which add the rest themselves. */
void deliver_trace_received(const struct deliver *d, struct buf *out, const struct recipient *sole);
/* Return-Path, Delivered-To, Received. */
void deliver_trace_prologue(const struct deliver *d, struct buf *out, const struct recipient *sole);

#endif
