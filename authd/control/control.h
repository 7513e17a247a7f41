/*
 * What can be asked of the accounts, by the command line: over authd's control socket, or without a
 * daemon straight at the database. Both come here, so that both do the same.
 *
 * Threads: per-thread (the database is locked).
 */
#ifndef OUTRIDER_AUTHD_CONTROL_CONTROL_H
#define OUTRIDER_AUTHD_CONTROL_CONTROL_H

#include "authd/accounts/account_roles.h"

#include <jansson.h>

/* Room that one command may need: a thousand targets of the longest kind. */
#define CONTROL_ARENA_BYTES (1024 * 1024)

/* A row of a list, which stays the caller's; false: no more are wanted. */
typedef bool (*control_show)(void *context, json_t *row);

/* Who asks. */
struct control_caller {
    bool is_system; /* may do everything; else what `uid` has roles for */
    uid_t uid;
    const char *const *masters; /* accounts that may log in as any other: for the system's own */
    size_t master_count;
};

struct control_call {
    struct account_db *db; /* nobody else's meanwhile */
    struct control_caller caller;
    const json_t *request; /* {"command": ...}; control_line.h */
    control_show show;
    void *context;
    json_t *answer; /* an object, to which a command may add */
    struct arena *mem;
    struct err *e;
    struct account_address address; /* set by control_run(), whichever the command is about */
    struct span domain;             /* that address's, or the one named; n == 0: none */
    enum account_role role;         /* the caller's, for these */
};

/* Runs the command, if the caller may. OR_OK once it is on the disk. OR_ABSENT: what it is about is
 * not there. OR_MALFORMED: the request is wrong, or refused; OR_LIMIT, OR_TEMPFAIL, OR_CONFIG as
 * account_db.h. `call->e` says why in a sentence. */
or_status control_run(struct control_call *call) OR_MUST_USE;

/* Whether a command of that name changes anything. */
bool control_is_change(const char *command);

#endif
