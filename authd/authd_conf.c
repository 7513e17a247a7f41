/*
 * The table of authd's options.
 */
#include "authd/authd_conf.h"

#include "authd/accounts/password_make.h"
#include "authd/mail_home.h"
#include "authd/sasl/mech.h"
#include "common/base/xalloc.h"
#include "common/run/decisions.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELD(name_) offsetof(struct authd_settings, name_)

/* Uid 0 would make every mailbox root's; Dovecot refuses it too. */
#define FIRST_UID 1
#define LAST_UID 4294967293

#define MASTER_USER_BYTES 4096

static const struct conf_option options[] = {
    {.name = "database",
     .type = CONF_STRING,
     .offset = FIELD(database),
     .def = AUTHD_DEFAULT_DATABASE,
     .help = "the accounts; made when absent"},
    {.name = "dict-database",
     .type = CONF_STRING,
     .offset = FIELD(dict_database),
     .def = "/var/lib/outrider/authd/dict.sqlite",
     .help = "what Dovecot keeps over `listen dict`; made when absent"},
    {.name = "mail-uid",
     .type = CONF_INT,
     .offset = FIELD(mail_uid),
     .required = true,
     .min = FIRST_UID,
     .max = LAST_UID,
     .help = "owner of the mailboxes, where the account has none of its own"},
    {.name = "mail-gid",
     .type = CONF_INT,
     .offset = FIELD(mail_gid),
     .required = true,
     .min = FIRST_UID,
     .max = LAST_UID,
     .help = "group of the mailboxes"},
    {.name = "mail-home",
     .type = CONF_STRING,
     .offset = FIELD(mail_home),
     .def = "/var/mail/outrider/%d/%n",
     .help = "home of a mailbox: %n local part, %d domain, %u both, %% a percent sign"},
    {.name = "recipient-delimiter",
     .type = CONF_STRING,
     .offset = FIELD(recipient_delimiter),
     .def = "+",
     .help = "what begins the detail in user+detail; \"\" for none"},
    {.name = "failure-delay",
     .type = CONF_DURATION,
     .offset = FIELD(failure_delay_ms),
     .def = "2s",
     .min = 0,
     .max = 5000, /* Postfix waits 10 s in all */
     .help = "from the arrival of a wrong password to its answer"},
    {.name = "hash-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(hash_timeout_ms),
     .def = "5s",
     .min = 100,
     .max = 6000,
     .help = "wait for a turn at hashing; then a temporary failure"},
    {.name = "allow-weak-schemes",
     .type = CONF_BOOL,
     .offset = FIELD(allow_weak_schemes),
     .def = "false",
     .help = "take stored passwords of schemes that are quickly guessed, or no hashes at all"},
    {.name = "auth-cache-ttl",
     .type = CONF_DURATION,
     .offset = FIELD(auth_cache_ttl_ms),
     .def = "1h",
     .min = 0,
     .max = 604800000, /* a week */
     .help = "how long a password found right is believed without hashing it again; 0: not at all"},
    {.name = "mechanisms",
     .type = CONF_STRING_LIST,
     .offset = FIELD(mechanisms),
     .def = "PLAIN,LOGIN",
     .help = "SASL mechanisms offered, in this order: PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-256, "
             "SCRAM-SHA-512, SCRAM-SHA-1-PLUS, SCRAM-SHA-256-PLUS, EXTERNAL, CRAM-MD5, "
             "OAUTHBEARER, XOAUTH2"},
    {.name = "require-tls",
     .type = CONF_BOOL,
     .offset = FIELD(require_tls),
     .def = "true",
     .help = "refuse passwords that came without TLS, whatever Postfix and Dovecot allow"},
    {.name = "plaintext-networks",
     .type = CONF_CIDR_LIST,
     .offset = FIELD(plaintext_networks),
     .def = "127.0.0.0/8,::1",
     .help = "from here passwords may come without TLS in spite of require-tls"},
    {.name = "password-scheme",
     .type = CONF_ENUM,
     .offset = FIELD(password_scheme),
     .def = "yescrypt",
     .words = password_scheme_words,
     .help = "how new passwords are stored: yescrypt, ARGON2ID, BLF-CRYPT, SHA512-CRYPT, "
             "SCRAM-SHA-1, SCRAM-SHA-256, SCRAM-SHA-512"},
    {.name = "rehash",
     .type = CONF_BOOL,
     .offset = FIELD(rehash),
     .def = "true",
     .help = "store a password anew at its next login when it is stored in a weaker way"},
    {.name = "local-hosts",
     .type = CONF_STRING_LIST,
     .offset = FIELD(local_hosts),
     .help = "our own IP addresses: accounts with one of them as host have their mailbox here"},
    {.name = "master-users",
     .type = CONF_STRING_LIST,
     .offset = FIELD(master_users),
     .help = "accounts that may log in as any other, as user*master or by authorization identity"},
    {.name = "store",
     .type = CONF_STRING,
     .offset = FIELD(store),
     .def = "sqlite:/var/lib/outrider/authd/state.sqlite",
     .help = "bans, and from where users log in: sqlite:/path, redis:unix:/path, "
             "redis:inet:IP:PORT; \"\": in memory only"},
    {.name = "store-password-file",
     .type = CONF_STRING,
     .offset = FIELD(store_password_file),
     .def = "",
     .help = "file whose first line is the password of Redis"},
    {.name = "store-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(store_timeout_ms),
     .def = "500ms",
     .min = 10,
     .max = 2000,
     .help = "how long one question to the store may take"},
    {.name = "ban-threshold",
     .type = CONF_INT,
     .offset = FIELD(ban_threshold),
     .def = "10",
     .min = 0,
     .max = 10000,
     .help = "points of failed logins at which an address is banned; 0: never"},
    {.name = "ban-time",
     .type = CONF_DURATION,
     .offset = FIELD(ban_time_ms),
     .def = "10m",
     .min = 1000,
     .max = 31536000000,
     .help = "for how long at first; each further time within a week for twice as long"},
    {.name = "ban-time-max",
     .type = CONF_DURATION,
     .offset = FIELD(ban_time_max_ms),
     .def = "1d",
     .min = 1000,
     .max = 31536000000,
     .help = "but never for longer"},
    {.name = "never-ban",
     .type = CONF_CIDR_LIST,
     .offset = FIELD(never_ban),
     .def = "127.0.0.0/8,::1",
     .help = "addresses and networks that are never banned"},
    {.name = "ban-hook",
     .type = CONF_STRING,
     .offset = FIELD(ban_hook),
     .def = "",
     .help = "program told of each ban that begins or ends"},
    {.name = "login-notice-hook",
     .type = CONF_STRING,
     .offset = FIELD(login_notice_hook),
     .def = "",
     .help = "program told of a user's first login from a network or country"},
    {.name = "country-file",
     .type = CONF_STRING,
     .offset = FIELD(country_file),
     .def = "",
     .help = "lines \"network,CC\": which country a network is in"},
    {.name = "logins",
     .type = CONF_STRING,
     .offset = FIELD(logins),
     .def = AUTHD_DEFAULT_LOGINS,
     .help = "file in which logins are kept for outrider user log; \"\": none"},
    {.name = "logins-keep",
     .type = CONF_DURATION,
     .offset = FIELD(logins_keep_ms),
     .def = "30d",
     .min = 60000,
     .max = 31536000000,
     .help = "how long they are kept"},
    {.name = "logins-max-size",
     .type = CONF_SIZE,
     .offset = FIELD(logins_max_bytes),
     .def = "64M",
     .min = DECISIONS_MIN_BYTES,
     .max = (int64_t)64 << 30,
     .help = "how large the file may become; the oldest logins go first"},
    {.section = "oauth",
     .name = "issuer",
     .type = CONF_STRING,
     .offset = FIELD(oauth.issuer),
     .def = "",
     .help = "who signs the tokens: their iss, exactly"},
    {.section = "oauth",
     .name = "audience",
     .type = CONF_STRING_LIST,
     .offset = FIELD(oauth.audience),
     .help = "whom tokens must be for: one of these in their aud"},
    {.section = "oauth",
     .name = "jwks-file",
     .type = CONF_STRING,
     .offset = FIELD(oauth.jwks_file),
     .def = "",
     .help = "the issuer's keys (JWK set) in a file; read again when it changes"},
    {.section = "oauth",
     .name = "jwks-url",
     .type = CONF_STRING,
     .offset = FIELD(oauth.jwks_url),
     .def = "",
     .help = "or where they are fetched"},
    {.section = "oauth",
     .name = "introspection-url",
     .type = CONF_STRING,
     .offset = FIELD(oauth.introspection_url),
     .def = "",
     .help = "where to ask about tokens that keys do not tell (RFC 7662)"},
    {.section = "oauth",
     .name = "client-id",
     .type = CONF_STRING,
     .offset = FIELD(oauth.client_id),
     .def = "",
     .help = "as whom introspection is asked"},
    {.section = "oauth",
     .name = "client-secret-file",
     .type = CONF_STRING,
     .offset = FIELD(oauth.client_secret_file),
     .def = "",
     .help = "file whose first line is the secret of client-id"},
    {.section = "oauth",
     .name = "introspection-ttl",
     .type = CONF_DURATION,
     .offset = FIELD(oauth.introspection_ttl_ms),
     .def = "60s",
     .min = 0,
     .max = 3600000,
     .help = "how long a good answer of introspection is believed; 0: not at all"},
    {.section = "oauth",
     .name = "ca-file",
     .type = CONF_STRING,
     .offset = FIELD(oauth.ca_file),
     .def = "",
     .help = "who may sign the servers' certificates; default: the system's authorities"},
    {.section = "oauth",
     .name = "user-claim",
     .type = CONF_STRING,
     .offset = FIELD(oauth.user_claim),
     .def = "email",
     .help = "the claim with the account's address"},
    {.section = "oauth",
     .name = "scope",
     .type = CONF_STRING,
     .offset = FIELD(oauth.scope),
     .def = "",
     .help = "a scope that tokens must have; \"\": none"},
    {.section = "oauth",
     .name = "discovery",
     .type = CONF_STRING,
     .offset = FIELD(oauth.discovery),
     .def = "",
     .help = "URL of the issuer's openid-configuration, told to clients whose token is refused"},
    {.section = "oauth",
     .name = "clock-skew",
     .type = CONF_DURATION,
     .offset = FIELD(oauth.clock_skew_ms),
     .def = "60s",
     .min = 0,
     .max = 600000,
     .help = "how far the issuer's clock may be from ours"},
    {.section = "oauth",
     .name = "timeout",
     .type = CONF_DURATION,
     .offset = FIELD(oauth.timeout_ms),
     .def = "5s",
     .min = 100,
     .max = 6000,
     .help = "how long one question over HTTP may take; then a temporary failure"},
};

#define SOURCE(name_) offsetof(struct authd_source, name_)

/* In the order of enum authd_source_kind. */
static const char *const source_kind_words[] = {"sqlite", "passwd-file", "postgresql",
                                                "ldap",   "pam",         NULL};
/* In the order of enum pgsql_schema. */
static const char *const source_schema_words[] = {"outrider", "postfixadmin", "mailu", NULL};
/* In the order of enum ldap_scope. */
static const char *const source_scope_words[] = {"subtree", "one-level", "base", NULL};

static const struct conf_option source_options[] = {
    {.section = "accounts",
     .name = "kind",
     .type = CONF_ENUM,
     .offset = SOURCE(kind),
     .def = "sqlite",
     .words = source_kind_words,
     .help = "sqlite (what outrider user changes), passwd-file, postgresql, ldap or pam"},
    {.section = "accounts",
     .name = "domains",
     .type = CONF_STRING_LIST,
     .offset = SOURCE(domains),
     .help = "it is asked about these domains only; default: about all"},
    {.section = "accounts",
     .name = "file",
     .type = CONF_STRING,
     .offset = SOURCE(file),
     .def = "",
     .help = "of a passwd-file: where it is; read again when it changes"},
    {.section = "accounts",
     .name = "connect",
     .type = CONF_STRING,
     .offset = SOURCE(connect),
     .def = "",
     .help = "of postgresql: libpq's connection string"},
    {.section = "accounts",
     .name = "schema",
     .type = CONF_ENUM,
     .offset = SOURCE(schema),
     .def = "outrider",
     .words = source_schema_words,
     .help = "whose tables they are: outrider (packaging/sql), postfixadmin or mailu"},
    {.section = "accounts",
     .name = "user-query",
     .type = CONF_STRING,
     .offset = SOURCE(user_query),
     .help = "an account by $1 address, $2 local part, $3 domain; default: the schema's"},
    {.section = "accounts",
     .name = "domain-query",
     .type = CONF_STRING,
     .offset = SOURCE(domain_query),
     .help = "a row when $1 is a domain of ours; default: the schema's"},
    {.section = "accounts",
     .name = "alias-query",
     .type = CONF_STRING,
     .offset = SOURCE(alias_query),
     .help = "a row with target for each target of $1; default: the schema's"},
    {.section = "accounts",
     .name = "list-query",
     .type = CONF_STRING,
     .offset = SOURCE(list_query),
     .help = "all accounts; default: the schema's"},
    {.section = "accounts",
     .name = "uri",
     .type = CONF_STRING,
     .offset = SOURCE(uri),
     .def = "ldapi:///",
     .help = "of ldap: the server, ldap://, ldaps:// or ldapi://"},
    {.section = "accounts",
     .name = "start-tls",
     .type = CONF_BOOL,
     .offset = SOURCE(start_tls),
     .def = "false",
     .help = "of ldap: TLS before anything else is said"},
    {.section = "accounts",
     .name = "ca-file",
     .type = CONF_STRING,
     .offset = SOURCE(ca_file),
     .def = "",
     .help = "of ldap: who may sign the server's certificate; default: the system's authorities"},
    {.section = "accounts",
     .name = "bind-dn",
     .type = CONF_STRING,
     .offset = SOURCE(bind_dn),
     .def = "",
     .help = "of ldap: as whom it is searched; \"\": as nobody"},
    {.section = "accounts",
     .name = "bind-password-file",
     .type = CONF_STRING,
     .offset = SOURCE(bind_password_file),
     .def = "",
     .help = "file whose first line is the password of bind-dn"},
    {.section = "accounts",
     .name = "base",
     .type = CONF_STRING,
     .offset = SOURCE(base),
     .def = "",
     .help = "of ldap: where the search begins"},
    {.section = "accounts",
     .name = "scope",
     .type = CONF_ENUM,
     .offset = SOURCE(scope),
     .def = "subtree",
     .words = source_scope_words,
     .help = "of ldap: subtree, one-level or base"},
    {.section = "accounts",
     .name = "filter",
     .type = CONF_STRING,
     .offset = SOURCE(filter),
     .def = "(mail=%u)",
     .help = "of ldap: an account's entry; %u address, %n local part, %d domain"},
    {.section = "accounts",
     .name = "attributes",
     .type = CONF_STRING_LIST,
     .offset = SOURCE(attributes),
     .help = "of ldap: user=, password=, uid=, gid=, home=, quota_rule= and the attribute"},
    {.section = "accounts",
     .name = "alias-filter",
     .type = CONF_STRING,
     .offset = SOURCE(alias_filter),
     .def = "",
     .help = "of ldap: entries of an alias; \"\": there are none"},
    {.section = "accounts",
     .name = "alias-attribute",
     .type = CONF_STRING,
     .offset = SOURCE(alias_attribute),
     .def = "",
     .help = "of ldap: the attribute with an alias's targets"},
    {.section = "accounts",
     .name = "service",
     .type = CONF_STRING,
     .offset = SOURCE(service),
     .def = "outrider",
     .help = "of pam: the file in /etc/pam.d"},
    {.section = "accounts",
     .name = "first-uid",
     .type = CONF_INT,
     .offset = SOURCE(first_uid),
     .def = "1000",
     .min = FIRST_UID,
     .max = LAST_UID,
     .help = "of pam: users with smaller numbers are the system's own, and no accounts"},
    {.section = "accounts",
     .name = "timeout",
     .type = CONF_DURATION,
     .offset = SOURCE(timeout_ms),
     .def = "5s",
     .min = 100,
     .max = 30000,
     .help = "how long one question to a server may take; then a temporary failure"},
};

static const struct conf_section sections[] = {
    {.name = "accounts",
     .options = source_options,
     .option_count = sizeof(source_options) / sizeof(source_options[0]),
     .item_bytes = sizeof(struct authd_source),
     .offset = FIELD(sources)},
};

static const struct conf_service services[] = {
    {.name = "sasl",
     .default_address = "unix:/var/spool/postfix/outrider/sasl",
     .default_group = "postfix",
     .default_mode = 0660},
    {.name = "maps",
     .default_address = "unix:/var/spool/postfix/outrider/maps",
     .default_group = "postfix",
     .default_mode = 0660},
    {.name = "dovecot-login",
     .default_address = "unix:/run/outrider/dovecot-login",
     .default_group = "dovenull",
     .default_mode = 0660},
    {.name = "dovecot-master",
     .default_address = "unix:/run/outrider/dovecot-master",
     .default_group = "outrider-lmtpd", /* Dovecot's processes connect as root */
     .default_mode = 0660},
    {.name = "saslauthd", .default_mode = 0660},
    {.name = "courier", .default_mode = 0660},
    {.name = "dict", .default_mode = 0660},
    {.name = "control", .default_mode = 0660},
};

static or_status
check_hook(const struct authd_settings *s, const char *name, const char *hook, struct err *e)
{
    if (hook[0] != '\0' && (hook[0] != '/' || access(hook, X_OK) != 0))
        return err_set(e, OR_CONFIG,
                       "%s: %s: %s is no program that can be started (its whole path)",
                       s->common.path, name, hook);
    return OR_OK;
}

/* Puts each into the form in which accounts are stored. */
static or_status
check_master_users(struct authd_settings *s, struct err *e)
{
    struct arena mem;
    or_status st = OR_OK;

    for (size_t i = 0; st == OR_OK && i < s->master_users.count; i++) {
        struct account_address address;

        arena_init(&mem, MASTER_USER_BYTES);
        st = account_address_parse(span_cstr(s->master_users.items[i]), false, &mem, &address, e);
        if (st == OR_OK) {
            free(s->master_users.items[i]);
            s->master_users.items[i] = xmemdup0(address.whole.p, address.whole.n);
        }
        arena_fini(&mem);
    }
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s: master-users", s->common.path);
}

static bool
is_plain_text(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\' || *text == 0x7f)
            return false;
    return true;
}

static or_status
check_oauth(const struct authd_settings *s, struct err *e)
{
    const struct authd_oauth *oauth = &s->oauth;
    bool told = oauth->jwks_file[0] != '\0' || oauth->jwks_url[0] != '\0' ||
                oauth->introspection_url[0] != '\0';

    for (size_t i = 0; i < s->mechanisms.count && !told; i++)
        if (mech_find(span_cstr(s->mechanisms.items[i]))->needs == MECH_KEYS_TOKEN)
            return err_set(e, OR_CONFIG,
                           "mechanisms: \"%s\" needs oauth { jwks-file, jwks-url or "
                           "introspection-url }",
                           s->mechanisms.items[i]);
    /* Both are put into JSON as they are. */
    if (!is_plain_text(oauth->scope) || !is_plain_text(oauth->discovery))
        return err_set(e, OR_CONFIG, "oauth: scope and discovery have no quotes in them");
    return OR_OK;
}

/* Over the network the kernel names nobody, and nobody is allowed anything. */
static or_status
check_control(const struct conf_common *common, struct err *e)
{
    for (size_t i = 0; i < common->listener_count; i++) {
        const struct conf_listener *l = &common->listeners[i];

        if (strcmp(l->service, "control") != 0)
            continue;
        for (size_t j = 0; j < l->address_count; j++)
            if (strncmp(l->addresses[j], "unix:", strlen("unix:")) != 0)
                return err_set(e, OR_CONFIG, "listen control: \"%s\": a unix socket",
                               l->addresses[j]);
    }
    return OR_OK;
}

static or_status
check(void *settings, struct err *e)
{
    struct authd_settings *s = settings;

    if (strlen(s->recipient_delimiter) > 1)
        return err_set(e, OR_CONFIG, "recipient-delimiter: \"%s\": one character, or \"\"",
                       s->recipient_delimiter);
    for (size_t i = 0; i < s->mechanisms.count; i++)
        if (mech_find(span_cstr(s->mechanisms.items[i])) == NULL)
            return err_set(e, OR_CONFIG, "mechanisms: \"%s\": there is no such mechanism",
                           s->mechanisms.items[i]);
    or_status st = check_oauth(s, e);
    if (st == OR_OK)
        st = check_control(&s->common, e);
    if (st == OR_OK)
        st = check_master_users(s, e);
    if (st == OR_OK)
        st = check_hook(s, "ban-hook", s->ban_hook, e);
    if (st == OR_OK)
        st = check_hook(s, "login-notice-hook", s->login_notice_hook, e);
    return st == OR_OK ? mail_home_check(s->mail_home, e) : st;
}

const struct conf_schema authd_schema = {
    .daemon = "authd",
    .settings_bytes = sizeof(struct authd_settings),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .sections = sections,
    .section_count = sizeof(sections) / sizeof(sections[0]),
    .services = services,
    .service_count = sizeof(services) / sizeof(services[0]),
    .default_user = "outrider-authd",
    .check = check,
};
