/*
 * The table of the milter's options.
 */
#include "milter/milter_conf.h"

#include <stddef.h>

#define MIN_LIFETIME_MS 60000
#define FIELD(name_) offsetof(struct milter_settings, name_)

static const char *const mode_words[] = {"enforce", "observe", NULL};
static const char *const policyd_failure_words[] = {"tempfail", "accept", NULL};
static const char *const length_tag_words[] = {"ignore", "accept", NULL};
static const char *const singleton_words[] = {"ignore", "policy", NULL};
/* In the order of enum verdict_action. */
static const char *const action_words[] = {"accept", "reject", "quarantine", "tempfail", NULL};
static const char *const canonicalization_words[] = {"relaxed/relaxed", "relaxed/simple",
                                                     "simple/relaxed", "simple/simple", NULL};

static const char *const arc_seal_words[] = {"never", "forwarded", "always", NULL};

static const struct conf_option options[] = {
    {.name = "mode",
     .type = CONF_ENUM,
     .offset = FIELD(mode),
     .def = "enforce",
     .words = mode_words,
     .help = "observe: change nothing, accept everything, log what enforce would do"},
    {.name = "authserv-id",
     .type = CONF_STRING,
     .offset = FIELD(authserv_id),
     .help = "name in our Authentication-Results fields; default: the host's name"},
    {.name = "policyd",
     .type = CONF_STRING,
     .offset = FIELD(policyd),
     .def = "unix:/var/spool/postfix/outrider/policy",
     .help = "where policyd answers for the message verdict; \"\" asks nobody"},
    {.name = "policyd-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(policyd_timeout_ms),
     .def = "30s",
     .min = 100,
     .max = 240000, /* under Postfix's milter_content_timeout of 300 s */
     .help = "how long to wait for the message verdict"},
    {.name = "policyd-failure",
     .type = CONF_ENUM,
     .offset = FIELD(policyd_failure),
     .def = "tempfail",
     .words = policyd_failure_words,
     .help = "what happens to a message when policyd gives no verdict"},
    {.name = "key-directory",
     .type = CONF_STRING,
     .offset = FIELD(key_directory),
     .def = OUTRIDER_SYSCONFDIR "/dkim",
     .help = "DKIM keys, as DOMAIN/SELECTOR.pem below this directory"},
    {.name = "state-directory",
     .type = CONF_STRING,
     .offset = FIELD(state_directory),
     .def = MILTER_STATE_DIRECTORY,
     .help = "where the milter keeps how far key rotations are"},
    {.name = "rotation-check-interval",
     .type = CONF_DURATION,
     .offset = FIELD(rotation_check_interval_ms),
     .def = "5m",
     .min = 1000,
     .max = 86400000,
     .help = "how often DNS is asked for the records of keys being changed; three looks count"},
    {.name = "rotation-grace",
     .type = CONF_DURATION,
     .offset = FIELD(rotation_grace_ms),
     .def = "7d",
     .min = 1000,
     .max = 31536000000,
     .help = "how long the records of replaced keys stay published, for mail under way"},
    {.name = "internal-networks",
     .type = CONF_CIDR_LIST,
     .offset = FIELD(internal_networks),
     .def = "127.0.0.0/8,::1",
     .help = "clients whose mail is signed without authentication, and not verified"},
    {.name = "originating-macros",
     .type = CONF_STRING_LIST,
     .offset = FIELD(originating_macros),
     .help = "mail is ours too when one of these of Postfix's macros has this value: {name}=value"},
    {.name = "sender-fallback",
     .type = CONF_BOOL,
     .offset = FIELD(sender_fallback),
     .def = "false",
     .help = "sign for the Sender field where there is no key for From"},
    {.name = "require-sender-match",
     .type = CONF_BOOL,
     .offset = FIELD(require_sender_match),
     .def = "false",
     .help = "sign an authenticated user's mail only with a From that authd's senders allow"},
    {.name = "authd",
     .type = CONF_STRING,
     .offset = FIELD(authd),
     .def = "unix:/var/spool/postfix/outrider/maps",
     .help = "where authd answers for require-sender-match"},
    {.name = "authd-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(authd_timeout_ms),
     .def = "10s",
     .min = 100,
     .max = 120000,
     .help = "how long to wait for authd"},
    {.name = "trusted-relays",
     .type = CONF_CIDR_LIST,
     .offset = FIELD(trusted_relays),
     .help = "relays of ours that pass on what comes from outside, and have checked it"},
    {.name = "trusted-authserv-ids",
     .type = CONF_STRING_LIST,
     .offset = FIELD(trusted_authserv_ids),
     .help =
         "names in Authentication-Results fields of those relays; removed where anyone has them"},
    {.name = "canonicalization",
     .type = CONF_ENUM,
     .offset = FIELD(canonicalization),
     .def = "relaxed/relaxed",
     .words = canonicalization_words,
     .help = "header/body canonicalization of our signatures"},
    {.name = "sign-headers",
     .type = CONF_STRING_LIST,
     .offset = FIELD(sign_headers),
     .def = DKIM_FIELDS_SIGNED,
     .help = "fields that our signatures cover where present; From must be among them"},
    {.name = "skip-headers",
     .type = CONF_STRING_LIST,
     .offset = FIELD(skip_headers),
     .help = "fields taken out of sign-headers again"},
    {.name = "oversign-headers",
     .type = CONF_STRING_LIST,
     .offset = FIELD(oversign_headers),
     .def = DKIM_FIELDS_OVERSIGNED,
     .help = "fields of sign-headers signed once more than present: nobody can add another"},
    {.name = "signature-time",
     .type = CONF_BOOL,
     .offset = FIELD(signature_time),
     .def = "true",
     .help = "whether our signatures say when they were made (t=)"},
    {.name = "signature-lifetime",
     .type = CONF_DURATION,
     .offset = FIELD(signature_lifetime_ms),
     .def = "0s",
     .min = 0,
     .max = 31536000000,
     .help = "how long our signatures are valid (x=), at least 1m; 0s: without end"},
    {.name = "sign-subdomains",
     .type = CONF_BOOL,
     .offset = FIELD(sign_subdomains),
     .def = "false",
     .help = "sign a From subdomain without keys with those of its nearest parent"},
    {.name = "max-signatures",
     .type = CONF_INT,
     .offset = FIELD(max_signatures),
     .def = "10",
     .min = 1,
     .max = 32,
     .help = "DKIM signatures verified per message, from the top"},
    {.name = "max-rsa-bits",
     .type = CONF_INT,
     .offset = FIELD(max_rsa_bits),
     .def = "4096",
     .min = 2048,
     .max = 16384,
     .help = "longest RSA key that verifies; longer ones cost too much (permerror)"},
    {.name = "verify-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(verify_timeout_ms),
     .def = "15s",
     .min = 100,
     .max = 120000,
     .help = "time for all key look-ups of one message; then dkim=temperror"},
    {.name = "arc-verify",
     .type = CONF_BOOL,
     .offset = FIELD(arc_verify),
     .def = "true",
     .help = "whether the ARC chain of what arrives is validated"},
    {.name = "length-tag",
     .type = CONF_ENUM,
     .offset = FIELD(length_tag),
     .def = "ignore",
     .words = length_tag_words,
     .help =
         "signatures with l=: ignore: dkim=policy; accept: pass where it covers the whole body"},
    {.name = "clock-skew",
     .type = CONF_DURATION,
     .offset = FIELD(clock_skew_ms),
     .def = "300s",
     .min = 0,
     .max = 86400000,
     .help = "how wrong other people's clocks may be, for t= and x= of signatures"},
    {.name = "singleton-headers",
     .type = CONF_ENUM,
     .offset = FIELD(singleton_headers),
     .def = "ignore",
     .words = singleton_words,
     .help = "policy: no signature passes when From, Subject, ... stand twice in the header"},
    {.name = "on-none",
     .type = CONF_ENUM,
     .offset = FIELD(on_result[DKIM_NONE]),
     .def = "accept",
     .words = action_words,
     .help = "what happens to a message without a signature"},
    {.name = "on-fail",
     .type = CONF_ENUM,
     .offset = FIELD(on_result[DKIM_FAIL]),
     .def = "accept",
     .words = action_words,
     .help =
         "what happens to a message with a signature that does not fit the message, none passing"},
    {.name = "on-policy",
     .type = CONF_ENUM,
     .offset = FIELD(on_result[DKIM_POLICY]),
     .def = "accept",
     .words = action_words,
     .help = "what happens to a message with a signature that we do not accept, none passing"},
    {.name = "on-temperror",
     .type = CONF_ENUM,
     .offset = FIELD(on_result[DKIM_TEMPERROR]),
     .def = "accept",
     .words = action_words,
     .help = "what happens to a message with a key that could not be looked up, none passing"},
    {.name = "on-permerror",
     .type = CONF_ENUM,
     .offset = FIELD(on_result[DKIM_PERMERROR]),
     .def = "accept",
     .words = action_words,
     .help = "what happens to a message with an unusable signature or key, none passing"},
    {.name = "arc-seal",
     .type = CONF_ENUM,
     .offset = FIELD(arc_seal),
     .def = "never",
     .words = arc_seal_words,
     .help = "whether what arrives from outside is sealed, for us to pass on"},
    {.name = "local-domains",
     .type = CONF_STRING_LIST,
     .offset = FIELD(local_domains),
     .help = "domains whose mail stays here; for arc-seal = forwarded"},
    {.name = "forwarded-recipients",
     .type = CONF_STRING_LIST,
     .offset = FIELD(forwarded_recipients),
     .help = "addresses and domains among those that lead elsewhere: lists, forwarding aliases"},
    {.name = "arc-seal-domain",
     .type = CONF_STRING,
     .offset = FIELD(arc_seal_domain),
     .def = "",
     .help = "whose DKIM key seals"},
    {.name = "arc-seal-selector",
     .type = CONF_STRING,
     .offset = FIELD(arc_seal_selector),
     .def = "",
     .help = "which key of arc-seal-domain; \"\": the first RSA key"},
    {.name = "max-header-size",
     .type = CONF_SIZE,
     .offset = FIELD(max_header_bytes),
     .def = "1M",
     .min = 65536,
     .max = 16777216,
     .help = "largest message header; larger ones are refused with 552 5.3.4"},
    {.name = "quarantine-header",
     .type = CONF_STRING,
     .offset = FIELD(quarantine_header),
     .def = "X-Outrider-Quarantine",
     .help = "field that marks a quarantined message for lmtpd; removed from what arrives"},
};

#define KEY(name_) offsetof(struct milter_key, name_)

static const struct conf_option key_options[] = {
    {.name = "domain",
     .type = CONF_STRING,
     .offset = KEY(domain),
     .required = true,
     .help = "whose key it is (d=)"},
    {.name = "selector",
     .type = CONF_STRING,
     .offset = KEY(selector),
     .def = "",
     .help = "its selector (s=); \"\": the section's title"},
    {.name = "file",
     .type = CONF_STRING,
     .offset = KEY(file),
     .required = true,
     .help = "the private key, PEM"},
};

#define SIGN(name_) offsetof(struct milter_sign, name_)

static const struct conf_option sign_options[] = {
    {.name = "domain",
     .type = CONF_STRING,
     .offset = SIGN(domain),
     .def = "",
     .help = "domain that signs (d=), also another than the author's; \"\": the author's"},
    {.name = "selectors",
     .type = CONF_STRING_LIST,
     .offset = SIGN(selectors),
     .help = "which of its keys sign; none: all"},
    {.name = "never",
     .type = CONF_BOOL,
     .offset = SIGN(never),
     .def = "false",
     .help = "such mail is not signed"},
};

#define FROM(name_) offsetof(struct milter_from, name_)

/* In the order of enum verdict_action, then MILTER_ON_DEFAULT. */
static const char *const from_action_words[] = {"accept",   "reject",  "quarantine",
                                                "tempfail", "default", NULL};

#define FROM_OPTION(name_, result_, help_)                                                         \
    {                                                                                              \
        .name = (name_), .type = CONF_ENUM, .offset = FROM(on_result[result_]), .def = "default",  \
        .words = from_action_words, .help = (help_)                                                \
    }

static const struct conf_option from_options[] = {
    FROM_OPTION("on-none", DKIM_NONE, "without a signature"),
    FROM_OPTION("on-fail", DKIM_FAIL, "with a signature that does not fit, none passing"),
    FROM_OPTION("on-policy", DKIM_POLICY, "with a signature that we do not accept, none passing"),
    FROM_OPTION("on-temperror", DKIM_TEMPERROR, "with a key that could not be looked up"),
    FROM_OPTION("on-permerror", DKIM_PERMERROR, "with an unusable signature or key"),
};

#define SEAL(name_) offsetof(struct milter_seal, name_)

static const struct conf_option seal_options[] = {
    {.name = "domain",
     .type = CONF_STRING,
     .offset = SEAL(domain),
     .def = "",
     .help = "whose DKIM key seals; \"\": arc-seal-domain"},
    {.name = "selector",
     .type = CONF_STRING,
     .offset = SEAL(selector),
     .def = "",
     .help = "which of its keys; \"\": the first RSA key"},
    {.name = "never",
     .type = CONF_BOOL,
     .offset = SEAL(never),
     .def = "false",
     .help = "what goes there is not sealed"},
};

static const struct conf_section sections[] = {
    {.name = "key",
     .options = key_options,
     .option_count = sizeof(key_options) / sizeof(key_options[0]),
     .item_bytes = sizeof(struct milter_key),
     .offset = FIELD(keys)},
    {.name = "sign",
     .options = sign_options,
     .option_count = sizeof(sign_options) / sizeof(sign_options[0]),
     .item_bytes = sizeof(struct milter_sign),
     .offset = FIELD(signs)},
    {.name = "from",
     .options = from_options,
     .option_count = sizeof(from_options) / sizeof(from_options[0]),
     .item_bytes = sizeof(struct milter_from),
     .offset = FIELD(froms)},
    {.name = "seal",
     .options = seal_options,
     .option_count = sizeof(seal_options) / sizeof(seal_options[0]),
     .item_bytes = sizeof(struct milter_seal),
     .offset = FIELD(seals)},
};

const struct milter_key *
milter_conf_key(const struct milter_settings *settings, size_t at)
{
    return conf_item_at(&sections[0], &settings->keys, at);
}

const struct milter_sign *
milter_conf_sign(const struct milter_settings *settings, size_t at)
{
    return conf_item_at(&sections[1], &settings->signs, at);
}

const struct milter_from *
milter_conf_from(const struct milter_settings *settings, size_t at)
{
    return conf_item_at(&sections[2], &settings->froms, at);
}

const struct milter_seal *
milter_conf_seal(const struct milter_settings *settings, size_t at)
{
    return conf_item_at(&sections[3], &settings->seals, at);
}

static const struct conf_service services[] = {
    {.name = "milter",
     .default_address = "unix:/var/spool/postfix/outrider/milter",
     .default_group = "postfix",
     .default_mode = 0660},
    {.name = "submission", .default_group = "postfix", .default_mode = 0660},
};

static or_status
check_names(const char *option, const struct conf_list *list, struct err *e)
{
    for (size_t i = 0; i < list->count; i++)
        if (!dkim_fields_is_name(span_cstr(list->items[i])))
            return err_set(e, OR_CONFIG, "%s: \"%s\" is not a field's name", option,
                           list->items[i]);
    return OR_OK;
}

or_status
milter_conf_fields(const struct milter_settings *settings, struct dkim_fields *fields_out,
                   struct err *e)
{
    struct dkim_fields *f = fields_out;

    f->count = 0;
    for (size_t i = 0; i < settings->sign_headers.count; i++)
        if (dkim_fields_add(f, span_cstr(settings->sign_headers.items[i]), e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "sign-headers");
    for (size_t i = 0; i < settings->oversign_headers.count; i++)
        dkim_fields_oversign(f, span_cstr(settings->oversign_headers.items[i]));
    for (size_t i = 0; i < settings->skip_headers.count; i++)
        dkim_fields_remove(f, span_cstr(settings->skip_headers.items[i]));
    /* RFC 6376 5.4: a signature without From is none. */
    if (!dkim_fields_has(f, SPAN_LIT("From")))
        return err_set(
            e, OR_CONFIG,
            "sign-headers: From is missing, or skip-headers names it; it must be signed");
    return OR_OK;
}

or_status
milter_conf_macro(const char *text, struct span *name_out, struct span *value_out)
{
    struct span s = span_cstr(text);
    size_t equals = span_find(s, '=');
    struct span name = span_slice(s, 0, equals);

    /* One letter, or a name in braces: milter_protocol's two forms. */
    bool good = name.n == 1 || (name.n > 2 && name.p[0] == '{' && name.p[name.n - 1] == '}');
    if (!good || equals + 1 >= s.n)
        return OR_MALFORMED;
    *name_out = name;
    *value_out = span_from(s, equals + 1);
    return OR_OK;
}

static or_status
check_macros(const struct conf_list *macros, struct err *e)
{
    struct span name, value;

    for (size_t i = 0; i < macros->count; i++)
        if (milter_conf_macro(macros->items[i], &name, &value) != OR_OK)
            return err_set(e, OR_CONFIG,
                           "originating-macros: \"%.60s\" is not {name}=value; write e.g. "
                           "\"{daemon_name}=ORIGINATING\"",
                           macros->items[i]);
    return OR_OK;
}

static or_status
check(void *settings, struct err *e)
{
    const struct milter_settings *s = settings;
    struct dkim_fields fields;

    if (s->signature_lifetime_ms != 0 && s->signature_lifetime_ms < MIN_LIFETIME_MS)
        return err_set(
            e, OR_CONFIG,
            "signature-lifetime: mail takes longer; say 0s (without end), or 1m to 365d");
    if (s->trusted_relays.count != 0 && s->trusted_authserv_ids.count == 0)
        return err_set(e, OR_CONFIG,
                       "trusted-relays: name what their Authentication-Results fields begin with "
                       "in trusted-authserv-ids");
    if (s->arc_seal == MILTER_ARC_SEAL_FORWARDED && s->local_domains.count == 0)
        return err_set(e, OR_CONFIG, "arc-seal = forwarded needs local-domains");
    or_status st = check_names("skip-headers", &s->skip_headers, e);
    if (st == OR_OK)
        st = check_macros(&s->originating_macros, e);
    if (st == OR_OK)
        st = check_names("oversign-headers", &s->oversign_headers, e);
    return st == OR_OK ? milter_conf_fields(s, &fields, e) : st;
}

const struct conf_schema milter_schema = {
    .daemon = "milter",
    .settings_bytes = sizeof(struct milter_settings),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .sections = sections,
    .section_count = sizeof(sections) / sizeof(sections[0]),
    .services = services,
    .service_count = sizeof(services) / sizeof(services[0]),
    .uses_dns = true,
    .default_user = "outrider-milter",
    .check = check,
};
