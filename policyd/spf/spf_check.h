/*
 * What one SPF check carries from term to term: the counters, the macro values, the client's
 * validated names. All DNS questions of the folder pass through here, so that none escapes the
 * limits.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_CHECK_H
#define OUTRIDER_POLICYD_SPF_SPF_CHECK_H

#include "policyd/spf/spf.h"
#include "policyd/spf/spf_macro.h"

/* Statuses in this folder, for everything that happens during a check: OR_MALFORMED becomes
 * permerror (the record's fault), any other failure temperror. Processing limits are the record's
 * fault (RFC 7208 4.6.4). */
struct spf_check {
    const struct spf_query *query;
    struct spf_outcome *outcome;    /* terms and voids are counted here */
    struct spf_macro_values values; /* but `domain` and `validated` */
    bool local_is_ascii;
    unsigned depth;         /* includes we are in */
    bool blamed;            /* the reason of a failure already names its term */
    bool decided;           /* only the explanation is left to fetch: nothing counts any more */
    const char *term_void;  /* the term in hand asked for something that does not exist: how */
    struct spf_place inner; /* the include in hand matched because of this */
    bool names_known;       /* PTR was asked (once per check) */
    const char *names_void; /* PTR found nothing: how */
    struct span names[SPF_MAX_NAMES]; /* validated names of the client (RFC 7208 5.5) */
    size_t name_count;
};

/* One more term that asks DNS; OR_MALFORMED over the limit. */
or_status spf_check_count_term(struct spf_check *c, struct err *e) OR_MUST_USE;

/* A term came to nothing: counts it when one of its questions did (RFC 7208 4.6.4: the limit is on
 * terms, so an mx whose hosts have no AAAA counts once). OR_MALFORMED over the limit, naming all of
 * them. */
or_status spf_check_count_void(struct spf_check *c, struct span term, struct err *e) OR_MUST_USE;

/* OR_OK: *answer_out, found or not. OR_ABSENT: the name cannot be put into a question (empty or too
 * long label): treated as non-existent (RFC 7208 4.8). Otherwise as dns_query(). */
or_status spf_check_ask(struct spf_check *c, enum dns_type type, struct span name,
                        const struct dns_answer **answer_out, struct err *e) OR_MUST_USE;

/* The target-name of a term (RFC 7208 4.8): expands `spec` (empty: `domain` itself), cuts it to 253
 * bytes from the left (7.3). OR_ABSENT: the term can match nothing (RFC 8616 4: %{l} or %{s} with a
 * local part that is not ASCII). */
or_status spf_check_target(struct spf_check *c, struct span spec, struct span domain,
                           struct span *name_out, struct err *e) OR_MUST_USE;

/* Expands an explanation text (RFC 7208 6.2) of `domain`'s record into `out`. */
or_status spf_check_explain(struct spf_check *c, struct span text, struct span domain,
                            struct buf *out) OR_MUST_USE;

/* Fills `names`: the client's PTR names whose addresses include the client; at most SPF_MAX_NAMES
 * are looked at. Errors leave it empty: they mean "no match", never temperror (RFC 7208 5.5). */
void spf_check_find_names(struct spf_check *c);

#endif
