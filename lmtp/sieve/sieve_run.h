/*
 * Running a compiled script over one message. Nothing is performed: the outcome is a list of
 * actions.
 *
 * Threads: per-thread; the script is shared.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_RUN_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_RUN_H

#include "lmtp/sieve/sieve_script.h"
#include "lmtp/sieve/sieve_vars.h"

#define SIEVE_MAX_CAPTURES 10 /* ${0} to ${9} */

struct sieve_trace;

/* What a script has for itself while it runs; those that include it keep theirs (RFC 6609 3.4). */
struct sieve_scope {
    const struct sieve_script *script;
    struct sieve_scope *outer; /* of the script that includes it; NULL: the first */
    uint64_t enabled;          /* extensions: required, and what ihave has found so far */
    bool returned;
    struct sieve_variable *variables; /* SIEVE_MAX_VARIABLES of them */
    size_t variable_count;
    struct span *shared; /* names that "global" has declared; as many places */
    size_t shared_count;
    struct span captures[SIEVE_MAX_CAPTURES];
    size_t capture_count;
};

/* One run; its memory holds what the actions point to. */
struct sieve_run {
    const struct sieve_message *message;
    struct sieve_scope first;
    struct sieve_scope *scope; /* of the script that is running */
    struct arena mem;
    size_t steps_left;
    size_t work_left;
    bool stopped;
    bool implicit_keep;
    const struct header_block *header; /* as edited so far */
    size_t edits;
    uint64_t enabled;  /* extensions: required, and what ihave has found so far */
    struct span flags; /* RFC 5232 2: of the message, unless an action says otherwise */
    struct sieve_variable variables[SIEVE_MAX_VARIABLES]; /* of the first script */
    struct span shared[SIEVE_MAX_VARIABLES];              /* the same */
    struct sieve_variable globals[SIEVE_MAX_VARIABLES];
    size_t global_count;
    const struct sieve_script *included[SIEVE_MAX_INCLUDES];
    size_t included_count;
    struct sieve_actions actions;
    size_t redirects, notifications;
    struct sieve_mark marks[SIEVE_MAX_MARKS];
    size_t mark_count; /* 0 when the run has failed */
    struct err *e;
    const struct sieve_trace *trace; /* NULL: nobody wants to know */
};

/* Told of every test that was evaluated and of every command that was run, in that order. */
struct sieve_trace {
    void (*test)(void *context, const struct sieve_node *test, bool holds);
    void (*command)(void *context, const struct sieve_node *command);
    void *context;
};

/* Both must outlive the run. r->trace may be set before it is executed. */
void sieve_run_init(struct sieve_run *r, const struct sieve_script *script,
                    const struct sieve_message *message);
void sieve_run_fini(struct sieve_run *r);

/* The outcome is in r->actions. On OR_LIMIT and OR_MALFORMED `e` says why, and the only action is
 * to keep the message (RFC 5228 2.10.6). */
or_status sieve_run_execute(struct sieve_run *r, struct err *e) OR_MUST_USE;

/* Runs `script` within the one that is running. */
or_status sieve_run_include(struct sieve_run *r, const struct sieve_script *script) OR_MUST_USE;

/* For the rows. Counts bytes of work: OR_LIMIT once there is too much. */
or_status sieve_run_charge(struct sieve_run *r, size_t bytes) OR_MUST_USE;
or_status
sieve_run_test(struct sieve_run *r, const struct sieve_node *test, bool *holds_out) OR_MUST_USE;
/* Adds an action unless it is there already (RFC 5228 2.10.3). `target` and `flags` must live as
 * long as the run. */
or_status sieve_run_add(struct sieve_run *r, const struct sieve_action *action) OR_MUST_USE;

#endif
