/*
 * The settings of outrider-policyd: one struct, filled from policyd.conf by the table in
 * policyd_conf.c.
 *
 * Threads: immutable once loaded.
 */
#ifndef OUTRIDER_POLICYD_POLICYD_CONF_H
#define OUTRIDER_POLICYD_POLICYD_CONF_H

#include "common/run/conf.h"
#include "policyd/spf/spf.h"

#define POLICYD_DEFAULT_DECISIONS "/var/lib/outrider/policyd/decisions.sqlite"

enum policyd_dmarc { POLICYD_DMARC_ENFORCE, POLICYD_DMARC_OBSERVE, POLICYD_DMARC_OFF };

enum policyd_dmarc_reject {
    POLICYD_DMARC_REJECT_CORROBORATED,
    POLICYD_DMARC_REJECT_ALWAYS,
    POLICYD_DMARC_REJECT_NEVER,
};

/* dmarc-temperror */
enum policyd_temperror { POLICYD_TEMPERROR_TEMPFAIL, POLICYD_TEMPERROR_ACCEPT };

/* from-invalid */
enum policyd_from_invalid {
    POLICYD_FROM_INVALID_REJECT,
    POLICYD_FROM_INVALID_QUARANTINE,
    POLICYD_FROM_INVALID_ACCEPT,
};

/* What a finding of the checks client, helo and sender leads to. */
enum policyd_action { POLICYD_ACCEPT, POLICYD_REJECT, POLICYD_DEFER };

enum policyd_spf_action { POLICYD_SPF_ACCEPT, POLICYD_SPF_REJECT, POLICYD_SPF_TEMPFAIL };

#define POLICYD_MAX_FORWARDERS 20 /* trusted-forwarders; each costs an SPF check of its own */

#define POLICYD_MAX_CHECKS 16

enum policyd_check_mode { POLICYD_CHECK_ENFORCE, POLICYD_CHECK_SHADOW };

/* check "NAME" { ... } */
struct policyd_check {
    struct conf_item head;
    int mode; /* enum policyd_check_mode */
    struct conf_cidrs skip_clients;
    struct conf_list skip_senders;
    struct conf_list skip_recipients;
};

enum policyd_rate_stage { POLICYD_RATE_RCPT, POLICYD_RATE_DATA, POLICYD_RATE_END_OF_MESSAGE };
enum policyd_rate_count { POLICYD_RATE_MESSAGES, POLICYD_RATE_RECIPIENTS };
enum policyd_rate_action {
    POLICYD_RATE_DEFER,
    POLICYD_RATE_REJECT,
    POLICYD_RATE_HOLD,
    POLICYD_RATE_WARN,
};

/* rate "NAME" { ... } */
struct policyd_rate {
    struct conf_item head;
    struct conf_list by;
    struct conf_list limits;
    int count;  /* enum policyd_rate_count */
    int stage;  /* enum policyd_rate_stage */
    int action; /* enum policyd_rate_action */
};

/* dmarc-rule "NAME" { ... } */
struct policyd_dmarc_rule {
    struct conf_item head;
    struct conf_list authors;
    struct conf_cidrs clients;
    struct conf_list list_ids;
    int action; /* VERDICT_ACCEPT, VERDICT_REJECT or VERDICT_QUARANTINE of enum verdict_action */
};

#define POLICYD_DNSLIST_MAX_WEIGHT 1000

/* dnslist "ZONE" { ... } */
struct policyd_dnslist {
    struct conf_item head;
    struct conf_list kinds;
    int64_t weight;
    struct conf_list codes;
};

/* The HELO name's options, each an enum policyd_action. */
struct policyd_helo_on {
    int none, invalid, not_fqdn, wrong_literal, our_name, no_address;
};

/* The sender domain's options, each an enum policyd_action. */
struct policyd_sender_on {
    int null_mx, no_domain, bad_mx, temperror;
};

enum policyd_srs_digest { POLICYD_SRS_SHA1, POLICYD_SRS_SHA256 };
enum policyd_srs_alphabet { POLICYD_SRS_SAFE, POLICYD_SRS_BASE64 };

/* What each second signal adds; they are added up and compared with the threshold. */
struct policyd_weights {
    int64_t spf_fail;
    int64_t spf_softfail;
    int64_t from_spf_fail;
    int64_t no_ptr;
    int64_t no_signature;
    int64_t dnsbl;
};

struct policyd_settings {
    struct conf_common common;
    char *hostname; /* NULL: the system's */
    struct conf_cidrs internal_networks;
    int64_t request_timeout_ms;
    struct conf_list checks;          /* in the order in which they are asked */
    struct conf_items check_sections; /* struct policyd_check */
    struct conf_items rates;          /* struct policyd_rate */
    char *access_file;                /* empty: none */
    int64_t brake_min_recipients;     /* an hour */
    int64_t brake_factor;
    int64_t brake_bounces; /* a day */
    int64_t brake_hold_ms;
    char *brake_hook; /* empty: none */
    int64_t greylist_delay_ms;
    int64_t greylist_window_ms;
    int64_t greylist_lifetime_ms;
    int64_t greylist_auto_allow;
    bool greylist_skip_vouched;
    bool greylist_skip_allowlisted;
    bool spf_skip_allowlisted;
    struct conf_items dnslists; /* struct policyd_dnslist */
    int64_t dnslist_reject_score;
    int64_t dnslist_defer_score; /* 0: never */
    int64_t dnslist_timeout_ms;
    char *quota_lmtp;
    int64_t quota_timeout_ms;
    int client_no_ptr;  /* enum policyd_action */
    int client_no_name; /* enum policyd_action */
    struct policyd_helo_on helo_on;
    struct conf_list helo_our_names;
    struct policyd_sender_on sender_on;
    bool spf_header;
    int spf_on[SPF_RESULTS];      /* enum policyd_spf_action, by MAIL FROM's enum spf_result */
    int spf_helo_on[SPF_RESULTS]; /* the same for the HELO name */
    struct conf_list trusted_forwarders;
    int64_t spf_max_voids;
    int dmarc;           /* enum policyd_dmarc */
    int dmarc_discovery; /* enum dmarc_discovery */
    char *public_suffix_list;
    int dmarc_reject;              /* enum policyd_dmarc_reject */
    int dmarc_temperror;           /* enum policyd_temperror */
    struct conf_items dmarc_rules; /* struct policyd_dmarc_rule */
    struct conf_list trusted_sealers;
    int from_invalid; /* enum policyd_from_invalid */
    int64_t reject_threshold;
    struct policyd_weights weights;
    char *store; /* address; empty: there is none */
    char *store_password_file;
    int64_t store_timeout_ms;
    char *decisions; /* path; empty: none are kept */
    int64_t decisions_keep_ms;
    int64_t decisions_max_bytes;
    char *srs_domain; /* empty: no rewriting */
    struct conf_list srs_local_domains;
    char *srs_secrets_file;
    int srs_separator; /* index into '=', '+', '-' */
    int srs_digest;    /* enum policyd_srs_digest */
    int srs_alphabet;  /* enum policyd_srs_alphabet */
    int64_t srs_tag_length;
    int64_t srs_tag_min_length;
    int64_t srs_max_age_ms;
    int64_t srs_long_sender_limit; /* per client and day */
};

extern const struct conf_schema policyd_conf_schema;

/* The sections at `at`, which must be below the count. */
const struct policyd_check *policyd_conf_check(const struct policyd_settings *settings, size_t at);
const struct policyd_rate *policyd_conf_rate(const struct policyd_settings *settings, size_t at);
const struct policyd_dmarc_rule *
policyd_conf_dmarc_rule(const struct policyd_settings *settings, size_t at);
const struct policyd_dnslist *
policyd_conf_dnslist(const struct policyd_settings *settings, size_t at);

/* Whether the client is one of our own, whose mail is neither checked by SPF nor by DMARC. */
bool policyd_conf_is_internal(const struct policyd_settings *settings, const struct ip *client);

#endif
