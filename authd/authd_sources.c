/*
 * A row for each kind.
 */
#include "authd/authd_sources.h"

#include "authd/accounts/passwd_file.h"
#ifdef OUTRIDER_HAVE_LDAP
#include "authd/ldap/ldap_source.h"
#endif
#ifdef OUTRIDER_HAVE_PAM
#include "authd/pam/pam_source.h"
#endif
#ifdef OUTRIDER_HAVE_PGSQL
#include "authd/pgsql/pgsql_source.h"
#endif

#define DOMAINS_ARENA_BYTES (16u << 20)

/* OR_ABSENT: there is nothing to open yet, in a check. */
static or_status
open_sqlite(const struct authd_settings *settings, const struct authd_source *conf, bool check_only,
            struct account_source *source_out, struct err *e)
{
    struct account_db *db = NULL;
    or_status st = account_db_open(settings->database, !check_only, &db, e);

    if (st == OR_OK)
        *source_out = account_source_sqlite(db, conf != NULL ? conf->head.title : "database");
    return st == OR_ABSENT && !check_only ? OR_CONFIG : st;
}

static or_status
open_passwd_file(const struct authd_settings *settings, const struct authd_source *conf,
                 bool check_only, struct account_source *source_out, struct err *e)
{
    (void)settings, (void)check_only;
    if (conf->file[0] == '\0')
        return err_set(e, OR_CONFIG, "a passwd-file needs `file`");
    return passwd_file_open(conf->file, conf->head.title, source_out, e);
}

static or_status
open_pgsql(const struct authd_settings *settings, const struct authd_source *conf, bool check_only,
           struct account_source *source_out, struct err *e)
{
    (void)settings, (void)check_only;
#ifdef OUTRIDER_HAVE_PGSQL
    const struct pgsql_settings server = {.connect = conf->connect, .timeout_ms = conf->timeout_ms};
    const struct pgsql_queries queries = {.user = conf->user_query,
                                          .domain = conf->domain_query,
                                          .alias = conf->alias_query,
                                          .list = conf->list_query};

    (void)e;
    *source_out =
        account_source_pgsql(&server, (enum pgsql_schema)conf->schema, &queries, conf->head.title);
    return OR_OK;
#else
    (void)conf, (void)source_out;
    return err_set(e, OR_CONFIG, "this outrider-authd was built without PostgreSQL (libpq)");
#endif
}

static or_status
open_ldap(const struct authd_settings *settings, const struct authd_source *conf, bool check_only,
          struct account_source *source_out, struct err *e)
{
    (void)settings, (void)check_only;
#ifdef OUTRIDER_HAVE_LDAP
    const struct ldap_settings directory = {
        .uri = conf->uri,
        .start_tls = conf->start_tls,
        .ca_file = conf->ca_file,
        .bind_dn = conf->bind_dn,
        .bind_password_file = conf->bind_password_file,
        .base = conf->base,
        .scope = (enum ldap_scope)conf->scope,
        .filter = conf->filter,
        .alias_filter = conf->alias_filter,
        .alias_attribute = conf->alias_attribute,
        .attributes = (const char *const *)conf->attributes.items,
        .attribute_count = conf->attributes.count,
        .domains = (const char *const *)conf->domains.items,
        .domain_count = conf->domains.count,
        .timeout_ms = conf->timeout_ms,
    };

    return account_source_ldap(&directory, conf->head.title, source_out, e);
#else
    (void)conf, (void)source_out;
    return err_set(e, OR_CONFIG, "this outrider-authd was built without LDAP (libldap)");
#endif
}

static or_status
open_pam(const struct authd_settings *settings, const struct authd_source *conf, bool check_only,
         struct account_source *source_out, struct err *e)
{
    (void)settings, (void)check_only;
#ifdef OUTRIDER_HAVE_PAM
    const struct pam_settings pam = {.service = conf->service,
                                     .domains = (const char *const *)conf->domains.items,
                                     .domain_count = conf->domains.count,
                                     .first_uid = conf->first_uid,
                                     .timeout_ms = conf->timeout_ms};

    return account_source_pam(&pam, conf->head.title, source_out, e);
#else
    (void)conf, (void)source_out;
    return err_set(e, OR_CONFIG, "this outrider-authd was built without PAM (libpam)");
#endif
}

/* By enum authd_source_kind. */
static or_status (*const openers[])(const struct authd_settings *settings,
                                    const struct authd_source *conf, bool check_only,
                                    struct account_source *source_out, struct err *e) = {
    open_sqlite, open_passwd_file, open_pgsql, open_ldap, open_pam};

/* Look-ups compare them as they stand. */
static or_status
check_domains(const struct conf_list *domains, struct err *e)
{
    struct arena mem;
    or_status st = OR_OK;

    arena_init(&mem, DOMAINS_ARENA_BYTES);
    for (size_t i = 0; st == OR_OK && i < domains->count; i++) {
        struct span given = span_cstr(domains->items[i]), domain = SPAN_EMPTY;

        st = account_domain_parse(given, &mem, &domain, e);
        if (st == OR_OK && !span_equal(given, domain))
            st = err_set(e, OR_CONFIG, "write the domain \"%s\" as \"%.*s\"", domains->items[i],
                         SPAN_ARG(domain));
        else if (st != OR_OK)
            st = err_wrap(e, st, "domain \"%s\"", domains->items[i]);
    }
    arena_fini(&mem);
    return st;
}

static or_status
open_one(const struct authd_settings *settings, const struct authd_source *conf, bool check_only,
         struct accounts *all, struct err *e)
{
    struct account_source source = {.type = NULL};
    or_status st = check_domains(&conf->domains, e);

    if (st == OR_OK)
        st = openers[conf->kind](settings, conf, check_only, &source, e);
    if (st == OR_ABSENT && check_only)
        return OR_OK;
    if (st != OR_OK)
        return err_wrap(e, OR_CONFIG, "%s:%u: accounts \"%s\"", settings->common.path,
                        conf->head.line, conf->head.title);
    source.domains = (const char *const *)conf->domains.items;
    source.domain_count = conf->domains.count;
    return accounts_add(all, &source, e);
}

/* The database that is there without any section. */
static or_status
open_database(const struct authd_settings *settings, bool check_only, struct accounts *all,
              struct err *e)
{
    struct account_source source = {.type = NULL};
    or_status st = open_sqlite(settings, NULL, check_only, &source, e);

    if (st == OR_ABSENT && check_only)
        return OR_OK;
    return st == OR_OK ? accounts_add(all, &source, e)
                       : err_wrap(e, OR_CONFIG, "%s: database", settings->common.path);
}

or_status
authd_sources_open(const struct authd_settings *settings, bool check_only, struct accounts *all,
                   struct err *e)
{
    const struct authd_source *sources = settings->sources.items;
    or_status st = OR_OK;

    if (settings->sources.count == 0)
        return open_database(settings, check_only, all, e);
    for (size_t i = 0; st == OR_OK && i < settings->sources.count; i++)
        st = open_one(settings, &sources[i], check_only, all, e);
    return st;
}
