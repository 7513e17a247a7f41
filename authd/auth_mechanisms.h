/*
 * The mechanisms that the option `mechanisms` offers.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_AUTH_MECHANISMS_H
#define OUTRIDER_AUTHD_AUTH_MECHANISMS_H

#include "authd/authd.h"
#include "authd/sasl/mech.h"

/* By name without case; NULL: none of this name is offered. */
const struct mech *auth_mechanisms_find(struct daemon *d, struct span name);
/* The MECH lines of the greeting, in the option's order; `binds`: also those for who can say the
 * channel's binding. */
void auth_mechanisms_list(struct daemon *d, bool binds, struct buf *out);
/* Whether there are such. */
bool auth_mechanisms_bind(struct daemon *d);

#endif
