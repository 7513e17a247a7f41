/*
 * The check_host() function of RFC 7208 4 and the choice of the identity before it.
 *
 * Threads: immutable (all state is in the query and the outcome).
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_EVAL_H
#define OUTRIDER_POLICYD_SPF_SPF_EVAL_H

#include "policyd/spf/spf.h"

/* Always reaches a verdict. What goes wrong on our side (DNS, deadline, arena) is SPF_TEMPERROR,
 * what the domain's owner must mend SPF_PERMERROR; `reason` says which term of which record, and
 * why. */
void spf_eval(const struct spf_query *query, struct spf_outcome *outcome_out);

#endif
