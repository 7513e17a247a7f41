/*
 * Asking a socketmap table (socketmap_table(5)), as Postfix does.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_COMMON_RUN_SOCKETMAP_CLIENT_H
#define OUTRIDER_COMMON_RUN_SOCKETMAP_CLIENT_H

#include "common/base/arena.h"

struct stream;

struct socketmap_client {
    struct stream *stream; /* NULL: closed */
    const char *address;
};

/* OR_CONFIG: no address; OR_TEMPFAIL: nobody there. The deadline is for all that follows. */
or_status socketmap_client_open(struct socketmap_client *client, const char *address,
                                int64_t deadline_mono_ms, struct err *e) OR_MUST_USE;
/* OR_ABSENT: there is no such key. OR_TEMPFAIL: no answer, or one that says so; `e` names address,
 * table and reason. */
or_status
socketmap_client_ask(struct socketmap_client *client, const char *table, struct span key,
                     struct arena *mem, struct span *value_out, struct err *e) OR_MUST_USE;
void socketmap_client_close(struct socketmap_client *client); /* safe on a closed one */

#endif
