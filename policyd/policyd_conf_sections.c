/* The titled sections, a row for each of their options. */
#include "policyd/policyd_conf_sections.h"

#include <stddef.h>

#define CHECK(field) offsetof(struct policyd_check, field)

static const char *const check_mode_words[] = {"enforce", "shadow", NULL};

static const struct conf_option check_options[] = {
    {.name = "mode",
     .type = CONF_ENUM,
     .offset = CHECK(mode),
     .def = "enforce",
     .words = check_mode_words,
     .help = "shadow: what the check would answer is only logged"},
    {.name = "skip-clients",
     .type = CONF_CIDR_LIST,
     .offset = CHECK(skip_clients),
     .help = "clients that are not checked"},
    {.name = "skip-senders",
     .type = CONF_STRING_LIST,
     .offset = CHECK(skip_senders),
     .help =
         "senders that are not checked: user@example.org, user@, example.org, .example.org, <>"},
    {.name = "skip-recipients",
     .type = CONF_STRING_LIST,
     .offset = CHECK(skip_recipients),
     .help = "recipients whose mail is not checked, in the same forms"},
};

#define RATE(field) offsetof(struct policyd_rate, field)

static const char *const rate_count_words[] = {"messages", "recipients", NULL};
static const char *const rate_stage_words[] = {"rcpt", "data", "end-of-message", NULL};
static const char *const rate_action_words[] = {"defer", "reject", "hold", "warn", NULL};

static const struct conf_option rate_options[] = {
    {.name = "by",
     .type = CONF_STRING_LIST,
     .offset = RATE(by),
     .required = true,
     .help = "sasl-user, client, client-net, sender, sender-domain, recipient-domain"},
    {.name = "limits",
     .type = CONF_STRING_LIST,
     .offset = RATE(limits),
     .required = true,
     .help = "\"100/1h\", \"500/1d\": all of them apply"},
    {.name = "count",
     .type = CONF_ENUM,
     .offset = RATE(count),
     .def = "messages",
     .words = rate_count_words,
     .help = "what is counted: messages or recipients"},
    {.name = "stage",
     .type = CONF_ENUM,
     .offset = RATE(stage),
     .def = "end-of-message",
     .words = rate_stage_words,
     .help = "when it is counted: rcpt, data or end-of-message"},
    {.name = "action",
     .type = CONF_ENUM,
     .offset = RATE(action),
     .def = "defer",
     .words = rate_action_words,
     .help = "defer (450), reject (550), hold (in Postfix's hold queue) or warn (log only)"},
};

#define RULE(field) offsetof(struct policyd_dmarc_rule, field)

/* In the order of enum verdict_action. */
static const char *const rule_action_words[] = {"accept", "reject", "quarantine", NULL};

static const struct conf_option rule_options[] = {
    {.name = "authors",
     .type = CONF_STRING_LIST,
     .offset = RULE(authors),
     .help = "From domains: example.org, .example.org"},
    {.name = "clients",
     .type = CONF_CIDR_LIST,
     .offset = RULE(clients),
     .help = "the hosts that bring it"},
    {.name = "list-ids",
     .type = CONF_STRING_LIST,
     .offset = RULE(list_ids),
     .help = "mailing lists by List-Id: dev.example.org, .example.org"},
    {.name = "action",
     .type = CONF_ENUM,
     .offset = RULE(action),
     .required = true,
     .words = rule_action_words,
     .help = "accept, reject or quarantine"},
};

#define DNSLIST(field) offsetof(struct policyd_dnslist, field)

static const struct conf_option dnslist_options[] = {
    {.name = "kinds",
     .type = CONF_STRING_LIST,
     .offset = DNSLIST(kinds),
     .def = "client",
     .help = "what is looked up in the list: client, sender-domain, helo, client-name"},
    {.name = "weight",
     .type = CONF_INT,
     .offset = DNSLIST(weight),
     .def = "5",
     .min = -POLICYD_DNSLIST_MAX_WEIGHT,
     .max = POLICYD_DNSLIST_MAX_WEIGHT,
     .help = "what any listing adds to the score; negative: an allow list"},
    {.name = "codes",
     .type = CONF_STRING_LIST,
     .offset = DNSLIST(codes),
     .help = "weights by answer, \"127.0.0.2-11=5\", instead of weight; others count nothing"},
};

const struct conf_section policyd_conf_sections[POLICYD_CONF_SECTIONS] = {
    {.name = "check",
     .options = check_options,
     .option_count = sizeof(check_options) / sizeof(check_options[0]),
     .item_bytes = sizeof(struct policyd_check),
     .offset = offsetof(struct policyd_settings, check_sections)},
    {.name = "rate",
     .options = rate_options,
     .option_count = sizeof(rate_options) / sizeof(rate_options[0]),
     .item_bytes = sizeof(struct policyd_rate),
     .offset = offsetof(struct policyd_settings, rates)},
    {.name = "dmarc-rule",
     .options = rule_options,
     .option_count = sizeof(rule_options) / sizeof(rule_options[0]),
     .item_bytes = sizeof(struct policyd_dmarc_rule),
     .offset = offsetof(struct policyd_settings, dmarc_rules)},
    {.name = "dnslist",
     .options = dnslist_options,
     .option_count = sizeof(dnslist_options) / sizeof(dnslist_options[0]),
     .item_bytes = sizeof(struct policyd_dnslist),
     .offset = offsetof(struct policyd_settings, dnslists)},
};

const struct policyd_check *
policyd_conf_check(const struct policyd_settings *settings, size_t at)
{
    return conf_item_at(&policyd_conf_sections[0], &settings->check_sections, at);
}

const struct policyd_rate *
policyd_conf_rate(const struct policyd_settings *settings, size_t at)
{
    return conf_item_at(&policyd_conf_sections[1], &settings->rates, at);
}

const struct policyd_dmarc_rule *
policyd_conf_dmarc_rule(const struct policyd_settings *settings, size_t at)
{
    return conf_item_at(&policyd_conf_sections[2], &settings->dmarc_rules, at);
}

const struct policyd_dnslist *
policyd_conf_dnslist(const struct policyd_settings *settings, size_t at)
{
    return conf_item_at(&policyd_conf_sections[3], &settings->dnslists, at);
}
