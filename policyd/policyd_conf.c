/* One row for each option; policyd.conf and outrider-policyd.conf.5 say the same (a lint compares).
 */
#include "policyd/policyd_conf.h"

#include <stddef.h>

#define AT(field) offsetof(struct policyd_settings, field)
#define WEIGHT_MAX 1000

static const char *const dmarc_words[] = {"enforce", "observe", "off", NULL};
static const char *const dmarc_reject_words[] = {"corroborated", "always", "never", NULL};
static const char *const temperror_words[] = {"tempfail", "accept", NULL};
static const char *const from_invalid_words[] = {"reject", "quarantine", "accept", NULL};

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
    {.name = "spf",
     .type = CONF_BOOL,
     .offset = AT(spf),
     .def = "true",
     .help = "check SPF when Postfix asks about a recipient"},
    {.name = "spf-header",
     .type = CONF_BOOL,
     .offset = AT(spf_header),
     .def = "true",
     .help = "put a Received-SPF field on top of each message checked"},
    {.name = "spf-reject-fail",
     .type = CONF_BOOL,
     .offset = AT(spf_reject_fail),
     .def = "false",
     .help = "refuse recipients with 550 5.7.23 when SPF says fail"},
    {.name = "spf-defer-temperror",
     .type = CONF_BOOL,
     .offset = AT(spf_defer_temperror),
     .def = "false",
     .help = "answer 451 4.7.24 when DNS does not let SPF be checked"},
    {.name = "spf-max-voids",
     .type = CONF_INT,
     .offset = AT(spf_max_voids),
     .def = "2",
     .min = 0,
     .max = 10,
     .help = "look-ups of one SPF check that may find nothing (RFC 7208 says 2)"},
    {.name = "dmarc",
     .type = CONF_ENUM,
     .offset = AT(dmarc),
     .def = "enforce",
     .words = dmarc_words,
     .help = "enforce, observe (report the result, act on nothing), or off"},
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
     .max = WEIGHT_MAX,
     .help = "sum of weights from which corroborated rejects"},
    {.name = "dmarc-weight-spf-fail",
     .type = CONF_INT,
     .offset = AT(weights.spf_fail),
     .def = "100",
     .max = WEIGHT_MAX,
     .help = "weight of SPF fail for a sender domain aligned with From"},
    {.name = "dmarc-weight-spf-softfail",
     .type = CONF_INT,
     .offset = AT(weights.spf_softfail),
     .def = "50",
     .max = WEIGHT_MAX,
     .help = "weight of SPF softfail for a sender domain aligned with From"},
    {.name = "dmarc-weight-from-spf-fail",
     .type = CONF_INT,
     .offset = AT(weights.from_spf_fail),
     .def = "50",
     .max = WEIGHT_MAX,
     .help = "weight of SPF fail for the From domain when the sender's is another"},
    {.name = "dmarc-weight-no-ptr",
     .type = CONF_INT,
     .offset = AT(weights.no_ptr),
     .def = "50",
     .max = WEIGHT_MAX,
     .help = "weight of a client without a confirmed host name"},
    {.name = "dmarc-weight-no-signature",
     .type = CONF_INT,
     .offset = AT(weights.no_signature),
     .def = "50",
     .max = WEIGHT_MAX,
     .help = "weight of a message without any DKIM signature and without list fields"},
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
};

static const struct conf_service services[] = {
    {"policy", "unix:/var/spool/postfix/outrider/policy", "postfix", 0660},
};

/* A threshold that cannot be reached would silently turn corroborated into never. */
static or_status
check(void *settings, struct err *e)
{
    const struct policyd_settings *set = settings;
    const struct policyd_weights *w = &set->weights;
    int64_t spf = w->spf_fail > w->spf_softfail ? w->spf_fail : w->spf_softfail;

    if (w->from_spf_fail > spf)
        spf = w->from_spf_fail;
    if (set->dmarc_reject == POLICYD_DMARC_REJECT_CORROBORATED &&
        spf + w->no_ptr + w->no_signature < set->reject_threshold)
        return err_set(e, OR_CONFIG,
                       "dmarc-reject-threshold is above all dmarc-weight options together: nothing "
                       "would ever be rejected; lower it, or say dmarc-reject = never");
    return OR_OK;
}

const struct conf_schema policyd_conf_schema = {
    .daemon = "policyd",
    .settings_bytes = sizeof(struct policyd_settings),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
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
