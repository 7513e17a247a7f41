/*
 * What policyd has to say about a recipient: a table of checks, asked in order; the first with an
 * opinion wins. A new check is one file and one row.
 *
 * Threads: per-thread (a memory belongs to one connection).
 */
#ifndef OUTRIDER_POLICYD_POLICY_CHECKS_H
#define OUTRIDER_POLICYD_POLICY_CHECKS_H

#include "policyd/policy_request.h"
#include "policyd/policyd.h"

#define POLICY_INSTANCE_MAX_BYTES 64 /* Postfix's are about 25; longer ones are not remembered */

/* What a connection keeps between requests. Postfix sends all questions of one transaction over one
 * connection, and adds a PREPENDed field once for each answer that says so. */
struct policy_memory {
    char prepended_instance[POLICY_INSTANCE_MAX_BYTES];
    size_t prepended_bytes; /* 0: none */
};

/* One question with everything a check may use. Checks leave what the log should know. */
struct policy_question {
    const struct policyd_work *work;
    const struct policy_request *request;
    struct policy_memory *memory;
    struct ip client;              /* family 0: none */
    bool trusted;                  /* authenticated, or from internal-networks */
    const struct spf_outcome *spf; /* NULL: not checked */
};

struct policy_action {
    struct span value;  /* "DUNNO", "550 5.7.23 ..."; in the request's arena */
    const char *check;  /* which check; NULL: none had an opinion */
    const char *reason; /* one word for the log; NULL: nothing to tell */
};

/* True: an opinion, in *action_out. */
typedef bool (*policy_check)(struct policy_question *q, struct policy_action *action_out);

/* Always an action; DUNNO when no check has an opinion. */
void policy_checks_run(struct policy_question *q, struct policy_action *action_out);

#endif
