/*
 * Whom a line of a SigningTable speaks of: OpenDKIM's keys and wildcards, and ours.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_IMPORT_OPENDKIM_PATTERN_H
#define OUTRIDER_MILTER_IMPORT_OPENDKIM_PATTERN_H

#include "common/base/arena.h"

/* The key of an ordinary table ("example.org", ".example.org", "user@.example.org", "user@*") as
 * the wildcard pattern of a refile that matches the same addresses. In lower case. */
struct span opendkim_pattern_of_key(struct arena *mem, struct span key);
/* A refile's pattern in lower case. */
struct span opendkim_pattern_of_wildcard(struct arena *mem, struct span pattern);

/* True when whatever `narrow` matches, `wide` matches too. False may also mean "not sure". */
bool opendkim_pattern_covers(struct span wide, struct span narrow);

/* The one From domain that the pattern speaks of; empty when there are several. */
struct span opendkim_pattern_domain(struct span pattern);

/* As the title of a `sign` section: an address, a domain, ".domain", "*", or "/PCRE2/". Empty when
 * it can match no address, or when `mem` is full. */
struct span opendkim_pattern_title(struct arena *mem, struct span pattern);

#endif
