/*
 * RFC 5322 address lists (From, Sender, To): display names, comments, quoted strings, encoded
 * words, groups, several addresses, obsolete routes and blanks; UTF-8 (RFC 6532).
 *
 * Written for verdicts, not for display: what different mail programs would read differently is an
 * error here (standards.md: "Composition Kills"), never a guess. Total on any input; comment depth
 * at most 32, at most ADDRLIST_MAX addresses.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_ADDRLIST_H
#define OUTRIDER_COMMON_TEXT_ADDRLIST_H

#include "common/base/arena.h"
#include "common/text/addr.h"

#define ADDRLIST_MAX 100

struct addrlist {
    struct addr *items; /* `local` unquoted, comments and folds removed; in the arena */
    size_t count;       /* 0 for an empty group ("undisclosed-recipients:;") */
};

/* OR_MALFORMED says where and what; OR_LIMIT over ADDRLIST_MAX or the arena. */
or_status addrlist_parse(struct span value, struct arena *mem, struct addrlist *list_out,
                         struct err *e) OR_MUST_USE;

#endif
