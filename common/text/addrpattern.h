/*
 * Patterns of addresses as lists in the configuration have them:
 *
 *     user@example.org    that address
 *     user@               that local part in any domain
 *     example.org         any address of that domain
 *     .example.org        any address of its subdomains
 *     *                   any address, the null path included
 *     <>                  the null path
 *
 * Compared without regard to case; domains in any form (U-label or A-label).
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_ADDRPATTERN_H
#define OUTRIDER_COMMON_TEXT_ADDRPATTERN_H

#include "common/base/arena.h"

struct addrpattern {
    enum {
        ADDRPATTERN_ADDRESS,
        ADDRPATTERN_LOCAL,
        ADDRPATTERN_DOMAIN,
        ADDRPATTERN_SUBDOMAINS,
        ADDRPATTERN_ANY,
        ADDRPATTERN_NULL,
    } kind;
    struct span local;  /* in the arena it was parsed into */
    struct span domain; /* canonical */
};

/* OR_MALFORMED: none of the forms; OR_LIMIT: the arena. */
or_status addrpattern_parse(struct span text, struct arena *mem, struct addrpattern *pattern_out,
                            struct err *e) OR_MUST_USE;
/* `local` and `domain` as addr_split() gives them, `domain` canonical; both empty: the null path.
 */
bool addrpattern_matches(const struct addrpattern *pattern, struct span local, struct span domain);

#endif
