/*
 * Who may ask for what, and the commands that give and take roles.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CONTROL_CONTROL_ROLES_H
#define OUTRIDER_AUTHD_CONTROL_CONTROL_ROLES_H

#include "authd/control/control.h"

/* The caller's role for the call's domain and address, into call->role. OR_MALFORMED when it is
 * less than `least`; OR_TEMPFAIL when it cannot be known. */
or_status control_roles_check(struct control_call *c, enum account_role least) OR_MUST_USE;
/* Whether he may see the domain in a list. */
bool control_roles_may_see(struct control_call *c, struct span domain);

or_status control_admin_add(struct control_call *c) OR_MUST_USE;
or_status control_admin_list(struct control_call *c) OR_MUST_USE;
or_status control_admin_del(struct control_call *c) OR_MUST_USE;

#endif
