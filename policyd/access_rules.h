/*
 * Access rules of the administrator, one per line, the first that fits counts:
 *
 *     client 192.0.2.0/24                              reject "no mail from there"
 *     client-name .dyn.example  helo /^\[/             reject
 *     sender boss@example.org  recipient example.org   accept
 *     sasl-user stolen@example.org                     hold
 *
 * A rule is one condition or several, which must all hold, and an action with an optional text in
 * quotes. Addresses and networks for `client`; the forms of addrpattern.h for `sender`,
 * `recipient` and `sasl-user`; domain or .domain for `client-name` and `helo`; and /EXPRESSION/
 * (PCRE2, any case) for each of them. Empty lines and lines that begin with '#' are left out.
 *
 * Threads: immutable once parsed.
 */
#ifndef OUTRIDER_POLICYD_ACCESS_RULES_H
#define OUTRIDER_POLICYD_ACCESS_RULES_H

#include "common/base/arena.h"
#include "common/text/ip.h"

#define ACCESS_MAX_BYTES ((size_t)4 << 20) /* of a file */
#define ACCESS_MAX_RULES 20000             /* each request walks through all of them */
#define ACCESS_MAX_CONDITIONS 6            /* of a rule */
#define ACCESS_MAX_TEXT_BYTES 400          /* of a reply */

enum access_action {
    ACCESS_ACCEPT, /* no further check of ours */
    ACCESS_REJECT,
    ACCESS_DEFER,
    ACCESS_HOLD,
    ACCESS_DISCARD,
    ACCESS_WARN, /* logged only */
};

struct access_rules;

/* What a request is about. Domains canonical, empty where there is none. */
struct access_facts {
    struct ip client; /* family 0: not known */
    struct span client_name;
    struct span helo;
    struct span sasl_user;
    struct span sender_local, sender_domain;
    struct span recipient_local, recipient_domain;
};

struct access_answer {
    enum access_action action;
    struct span text; /* in the rules; empty: none was given */
    unsigned line;
};

/* OR_CONFIG names the line. */
or_status
access_rules_parse(struct span text, struct access_rules **rules_out, struct err *e) OR_MUST_USE;
void access_rules_free(struct access_rules *rules); /* NULL is allowed */

size_t access_rules_count(const struct access_rules *rules);

/* OR_ABSENT: no rule fits. OR_LIMIT: an expression took too many steps, or `mem` is full; rules
 * behind it were not looked at, *answer_out has the line. */
or_status access_rules_find(const struct access_rules *rules, const struct access_facts *facts,
                            struct arena *mem, struct access_answer *answer_out) OR_MUST_USE;

/* "accept", "reject" ... */
const char *access_action_name(enum access_action action);

#endif
