/*
 * Who is signed with what: the rules of `sign "PATTERN" { ... }` over the keys of the key table.
 *
 *     user@example.org   that author          example.org   authors of that domain
 *     .example.org       of its subdomains    /REGEX/       PCRE2 on the whole address
 *     *                  everybody else
 *
 * The most specific rule counts, in the order above: of subdomains the longest, of expressions the
 * first in the file. Without a rule an author's domain signs with its own keys; a domain that is
 * not the author's signs only where a rule says so.
 *
 * Threads: immutable once built.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_SIGNTABLE_H
#define OUTRIDER_MILTER_DKIM_DKIM_SIGNTABLE_H

#include "milter/dkim/dkim_keytable.h"

struct dkim_signtable;

/* One rule as configured. */
struct dkim_signrule {
    const char *pattern;
    const char *domain; /* d=; empty: the author's own */
    char **selectors;   /* none: all keys of the domain that are in force */
    size_t selector_count;
    bool never; /* such mail is not signed */
    unsigned line;
};

/* Uses `keys` as long as it lives. OR_CONFIG: a pattern that is none, twice the same, or a key that
 * is not there; names the rule and its line. */
or_status dkim_signtable_new(const struct dkim_signrule *rules, size_t count,
                             const struct dkim_keytable *keys, struct dkim_signtable **table_out,
                             struct err *e) OR_MUST_USE;
void dkim_signtable_free(struct dkim_signtable *table); /* NULL is allowed */

struct dkim_signkeys {
    const struct dkim_keytable_row *rows[DKIM_KEYTABLE_MAX_PER_DOMAIN];
    size_t count;
};

/* The keys for an author, `domain` canonical. OR_ABSENT: there are none, or a rule says never; `e`
 * says which in a few words, for the log. `subdomains`: without a rule, a subdomain without keys
 * signs with those of its nearest parent. `mem` is for the moment. */
or_status dkim_signtable_find(const struct dkim_signtable *table, struct span local,
                              struct span domain, bool subdomains, struct arena *mem,
                              struct dkim_signkeys *keys_out, struct err *e) OR_MUST_USE;

#endif
