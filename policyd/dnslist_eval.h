/*
 * Asks the lists, all at the same time, and adds up what they say.
 *
 * Nothing here holds mail up: a list that does not answer within dnslist-timeout counts nothing,
 * and one that did not answer several times in a row is left alone for a minute. Trouble is logged
 * once a minute for each list.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_DNSLIST_EVAL_H
#define OUTRIDER_POLICYD_DNSLIST_EVAL_H

#include "policyd/dnslist.h"
#include "policyd/policyd.h"

/* Of whom, as Postfix says it. */
struct dnslist_about {
    struct ip client; /* family 0: none */
    struct span sender;
    struct span helo;
    struct span client_name; /* "unknown": none */
};

enum dnslist_state {
    DNSLIST_CLEAN,
    DNSLIST_LISTED,
    DNSLIST_UNKNOWN, /* no answer, a refusal, an answer that no list gives */
    DNSLIST_PAUSED,  /* not asked */
};

/* What one list said to one question. */
struct dnslist_reply {
    struct dnslist *list;
    enum dnslist_kind kind;
    struct span subject; /* "192.0.2.9", "example.org" */
    struct span name;    /* what was looked up */
    enum dnslist_state state;
    struct ip answer; /* DNSLIST_LISTED */
    int64_t weight;   /* the same; 0 where another answer of the list weighs more */
};

struct dnslist_outcome {
    int64_t score;
    bool vouched; /* some list's word was negative */
    struct dnslist_reply *replies;
    size_t count;
};

/* Always an outcome; an empty one without lists. It lives in the request's arena. */
void dnslist_eval(const struct policyd_work *w, const struct dnslist_about *about,
                  struct dnslist_outcome *outcome_out);

/* The lists' own words on a listing (TXT, RFC 5782 2.1), one line; empty without. */
struct span dnslist_explain(const struct policyd_work *w, const struct dnslist_reply *reply);

#endif
