/*
 * authd's settings: one typed struct, filled from authd.conf (outrider-authd.conf(5)).
 *
 * Threads: immutable once loaded.
 */
#ifndef OUTRIDER_AUTHD_AUTHD_CONF_H
#define OUTRIDER_AUTHD_AUTHD_CONF_H

#include "common/run/conf.h"

#define AUTHD_DEFAULT_DATABASE "/var/lib/outrider/authd/accounts.sqlite"
#define AUTHD_DEFAULT_LOGINS "/var/lib/outrider/authd/logins.sqlite"

/* In the order of the words. */
enum authd_source_kind {
    AUTHD_SOURCE_SQLITE,
    AUTHD_SOURCE_PASSWD_FILE,
    AUTHD_SOURCE_PGSQL,
    AUTHD_SOURCE_LDAP,
    AUTHD_SOURCE_PAM,
};

/* accounts "NAME" { ... } */
struct authd_source {
    struct conf_item head;
    int kind; /* enum authd_source_kind */
    struct conf_list domains;
    char *file;
    char *connect;
    int schema;                                                 /* enum pgsql_schema */
    char *user_query, *domain_query, *alias_query, *list_query; /* NULL: the schema's */
    char *uri, *ca_file, *bind_dn, *bind_password_file, *base, *filter;
    bool start_tls;
    int scope; /* enum ldap_scope */
    struct conf_list attributes;
    char *alias_filter, *alias_attribute;
    char *service;
    int64_t first_uid;
    int64_t timeout_ms;
};

/* oauth { ... } */
struct authd_oauth {
    char *issuer;
    struct conf_list audience;
    char *jwks_file, *jwks_url, *introspection_url, *client_id, *client_secret_file, *ca_file;
    char *user_claim, *scope, *discovery;
    int64_t clock_skew_ms, timeout_ms, introspection_ttl_ms;
};

struct authd_settings {
    struct conf_common common; /* first: conf.h */
    char *database;
    char *dict_database;
    struct conf_items sources; /* struct authd_source; none: `database` alone */
    int64_t mail_uid, mail_gid;
    char *mail_home;           /* template: mail_home.h */
    char *recipient_delimiter; /* one character; empty: no subaddresses */
    int64_t failure_delay_ms;  /* from its arrival to the answer of a wrong password */
    int64_t hash_timeout_ms;   /* waiting for a turn at hashing */
    int64_t auth_cache_ttl_ms; /* how long a password found right is believed; 0: not at all */
    bool allow_weak_schemes;
    struct conf_list mechanisms; /* offered, in this order */
    bool require_tls;            /* plaintext mechanisms only where the client says `secured` */
    struct conf_cidrs plaintext_networks; /* or from here */
    int password_scheme;                  /* enum password_scheme: of new passwords */
    bool rehash;
    struct conf_list master_users; /* canonical */
    char *export_passwd_file;      /* empty: none */
    struct conf_list local_hosts;  /* IP addresses */
    char *anonymous_user;          /* canonical; empty: none */
    char *store, *store_password_file;
    int64_t store_timeout_ms;
    int64_t ban_threshold; /* points; 0: nobody is banned */
    int64_t ban_time_ms, ban_time_max_ms;
    struct conf_cidrs never_ban;
    char *ban_hook, *login_notice_hook; /* whole paths; empty: none */
    char *country_file;                 /* empty: none */
    char *logins;                       /* empty: none are kept */
    int64_t logins_keep_ms, logins_max_bytes;
    struct authd_oauth oauth; /* who may say whose token it is */
};

extern const struct conf_schema authd_schema;

#endif
