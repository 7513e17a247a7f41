/*
 * The table of the milter's options.
 */
#include "milter/milter_conf.h"

#include <stddef.h>

#define FIELD(name_) offsetof(struct milter_settings, name_)

static const char *const mode_words[] = {"enforce", "observe", NULL};
static const char *const policyd_failure_words[] = {"tempfail", "accept", NULL};
static const char *const canonicalization_words[] = {"relaxed/relaxed", "relaxed/simple",
                                                     "simple/relaxed", "simple/simple", NULL};

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
    {.name = "internal-networks",
     .type = CONF_CIDR_LIST,
     .offset = FIELD(internal_networks),
     .def = "127.0.0.0/8,::1",
     .help = "clients whose mail is signed without authentication, and not verified"},
    {.name = "canonicalization",
     .type = CONF_ENUM,
     .offset = FIELD(canonicalization),
     .def = "relaxed/relaxed",
     .words = canonicalization_words,
     .help = "header/body canonicalization of our signatures"},
    {.name = "max-signatures",
     .type = CONF_INT,
     .offset = FIELD(max_signatures),
     .def = "10",
     .min = 1,
     .max = 32,
     .help = "DKIM signatures verified per message, from the top"},
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

static const struct conf_service services[] = {
    {.name = "milter",
     .default_address = "unix:/var/spool/postfix/outrider/milter",
     .default_group = "postfix",
     .default_mode = 0660},
};

const struct conf_schema milter_schema = {
    .daemon = "milter",
    .settings_bytes = sizeof(struct milter_settings),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .services = services,
    .service_count = sizeof(services) / sizeof(services[0]),
    .uses_dns = true,
    .default_user = "outrider-milter",
};
