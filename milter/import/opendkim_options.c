/*
 * Every directive of OpenDKIM 2.11: what becomes of it here, or why nothing does.
 */
#include "milter/import/opendkim_take.h"

#include <string.h>

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

static const struct opendkim_option options[] = {
    {.name = "AuthservID", .run = opendkim_take_string, .target = "authserv-id"},
    {.name = "Canonicalization",
     .run = opendkim_take_canonicalization,
     .target = "canonicalization"},
    {.name = "ClockDrift",
     .run = opendkim_take_number,
     .target = "clock-skew",
     .max = 86400,
     .word = "s"},
    {.name = "Domain", .run = opendkim_take_elsewhere},
    {.name = "InternalHosts", .run = opendkim_take_networks, .target = "internal-networks"},
    {.name = "KeyFile", .run = opendkim_take_elsewhere},
    {.name = "KeyTable", .run = opendkim_take_elsewhere},
    {.name = "MaximumHeaders",
     .run = opendkim_take_number,
     .target = "max-header-size",
     .min = 65536,
     .max = 16777216,
     .word = ""},
    {.name = "MaximumSignaturesToVerify",
     .run = opendkim_take_number,
     .target = "max-signatures",
     .min = 1,
     .max = 32,
     .word = ""},
    {.name = "Mode", .run = opendkim_take_mode},
    {.name = "MultipleSignatures", .run = opendkim_take_elsewhere},
    {.name = "Nameservers", .run = opendkim_take_nameservers},
    {.name = "OmitHeaders", .run = opendkim_take_fields, .target = "skip-headers"},
    {.name = "On-BadSignature", .run = opendkim_take_action, .target = "on-fail"},
    {.name = "On-DNSError", .run = opendkim_take_action, .target = "on-temperror"},
    {.name = "On-KeyNotFound", .run = opendkim_take_action, .target = "on-permerror"},
    {.name = "On-NoSignature", .run = opendkim_take_action, .target = "on-none"},
    {.name = "OversignHeaders", .run = opendkim_take_fields, .target = "oversign-headers"},
    {.name = "Selector", .run = opendkim_take_elsewhere},
    {.name = "SignatureTTL",
     .run = opendkim_take_number,
     .target = "signature-lifetime",
     .min = 60,
     .max = 31536000,
     .word = "s"},
    {.name = "SignHeaders", .run = opendkim_take_fields, .target = "sign-headers"},
    {.name = "SigningTable", .run = opendkim_take_elsewhere},
    {.name = "Socket", .run = opendkim_take_socket, .target = "milter"},
    {.name = "SubDomains", .run = opendkim_take_bool, .target = "sign-subdomains"},
    {.name = "Syslog", .run = opendkim_take_syslog, .target = "log"},

    {.name = "MacroList", .run = opendkim_take_macros, .target = "originating-macros"},
    {.name = "MTA", .run = opendkim_take_mta, .target = "originating-macros"},
    {.name = "SenderHeaders", .run = opendkim_take_sender_headers, .target = "sender-fallback"},

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

static const struct opendkim_option *
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
    const struct opendkim_option *option = find_option(s->name);
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
