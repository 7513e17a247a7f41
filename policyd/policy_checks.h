/*
 * What policyd has to say about a recipient: a table of checks, asked in the order of the
 * configuration; the first with a final opinion wins. A new check is one file and one row.
 *
 * Threads: per-thread (a memory belongs to one connection).
 */
#ifndef OUTRIDER_POLICYD_POLICY_CHECKS_H
#define OUTRIDER_POLICYD_POLICY_CHECKS_H

#include "policyd/policy_request.h"
#include "policyd/policyd.h"

#define POLICY_INSTANCE_MAX_BYTES 64 /* Postfix's are about 25; longer ones are not remembered */

/* Most checks leave one, and one more in shadow mode. */
#define POLICY_MAX_WORDS (2 * POLICYD_MAX_CHECKS)

/* What a connection keeps between requests. Postfix sends all questions of one transaction over one
 * connection, and adds a PREPENDed field once for each answer that says so. */
struct policy_memory {
    char prepended_instance[POLICY_INSTANCE_MAX_BYTES];
    size_t prepended_bytes; /* 0: none */
};

/* What a check found, for the log: one word, perhaps with more behind a colon. */
struct policy_word {
    const char *check; /* its name */
    const char *text;  /* static, or in the request's arena */
};

enum policy_opinion {
    POLICY_NONE,   /* *action_out is not looked at */
    POLICY_HEADER, /* PREPEND: given when no later check has a final opinion */
    POLICY_FINAL,
};

/* What became of one check of the plan, for explanations. */
struct policy_trace {
    const char *check;
    bool shadow;
    const char *skipped_by; /* the option that exempts this mail; NULL: the check was asked */
    enum policy_opinion opinion;
    struct span value;          /* the action it wanted; empty with POLICY_NONE */
    size_t word_from, word_end; /* what it said: in the question's words */
};

/* One question with everything a check may use. Checks leave what the log should know. */
struct policy_question {
    const struct policyd_work *work;
    const struct policy_request *request;
    struct policy_memory *memory;
    struct ip client;          /* family 0: none */
    bool trusted;              /* authenticated, or from internal-networks */
    struct span sender_local;  /* of the sender; both empty for <> */
    struct span sender_domain; /* canonical; empty when it is not a domain name */
    struct span recipient_local;
    struct span recipient_domain;          /* canonical */
    const struct spf_outcome *spf;         /* NULL: not checked */
    const struct dnslist_outcome *dnslist; /* NULL: not asked yet; check_dnsbl_outcome() asks */
    struct policy_word words[POLICY_MAX_WORDS];
    size_t word_count;
    struct policy_trace
        trace[POLICYD_MAX_CHECKS]; /* in the order asked, up to the one that decided */
    size_t trace_count;
};

struct policy_action {
    struct span value;  /* "DUNNO", "550 5.7.23 ..."; in the request's arena */
    const char *check;  /* which check; NULL: none had an opinion */
    const char *reason; /* one word for the log; NULL: nothing to tell */
};

/* What a check says against a recipient. */
struct policy_refusal {
    const char *dsn;  /* RFC 3463 subject and detail: "7.25" */
    const char *text; /* NULL (no memory): the code alone is said */
    const char *reason;
};

typedef enum policy_opinion (*policy_check)(struct policy_question *q,
                                            struct policy_action *action_out);

/* Fills in the parts of `q` that come from its request, client and work. */
void policy_checks_prepare(struct policy_question *q);
/* Always an action; DUNNO when no check has an opinion. */
void policy_checks_run(struct policy_question *q, struct policy_action *action_out);
/* Leaves a word for the log; `text` as in struct policy_word. */
void policy_checks_say(struct policy_question *q, const char *check, const char *text);

/* Whether a recipient is asked about for a client that is neither ours nor authenticated, and whose
 * address is known: what most checks are about. */
bool policy_checks_is_stranger_at_rcpt(const struct policy_question *q);

/* Postfix confirms names forward and back; "unknown" is a client without one. */
bool policy_checks_has_confirmed_name(const struct policy_question *q);

/* `action` (enum policyd_action) as an opinion: "550 5.7.25 TEXT" or "450 4.7.25 TEXT" for code
 * "7.25", with `reason` for the log. POLICY_NONE for accept. */
enum policy_opinion
policy_checks_act(const struct policy_question *q, int action, const struct policy_refusal *refusal,
                  struct policy_action *action_out);

/* Whether this transaction was given its PREPENDed field with an earlier answer. */
bool policy_checks_has_field(const struct policy_question *q);

/* In words, for people: "greylist (shadow): DEFER_IF_PERMIT ...", "spf: not asked, skip-clients".
 */
void policy_checks_describe(const struct policy_trace *trace, struct buf *out);

/* The row of a check's name, or -1: what the configuration may name. */
int policy_checks_find(const char *name);
const char *policy_checks_name(int check);
/* All names, for errors: "spf, greylist". */
const char *policy_checks_names(void);

#endif
