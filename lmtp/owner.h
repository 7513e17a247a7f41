/*
 * Taking on a mailbox owner's file-system identity for a while: uid, gid and supplementary groups
 * of the calling thread only, so that threads deliver for different owners side by side.
 *
 * Needs CAP_SETUID and CAP_SETGID when the owner is not the process's own user; nothing is ever
 * created as somebody else and changed afterwards.
 *
 * Threads: per-thread (identities are the calling thread's).
 */
#ifndef OUTRIDER_LMTP_OWNER_H
#define OUTRIDER_LMTP_OWNER_H

#include "common/base/status.h"

#include <stdbool.h>
#include <sys/types.h>

struct owner {
    uid_t uid;
    gid_t gid;
};

/* Of the daemon's own user: it is in a handful (postfix, the sockets' groups). */
#define OWNER_MAX_GROUPS 32

/* What owner_leave() puts back. */
struct owner_switch {
    bool active;
    struct owner owner; /* whose identity is in force, when active */
    int group_count;
    gid_t groups[OWNER_MAX_GROUPS];
};

bool owner_equal(const struct owner *a, const struct owner *b);

/* Every file operation of this thread is now the owner's, and nobody's beside: the groups of the
 * process are gone. OR_CONFIG when the process may not do that; `e` says what to configure. Nothing
 * is changed then. */
or_status
owner_enter(const struct owner *owner, struct owner_switch *back_out, struct err *e) OR_MUST_USE;
/* The same for work on several mailboxes in a row: whoever is in force already costs nothing,
 * anybody else takes turns. `turn` starts zeroed; when OR_CONFIG nobody is in force. End with
 * owner_leave(). */
or_status
owner_become(const struct owner *owner, struct owner_switch *turn, struct err *e) OR_MUST_USE;
/* Back to the process's own identity. Aborts when the kernel refuses: going on as somebody else
 * would be worse. */
void owner_leave(struct owner_switch *back);

#endif
