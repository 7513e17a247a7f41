/*
 * The DKIM-Signature field (RFC 6376 3.5; RFC 8616 for UTF-8) and the two of ARC that are made like
 * it, ARC-Message-Signature and ARC-Seal (RFC 8617 4.1.2, 4.1.3): bytes <-> struct.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_SIG_H
#define OUTRIDER_MILTER_DKIM_DKIM_SIG_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "milter/dkim/dkim.h"

#define DKIM_SIG_MAX_BYTES 16384    /* of the field's value; 2 KiB is much */
#define DKIM_SIG_MAX_NAMES 256      /* in h= */
#define DKIM_SIG_B_PREFIX 8         /* RFC 6008 3: enough to tell signatures apart (header.b) */
#define DKIM_SIG_FOREVER UINT64_MAX /* more than 12 digits: RFC 6376 3.5 calls that infinite */

enum dkim_sig_kind { DKIM_SIG_OF_MESSAGE, DKIM_SIG_OF_ARC_MESSAGE, DKIM_SIG_OF_ARC_SEAL };

struct dkim_sig {
    enum dkim_sig_kind kind;
    struct span algorithm_name; /* as written, also when unknown */
    enum dkim_algorithm algorithm;
    enum dkim_canon header_canon;
    enum dkim_canon body_canon;
    struct span domain;          /* d=, canonical; empty until known to be a host name */
    struct span selector;        /* s=, canonical; the same */
    struct span identity;        /* i=, decoded, domain canonical: "alice@sub.example.org" */
    struct span identity_domain; /* canonical */
    struct span *names;          /* h= */
    size_t name_count;
    struct span body_hash; /* bh=, DKIM_HASH_BYTES bytes */
    struct span signature; /* b=, decoded */
    struct span b_prefix;  /* first characters of b=, without white space; for header.b */
    bool has_length;
    bool has_time;
    bool has_expiry;
    uint64_t length;    /* l= */
    uint64_t time_s;    /* t= */
    uint64_t expires_s; /* x= */
    unsigned instance;  /* ARC: i=, of what we write (arc_set.h reads it) */
    struct span chain;  /* ARC-Seal: cv=, the same */
};

/* "DKIM-Signature" and so on. */
const char *dkim_sig_field_name(enum dkim_sig_kind kind);

/* Reads a field's value. DKIM_OK, or the first thing wrong with it; what could be read is filled in
 * all the same, for the report. All in the arena. *detail_out (may stay empty) says which tag or
 * word. */
enum dkim_reason dkim_sig_parse(struct span value, struct arena *mem, struct dkim_sig *sig_out,
                                struct span *detail_out);
/* The same for each kind of field. A seal has neither names nor hash; its canonicalization is
 * relaxed. */
enum dkim_reason dkim_sig_parse_kind(enum dkim_sig_kind kind, struct span value, struct arena *mem,
                                     struct dkim_sig *sig_out, struct span *detail_out);

/* Cuts the value around the value of b=, white space included (RFC 6376 3.7): what is hashed is
 * before and after, put together. */
void dkim_sig_cut(struct span value, struct span *before_out, struct span *after_out);

/* Appends a field value that ends in "b=", from kind, algorithm, canons, domain, selector, names,
 * body_hash, time_s (when has_time), expires_s (when has_expiry), instance and chain, as far as the
 * kind has them: folded with "\n\t", lines under 78 columns where no single word is longer, a space
 * in front. */
void dkim_sig_format(struct buf *out, const struct dkim_sig *sig);
/* Appends the signature behind it, folded likewise. */
void dkim_sig_format_b(struct buf *out, struct span signature);

/* Copies at most DKIM_DETAIL_BYTES of what stood outside into the arena; empty when that is full.
 */
struct span dkim_sig_detail(struct arena *mem, struct span text);

#endif
