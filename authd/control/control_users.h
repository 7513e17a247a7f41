/*
 * The commands about accounts and their application passwords: rows of control.c's table.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CONTROL_CONTROL_USERS_H
#define OUTRIDER_AUTHD_CONTROL_CONTROL_USERS_H

#include "authd/control/control.h"

or_status control_user_add(struct control_call *c) OR_MUST_USE;
or_status control_user_set(struct control_call *c) OR_MUST_USE;
or_status control_user_passwd(struct control_call *c) OR_MUST_USE;
or_status control_user_show(struct control_call *c) OR_MUST_USE;
or_status control_user_list(struct control_call *c) OR_MUST_USE;
or_status control_user_del(struct control_call *c) OR_MUST_USE;

or_status control_app_password_add(struct control_call *c) OR_MUST_USE;
or_status control_app_password_list(struct control_call *c) OR_MUST_USE;
or_status control_app_password_del(struct control_call *c) OR_MUST_USE;

#endif
