/*
 * Key records (RFC 6376 3.6.1, RFC 8463 4.2): one TXT record -> one public key.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_KEY_H
#define OUTRIDER_MILTER_DKIM_DKIM_KEY_H

#include "common/dns/dns.h"
#include "milter/dkim/dkim_keycache.h"
#include "milter/dkim/dkim_sig.h"

#define DKIM_KEY_MAX_BYTES 8192 /* of one record; RSA 4096 needs 750 */

struct dkim_key {
    enum dkim_key_type type;
    struct dkim_public *public_key; /* the caller frees it: dkim_key_fini() */
    unsigned bits;
    bool testing;         /* t=y: a failure is to be treated like an unsigned message */
    bool strict_identity; /* t=s: i= must be in d= itself */
    bool authenticated;   /* the resolver's AD bit */
};

/* Reads a record. DKIM_OK, or what is wrong with it. */
enum dkim_reason dkim_key_parse(struct span record, struct arena *mem, struct dkim_key *key_out,
                                struct span *detail_out);

/* Where keys come from. */
struct dkim_key_source {
    struct dns *dns;
    int64_t deadline_mono_ms;
    struct dkim_keycache *cache; /* NULL: none */
};

/* Looks SELECTOR._domainkey.DOMAIN up and reads the one key record there. TXT records that are none
 * at all (wildcards) do no harm; two that are make the result undefined (RFC 6376 3.6.2.2):
 * refused. */
enum dkim_reason
dkim_key_fetch(const struct dkim_sig *sig, const struct dkim_key_source *source, struct arena *mem,
               struct dkim_key *key_out, struct span *detail_out);

/* Whether this key may be used for this signature. `max_rsa_bits` 0: DKIM_MAX_RSA_BITS. */
enum dkim_reason dkim_key_check(const struct dkim_key *key, const struct dkim_sig *sig,
                                unsigned max_rsa_bits, struct span *detail_out);

void dkim_key_fini(struct dkim_key *key);

/* "SELECTOR._domainkey.DOMAIN": where the key lies. NULL past the arena. */
char *dkim_key_name(const struct dkim_sig *sig, struct arena *mem);

#endif
