/*
 * Header fields as tests see them: by name, by :index (RFC 5260 6), unfolded, encoded words decoded
 * to UTF-8 (RFC 5228 2.7.2).
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_FIELDS_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_FIELDS_H

#include "lmtp/sieve/sieve_run.h"

/* A walk over the fields of one name that the node's :index and :last leave. */
struct sieve_fields {
    const struct header_block *block;
    struct span name;
    uint64_t only; /* this one, counted from 1; 0: all */
    bool from_end;
    size_t at;
    uint64_t seen;
};

/* Counts the walk as work: OR_LIMIT. */
or_status sieve_fields_begin(struct sieve_fields *f, struct sieve_run *r,
                             const struct sieve_node *node, struct span name) OR_MUST_USE;
/* NULL at the end. */
const struct header_field *sieve_fields_next(struct sieve_fields *f);

/* The field's text: unfolded and, with `decode`, RFC 2047 undone. OR_LIMIT. */
or_status sieve_fields_text(struct sieve_run *r, const struct header_field *field, bool decode,
                            struct span *text_out) OR_MUST_USE;

#endif
