/*
 * tag=value lists of RFC 6376 3.2: DKIM-Signature, DKIM keys, ARC, and (with other rules about
 * case) DMARC records.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_COMMON_TEXT_TAGLIST_H
#define OUTRIDER_COMMON_TEXT_TAGLIST_H

#include "common/base/span.h"

#define TAGLIST_MAX 64

/* Value has no FWS at its ends; folds inside are kept (the caller knows where they are
 * insignificant). */
struct tag {
    struct span name;
    struct span value;
};

struct taglist {
    struct tag tags[TAGLIST_MAX];
    size_t count;
};

/* OR_MALFORMED: a tag without "=", a name that is not ALPHA *(ALPHA / DIGIT / "_"), a value byte
 * outside VCHAR, FWS and UTF-8 (RFC 8616), or the same name twice (RFC 6376 3.2: the whole list is
 * invalid). A trailing ";" is allowed. OR_LIMIT over TAGLIST_MAX. */
or_status taglist_parse(struct span s, struct taglist *list_out, struct err *e) OR_MUST_USE;

/* Tag names are case-sensitive (RFC 6376 3.2). NULL when absent. */
const struct tag *taglist_get(const struct taglist *list, const char *name);

#endif
