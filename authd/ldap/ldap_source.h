/*
 * Accounts in an LDAP directory (RFC 4511), checked by binding as the account or by an attribute
 * that holds the password's hash.
 *
 * Attributes are taken under the names that account_columns of the configuration gives them:
 * "home=homeDirectory" and so on; the names on the left are user, password, uid, gid, home,
 * quota_rule.
 *
 * Threads: locked (LOCK_LDAP around the list of idle connections; not held while asking).
 */
#ifndef OUTRIDER_AUTHD_LDAP_LDAP_SOURCE_H
#define OUTRIDER_AUTHD_LDAP_LDAP_SOURCE_H

#include "authd/accounts/account_source.h"

#define LDAP_SOURCE_MAX_ATTRIBUTES 16

/* In the order of the configuration's words. */
enum ldap_scope { LDAP_SOURCE_SUBTREE, LDAP_SOURCE_ONE_LEVEL, LDAP_SOURCE_BASE };

/* Strings stay the caller's and must outlive the source. */
struct ldap_settings {
    const char *uri; /* ldap://, ldaps://, ldapi:// */
    bool start_tls;
    const char *ca_file;            /* "": the system's */
    const char *bind_dn;            /* "": anonymous */
    const char *bind_password_file; /* "": none */
    const char *base;
    enum ldap_scope scope;
    const char *filter;
    const char *alias_filter; /* "": no aliases */
    const char *alias_attribute;
    const char *const *attributes; /* "home=homeDirectory" */
    size_t attribute_count;
    const char *const *domains; /* what it has accounts for */
    size_t domain_count;
    int64_t timeout_ms; /* one question */
};

/* OR_CONFIG: a filter, an attribute or the URI is wrong. Nobody is asked yet. */
or_status account_source_ldap(const struct ldap_settings *settings, const char *name,
                              struct account_source *source_out, struct err *e) OR_MUST_USE;

#endif
