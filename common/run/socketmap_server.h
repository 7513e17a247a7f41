/*
 * Serving tables to Postfix over socketmap (socketmap_table(5)): one netstring asks, one answers.
 *
 * What cannot be answered now is TEMP, so that Postfix defers; PERM is never said: Postfix takes it
 * for a configuration error of all mail.
 *
 * Threads: per-thread (one connection each).
 */
#ifndef OUTRIDER_COMMON_RUN_SOCKETMAP_SERVER_H
#define OUTRIDER_COMMON_RUN_SOCKETMAP_SERVER_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/run/daemon.h"

#define SOCKETMAP_MAX_KEY_BYTES 8192    /* Postfix's keys come from SMTP lines of 2048 bytes */
#define SOCKETMAP_MAX_VALUE_BYTES 99000 /* Postfix takes 100000 with "OK " */

/* One look-up; everything in `mem` goes with it. */
struct socketmap_query {
    const struct daemon_snapshot *snapshot; /* settings and what was built from them */
    struct span table;                      /* its name */
    struct span key;
    struct arena *mem;
};

/* OR_OK: the value was appended; OR_ABSENT: there is none; OR_CONFIG: there is no such table; any
 * other: not known now. `e` goes into the log; Postfix hears only TEMP. */
typedef or_status (*socketmap_find)(const struct socketmap_query *q, struct buf *value,
                                    struct err *e);

/* Answers until the peer leaves, is silent for idle-timeout or says what is no netstring. */
void socketmap_server_run(struct stream *stream, struct daemon *d, socketmap_find find);

#endif
