/*
 * SPF macro strings (RFC 7208 7): "%{ir}.%{v}._spf.%{d2}". One scanner serves the syntax check and
 * the expansion, so that what was checked is what is expanded.
 *
 * The expansion is pure: the caller looks up the validated host name before it expands a string
 * that has
 * %{p}. Output never exceeds the ceiling of the buf it goes to (CVE-2021-33912, -33913: libspf2
 * trusted the record for the size).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_MACRO_H
#define OUTRIDER_POLICYD_SPF_SPF_MACRO_H

#include "common/base/buf.h"
#include "common/text/ip.h"

#include <time.h>

/* RFC 7208 7.3 asks for at least 127; more parts than this do not fit into a domain name. */
#define SPF_MACRO_MAX_PARTS 128

struct spf_macro_values {
    struct span sender;        /* %{s}: local@domain */
    struct span sender_local;  /* %{l}: "postmaster" when the sender has none */
    struct span sender_domain; /* %{o} */
    struct span domain;        /* %{d}: whose record it is */
    struct span helo;          /* %{h} */
    struct span receiver;      /* %{r} */
    struct span validated;     /* %{p}: "unknown" when there is none */
    struct ip ip;              /* %{i} %{c} %{v} */
    time_t now;                /* %{t} */
};

/* What is written where: RFC 7208 7.2 allows %{c}, %{r}, %{t} and blanks only in explanations. */
enum spf_macro_where {
    SPF_MACRO_TERM,        /* domain-spec of a mechanism, redirect= or exp= */
    SPF_MACRO_MODIFIER,    /* value of an unknown modifier: checked, never expanded */
    SPF_MACRO_EXPLANATION, /* the text that exp= points to */
};

struct spf_macro_token {
    struct span literal; /* a run of plain bytes, or what "%%", "%_", "%-" stand for; letter == 0 */
    bool is_expand;      /* came from "%...": may end a domain-spec (RFC 7208 7.1 domain-end) */
    char letter;         /* lower case; 0: literal */
    bool url_escape;     /* the letter was upper case */
    bool reverse;
    unsigned parts;         /* right-hand parts to keep; 0: all */
    struct span delimiters; /* empty: "." */
};

/* Takes one token off the front of *rest, which must not be empty. OR_MALFORMED says what is wrong.
 */
or_status spf_macro_next(struct span *rest, enum spf_macro_where where,
                         struct spf_macro_token *token_out, struct err *e) OR_MUST_USE;

/* The whole string follows the grammar. */
or_status spf_macro_check(struct span text, enum spf_macro_where where, struct err *e) OR_MUST_USE;

/* Whether a checked string has one of these macro letters (lower case), e.g. "sl". */
bool spf_macro_uses(struct span text, const char *letters);

/* Appends the expansion. OR_MALFORMED as spf_macro_check(), OR_LIMIT when `out` is full. */
or_status
spf_macro_expand(struct span text, enum spf_macro_where where,
                 const struct spf_macro_values *values, struct buf *out, struct err *e) OR_MUST_USE;

#endif
