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
/* The MECH lines of the greeting, in the option's order. */
void auth_mechanisms_list(struct daemon *d, struct buf *out);

#endif
