/*
 * What a command is called with: the keys of its request, checked.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CONTROL_CONTROL_ARGS_H
#define OUTRIDER_AUTHD_CONTROL_CONTROL_ARGS_H

#include "authd/accounts/account_db.h"

#include <jansson.h>

/* All: OR_MALFORMED names the key and what is wanted. Texts point into the request. */

/* p == NULL when it is not there. */
or_status control_args_text(const json_t *request, const char *key, struct span *text_out,
                            struct err *e) OR_MUST_USE;
/* Left as it is when it is not there. */
or_status control_args_number(const json_t *request, const char *key, int64_t max, int64_t *number,
                              struct err *e) OR_MUST_USE;
/* *flag_out points to one of two constants; NULL when it is not there. */
or_status control_args_flag(const json_t *request, const char *key, const bool **flag_out,
                            struct err *e) OR_MUST_USE;
/* quota_bytes and quota_messages: both or none. */
or_status control_args_quota(const json_t *request, struct account_quota *quota,
                             const struct account_quota **quota_out, struct err *e) OR_MUST_USE;
/* A stored password and its SCRAM keys: of a scheme that is taken and not weak. */
or_status control_args_password(const json_t *request, struct span *stored_out,
                                struct span *scram_keys_out, struct err *e) OR_MUST_USE;
/* The canonical addresses of an array, at least one, at most ACCOUNT_MAX_ALIAS_TARGETS, in `mem`.
 */
or_status
control_args_addresses(const json_t *request, const char *key, struct arena *mem,
                       struct span **list_out, size_t *count_out, struct err *e) OR_MUST_USE;

#endif
