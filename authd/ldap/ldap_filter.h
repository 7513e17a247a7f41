/*
 * Filters and names with a place for an address (RFC 4515): "(&(mail=%u)(enabled=TRUE))".
 *
 * %u is the address, %n its local part, %d its domain, %% a percent sign. Values are escaped: what
 * somebody types as his name cannot become part of the filter.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_LDAP_LDAP_FILTER_H
#define OUTRIDER_AUTHD_LDAP_LDAP_FILTER_H

#include "authd/accounts/account_db.h"
#include "common/base/buf.h"

#define LDAP_FILTER_MAX_BYTES 8192

/* OR_CONFIG: an unknown % sign, or nothing that tells addresses apart. */
or_status ldap_filter_check(const char *template, struct err *e) OR_MUST_USE;
/* OR_LIMIT: over LDAP_FILTER_MAX_BYTES. */
or_status ldap_filter_expand(const char *template, const struct account_address *address,
                             struct buf *out) OR_MUST_USE;

#endif
