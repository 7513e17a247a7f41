/*
 * The milter's settings: one typed struct, filled from milter.conf (outrider-milter.conf(5)).
 *
 * Threads: immutable once loaded.
 */
#ifndef OUTRIDER_MILTER_MILTER_CONF_H
#define OUTRIDER_MILTER_MILTER_CONF_H

#include "common/run/conf.h"
#include "milter/dkim/dkim_fields.h"
#include "milter/dkim/dkim.h"

#define MILTER_STATE_DIRECTORY "/var/lib/outrider/milter"

enum milter_mode { MILTER_ENFORCE, MILTER_OBSERVE };
enum milter_policyd_failure { MILTER_POLICYD_TEMPFAIL, MILTER_POLICYD_ACCEPT };
enum milter_length_tag { MILTER_LENGTH_IGNORE, MILTER_LENGTH_ACCEPT };
enum milter_singletons { MILTER_SINGLETONS_IGNORE, MILTER_SINGLETONS_POLICY };
enum milter_arc_seal { MILTER_ARC_SEAL_NEVER, MILTER_ARC_SEAL_FORWARDED, MILTER_ARC_SEAL_ALWAYS };
enum milter_canonicalization {
    MILTER_CANON_RELAXED_RELAXED,
    MILTER_CANON_RELAXED_SIMPLE,
    MILTER_CANON_SIMPLE_RELAXED,
    MILTER_CANON_SIMPLE_SIMPLE,
};

/* key "NAME" { ... } */
struct milter_key {
    struct conf_item head;
    char *domain;
    char *selector; /* empty: the title */
    char *file;
};

/* sign "PATTERN" { ... } */
struct milter_sign {
    struct conf_item head;
    char *domain; /* empty: the author's */
    struct conf_list selectors;
    bool never;
};

/* from "PATTERN" { ... } */
struct milter_from {
    struct conf_item head;
    int on_result[DKIM_RESULTS]; /* enum verdict_action, or MILTER_ON_DEFAULT */
};
#define MILTER_ON_DEFAULT 4 /* what the option outside of the section says */

/* seal "PATTERN" { ... } */
struct milter_seal {
    struct conf_item head;
    char *domain;
    char *selector; /* empty: the first RSA key of the domain */
    bool never;
};

struct milter_settings {
    struct conf_common common; /* first: conf.h */
    int mode;                  /* enum milter_mode */
    char *authserv_id;         /* NULL: the host's name */
    char *policyd;             /* address; empty: no message verdict is asked for */
    int64_t policyd_timeout_ms;
    int policyd_failure; /* enum milter_policyd_failure */
    char *key_directory;
    char *state_directory; /* ours to write: how far key rotations are */
    int64_t rotation_check_interval_ms;
    int64_t rotation_grace_ms; /* old records stay published that long */
    struct conf_items keys;    /* struct milter_key */
    struct conf_items signs;   /* struct milter_sign */
    struct conf_cidrs internal_networks;
    struct conf_list originating_macros; /* "{name}=value" */
    bool sender_fallback;
    bool require_sender_match;
    char *authd; /* address of the table of senders */
    int64_t authd_timeout_ms;
    struct conf_cidrs trusted_relays; /* whose results are reused */
    struct conf_list trusted_authserv_ids;
    int canonicalization; /* enum milter_canonicalization, of what we sign */
    struct conf_list sign_headers;
    struct conf_list skip_headers;
    struct conf_list oversign_headers;
    bool signature_time;           /* t= */
    int64_t signature_lifetime_ms; /* 0: no x= */
    bool sign_subdomains;
    int64_t max_signatures;         /* verified per message */
    int64_t verify_timeout_ms;      /* all key look-ups of one message */
    int arc_seal;                   /* enum milter_arc_seal, of what arrives from outside */
    char *arc_seal_domain;          /* whose key seals */
    char *arc_seal_selector;        /* empty: the first RSA key of the domain */
    struct conf_items seals;        /* struct milter_seal */
    struct conf_list local_domains; /* what is not forwarded */
    struct conf_list forwarded_recipients;
    bool arc_verify; /* ARC chains of what arrives from outside */
    int length_tag;  /* enum milter_length_tag */
    int64_t clock_skew_ms;
    int singleton_headers;       /* enum milter_singletons */
    int on_result[DKIM_RESULTS]; /* enum verdict_action; none for pass and neutral */
    struct conf_items froms;     /* struct milter_from */
    int64_t max_rsa_bits;        /* of keys that verify */
    int64_t max_header_bytes;    /* of one message */
    char *quarantine_header;
};

extern const struct conf_schema milter_schema;

/* The sections at `at`, which must be below the count. */
const struct milter_key *milter_conf_key(const struct milter_settings *settings, size_t at);
const struct milter_sign *milter_conf_sign(const struct milter_settings *settings, size_t at);
const struct milter_from *milter_conf_from(const struct milter_settings *settings, size_t at);
const struct milter_seal *milter_conf_seal(const struct milter_settings *settings, size_t at);

/* "{name}=value" taken apart; OR_MALFORMED when it is not that. `name` keeps its braces. */
or_status
milter_conf_macro(const char *text, struct span *name_out, struct span *value_out) OR_MUST_USE;

/* What sign-headers, skip-headers and oversign-headers come to; the names stay in the settings.
 * What passes here for loaded settings is OR_OK: the loader has checked. OR_CONFIG says which
 * option. */
or_status milter_conf_fields(const struct milter_settings *settings, struct dkim_fields *fields_out,
                             struct err *e) OR_MUST_USE;

#endif
