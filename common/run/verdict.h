/*
 * The one question that the milter asks policyd about a whole message, and its answer (DESIGN.md
 * 1): codec and client. On the wire: the attribute protocol with request=outrider_message.
 *
 * All spans of a parsed question or answer live in the arena given.
 *
 * Threads: immutable (codec), per-thread (client).
 */
#ifndef OUTRIDER_COMMON_RUN_VERDICT_H
#define OUTRIDER_COMMON_RUN_VERDICT_H

#include "common/base/arena.h"
#include "common/text/attrs.h"

#define VERDICT_REQUEST "outrider_message"
#define VERDICT_MAX_SIGNATURES 32
#define VERDICT_MAX_FROM 16
#define VERDICT_MAX_SEALS 4 /* newest first; a longer way back is nobody's to trust */
#define VERDICT_MAX_SEAL_DKIM 2

/* One DKIM-Signature: `result` is the word of RFC 8601 2.7.1. */
struct verdict_dkim {
    struct span result;
    struct span domain;    /* d=, canonical */
    struct span selector;  /* s= */
    struct span algorithm; /* a= */
};

/* SPF as a relay of ours found it. */
struct verdict_spf {
    struct span result; /* word of RFC 8601 2.7.2; empty: SPF is policyd's to check */
    struct span domain;
    struct span scope; /* "mfrom" or "helo" */
};

/* What the sealer of one ARC set says it found (its ARC-Authentication-Results). */
struct verdict_seal {
    struct span instance; /* i=, digits */
    struct span domain;   /* d= of the seal, canonical */
    struct span dmarc;    /* result word; empty: not reported */
    struct span from;     /* header.from of that */
    struct span spf;      /* domain of MAIL FROM where SPF passed; empty: it did not */
    struct span dkim[VERDICT_MAX_SEAL_DKIM]; /* domains of passing signatures */
    size_t dkim_count;
};

struct verdict_question {
    struct span queue_id;
    struct span client_address; /* textual IP; empty for local submission */
    struct span client_name;    /* forward-confirmed name, "unknown" when there is none */
    struct span helo_name;
    struct span sender; /* MAIL FROM, internal form, empty for <> */
    struct span
        header_from[VERDICT_MAX_FROM]; /* each From field, unfolded; more than one is a finding */
    size_t header_from_count;
    struct verdict_dkim dkim[VERDICT_MAX_SIGNATURES];
    size_t dkim_count;
    struct verdict_spf spf; /* of a message that a relay of ours passed on */
    struct span list_id;    /* List-Id field, or "yes" for other list traits; empty: none */
    struct span arc;        /* chain result word; empty: not checked */
    struct verdict_seal seals[VERDICT_MAX_SEALS]; /* of a chain that passed, newest first */
    size_t seal_count;
};

enum verdict_action { VERDICT_ACCEPT, VERDICT_REJECT, VERDICT_QUARANTINE, VERDICT_TEMPFAIL };

struct verdict_answer {
    enum verdict_action action;
    struct span spf; /* result word; empty: not evaluated */
    struct span spf_domain;
    struct span spf_scope;      /* "mfrom" or "helo" */
    struct span dmarc;          /* pass, fail, none, temperror, permerror */
    struct span dmarc_domain;   /* the Author Domain */
    struct span dmarc_policy;   /* none, quarantine, reject: what applies; empty: no record */
    struct span dmarc_override; /* why action differs from policy; empty: it does not */
    struct span dmarc_comment;  /* what the override rests on; may be empty */
    struct span dsn;            /* "5.7.26" for reject, "4.7.x" for tempfail; may be empty */
    struct span text;           /* reply text for the SMTP client, one line */
};

const char *verdict_action_name(enum verdict_action action);

/* Appends the request including its closing empty line. */
void verdict_question_format(struct buf *out, const struct verdict_question *q);
/* OR_MALFORMED when a dkim= or arc_set= line cannot be read; unknown attributes are ignored. */
or_status verdict_question_parse(const struct attrs *a, struct arena *mem,
                                 struct verdict_question *q_out, struct err *e) OR_MUST_USE;
void verdict_answer_format(struct buf *out, const struct verdict_answer *v);
/* OR_MALFORMED without a known action. */
or_status verdict_answer_parse(const struct attrs *a, struct arena *mem,
                               struct verdict_answer *v_out, struct err *e) OR_MUST_USE;

/* Connects to policyd at `address` (stream_connect() form), asks, reads the answer, closes; all
 * within timeout_ms. OR_TEMPFAIL, OR_TIMEOUT, OR_MALFORMED; `e` names the address. */
or_status verdict_ask(const char *address, int64_t timeout_ms, const struct verdict_question *q,
                      struct arena *mem, struct verdict_answer *v_out, struct err *e) OR_MUST_USE;

#endif
