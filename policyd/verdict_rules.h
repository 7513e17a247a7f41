/*
 * The sections `dmarc-rule "NAME" { ... }`: what to do with mail that fails DMARC, by author,
 * client and mailing list, whatever its owner's policy says.
 *
 * Threads: immutable once built.
 */
#ifndef OUTRIDER_POLICYD_VERDICT_RULES_H
#define OUTRIDER_POLICYD_VERDICT_RULES_H

#include "common/text/addrpattern.h"
#include "policyd/policyd_conf.h"

struct verdict_rule;

struct verdict_rules {
    struct verdict_rule *rules; /* in the order of the file */
    size_t count;
    struct arena mem;
};

/* OR_CONFIG: a rule without any condition, or a pattern that is no domain. Uses the settings. Freed
 * with verdict_rules_fini(), also after a failure. */
or_status verdict_rules_init(struct verdict_rules *rules, const struct policyd_settings *settings,
                             struct err *e) OR_MUST_USE;
void verdict_rules_fini(struct verdict_rules *rules);

/* The first rule of which all conditions hold; NULL: none. `author` is canonical, `list_id` the
 * whole List-Id field or empty; `mem` is for the moment. */
const struct policyd_dmarc_rule *
verdict_rules_find(const struct verdict_rules *rules, struct span author, const struct ip *client,
                   struct span list_id, struct arena *mem);

#endif
