/*
 * The table of lmtpd's options, and what no single row can say.
 */
#include "lmtp/lmtp_conf.h"

#include "common/base/xalloc.h"
#include "common/run/endpoint.h"
#include "lmtp/maildir/maildir_folder.h"
#include "lmtp/quota_rule.h"
#include "lmtp/quota_warning.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define FIELD(name_) offsetof(struct lmtp_settings, name_)
#define HOST_BYTES 256

/* In the order of enum lmtp_bare. */
static const char *const bare_words[] = {"refuse", "repair", NULL};

/* In the order of enum lmtp_quota_full. */
static const char *const quota_full_words[] = {"reject", "tempfail", NULL};

static const struct conf_option options[] = {
    {.name = "userdb",
     .type = CONF_STRING,
     .offset = FIELD(userdb),
     .def = "unix:/run/outrider/dovecot-master",
     .help = "where recipients are looked up: authd's master socket or Dovecot's auth-userdb"},
    {.name = "userdb-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(userdb_timeout_ms),
     .def = "30s",
     .min = 100,
     .max = 240000, /* Postfix waits 300 s for a reply to RCPT */
     .help = "how long one look-up may take; then the recipient is deferred"},
    {.name = "hostname",
     .type = CONF_STRING,
     .offset = FIELD(hostname),
     .help = "our name in greeting, Received fields and file names; default: the host's name"},
    {.name = "max-message-size",
     .type = CONF_SIZE,
     .offset = FIELD(max_message_bytes),
     .def = "100M",
     .min = 65536,
     .max = INT64_C(1) << 40,
     .help = "largest message; at least Postfix's message_size_limit"},
    {.name = "max-header-size",
     .type = CONF_SIZE,
     .offset = FIELD(max_header_bytes),
     .def = "1M",
     .min = 65536,
     .max = 16777216,
     .help = "largest message header, which is held in memory"},
    {.name = "max-recipients",
     .type = CONF_INT,
     .offset = FIELD(max_recipients),
     .def = "100", /* RFC 5321 4.5.3.1.8 */
     .min = 1,
     .max = 1000,
     .help = "recipients of one transaction; more are deferred with 452 4.5.3"},
    {.name = "max-received",
     .type = CONF_INT,
     .offset = FIELD(max_received),
     .def = "50", /* Postfix's hopcount_limit */
     .min = 10,
     .max = 500,
     .help = "Received fields that a message may have before it counts as looping"},
    {.name = "data-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(data_timeout_ms),
     .def = "30m",
     .min = 1000,
     .max = 86400000,
     .help = "time for sending us one whole message"},
    {.name = "proxy-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(proxy_timeout_ms),
     .def = "60s",
     .min = 100,
     .max = 300000, /* Postfix waits 600 s after the dot */
     .help = "how long another LMTP server may take to be reached and for each reply"},
    {.name = "max-connections-per-client",
     .type = CONF_INT,
     .offset = FIELD(max_connections_per_client),
     .def = "200",
     .min = 1,
     .max = 100000,
     .help = "connections from one IP address; more are turned away with 421 4.7.0"},
    {.name = "xclient-clients",
     .type = CONF_CIDR_LIST,
     .offset = FIELD(xclient_clients),
     .help = "proxies that may say by XCLIENT for whom they speak"},
    {.name = "bare-line-ends",
     .type = CONF_ENUM,
     .offset = FIELD(bare_line_ends),
     .def = "refuse",
     .words = bare_words,
     .help = "a CR or LF by itself: refuse the message, or repair it with a space"},
    {.name = "first-valid-uid",
     .type = CONF_INT,
     .offset = FIELD(first_valid_uid),
     .def = "500",
     .min = 1, /* nothing is ever delivered as root */
     .max = 4294967294,
     .help = "accounts with a lower uid get no mail (as Dovecot's first_valid_uid)"},
    {.name = "tls-certificate",
     .type = CONF_STRING,
     .offset = FIELD(tls_certificate),
     .help = "PEM file with certificate and chain: STARTTLS is offered"},
    {.name = "tls-key",
     .type = CONF_STRING,
     .offset = FIELD(tls_key),
     .help = "PEM file with its private key, not readable for others"},
    {.name = "recipient-delimiter",
     .type = CONF_STRING,
     .offset = FIELD(recipient_delimiter),
     .def = "+",
     .help = "what separates user and folder in user+folder@domain; \"\" turns that off"},
    {.name = "subaddress-create",
     .type = CONF_BOOL,
     .offset = FIELD(subaddress_create),
     .def = "false",
     .help = "create the folder of user+folder when it is missing, instead of using INBOX"},
    {.name = "junk-folder",
     .type = CONF_STRING,
     .offset = FIELD(junk_folder),
     .def = "Junk",
     .help = "where quarantined messages go; created when missing"},
    {.name = "quarantine-header",
     .type = CONF_STRING,
     .offset = FIELD(quarantine_header),
     .def = "X-Outrider-Quarantine",
     .help = "field by which the milter marks quarantined messages"},
    {.name = "quota-rules",
     .type = CONF_STRING_LIST,
     .offset = FIELD(quota_rules),
     .help = "quota of accounts that the userdb gives none, as Dovecot's quota_rule"},
    {.name = "quota-grace",
     .type = CONF_STRING,
     .offset = FIELD(quota_grace),
     .def = "10%", /* Dovecot's */
     .help = "how far the last message may go past the limit: 10M, or a part of it: 10%"},
    {.name = "quota-full",
     .type = CONF_ENUM,
     .offset = FIELD(quota_full),
     .def = "reject", /* Dovecot's */
     .words = quota_full_words,
     .help = "what a full mailbox answers: reject (552) or tempfail (452)"},
    {.name = "quota-virtual-sizes",
     .type = CONF_BOOL,
     .offset = FIELD(quota_virtual_sizes),
     .def = "false", /* Dovecot's */
     .help = "count every line end as CRLF, as Dovecot does with quota_vsizes"},
    {.name = "sieve-script",
     .type = CONF_STRING,
     .offset = FIELD(sieve_script),
     .def = "~/.dovecot.sieve",
     .help = "an owner's Sieve script, where the userdb does not say; \"\": owners have none"},
    {.name = "sieve-directory",
     .type = CONF_STRING,
     .offset = FIELD(sieve_directory),
     .def = "~/sieve",
     .help = "where an owner's scripts are that include :personal finds; \"\": nowhere"},
    {.name = "sieve-global-directory",
     .type = CONF_STRING,
     .offset = FIELD(sieve_global_directory),
     .def = "",
     .help = "where the site's scripts are that include :global finds"},
    {.name = "sieve-before",
     .type = CONF_STRING_LIST,
     .offset = FIELD(sieve_before),
     .help = "scripts, or directories of them, that run before the owner's"},
    {.name = "sieve-after",
     .type = CONF_STRING_LIST,
     .offset = FIELD(sieve_after),
     .help = "scripts, or directories of them, that run after the owner's"},
    {.name = "sieve-folder-create",
     .type = CONF_BOOL,
     .offset = FIELD(sieve_folder_create),
     .def = "false", /* Dovecot's lda_mailbox_autocreate */
     .help = "make the folders that scripts name, also without :create"},
    {.name = "sieve-fault-notice",
     .type = CONF_BOOL,
     .offset = FIELD(sieve_fault_notice),
     .def = "true",
     .help = "a message to the owner, at most once a day, when a script of his has a fault"},
    {.name = "sieve-relay",
     .type = CONF_STRING,
     .offset = FIELD(sieve_relay),
     .def = "inet:127.0.0.1:25",
     .help = "SMTP server that takes what scripts send; \"\": they cannot redirect or answer"},
    {.name = "store",
     .type = CONF_STRING,
     .offset = FIELD(store),
     .def = "sqlite:/var/lib/outrider/lmtpd/state.sqlite",
     .help = "what scripts remember, as whom they have answered: sqlite:/path, redis:unix:/path, "
             "redis:inet:IP:PORT; \"\": nothing"},
    {.name = "store-password-file",
     .type = CONF_STRING,
     .offset = FIELD(store_password_file),
     .def = "",
     .help = "file whose first line is the password of Redis"},
    {.name = "store-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(store_timeout_ms),
     .def = "1s",
     .min = 10,
     .max = 10000,
     .help = "how long one question to the store may take"},
};

#define WARNING(name_) offsetof(struct lmtp_quota_warning, name_)

static const struct conf_option warning_options[] = {
    {.name = "message",
     .type = CONF_BOOL,
     .offset = WARNING(message),
     .def = "true",
     .help = "put a message into the owner's INBOX"},
    {.name = "subject",
     .type = CONF_STRING,
     .offset = WARNING(subject),
     .def = "Your mailbox is {percent} full",
     .help = "of that message; may have {user}, {percent}, {used}, {limit}"},
    {.name = "text",
     .type = CONF_STRING,
     .offset = WARNING(text),
     .def = "The mailbox {user} fills up: {used} of {limit} are used. Please delete what you no "
            "longer need: a full "
            "mailbox takes no mail.",
     .help = "of that message, UTF-8; may have the same"},
    {.name = "command",
     .type = CONF_STRING_LIST,
     .offset = WARNING(command),
     .help = "program to start, and its arguments; the account and the percentage follow them"},
};

static const struct conf_section sections[] = {
    {.name = "quota-warning",
     .options = warning_options,
     .option_count = sizeof(warning_options) / sizeof(warning_options[0]),
     .item_bytes = sizeof(struct lmtp_quota_warning),
     .offset = FIELD(quota_warnings)},
};

const struct lmtp_quota_warning *
lmtp_conf_quota_warning(const struct lmtp_settings *settings, size_t at)
{
    return conf_item_at(&sections[0], &settings->quota_warnings, at);
}

static const struct conf_service services[] = {
    {.name = "lmtp",
     .default_address = "unix:/var/spool/postfix/outrider/lmtp",
     .default_group = "postfix",
     .default_mode = 0660},
};

/* Always a name: an unnamed host is "localhost". */
static char *
host_name(void)
{
    char name[HOST_BYTES];

    if (gethostname(name, sizeof(name)) != 0 || name[0] == '\0')
        return xstrdup("localhost");
    name[sizeof(name) - 1] = '\0';
    return xstrdup(name);
}

/* RFC 5322 3.6.8: a field name is printable ASCII but ':'. */
static bool
is_field_name(const char *s)
{
    for (const char *p = s; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == ':')
            return false;
    return s[0] != '\0';
}

/* It goes into replies and headers. A host's own name may be anything, too. */
static bool
is_host_name(const char *s)
{
    for (const char *p = s; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == '(' || *p == ')')
            return false;
    return s[0] != '\0' && strlen(s) < HOST_BYTES;
}

static or_status
check_quota(const struct lmtp_settings *s, struct err *e)
{
    struct quota_rules rules = {.folder_count = 0};
    int64_t grace;
    bool percent;

    for (size_t i = 0; i < s->quota_rules.count; i++)
        if (quota_rules_add(&rules, span_cstr(s->quota_rules.items[i]), e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "%s: quota-rules", s->common.path);
    if (quota_amount_parse(span_cstr(s->quota_grace), 1, &grace, &percent) != OR_OK)
        return err_set(e, OR_CONFIG, "%s: quota-grace \"%s\" is no size; write e.g. 10M or 10%%",
                       s->common.path, s->quota_grace);
    return OR_OK;
}

static or_status
check_warnings(const struct lmtp_settings *s, struct err *e)
{
    for (size_t i = 0; i < s->quota_warnings.count; i++) {
        const struct lmtp_quota_warning *w = lmtp_conf_quota_warning(s, i);

        if (quota_warning_check(w, e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "%s:%u: quota-warning \"%s\"", s->common.path,
                            w->item.line, w->item.title);
    }
    return OR_OK;
}

static or_status
check(void *settings, struct err *e)
{
    struct lmtp_settings *s = settings;
    char dirname[MAILDIR_FOLDER_BYTES];
    struct endpoint userdb;

    if (endpoint_parse(s->userdb, &userdb, e) != OR_OK)
        return err_wrap(e, OR_CONFIG, "%s: userdb", s->common.path);
    if (strlen(s->recipient_delimiter) > 1)
        return err_set(e, OR_CONFIG, "%s: recipient-delimiter \"%s\" has more than one character",
                       s->common.path, s->recipient_delimiter);
    if (maildir_folder_dirname(span_cstr(s->junk_folder), dirname) != OR_OK)
        return err_set(e, OR_CONFIG,
                       "%s: junk-folder \"%s\" cannot be a folder's name: use one level, without "
                       "'.', '/', '*' and '%%'",
                       s->common.path, s->junk_folder);
    if (!is_field_name(s->quarantine_header))
        return err_set(e, OR_CONFIG, "%s: quarantine-header \"%s\" is no name of a header field",
                       s->common.path, s->quarantine_header);
    if ((s->tls_certificate == NULL) != (s->tls_key == NULL))
        return err_set(e, OR_CONFIG, "%s: tls-certificate and tls-key need each other",
                       s->common.path);
    if (s->hostname == NULL)
        s->hostname = host_name();
    if (!is_host_name(s->hostname))
        return err_set(e, OR_CONFIG, "%s: hostname \"%s\" cannot stand in a header", s->common.path,
                       s->hostname);
    or_status st = check_quota(s, e);
    return st == OR_OK ? check_warnings(s, e) : st;
}

const struct conf_schema lmtp_schema = {
    .daemon = "lmtpd",
    .settings_bytes = sizeof(struct lmtp_settings),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .sections = sections,
    .section_count = sizeof(sections) / sizeof(sections[0]),
    .services = services,
    .service_count = sizeof(services) / sizeof(services[0]),
    .uses_dns = false,
    .default_user = "outrider-lmtpd",
    .check = check,
};
