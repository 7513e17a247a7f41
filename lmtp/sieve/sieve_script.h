/*
 * A compiled script.
 *
 * Threads: immutable once compiled: any number of threads may run it at once.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_SCRIPT_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_SCRIPT_H

#include "lmtp/sieve/sieve_check.h"

struct sieve_script {
    struct arena mem;
    struct sieve_node *first;
    uint64_t required; /* SIEVE_FILEINTO and the like; by require, or by ihave wherever */
    uint64_t declared; /* by require alone */
    struct sieve_patterns *patterns;
};

/* What the place that compiles a script can do. */
struct sieve_offer {
    uint64_t unavailable; /* extensions that must not be required here */
    bool no_redirect;
};

/* `name` is what errors begin with ("name:line:column: what was expected"); it and `text` need not
 * outlive the call. `offer` may be NULL: everything. OR_MALFORMED, OR_LIMIT. */
or_status sieve_script_compile(const char *name, struct span text, const struct sieve_offer *offer,
                               struct sieve_script **script_out, struct err *e) OR_MUST_USE;
void sieve_script_free(struct sieve_script *script); /* NULL is allowed */

#endif
