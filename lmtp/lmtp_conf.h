/*
 * lmtpd's settings: one typed struct, filled from lmtpd.conf (outrider-lmtpd.conf(5)).
 *
 * Threads: immutable once loaded.
 */
#ifndef OUTRIDER_LMTP_LMTP_CONF_H
#define OUTRIDER_LMTP_LMTP_CONF_H

#include "common/run/conf.h"

enum lmtp_bare { LMTP_BARE_REFUSE, LMTP_BARE_REPAIR };

struct lmtp_settings {
    struct conf_common common; /* first: conf.h */
    char *userdb;              /* where recipients are looked up */
    int64_t userdb_timeout_ms; /* one look-up */
    char *hostname;            /* set by the check when not configured */
    int64_t max_message_bytes; /* as sent: CRLF line ends, dots unstuffed */
    int64_t max_header_bytes;
    int64_t max_recipients; /* of one transaction */
    int64_t max_received;   /* Received fields before a message counts as looping */
    int64_t data_timeout_ms;
    int64_t proxy_timeout_ms;           /* for the connection and each reply of another server */
    int64_t max_connections_per_client; /* of one IP address */
    struct conf_cidrs xclient_clients;
    int bare_line_ends; /* enum lmtp_bare */
    int64_t first_valid_uid;
    char *tls_certificate; /* both or neither */
    char *tls_key;
    char *recipient_delimiter; /* one character or none */
    bool subaddress_create;
    char *junk_folder;
    char *quarantine_header;
    struct conf_list quota_rules; /* of accounts that have none of their own */
    char *quota_grace;            /* "10%", "10M" */
    int quota_full;               /* enum lmtp_quota_full */
    bool quota_virtual_sizes;     /* every line end counts as CRLF */
    struct conf_items quota_warnings;
    char *sieve_script;                         /* of an account; empty: no scripts of owners */
    char *sieve_directory;                      /* of an account's scripts; empty: none */
    char *sieve_global_directory;               /* of the site's; empty: none */
    struct conf_list sieve_before, sieve_after; /* files and directories */
    bool sieve_folder_create;
    bool sieve_fault_notice; /* to the script's owner, once a day */
    char *sieve_relay;       /* SMTP server for what scripts send; empty: they send nothing */
    char *store;             /* kvstore.h; empty: none */
    char *store_password_file;
    int64_t store_timeout_ms;
};

enum lmtp_quota_full { LMTP_QUOTA_REJECT, LMTP_QUOTA_TEMPFAIL };

/* Section quota-warning "80%". */
struct lmtp_quota_warning {
    struct conf_item item; /* its title is the threshold: "1%" to "100%" */
    bool message;          /* into INBOX */
    char *subject;
    char *text;
    struct conf_list command; /* program and arguments; none: empty */
};

const struct lmtp_quota_warning *
lmtp_conf_quota_warning(const struct lmtp_settings *settings, size_t at);

extern const struct conf_schema lmtp_schema;

#endif
