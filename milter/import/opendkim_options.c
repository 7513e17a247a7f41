/*
 * Every directive of OpenDKIM 2.11: what becomes of it here, or why nothing does.
 */
#include "milter/import/opendkim_import.h"

#include "common/text/ip.h"

#include <string.h>

struct option;

/* Writes a line into import->conf and a note. */
typedef void (*option_handler)(struct opendkim_import *import, const struct option *option,
                               const struct opendkim_setting *s);

struct option {
    const char *name;
    option_handler run; /* NULL: not taken over, `word` says why */
    const char *target; /* our option */
    uint64_t max;       /* of a number; `min` too */
    uint64_t min;
    const char *word;    /* why not, or what is different */
    bool off_by_default; /* a Boolean that says nothing while it is off */
    bool harmless;       /* what it asked for needs nothing here */
};

static void
taken(struct opendkim_import *import, const struct opendkim_setting *s, const char *target)
{
    opendkim_import_note(import, OPENDKIM_TAKEN, s->name, "%s", target);
}

static void
unusable(struct opendkim_import *import, const struct opendkim_setting *s)
{
    opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                         "line %u: \"%.*s\" is not a value that can be taken over", s->line,
                         SPAN_ARG(s->value));
}

/* Read with other directives, in opendkim_signing.c. */
static void
take_elsewhere(struct opendkim_import *import, const struct option *option,
               const struct opendkim_setting *s)
{
    (void)import, (void)option, (void)s;
}

static void
take_string(struct opendkim_import *import, const struct option *option,
            const struct opendkim_setting *s)
{
    if (span_equal_cstr(s->value, "HOSTNAME")) {
        opendkim_import_note(import, OPENDKIM_TAKEN, s->name, "the host's name is our default");
        return;
    }
    if (!opendkim_import_quotable(s->value)) {
        unusable(import, s);
        return;
    }
    buf_addf(&import->conf, "%s = \"%.*s\"\n", option->target, SPAN_ARG(s->value));
    taken(import, s, option->target);
}

static void
take_number(struct opendkim_import *import, const struct option *option,
            const struct opendkim_setting *s)
{
    uint64_t value, wanted;

    if (span_parse_u64(s->value, UINT64_MAX / 2, &value) != OR_OK) {
        unusable(import, s);
        return;
    }
    wanted = value == 0 && option->min != 0 ? option->max : value; /* 0: without limit */
    if (wanted > option->max)
        wanted = option->max;
    if (wanted < option->min)
        wanted = option->min;
    buf_addf(&import->conf, "%s = %llu%s\n", option->target, (unsigned long long)wanted,
             option->word);
    if (wanted == value)
        taken(import, s, option->target);
    else
        opendkim_import_note(import, OPENDKIM_CHANGED, s->name,
                             "%llu becomes %s = %llu%s, the nearest that is allowed",
                             (unsigned long long)value, option->target, (unsigned long long)wanted,
                             option->word);
}

static void
take_bool(struct opendkim_import *import, const struct option *option,
          const struct opendkim_setting *s)
{
    bool on;

    if (opendkim_bool_parse(s->value, &on) != OR_OK) {
        unusable(import, s);
        return;
    }
    buf_addf(&import->conf, "%s = %s\n", option->target, on ? "true" : "false");
    taken(import, s, option->target);
}

static void
take_syslog(struct opendkim_import *import, const struct option *option,
            const struct opendkim_setting *s)
{
    bool on;

    if (opendkim_bool_parse(s->value, &on) != OR_OK) {
        unusable(import, s);
        return;
    }
    buf_addf(&import->conf, "%s = %s\n", option->target, on ? "syslog" : "stderr");
    taken(import, s, option->target);
}

static void
take_canonicalization(struct opendkim_import *import, const struct option *option,
                      const struct opendkim_setting *s)
{
    size_t slash = span_find(s->value, '/');
    struct span parts[2] = {span_slice(s->value, 0, slash), SPAN_LIT("simple")};
    const char *names[2];

    if (slash < s->value.n)
        parts[1] = span_from(s->value, slash + 1);
    for (size_t i = 0; i < 2; i++) {
        bool relaxed = span_equal_nocase_cstr(parts[i], "relaxed");

        if (!relaxed && !span_equal_nocase_cstr(parts[i], "simple")) {
            unusable(import, s);
            return;
        }
        names[i] = relaxed ? "relaxed" : "simple";
    }
    buf_addf(&import->conf, "%s = \"%s/%s\"\n", option->target, names[0], names[1]);
    taken(import, s, option->target);
}

static void
take_action(struct opendkim_import *import, const struct option *option,
            const struct opendkim_setting *s)
{
    static const char *const words[] = {"accept", "reject", "quarantine", "tempfail"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_equal_nocase_cstr(s->value, words[i]) ||
            (s->value.n == 1 && s->value.p[0] == words[i][0])) {
            buf_addf(&import->conf, "%s = %s\n", option->target, words[i]);
            taken(import, s, option->target);
            return;
        }
    opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                         "\"%.*s\": we discard nothing unseen; choose quarantine or reject for %s",
                         SPAN_ARG(s->value), option->target);
}

/* "*,+x,-y" is a change to OpenDKIM's defaults, which are near enough to ours. */
static void
take_fields(struct opendkim_import *import, const struct option *option,
            const struct opendkim_setting *s)
{
    struct opendkim_entries entries;
    const char *separator = "";

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++)
        if (strchr("*+-.", entries.items[i].name.p[0]) != NULL ||
            !opendkim_import_quotable(entries.items[i].name)) {
            opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                                 "a change to OpenDKIM's own list (\"%.*s\") is not taken over; "
                                 "write the whole list, or see %s",
                                 SPAN_ARG(s->value), option->target);
            return;
        }
    buf_addf(&import->conf, "%s = {", option->target);
    if (strcmp(option->target, "sign-headers") == 0) {
        buf_add_cstr(&import->conf, "\"From\""); /* implied in OpenDKIM */
        separator = ", ";
    }
    for (size_t i = 0; i < entries.count; i++) {
        if (separator[0] != '\0' && span_equal_nocase_cstr(entries.items[i].name, "From"))
            if (strcmp(option->target, "sign-headers") == 0)
                continue;
        buf_addf(&import->conf, "%s\"%.*s\"", separator, SPAN_ARG(entries.items[i].name));
        separator = ", ";
    }
    buf_add_cstr(&import->conf, "}\n");
    taken(import, s, option->target);
}

static void
take_network(struct opendkim_import *import, const struct opendkim_setting *s, struct span entry,
             const char **separator)
{
    struct span text = entry;
    struct cidr block;
    struct err e = {.text = ""};

    if (span_has_prefix(text, SPAN_LIT("[")) && span_find(text, ']') < text.n)
        text = span_slice(text, 1, span_find(text, ']'));
    if (cidr_parse(text, &block, &e) == OR_OK) {
        buf_addf(&import->conf, "%s\"%.*s\"", *separator, SPAN_ARG(text));
        *separator = ", ";
    } else if (span_equal_nocase_cstr(text, "localhost")) {
        buf_addf(&import->conf, "%s\"127.0.0.0/8\", \"::1\"", *separator);
        *separator = ", ";
    } else {
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                             "\"%.*s\" is not an address or a network; write its addresses (%s)",
                             SPAN_ARG(entry),
                             span_has_prefix(entry, SPAN_LIT("!"))
                                 ? "there are no exceptions: leave them out of the networks"
                                 : "names of clients are not looked up");
    }
}

static void
take_networks(struct opendkim_import *import, const struct option *option,
              const struct opendkim_setting *s)
{
    struct opendkim_entries entries;
    const char *separator = "";

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    buf_addf(&import->conf, "%s = {", option->target);
    for (size_t i = 0; i < entries.count; i++)
        take_network(import, s, entries.items[i].name, &separator);
    buf_add_cstr(&import->conf, "}\n");
    taken(import, s, option->target);
}

/* While OpenDKIM runs, its socket is its own. */
static void
take_socket(struct opendkim_import *import, const struct option *option,
            const struct opendkim_setting *s)
{
    size_t colon = span_find(s->value, ':');
    struct span kind = span_slice(s->value, 0, colon);
    struct span rest = colon < s->value.n ? span_from(s->value, colon + 1) : s->value;
    size_t at = span_find(rest, '@');
    struct span host = at < rest.n ? span_from(rest, at + 1) : SPAN_LIT("127.0.0.1");

    if (import->observe) {
        opendkim_import_note(import, OPENDKIM_CHANGED, s->name,
                             "OpenDKIM keeps %.*s; we listen at our own default, name both in "
                             "smtpd_milters",
                             SPAN_ARG(s->value));
        return;
    }
    if (!opendkim_import_quotable(rest)) {
        unusable(import, s);
        return;
    }
    if (kind.n == 0 || colon == s->value.n || span_equal_nocase_cstr(kind, "local") ||
        span_equal_nocase_cstr(kind, "unix")) {
        buf_addf(&import->conf, "listen %s { address = {\"unix:%.*s\"} }\n", option->target,
                 SPAN_ARG(rest));
    } else {
        if (span_equal_nocase_cstr(host, "localhost"))
            host = SPAN_LIT("127.0.0.1");
        buf_addf(&import->conf, "listen %s { address = {\"inet:%.*s:%.*s\"} }\n", option->target,
                 SPAN_ARG(host), SPAN_ARG(span_slice(rest, 0, at)));
        if (at >= rest.n) {
            opendkim_import_note(import, OPENDKIM_CHANGED, s->name,
                                 "open to every interface there, to 127.0.0.1 here; see listen");
            return;
        }
    }
    taken(import, s, "listen");
}

static void
take_nameservers(struct opendkim_import *import, const struct option *option,
                 const struct opendkim_setting *s)
{
    struct opendkim_cursor cursor = {.rest = s->value};
    struct opendkim_entry entry;
    struct ip ip;
    size_t count = 0;

    (void)option;
    while (opendkim_list_next(&cursor, &entry)) {
        if (ip_parse(entry.name, &ip) != OR_OK) {
            unusable(import, s);
            continue;
        }
        buf_add_cstr(&import->conf, count++ == 0 ? "dns { servers = {" : ", ");
        if (span_contains_byte(entry.name, ':'))
            buf_addf(&import->conf, "\"[%.*s]:53\"", SPAN_ARG(entry.name));
        else
            buf_addf(&import->conf, "\"%.*s:53\"", SPAN_ARG(entry.name));
    }
    if (count == 0)
        return;
    buf_add_cstr(&import->conf, "} }\n");
    taken(import, s, "dns servers");
}

/* MTA: names of {daemon_name}. MacroList: "macro=value|value". Either makes mail ours. */
static void
add_macro(struct opendkim_import *import, struct span macro, struct span value)
{
    bool bare = macro.n > 1 && macro.p[0] != '{';

    buf_addf(&import->macros, "%s\"%s%.*s%s=%.*s\"", import->macros.n == 0 ? "" : ", ",
             bare ? "{" : "", SPAN_ARG(macro), bare ? "}" : "", SPAN_ARG(value));
}

static void
take_mta(struct opendkim_import *import, const struct option *option,
         const struct opendkim_setting *s)
{
    struct opendkim_entries entries;

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++)
        if (entries.items[i].name.n != 0 && opendkim_import_quotable(entries.items[i].name))
            add_macro(import, SPAN_LIT("{daemon_name}"), entries.items[i].name);
    taken(import, s, option->target);
}

static void
take_macros(struct opendkim_import *import, const struct option *option,
            const struct opendkim_setting *s)
{
    struct opendkim_entries entries;

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++) {
        struct span macro = entries.items[i].name, values = entries.items[i].value, value;

        if (values.n == 0 || macro.n == 0 || !opendkim_import_quotable(macro) ||
            !opendkim_import_quotable(values)) {
            opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                                 "\"%.*s\": a macro without a value says nothing here",
                                 SPAN_ARG(macro));
            continue;
        }
        while (span_split(&values, '|', &value))
            if (value.n != 0)
                add_macro(import, macro, value);
    }
    taken(import, s, option->target);
}

/* Only the order From, Sender can be kept. */
static void
take_sender_headers(struct opendkim_import *import, const struct option *option,
                    const struct opendkim_setting *s)
{
    struct opendkim_entries entries;

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++)
        if (!span_equal_nocase_cstr(entries.items[i].name, i == 0 ? "From" : "Sender") || i > 1) {
            opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                                 "From says whose key signs, and by %s the Sender field after it",
                                 option->target);
            return;
        }
    if (entries.count == 2)
        buf_addf(&import->conf, "%s = true\n", option->target);
    taken(import, s, entries.count == 2 ? option->target : "our default");
}

static void
take_mode(struct opendkim_import *import, const struct option *option,
          const struct opendkim_setting *s)
{
    bool signs = span_contains_byte(s->value, 's'), verifies = span_contains_byte(s->value, 'v');

    (void)option;
    if (signs && verifies)
        taken(import, s, "we sign and verify");
    else
        opendkim_import_note(import, OPENDKIM_CHANGED, s->name, "%s",
                             verifies ? "it only verified; we also sign where there are keys"
                                      : "it only signed; we also verify what arrives, and accept "
                                        "it whatever the result, unless an on-... option says so");
}

#define SIMPLY_GONE(name_, word_)                                                                  \
    {                                                                                              \
        .name = (name_), .word = (word_), .harmless = true                                         \
    }
#define NOT_HERE(name_, word_)                                                                     \
    {                                                                                              \
        .name = (name_), .word = (word_)                                                           \
    }
#define FLAG_NOT_HERE(name_, word_)                                                                \
    {                                                                                              \
        .name = (name_), .word = (word_), .off_by_default = true                                   \
    }

static const char no_lua[] = "there are no scripts; see the options of outrider-milter.conf(5)";
static const char no_ldap[] = "nothing is asked of directory servers; write tables as files";
static const char no_stats[] = "no statistics file; the log has a line per message";
static const char no_vbr[] = "VBR (RFC 5518) is not done by anybody any more";
static const char no_atps[] = "ATPS (RFC 6541) was an experiment; publish a key of your domain";
static const char no_reports[] = "no failure reports are sent (RFC 6651)";
static const char no_replace[] = "fields are never rewritten; change them in Postfix";
static const char no_resign[] = "see arc-seal for what is passed on";
static const char no_reputation[] = "reputation is not asked for; policyd decides";
static const char by_systemd[] = "systemd's unit does that";
static const char debugging[] = "for debugging OpenDKIM only";
static const char no_adsp[] = "ADSP (RFC 5617) is historic; DMARC is policyd's";

static const struct option options[] = {
    {.name = "AuthservID", .run = take_string, .target = "authserv-id"},
    {.name = "Canonicalization", .run = take_canonicalization, .target = "canonicalization"},
    {.name = "ClockDrift", .run = take_number, .target = "clock-skew", .max = 86400, .word = "s"},
    {.name = "Domain", .run = take_elsewhere},
    {.name = "InternalHosts", .run = take_networks, .target = "internal-networks"},
    {.name = "KeyFile", .run = take_elsewhere},
    {.name = "KeyTable", .run = take_elsewhere},
    {.name = "MaximumHeaders",
     .run = take_number,
     .target = "max-header-size",
     .min = 65536,
     .max = 16777216,
     .word = ""},
    {.name = "MaximumSignaturesToVerify",
     .run = take_number,
     .target = "max-signatures",
     .min = 1,
     .max = 32,
     .word = ""},
    {.name = "Mode", .run = take_mode},
    {.name = "MultipleSignatures", .run = take_elsewhere},
    {.name = "Nameservers", .run = take_nameservers},
    {.name = "OmitHeaders", .run = take_fields, .target = "skip-headers"},
    {.name = "On-BadSignature", .run = take_action, .target = "on-fail"},
    {.name = "On-DNSError", .run = take_action, .target = "on-temperror"},
    {.name = "On-KeyNotFound", .run = take_action, .target = "on-permerror"},
    {.name = "On-NoSignature", .run = take_action, .target = "on-none"},
    {.name = "OversignHeaders", .run = take_fields, .target = "oversign-headers"},
    {.name = "Selector", .run = take_elsewhere},
    {.name = "SignatureTTL",
     .run = take_number,
     .target = "signature-lifetime",
     .min = 60,
     .max = 31536000,
     .word = "s"},
    {.name = "SignHeaders", .run = take_fields, .target = "sign-headers"},
    {.name = "SigningTable", .run = take_elsewhere},
    {.name = "Socket", .run = take_socket, .target = "milter"},
    {.name = "SubDomains", .run = take_bool, .target = "sign-subdomains"},
    {.name = "Syslog", .run = take_syslog, .target = "log"},

    {.name = "MacroList", .run = take_macros, .target = "originating-macros"},
    {.name = "MTA", .run = take_mta, .target = "originating-macros"},
    {.name = "SenderHeaders", .run = take_sender_headers, .target = "sender-fallback"},

    NOT_HERE("SenderMacro", "the From field alone says whose key signs"),
    NOT_HERE("TrustedAuthservIDs",
             "see trusted-relays and trusted-authserv-ids, which go together"),
    NOT_HERE("PeerList", "leave those clients out in Postfix: smtpd_milter_maps with DISABLE"),
    NOT_HERE("ExemptDomains", "every message gets a result; nothing is refused by default"),
    NOT_HERE("DontSignMailTo", "signing does not depend on recipients"),
    NOT_HERE("BodyLengthDB", "l= lets anybody add to a signed message; we never write it"),
    NOT_HERE("MaximumSignedBytes", "l= lets anybody add to a signed message; we never write it"),
    NOT_HERE("Minimum", "see length-tag: signatures with l= do not pass by default"),
    NOT_HERE("MinimumKeyBits", "RSA keys under 1024 bits never pass (RFC 8301); no option"),
    NOT_HERE("MustBeSigned", "only From must be covered (RFC 6376 5.4)"),
    NOT_HERE("On-Default", "say on-none, on-fail, on-policy, on-temperror, on-permerror"),
    NOT_HERE("On-InternalError", "an internal error is always a temporary refusal"),
    NOT_HERE("On-Security", "see on-policy and singleton-headers"),
    NOT_HERE("On-SignatureError", "a key that fails is logged, the mail goes out unsigned"),
    NOT_HERE("On-PolicyError", "policy is policyd's, see policyd-failure"),
    NOT_HERE("RemoveARFrom", "fields with our own authserv-id are removed, those of others stay"),
    NOT_HERE("RedirectFailuresTo", "recipients are never changed; see on-fail"),
    NOT_HERE("SignatureAlgorithm", "the key says it: RSA or Ed25519, always with SHA-256"),
    NOT_HERE("BogusKey", "see on-fail; DNSSEC failures are DNS errors"),
    NOT_HERE("UnprotectedKey", "keys are judged the same without DNSSEC; the log says which"),
    NOT_HERE("TrustSignaturesFrom", "who may sign for whom is DMARC's question: policyd"),
    NOT_HERE("ChangeRootDirectory", "use systemd's RootDirectory="),
    NOT_HERE("BaseDirectory", "relative paths are not followed; write them in full"),
    NOT_HERE("TrustAnchorFile", "DNSSEC is the resolver's: name a validating one in dns"),
    NOT_HERE("ResolverConfiguration", "see the section dns"),
    NOT_HERE("SelectCanonicalizationHeader", "canonicalization is the same for all mail"),
    NOT_HERE("POPDBFile", "POP before SMTP is not known; let clients authenticate"),
    NOT_HERE("AuthservIDWithJobID", "the authserv-id is a name only"),
    NOT_HERE("ReplaceHeaders", no_replace),
    NOT_HERE("ReplaceRules", no_replace),
    NOT_HERE("FinalPolicyScript", no_lua),
    NOT_HERE("ScreenPolicyScript", no_lua),
    NOT_HERE("SetupPolicyScript", no_lua),
    NOT_HERE("StatisticsPolicyScript", no_lua),
    NOT_HERE("Statistics", no_stats),
    NOT_HERE("StatisticsName", no_stats),
    NOT_HERE("StatisticsPrefix", no_stats),
    NOT_HERE("AnonymousStatistics", no_stats),
    NOT_HERE("LDAPAuthMechanism", no_ldap),
    NOT_HERE("LDAPAuthName", no_ldap),
    NOT_HERE("LDAPAuthRealm", no_ldap),
    NOT_HERE("LDAPAuthUser", no_ldap),
    NOT_HERE("LDAPBindPassword", no_ldap),
    NOT_HERE("LDAPBindUser", no_ldap),
    NOT_HERE("LDAPKeepaliveIdle", no_ldap),
    NOT_HERE("LDAPKeepaliveInterval", no_ldap),
    NOT_HERE("LDAPKeepaliveProbes", no_ldap),
    NOT_HERE("LDAPTimeout", no_ldap),
    FLAG_NOT_HERE("LDAPDisableCache", no_ldap),
    FLAG_NOT_HERE("LDAPUseTLS", no_ldap),
    NOT_HERE("ATPSDomains", no_atps),
    NOT_HERE("ATPSHashAlgorithm", no_atps),
    NOT_HERE("VBR-Certifiers", no_vbr),
    NOT_HERE("VBR-PurgeFields", no_vbr),
    NOT_HERE("VBR-TrustedCertifiers", no_vbr),
    FLAG_NOT_HERE("VBR-TrustedCertifiersOnly", no_vbr),
    NOT_HERE("VBR-Type", no_vbr),
    NOT_HERE("ReportAddress", no_reports),
    NOT_HERE("ReportBccAddress", no_reports),
    NOT_HERE("MTACommand", no_reports),
    NOT_HERE("SMTPURI", no_reports),
    FLAG_NOT_HERE("SendReports", no_reports),
    FLAG_NOT_HERE("RequestReports", no_reports),
    FLAG_NOT_HERE("SendADSPReports", no_adsp),
    NOT_HERE("ADSPAction", no_adsp),
    FLAG_NOT_HERE("ADSPNoSuchDomain", no_adsp),
    NOT_HERE("LocalADSP", no_adsp),
    NOT_HERE("ResignMailTo", no_resign),
    FLAG_NOT_HERE("ResignAll", no_resign),
    NOT_HERE("IdentityHeader", "i= is not written"),
    FLAG_NOT_HERE("IdentityHeaderRemove", "i= is not written"),
    NOT_HERE("RateLimitDB", "see outrider-policyd(8)"),
    NOT_HERE("ReputationTest", no_reputation),
    FLAG_NOT_HERE("CaptureUnknownErrors", "an internal error is always a temporary refusal"),
    FLAG_NOT_HERE("Diagnostics", "z= is not written; use outrider dkim verify"),
    NOT_HERE("DiagnosticDirectory", "z= is not read; use outrider dkim verify"),
    FLAG_NOT_HERE("DomainKeysCompat", "DomainKeys (RFC 4870) is historic"),
    FLAG_NOT_HERE("FixCRLF", "Postfix hands us CRLF; see smtpd_forbid_bare_newline"),
    FLAG_NOT_HERE("IgnoreMalformedMail", "malformed mail gets a result like all mail"),
    FLAG_NOT_HERE("KeepAuthResults", "forged results are always removed"),
    FLAG_NOT_HERE("NoHeaderB", "header.b is always written where signatures are several"),
    FLAG_NOT_HERE("Quarantine", "say on-fail = quarantine"),
    FLAG_NOT_HERE("RemoveOldSignatures", "signatures of others are never removed"),
    FLAG_NOT_HERE("RequiredHeaders", "see singleton-headers"),
    FLAG_NOT_HERE("StrictHeaders", "see singleton-headers"),
    FLAG_NOT_HERE("SoftwareHeader", "we do not announce ourselves"),
    FLAG_NOT_HERE("WeakSyntaxChecks", "syntax is judged as RFC 6376 says"),
    FLAG_NOT_HERE("AllowSHA1Only", "SHA-1 never passes (RFC 8301)"),
    FLAG_NOT_HERE("DNSConnect", "TCP is used after a truncated answer"),
    FLAG_NOT_HERE("RemoveARAll", "of other hosts' Authentication-Results none is removed"),

    SIMPLY_GONE("ExternalIgnoreList", "it silenced a log line that we do not write"),
    SIMPLY_GONE("AlwaysAddARHeader", "Authentication-Results is always added"),
    SIMPLY_GONE("AutoRestart", by_systemd),
    SIMPLY_GONE("AutoRestartCount", by_systemd),
    SIMPLY_GONE("AutoRestartRate", by_systemd),
    SIMPLY_GONE("Background", "always in the foreground, as systemd wants it"),
    SIMPLY_GONE("DNSTimeout", "see verify-timeout and the section dns"),
    SIMPLY_GONE("DisableCryptoInit", debugging),
    SIMPLY_GONE("EnableCoredumps", by_systemd),
    SIMPLY_GONE("KeepTemporaryFiles", debugging),
    SIMPLY_GONE("LogResults", "every result is in the log line"),
    SIMPLY_GONE("LogWhy", "the log line says why"),
    SIMPLY_GONE("MilterDebug", debugging),
    SIMPLY_GONE("PidFile", by_systemd),
    SIMPLY_GONE("QueryCache", "answers are always cached for their TTL"),
    SIMPLY_GONE("RequireSafeKeys", "key files that others may read are always refused"),
    SIMPLY_GONE("ResolverTracing", debugging),
    SIMPLY_GONE("SoftStart", no_ldap),
    SIMPLY_GONE("StrictTestMode", debugging),
    SIMPLY_GONE("SyslogFacility", "always mail"),
    SIMPLY_GONE("SyslogName", "always outrider-milter"),
    SIMPLY_GONE("SyslogSuccess", "every message has its line"),
    SIMPLY_GONE("TemporaryDirectory", "no temporary files are made"),
    SIMPLY_GONE("TestDNSData", debugging),
    SIMPLY_GONE("TestPublicKeys", debugging),
    SIMPLY_GONE("UMask", "see mode in the section listen; 0660 as shipped"),
    SIMPLY_GONE("UserID", "we run as outrider-milter, who must be able to read the keys"),
};

static const struct option *
find_option(struct span name)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (span_equal_nocase_cstr(name, options[i].name))
            return &options[i];
    return NULL;
}

bool
opendkim_options_has(struct span name)
{
    return find_option(name) != NULL;
}

static void
convert(struct opendkim_import *import, const struct opendkim_setting *s)
{
    const struct option *option = find_option(s->name);
    bool on = true;

    if (option == NULL)
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                             "line %u: OpenDKIM 2.11 has no such directive", s->line);
    else if (option->run != NULL)
        option->run(import, option, s);
    else if (option->harmless)
        opendkim_import_note(import, OPENDKIM_CHANGED, s->name, "not needed: %s", option->word);
    else if (!option->off_by_default || opendkim_bool_parse(s->value, &on) != OR_OK || on)
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name, "%s", option->word);
}

/* What the old configuration left to defaults that differ from ours. */
static void
tell_defaults(struct opendkim_import *import)
{
    static const struct {
        const char *name;
        const char *text;
    } defaults[] = {
        {"Canonicalization", "default there simple/simple, here relaxed/relaxed"},
        {"InternalHosts", "default there 127.0.0.1, here 127.0.0.0/8 and ::1"},
        {"MaximumSignaturesToVerify", "default there 3, here 10"},
        {"MaximumHeaders", "default there 65536 bytes, here 1M"},
        {"On-DNSError", "default there tempfail, here on-temperror = accept"},
        {"OversignHeaders", "default there none, here From, To, Cc, Subject and others"},
        {"SignHeaders", "default there RFC 6376 5.4's list, here the list of sign-headers"},
    };

    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (opendkim_import_find(import, defaults[i].name) == NULL)
            opendkim_import_note(import, OPENDKIM_CHANGED, span_cstr(defaults[i].name), "%s",
                                 defaults[i].text);
}

void
opendkim_options_convert(struct opendkim_import *import)
{
    buf_add_cstr(&import->conf, "# Made by \"outrider dkim import-opendkim\".\n");
    if (import->observe)
        buf_add_cstr(&import->conf, "mode = observe\n");
    buf_addf(&import->conf, "key-directory = \"%s\"\n", import->key_directory);
    buf_add_cstr(&import->conf, "# OpenDKIM asked nobody for a DMARC verdict; remove this line to "
                                "ask outrider-policyd.\npolicyd = \"\"\n");
    for (size_t i = 0; i < import->setting_count; i++) {
        char name[64];
        const struct opendkim_setting *s = &import->settings[i];

        if (s->name.n >= sizeof(name))
            continue;
        memcpy(name, s->name.p, s->name.n);
        name[s->name.n] = '\0';
        /* As in OpenDKIM, the last one of a name counts. */
        if (opendkim_import_find(import, name) == s)
            convert(import, s);
    }
    if (import->macros.n != 0) {
        buf_add_cstr(&import->conf, "originating-macros = {");
        buf_add_span(&import->conf, buf_span(&import->macros));
        buf_add_cstr(&import->conf, "}\n");
    }
    tell_defaults(import);
}
