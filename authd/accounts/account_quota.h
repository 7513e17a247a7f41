/*
 * Quotas as other programs write them.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_QUOTA_H
#define OUTRIDER_AUTHD_ACCOUNTS_ACCOUNT_QUOTA_H

#include "authd/accounts/account_db.h"

/* A whole number with B, k, M, G or T behind it (1024 each), or times `unit_bytes` without one.
 * OR_MALFORMED. */
or_status
account_quota_parse_size(struct span text, int64_t unit_bytes, int64_t *bytes_out) OR_MUST_USE;

/* Dovecot's quota_rule for all of the mailbox: "*:storage=5G:messages=1000", "*:bytes=5000".
 * OR_MALFORMED: no such rule; folders have none here. */
or_status account_quota_parse_rule(struct span rule, struct account_quota *quota_out) OR_MUST_USE;

#endif
