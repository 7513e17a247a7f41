/* One row for each option; policyd.conf and outrider-policyd.conf.5 say the same (a lint compares).
 */
#include "policyd/policyd_conf.h"

#include "policyd/brake.h"
#include "policyd/policyd_conf_sections.h"

#include "common/run/decisions.h"
#include "common/run/endpoint.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define AT(field) offsetof(struct policyd_settings, field)
#define DNSLIST_SCORE_MAX 100000

static const char *const dmarc_words[] = {"enforce", "observe", "off", NULL};
static const char *const dmarc_discovery_words[] = {"tree-walk", "psl", NULL};
static const char *const dmarc_reject_words[] = {"corroborated", "always", "never", NULL};
static const char *const temperror_words[] = {"tempfail", "accept", NULL};
static const char *const from_invalid_words[] = {"reject", "quarantine", "accept", NULL};

static const char *const srs_separator_words[] = {"=", "+", "-", NULL};
static const char *const srs_digest_words[] = {"sha1", "sha256", NULL};
static const char *const srs_alphabet_words[] = {"safe", "base64", NULL};

/* In the order of enum policyd_spf_action. */
static const char *const spf_action_words[] = {"accept", "reject", "tempfail", NULL};

#define SPF_OPTION(name_, field_, help_)                                                           \
    {                                                                                              \
        .name = (name_), .type = CONF_ENUM, .offset = AT(field_), .def = "accept",                 \
        .words = spf_action_words, .help = (help_)                                                 \
    }

/* In the order of enum policyd_action. */
static const char *const action_words[] = {"accept", "reject", "defer", NULL};

#define ACTION_OPTION(name_, field_, def_, help_)                                                  \
    {                                                                                              \
        .name = (name_), .type = CONF_ENUM, .offset = AT(field_), .def = (def_),                   \
        .words = action_words, .help = (help_)                                                     \
    }

static const struct conf_option options[] = {
    {.name = "hostname",
     .type = CONF_STRING,
     .offset = AT(hostname),
     .help = "our name in Received-SPF; default: the system's host name"},
    {.name = "internal-networks",
     .type = CONF_CIDR_LIST,
     .offset = AT(internal_networks),
     .def = "127.0.0.0/8,::1",
     .help = "clients whose mail is not checked by SPF and DMARC"},
    {.name = "request-timeout",
     .type = CONF_DURATION,
     .offset = AT(request_timeout_ms),
     .def = "20s",
     .min = 1000,
     .max = 90000, /* Postfix gives up on a policy server after 100 s */
     .help = "most time that all DNS questions for one request may take"},
    {.name = "checks",
     .type = CONF_STRING_LIST,
     .offset = AT(checks),
     .def = "access,rate,spf",
     .help = "what is checked when Postfix asks, in this order: access, rate, brake, client, helo, "
             "sender, "
             "spf, dnsbl, greylist, quota"},
    {.name = "access-file",
     .type = CONF_STRING,
     .offset = AT(access_file),
     .def = "",
     .help = "file of access rules; read again when it changes"},
    {.name = "spf-header",
     .type = CONF_BOOL,
     .offset = AT(spf_header),
     .def = "true",
     .help = "put a Received-SPF field on top of each message checked"},
    SPF_OPTION("spf-on-fail", spf_on[SPF_FAIL], "the sender's domain does not let the client send"),
    SPF_OPTION("spf-on-softfail", spf_on[SPF_SOFTFAIL], "the sender's domain doubts the client"),
    SPF_OPTION("spf-on-neutral", spf_on[SPF_NEUTRAL], "the sender's domain says nothing about it"),
    SPF_OPTION("spf-on-none", spf_on[SPF_NONE], "the sender's domain has no record"),
    SPF_OPTION("spf-on-temperror", spf_on[SPF_TEMPERROR], "DNS does not let SPF be checked"),
    SPF_OPTION("spf-on-permerror", spf_on[SPF_PERMERROR], "the record is wrong"),
    SPF_OPTION("spf-helo-on-fail", spf_helo_on[SPF_FAIL], "the same of the HELO name: fail"),
    SPF_OPTION("spf-helo-on-softfail", spf_helo_on[SPF_SOFTFAIL], "of the HELO name: softfail"),
    SPF_OPTION("spf-helo-on-neutral", spf_helo_on[SPF_NEUTRAL], "of the HELO name: neutral"),
    SPF_OPTION("spf-helo-on-none", spf_helo_on[SPF_NONE], "of the HELO name: none"),
    SPF_OPTION("spf-helo-on-temperror", spf_helo_on[SPF_TEMPERROR], "of the HELO name: temperror"),
    SPF_OPTION("spf-helo-on-permerror", spf_helo_on[SPF_PERMERROR], "of the HELO name: permerror"),
    {.name = "spf-skip-allowlisted",
     .type = CONF_BOOL,
     .offset = AT(spf_skip_allowlisted),
     .def = "true",
     .help = "clients on an allow list (dnslist) are not refused because of SPF"},
    {.name = "trusted-forwarders",
     .type = CONF_STRING_LIST,
     .offset = AT(trusted_forwarders),
     .help = "domains whose own SPF record names the hosts that forward mail to us"},
    {.name = "spf-max-voids",
     .type = CONF_INT,
     .offset = AT(spf_max_voids),
     .def = "2",
     .min = 0,
     .max = 10,
     .help = "look-ups of one SPF check that may find nothing (RFC 7208 says 2)"},
    {.name = "brake-min-recipients",
     .type = CONF_INT,
     .offset = AT(brake_min_recipients),
     .def = "100",
     .min = 1,
     .max = 1000000,
     .help = "recipients in an hour that are never too many for a login"},
    {.name = "brake-factor",
     .type = CONF_INT,
     .offset = AT(brake_factor),
     .def = "5",
     .min = 2,
     .max = BRAKE_MAX_FACTOR,
     .help = "more than so many times its busiest hour puts a login's mail on hold"},
    {.name = "brake-bounces",
     .type = CONF_INT,
     .offset = AT(brake_bounces),
     .def = "50",
     .min = 0,
     .max = 1000000,
     .help = "bounces a day that put it on hold, if a quarter of its mail comes back; 0: none do"},
    {.name = "brake-hold",
     .type = CONF_DURATION,
     .offset = AT(brake_hold_ms),
     .def = "7d",
     .min = 60000,
     .max = 31536000000,
     .help = "how long a login's mail is put on hold, unless it is released before"},
    {.name = "brake-hook",
     .type = CONF_STRING,
     .offset = AT(brake_hook),
     .def = "",
     .help = "program that is started once when a login is held, with its name and the reason"},
    {.name = "greylist-delay",
     .type = CONF_DURATION,
     .offset = AT(greylist_delay_ms),
     .def = "5m",
     .min = 1000,
     .max = 86400000,
     .help = "how long the first mail of a kind has to wait"},
    {.name = "greylist-window",
     .type = CONF_DURATION,
     .offset = AT(greylist_window_ms),
     .def = "2d",
     .min = 60000,
     .max = 2592000000,
     .help = "how long after the first try the next one counts as one"},
    {.name = "greylist-lifetime",
     .type = CONF_DURATION,
     .offset = AT(greylist_lifetime_ms),
     .def = "35d", /* what comes once a month is remembered */
     .min = 3600000,
     .max = 31536000000,
     .help = "how long after its last mail a kind is still known"},
    {.name = "greylist-auto-allow",
     .type = CONF_INT,
     .offset = AT(greylist_auto_allow),
     .def = "5",
     .min = 0,
     .max = 1000,
     .help = "who came back this often need not wait any more; 0: never"},
    {.name = "greylist-skip-vouched",
     .type = CONF_BOOL,
     .offset = AT(greylist_skip_vouched),
     .def = "false",
     .help = "clients with a confirmed name whose mail passes SPF need not wait"},
    {.name = "greylist-skip-allowlisted",
     .type = CONF_BOOL,
     .offset = AT(greylist_skip_allowlisted),
     .def = "true",
     .help = "clients on a dnslist with a negative weight need not wait"},
    {.name = "quota-lmtp",
     .type = CONF_STRING,
     .offset = AT(quota_lmtp),
     .def = "",
     .help = "the LMTP server that the check `quota` asks: unix:/path, inet:ip:port"},
    {.name = "quota-timeout",
     .type = CONF_DURATION,
     .offset = AT(quota_timeout_ms),
     .def = "2s",
     .min = 50,
     .max = 30000,
     .help = "how long it may take to answer; then the check says nothing"},
    {.name = "dnslist-reject-score",
     .type = CONF_INT,
     .offset = AT(dnslist_reject_score),
     .def = "5",
     .min = 1,
     .max = DNSLIST_SCORE_MAX,
     .help = "sum of the weights of all lists from which a recipient is refused"},
    {.name = "dnslist-defer-score",
     .type = CONF_INT,
     .offset = AT(dnslist_defer_score),
     .def = "0",
     .max = DNSLIST_SCORE_MAX,
     .help = "sum from which a recipient is deferred; 0: never"},
    {.name = "dnslist-timeout",
     .type = CONF_DURATION,
     .offset = AT(dnslist_timeout_ms),
     .def = "2s",
     .min = 50,
     .max = 30000,
     .help = "how long a request waits for all lists, which are asked at once"},
    ACTION_OPTION("client-no-ptr", client_no_ptr, "accept", "the client has no PTR record"),
    ACTION_OPTION("client-no-name", client_no_name, "accept",
                  "the client has no name that leads back to it, PTR record or not"),
    ACTION_OPTION("helo-none", helo_on.none, "accept", "no HELO or EHLO before MAIL"),
    ACTION_OPTION("helo-invalid", helo_on.invalid, "accept",
                  "a HELO name with characters that no name has"),
    ACTION_OPTION("helo-not-fqdn", helo_on.not_fqdn, "accept",
                  "a HELO name without a domain, or an address without brackets"),
    ACTION_OPTION("helo-wrong-literal", helo_on.wrong_literal, "accept",
                  "an address literal that is not the client's address"),
    ACTION_OPTION("helo-our-name", helo_on.our_name, "reject",
                  "our host name, our address or one of helo-our-names, from a stranger"),
    ACTION_OPTION("helo-no-address", helo_on.no_address, "accept",
                  "a HELO name without A, AAAA and MX records"),
    {.name = "helo-our-names",
     .type = CONF_STRING_LIST,
     .offset = AT(helo_our_names),
     .help = "names that only we use, besides hostname; \".example.org\" means its subdomains"},
    ACTION_OPTION("sender-null-mx", sender_on.null_mx, "reject",
                  "the sender's domain says that it takes no mail (RFC 7505)"),
    ACTION_OPTION("sender-no-domain", sender_on.no_domain, "reject",
                  "the sender's domain has neither MX nor address"),
    ACTION_OPTION("sender-bad-mx", sender_on.bad_mx, "accept",
                  "no mail host of the sender's domain has a public address"),
    ACTION_OPTION("sender-temperror", sender_on.temperror, "accept",
                  "DNS does not say where mail to the sender's domain goes"),
    {.name = "dmarc",
     .type = CONF_ENUM,
     .offset = AT(dmarc),
     .def = "enforce",
     .words = dmarc_words,
     .help = "enforce, observe (report the result, act on nothing), or off"},
    {.name = "dmarc-discovery",
     .type = CONF_ENUM,
     .offset = AT(dmarc_discovery),
     .def = "tree-walk",
     .words = dmarc_discovery_words,
     .help = "how Organizational Domains are found: tree-walk (RFC 9989) or psl (RFC 7489)"},
    {.name = "public-suffix-list",
     .type = CONF_STRING,
     .offset = AT(public_suffix_list),
     .def = "",
     .help = "the public suffix list; \"\": the newest that the system has"},
    {.name = "dmarc-reject",
     .type = CONF_ENUM,
     .offset = AT(dmarc_reject),
     .def = "corroborated",
     .words = dmarc_reject_words,
     .help = "when a policy of reject rejects: with a second signal, always, never"},
    {.name = "dmarc-reject-threshold",
     .type = CONF_INT,
     .offset = AT(reject_threshold),
     .def = "100",
     .min = 1,
     .max = POLICYD_CONF_WEIGHT_MAX,
     .help = "sum of weights from which corroborated rejects"},
    {.name = "dmarc-weight-spf-fail",
     .type = CONF_INT,
     .offset = AT(weights.spf_fail),
     .def = "100",
     .max = POLICYD_CONF_WEIGHT_MAX,
     .help = "weight of SPF fail for a sender domain aligned with From"},
    {.name = "dmarc-weight-spf-softfail",
     .type = CONF_INT,
     .offset = AT(weights.spf_softfail),
     .def = "50",
     .max = POLICYD_CONF_WEIGHT_MAX,
     .help = "weight of SPF softfail for a sender domain aligned with From"},
    {.name = "dmarc-weight-from-spf-fail",
     .type = CONF_INT,
     .offset = AT(weights.from_spf_fail),
     .def = "50",
     .max = POLICYD_CONF_WEIGHT_MAX,
     .help = "weight of SPF fail for the From domain when the sender's is another"},
    {.name = "dmarc-weight-no-ptr",
     .type = CONF_INT,
     .offset = AT(weights.no_ptr),
     .def = "50",
     .max = POLICYD_CONF_WEIGHT_MAX,
     .help = "weight of a client without a confirmed host name"},
    {.name = "dmarc-weight-no-signature",
     .type = CONF_INT,
     .offset = AT(weights.no_signature),
     .def = "50",
     .max = POLICYD_CONF_WEIGHT_MAX,
     .help = "weight of a message without any DKIM signature and without list fields"},
    {.name = "dmarc-weight-dnsbl",
     .type = CONF_INT,
     .offset = AT(weights.dnsbl),
     .def = "100",
     .max = POLICYD_CONF_WEIGHT_MAX,
     .help = "weight of dnslist-reject-score reached; below it in proportion"},
    {.name = "trusted-sealers",
     .type = CONF_STRING_LIST,
     .offset = AT(trusted_sealers),
     .help = "domains (d=) of ARC seals whose word outweighs a DMARC failure"},
    {.name = "dmarc-temperror",
     .type = CONF_ENUM,
     .offset = AT(dmarc_temperror),
     .def = "tempfail",
     .words = temperror_words,
     .help = "what to do when DNS does not let DMARC be checked"},
    {.name = "from-invalid",
     .type = CONF_ENUM,
     .offset = AT(from_invalid),
     .def = "reject",
     .words = from_invalid_words,
     .help = "what to do with a message whose From does not name its author"},
    {.name = "store",
     .type = CONF_STRING,
     .offset = AT(store),
     .def = "sqlite:/var/lib/outrider/policyd/state.sqlite",
     .help =
         "what must outlive a restart: sqlite:/path, redis:unix:/path, redis:inet:IP:PORT; \"\""},
    {.name = "store-password-file",
     .type = CONF_STRING,
     .offset = AT(store_password_file),
     .def = "",
     .help = "file whose first line is the password of Redis"},
    {.name = "store-timeout",
     .type = CONF_DURATION,
     .offset = AT(store_timeout_ms),
     .def = "1s",
     .min = 10,
     .max = 30000,
     .help = "how long one question to the store may take"},
    {.name = "decisions",
     .type = CONF_STRING,
     .offset = AT(decisions),
     .def = POLICYD_DEFAULT_DECISIONS,
     .help = "file in which past decisions are kept for outrider policy explain; \"\": none"},
    {.name = "decisions-keep",
     .type = CONF_DURATION,
     .offset = AT(decisions_keep_ms),
     .def = "7d",
     .min = 60000,
     .max = 31536000000,
     .help = "how long they are kept"},
    {.name = "decisions-max-size",
     .type = CONF_SIZE,
     .offset = AT(decisions_max_bytes),
     .def = "64M",
     .min = DECISIONS_MIN_BYTES,
     .max = (int64_t)64 << 30,
     .help = "how large the file may become; the oldest decisions go first"},
    {.name = "srs-domain",
     .type = CONF_STRING,
     .offset = AT(srs_domain),
     .def = "",
     .help = "domain of rewritten senders (tables srs-forward, srs-reverse); \"\": no rewriting"},
    {.name = "srs-local-domains",
     .type = CONF_STRING_LIST,
     .offset = AT(srs_local_domains),
     .help = "domains whose senders are not rewritten; \".example.org\" means its subdomains"},
    {.name = "srs-secrets-file",
     .type = CONF_STRING,
     .offset = AT(srs_secrets_file),
     .def = OUTRIDER_SYSCONFDIR "/srs.secrets",
     .help = "one secret a line, as PostSRSd has them: the first signs, all verify"},
    {.name = "srs-separator",
     .type = CONF_ENUM,
     .offset = AT(srs_separator),
     .def = "=",
     .words = srs_separator_words,
     .help = "what stands behind SRS0 and SRS1"},
    {.name = "srs-hash",
     .type = CONF_ENUM,
     .offset = AT(srs_digest),
     .def = "sha1",
     .words = srs_digest_words,
     .help = "digest of the tags that we make; sha1 is what PostSRSd knows"},
    {.name = "srs-alphabet",
     .type = CONF_ENUM,
     .offset = AT(srs_alphabet),
     .def = "safe",
     .words = srs_alphabet_words,
     .help = "base64: tags with + and /, for PostSRSd 1; some servers refuse such senders"},
    {.name = "srs-tag-length",
     .type = CONF_INT,
     .offset = AT(srs_tag_length),
     .def = "4",
     .min = 4,
     .max = 20,
     .help = "characters of the tags that we make"},
    {.name = "srs-tag-min-length",
     .type = CONF_INT,
     .offset = AT(srs_tag_min_length),
     .def = "4",
     .min = 4,
     .max = 20,
     .help = "characters of the shortest tag that is believed"},
    {.name = "srs-max-age",
     .type = CONF_DURATION,
     .offset = AT(srs_max_age_ms),
     .def = "21d",
     .min = 86400000,
     .max = 77760000000, /* 900 days: the two characters of a day repeat after 1024 */
     .help = "how long bounces may come back to a rewritten sender, in whole days"},
    {.name = "srs-long-sender-limit",
     .type = CONF_INT,
     .offset = AT(srs_long_sender_limit),
     .def = "1000",
     .min = 1,
     .max = 1000000,
     .help =
         "new senders too long for an address that a client's network may add to the store a day"},
};

static const struct conf_service services[] = {
    {"policy", "unix:/var/spool/postfix/outrider/policy", "postfix", 0660},
    {"srs", "unix:/var/spool/postfix/outrider/srs", "postfix", 0660},
};

/* A threshold that cannot be reached would silently turn corroborated into never. */
static or_status
check_weights(const struct policyd_settings *set, struct err *e)
{
    const struct policyd_weights *w = &set->weights;
    int64_t spf = w->spf_fail > w->spf_softfail ? w->spf_fail : w->spf_softfail;

    if (w->from_spf_fail > spf)
        spf = w->from_spf_fail;
    if (set->dmarc_reject == POLICYD_DMARC_REJECT_CORROBORATED &&
        spf + w->no_ptr + w->no_signature + (set->dnslists.count > 0 ? w->dnsbl : 0) <
            set->reject_threshold)
        return err_set(e, OR_CONFIG,
                       "dmarc-reject-threshold is above all dmarc-weight options together: nothing "
                       "would ever be rejected; lower it, or say dmarc-reject = never");
    return OR_OK;
}

static bool
wants_check(const struct policyd_settings *set, const char *name)
{
    for (size_t i = 0; i < set->checks.count; i++)
        if (strcmp(set->checks.items[i], name) == 0)
            return true;
    return false;
}

static or_status
check_quota_lmtp(const struct policyd_settings *set, struct err *e)
{
    struct endpoint endpoint;

    if (set->quota_lmtp[0] != '\0' && endpoint_parse(set->quota_lmtp, &endpoint, e) != OR_OK)
        return err_wrap(e, OR_CONFIG, "quota-lmtp");
    if (set->quota_lmtp[0] == '\0' && wants_check(set, "quota"))
        return err_set(e, OR_CONFIG,
                       "checks has quota, but quota-lmtp does not say which LMTP server to ask");
    return OR_OK;
}

static or_status
check(void *settings, struct err *e)
{
    const struct policyd_settings *set = settings;

    if (set->brake_hook[0] != '\0' &&
        (set->brake_hook[0] != '/' || access(set->brake_hook, X_OK) != 0))
        return err_set(e, OR_CONFIG,
                       "brake-hook: %s is no program that can be started (its whole path)",
                       set->brake_hook);
    if (set->trusted_forwarders.count > POLICYD_MAX_FORWARDERS)
        return err_set(e, OR_CONFIG, "trusted-forwarders: more than %d", POLICYD_MAX_FORWARDERS);
    if (set->srs_tag_min_length > set->srs_tag_length)
        return err_set(e, OR_CONFIG,
                       "srs-tag-min-length is above srs-tag-length: we would not believe our own "
                       "addresses");
    if (set->greylist_delay_ms >= set->greylist_window_ms)
        return err_set(e, OR_CONFIG,
                       "greylist-delay is not below greylist-window: nobody would ever pass");
    if (set->dnslist_defer_score >= set->dnslist_reject_score)
        return err_set(
            e, OR_CONFIG,
            "dnslist-defer-score is not below dnslist-reject-score: nothing would ever be "
            "deferred");
    or_status st = check_quota_lmtp(set, e);
    return st == OR_OK ? check_weights(set, e) : st;
}

const struct conf_schema policyd_conf_schema = {
    .daemon = "policyd",
    .settings_bytes = sizeof(struct policyd_settings),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .sections = policyd_conf_sections,
    .section_count = POLICYD_CONF_SECTIONS,
    .services = services,
    .service_count = sizeof(services) / sizeof(services[0]),
    .uses_dns = true,
    .default_user = "outrider-policyd",
    .check = check,
};

bool
policyd_conf_is_internal(const struct policyd_settings *settings, const struct ip *client)
{
    for (size_t i = 0; i < settings->internal_networks.count; i++) {
        if (cidr_contains(&settings->internal_networks.items[i], client))
            return true;
    }
    return false;
}
