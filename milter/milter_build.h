/*
 * What the milter makes of its settings: resolver and keys. Made anew at every reload.
 *
 * Threads: immutable once built; may be shared.
 */
#ifndef OUTRIDER_MILTER_MILTER_BUILD_H
#define OUTRIDER_MILTER_MILTER_BUILD_H

#include "common/dns/dns.h"
#include "milter/dkim/dkim_keycache.h"
#include "common/text/addrpattern.h"
#include "milter/dkim/dkim_signtable.h"
#include "milter/milter_conf.h"

struct milter_built {
    struct dns *dns;
    struct dkim_keycache *public_keys; /* of signers seen before */
    struct dkim_fields fields;         /* what our signatures cover */
    struct dkim_keytable *keys;        /* NULL: there is no key directory */
    struct addrpattern *froms;         /* of the sections `from`, in their order */
    struct addrpattern *seals;         /* of the sections `seal` */
    struct arena patterns_mem;
    struct dkim_signtable *signing; /* over `keys` */
    char *authserv_id;              /* as configured, or the host's name */
};

/* The daemon skeleton's `build` and `destroy`. A key that cannot be used is logged and left out
 * (mail of other domains must go on); with check_only it is OR_CONFIG. */
or_status milter_build(void *state, const void *settings, bool check_only, void **built_out,
                       struct err *e) OR_MUST_USE;
void milter_destroy(void *built);

/* The key that seals now (a rotation may change it) by this section, or where it is NULL or names
 * no domain, by arc-seal-domain; NULL: none does. */
const struct dkim_keytable_row *
milter_build_seal_key(const struct milter_built *built, const struct milter_settings *settings,
                      const struct milter_seal *seal);

#endif
