/*
 * libldap's synchronous calls, each with its timeouts. A login by bind has a connection of its own,
 * which is nobody's afterwards.
 */
#include "authd/ldap/ldap_source.h"

#include "authd/accounts/account_quota.h"
#include "authd/ldap/ldap_filter.h"
#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"
#include "common/run/password_file.h"

#include <ldap.h>
#include <stdlib.h>
#include <string.h>

#define MAX_IDLE 8
#define LAST_ID 4294967293
#define MAX_ENTRIES 2 /* one, and one more to see that it is not the only one */

/* What a record has, in the order of `fields`. */
enum field { USER, PASSWORD, UID, GID, HOME, QUOTA_RULE, FIELDS };
static const char *const field_names[FIELDS] = {"user", "password", "uid",
                                                "gid",  "home",     "quota_rule"};

struct ldap_source {
    struct ldap_settings settings;
    char *bind_password;          /* NULL: none */
    char *attributes[FIELDS + 1]; /* for the search; NULL: not asked for */
    char *wanted[FIELDS + 1];     /* the same without gaps, ends with NULL */
    struct lock lock;             /* idle, idle_count */
    LDAP *idle[MAX_IDLE];
    size_t idle_count;
};

/* ---- connections */

static void
close_connection(LDAP *ld)
{
    if (ld != NULL)
        (void)ldap_unbind_ext_s(ld, NULL, NULL);
}

static or_status
failed(LDAP *ld, int rc, struct err *e)
{
    char *more = NULL;

    if (ld != NULL)
        (void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    (void)err_set(e, OR_TEMPFAIL, "%s%s%.100s", ldap_err2string(rc),
                  more != NULL && more[0] != '\0' ? ": " : "", more != NULL ? more : "");
    ldap_memfree(more);
    return OR_TEMPFAIL;
}

static int
set_options(LDAP *ld, const struct ldap_settings *s)
{
    const struct timeval timeout = {.tv_sec = s->timeout_ms / 1000,
                                    .tv_usec = s->timeout_ms % 1000 * 1000};
    int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, fresh = 0;
    int rc = ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);

    if (rc == LDAP_OPT_SUCCESS)
        rc = ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &timeout);
    if (rc == LDAP_OPT_SUCCESS)
        rc = ldap_set_option(ld, LDAP_OPT_TIMEOUT, &timeout);
    /* Whoever a server refers us to has not been chosen by the administrator. */
    if (rc == LDAP_OPT_SUCCESS)
        rc = ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    if (rc == LDAP_OPT_SUCCESS)
        rc = ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (rc == LDAP_OPT_SUCCESS && s->ca_file[0] != '\0')
        rc = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, s->ca_file);
    if (rc == LDAP_OPT_SUCCESS)
        rc = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &fresh);
    return rc == LDAP_OPT_SUCCESS ? LDAP_SUCCESS : LDAP_PARAM_ERROR;
}

static int
bind_as(LDAP *ld, const char *dn, struct span password)
{
    struct berval secret = {.bv_val = (char *)(uintptr_t)password.p, .bv_len = password.n};

    return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

/* Not bound yet. */
static or_status
open_connection(const struct ldap_source *s, LDAP **ld_out, struct err *e)
{
    LDAP *ld = NULL;
    int rc = ldap_initialize(&ld, s->settings.uri);

    if (rc == LDAP_SUCCESS)
        rc = set_options(ld, &s->settings);
    if (rc == LDAP_SUCCESS && s->settings.start_tls)
        rc = ldap_start_tls_s(ld, NULL, NULL);
    if (rc == LDAP_SUCCESS) {
        *ld_out = ld;
        return OR_OK;
    }
    or_status st = failed(ld, rc, e);
    close_connection(ld);
    return st;
}

static or_status
open_bound(const struct ldap_source *s, LDAP **ld_out, struct err *e)
{
    LDAP *ld = NULL;
    or_status st = open_connection(s, &ld, e);

    if (st != OR_OK)
        return st;
    int rc = bind_as(ld, s->settings.bind_dn, span_cstr(s->bind_password));
    if (rc == LDAP_SUCCESS) {
        *ld_out = ld;
        return OR_OK;
    }
    st = failed(ld, rc, e);
    close_connection(ld);
    return rc == LDAP_INVALID_CREDENTIALS ? err_wrap(e, st, "bind-dn") : st;
}

static LDAP *
take_idle(struct ldap_source *s)
{
    lock_take(&s->lock);
    LDAP *ld = s->idle_count > 0 ? s->idle[--s->idle_count] : NULL;
    lock_drop(&s->lock);
    return ld;
}

static void
keep_idle(struct ldap_source *s, LDAP *ld)
{
    lock_take(&s->lock);
    bool room = s->idle_count < MAX_IDLE;
    if (room)
        s->idle[s->idle_count++] = ld;
    lock_drop(&s->lock);
    if (!room)
        close_connection(ld);
}

/* ---- searches */

struct search {
    const char *filter;
    char **attributes;
    int max_entries; /* 0: all */
};

static int
search_on(const struct ldap_source *s, LDAP *ld, const struct search *search, LDAPMessage **out)
{
    static const int scopes[] = {LDAP_SCOPE_SUBTREE, LDAP_SCOPE_ONELEVEL, LDAP_SCOPE_BASE};

    return ldap_search_ext_s(ld, s->settings.base, scopes[s->settings.scope], search->filter,
                             search->attributes, 0, NULL, NULL, NULL, search->max_entries, out);
}

/* The connection that answered is the caller's, who needs it to read the message. A kept one that
 * is gone is replaced: a server that was restarted has closed all of them. */
static or_status
search(struct ldap_source *s, const struct search *search, LDAP **ld_out, LDAPMessage **out,
       struct err *e)
{
    for (;;) {
        LDAP *ld = take_idle(s);
        bool kept = ld != NULL;
        or_status st = kept ? OR_OK : open_bound(s, &ld, e);

        if (st != OR_OK)
            return st;
        *out = NULL;
        int rc = search_on(s, ld, search, out);
        /* More than we asked for is told as a limit; what came is there. No such base: nobody. */
        if (rc == LDAP_SUCCESS || rc == LDAP_SIZELIMIT_EXCEEDED || rc == LDAP_NO_SUCH_OBJECT) {
            *ld_out = ld;
            return OR_OK;
        }
        ldap_msgfree(*out);
        st = failed(ld, rc, e);
        close_connection(ld);
        if (!kept || rc != LDAP_SERVER_DOWN)
            return st;
    }
}

static or_status
expand(const char *template, const struct account_address *address, struct buf *out, struct err *e)
{
    buf_init(out, LDAP_FILTER_MAX_BYTES);
    or_status st = ldap_filter_expand(template, address, out);
    if (st == OR_OK)
        buf_add_char(out, '\0');
    st = st == OR_OK ? buf_finish(out) : st;
    return st == OR_OK ? OR_OK : err_set(e, OR_TEMPFAIL, "the filter becomes too long");
}

/* ---- records */

/* The first value of a field, copied; empty where there is none. */
static or_status
value_of(const struct ldap_source *s, LDAP *ld, LDAPMessage *entry, enum field field,
         struct arena *mem, struct span *out, struct err *e)
{
    struct berval **values =
        s->attributes[field] == NULL ? NULL : ldap_get_values_len(ld, entry, s->attributes[field]);
    or_status st = OR_OK;

    *out = SPAN_EMPTY;
    if (values != NULL && values[0] != NULL)
        st = arena_copy(mem, span_make(values[0]->bv_val, values[0]->bv_len), out);
    ldap_value_free_len(values);
    if (st != OR_OK)
        return err_set(e, OR_TEMPFAIL, "no room for the account's record");
    return span_contains_byte(*out, '\0')
               ? err_set(e, OR_TEMPFAIL, "attribute %s holds NUL", s->attributes[field])
               : OR_OK;
}

static or_status
read_id(const struct ldap_source *s, enum field field, struct span text, int64_t *id_out,
        struct err *e)
{
    uint64_t id;

    *id_out = -1;
    if (text.n == 0)
        return OR_OK;
    if (span_parse_u64(text, LAST_ID, &id) != OR_OK || id == 0)
        return err_set(e, OR_TEMPFAIL, "attribute %s: \"%.*s\" is no number above 0",
                       s->attributes[field], SPAN_ARG(span_slice(text, 0, 30)));
    *id_out = (int64_t)id;
    return OR_OK;
}

static or_status
read_home(struct span text, struct span *home_out, struct err *e)
{
    bool bad = text.n > 0 && text.p[0] != '/';

    for (size_t i = 0; i < text.n; i++)
        bad |= (unsigned char)text.p[i] < ' ';
    *home_out = text;
    return bad ? err_set(e, OR_TEMPFAIL, "the home is no absolute path") : OR_OK;
}

static or_status
read_password(struct span text, struct arena *mem, struct span *out, struct err *e)
{
    const char *scheme = text.n > 0 && text.p[0] != '{' ? "{CRYPT}" : "";
    const char *whole = arena_printf(mem, "%s%.*s", scheme, SPAN_ARG(text));

    *out = span_cstr(whole);
    return whole != NULL ? OR_OK : err_set(e, OR_TEMPFAIL, "no room for the account's record");
}

static or_status
read_fields(const struct ldap_source *s, const struct span values[FIELDS], struct arena *mem,
            struct account_row *row, struct err *e)
{
    or_status st = read_id(s, UID, values[UID], &row->uid, e);

    if (st == OR_OK)
        st = read_id(s, GID, values[GID], &row->gid, e);
    if (st == OR_OK)
        st = read_home(values[HOME], &row->home, e);
    if (st == OR_OK && values[QUOTA_RULE].n > 0 &&
        account_quota_parse_rule(values[QUOTA_RULE], &row->quota) != OR_OK)
        st = err_set(e, OR_TEMPFAIL, "attribute %s is no quota rule", s->attributes[QUOTA_RULE]);
    if (st == OR_OK && values[USER].n > 0 &&
        account_address_parse(values[USER], false, mem, &row->address, e) != OR_OK)
        st = err_set(e, OR_TEMPFAIL, "attribute %s is no address", s->attributes[USER]);
    return st == OR_OK ? read_password(values[PASSWORD], mem, &row->password, e) : st;
}

/* By whose name a login binds. */
static or_status
read_dn(LDAP *ld, LDAPMessage *entry, struct arena *mem, struct span *out, struct err *e)
{
    char *dn = ldap_get_dn(ld, entry);
    or_status st = dn != NULL ? arena_copy(mem, span_cstr(dn), out) : OR_LIMIT;

    ldap_memfree(dn);
    return st == OR_OK ? OR_OK : err_set(e, OR_TEMPFAIL, "no room for the account's record");
}

static or_status
read_entry(const struct ldap_source *s, LDAP *ld, LDAPMessage *entry, struct arena *mem,
           struct account_row *row, struct err *e)
{
    struct span values[FIELDS];
    or_status st = OR_OK;

    for (int i = 0; st == OR_OK && i < FIELDS; i++)
        st = value_of(s, ld, entry, (enum field)i, mem, &values[i], e);
    if (st == OR_OK)
        st = read_fields(s, values, mem, row, e);
    /* Where the directory gives no hashes the login is its own proof. */
    if (st == OR_OK && s->attributes[PASSWORD] == NULL)
        st = read_dn(ld, entry, mem, &row->handle, e);
    return st;
}

static or_status
find(void *self, const struct account_address *address, struct arena *mem,
     struct account_row *row_out, struct err *e)
{
    struct ldap_source *s = self;
    struct account_row row = {.address = *address, .enabled = true, .uid = -1, .gid = -1};
    LDAPMessage *found = NULL;
    LDAP *ld = NULL;
    struct buf filter;

    or_status st = expand(s->settings.filter, address, &filter, e);
    if (st == OR_OK) {
        const struct search question = {filter.p, s->wanted, MAX_ENTRIES};

        st = search(s, &question, &ld, &found, e);
    }
    buf_fini(&filter);
    if (st != OR_OK)
        return st;
    int count = ldap_count_entries(ld, found);
    if (count == 0)
        st = OR_ABSENT;
    else if (count > 1)
        st = err_set(e, OR_TEMPFAIL, "more than one entry for %.*s", SPAN_ARG(address->whole));
    else
        st = read_entry(s, ld, ldap_first_entry(ld, found), mem, &row, e);
    ldap_msgfree(found);
    keep_idle(s, ld);
    if (st == OR_OK)
        *row_out = row;
    return st;
}

/* RFC 4513 5.1.2: an empty password would be no proof at all, and the server say yes. */
static or_status
verify(void *self, const struct account_row *row, const struct account_question *q, struct err *e)
{
    struct ldap_source *s = self;
    LDAP *ld = NULL;

    if (q->password.n == 0 || span_contains_byte(q->password, '\0'))
        return OR_ABSENT;
    if (clock_mono_ms() > q->deadline_mono_ms)
        return err_set(e, OR_TIMEOUT, "no time left");
    or_status st = open_connection(s, &ld, e);
    if (st != OR_OK)
        return st;
    int rc = bind_as(ld, row->handle.p, q->password);
    if (rc == LDAP_INVALID_CREDENTIALS || rc == LDAP_INAPPROPRIATE_AUTH ||
        rc == LDAP_UNWILLING_TO_PERFORM)
        st = OR_ABSENT;
    else if (rc != LDAP_SUCCESS)
        st = failed(ld, rc, e);
    close_connection(ld);
    return st;
}

static or_status
find_domain(void *self, struct span domain, struct err *e)
{
    struct ldap_source *s = self;

    (void)e;
    for (size_t i = 0; i < s->settings.domain_count; i++)
        if (span_equal_cstr(domain, s->settings.domains[i]))
            return OR_OK;
    return OR_ABSENT;
}

/* ---- aliases: every value of the attribute in every entry */

struct targets {
    struct span *list;
    size_t count;
    struct arena *mem;
};

static or_status
add_values(LDAP *ld, LDAPMessage *entry, const char *attribute, struct targets *t, struct err *e)
{
    struct berval **values = ldap_get_values_len(ld, entry, attribute);
    or_status st = OR_OK;

    for (size_t i = 0; values != NULL && values[i] != NULL && st == OR_OK; i++) {
        if (t->count == ACCOUNT_MAX_ALIAS_TARGETS)
            st = err_set(e, OR_TEMPFAIL, "an alias with more than %d targets",
                         ACCOUNT_MAX_ALIAS_TARGETS);
        else if (arena_copy(t->mem, span_make(values[i]->bv_val, values[i]->bv_len),
                            &t->list[t->count++]) != OR_OK)
            st = err_set(e, OR_TEMPFAIL, "no room for the alias's targets");
    }
    ldap_value_free_len(values);
    return st;
}

static or_status
read_targets(const struct ldap_source *s, LDAP *ld, LDAPMessage *found, struct targets *t,
             struct err *e)
{
    or_status st = OR_OK;

    t->list = arena_alloc_array(t->mem, ACCOUNT_MAX_ALIAS_TARGETS, sizeof(*t->list));
    if (t->list == NULL)
        return err_set(e, OR_TEMPFAIL, "no room for the alias's targets");
    for (LDAPMessage *entry = ldap_first_entry(ld, found); entry != NULL && st == OR_OK;
         entry = ldap_next_entry(ld, entry))
        st = add_values(ld, entry, s->settings.alias_attribute, t, e);
    return st == OR_OK && t->count == 0 ? OR_ABSENT : st;
}

static or_status
find_alias(void *self, const struct account_address *alias, struct arena *mem,
           struct span **targets_out, size_t *count_out, struct err *e)
{
    struct ldap_source *s = self;
    char *attributes[] = {(char *)(uintptr_t)s->settings.alias_attribute, NULL};
    struct targets targets = {.mem = mem};
    LDAPMessage *found = NULL;
    LDAP *ld = NULL;
    struct buf filter;

    if (s->settings.alias_filter[0] == '\0')
        return OR_ABSENT;
    or_status st = expand(s->settings.alias_filter, alias, &filter, e);
    if (st == OR_OK) {
        const struct search question = {filter.p, attributes, 0};

        st = search(s, &question, &ld, &found, e);
    }
    buf_fini(&filter);
    if (st != OR_OK)
        return st;
    st = read_targets(s, ld, found, &targets, e);
    ldap_msgfree(found);
    keep_idle(s, ld);
    *targets_out = targets.list;
    *count_out = targets.count;
    return st;
}

/* ---- opening */

static void
close_source(void *self)
{
    struct ldap_source *s = self;

    for (size_t i = 0; i < s->idle_count; i++)
        close_connection(s->idle[i]);
    for (size_t i = 0; i < FIELDS; i++)
        free(s->attributes[i]);
    password_file_free(s->bind_password);
    lock_fini(&s->lock);
    free(s);
}

static const struct account_source_type type = {
    .kind = "ldap",
    .find = find,
    .find_domain = find_domain,
    .find_alias = find_alias,
    .verify = verify,
    .close = close_source,
};

static or_status
set_attribute(struct ldap_source *s, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    struct span name = span_slice(span_cstr(text), 0, equals == NULL ? 0 : (size_t)(equals - text));

    for (size_t i = 0; equals != NULL && equals[1] != '\0' && i < FIELDS; i++) {
        if (!span_equal_cstr(name, field_names[i]))
            continue;
        free(s->attributes[i]);
        s->attributes[i] = xstrdup(equals + 1);
        return OR_OK;
    }
    return err_set(e, OR_CONFIG,
                   "attributes: \"%.60s\"; write NAME=ATTRIBUTE, where NAME is user, password, "
                   "uid, gid, home or quota_rule",
                   text);
}

static or_status
set_attributes(struct ldap_source *s, struct err *e)
{
    static char none[] = LDAP_NO_ATTRS;
    or_status st = OR_OK;
    size_t n = 0;

    for (size_t i = 0; st == OR_OK && i < s->settings.attribute_count; i++)
        st = set_attribute(s, s->settings.attributes[i], e);
    for (size_t i = 0; i < FIELDS; i++)
        if (s->attributes[i] != NULL)
            s->wanted[n++] = s->attributes[i];
    if (n == 0)
        s->wanted[0] = none;
    return st;
}

static or_status
check(const struct ldap_settings *s, struct err *e)
{
    if (!ldap_is_ldap_url(s->uri) && !ldap_is_ldaps_url(s->uri) && !ldap_is_ldapi_url(s->uri))
        return err_set(e, OR_CONFIG, "uri \"%.100s\": write ldap://, ldaps:// or ldapi://", s->uri);
    if (s->alias_filter[0] != '\0' && s->alias_attribute[0] == '\0')
        return err_set(e, OR_CONFIG, "alias-filter needs alias-attribute");
    or_status st = ldap_filter_check(s->filter, e);
    if (st == OR_OK && s->alias_filter[0] != '\0')
        st = ldap_filter_check(s->alias_filter, e);
    return st;
}

or_status
account_source_ldap(const struct ldap_settings *settings, const char *name,
                    struct account_source *source_out, struct err *e)
{
    or_status st = check(settings, e);

    if (st != OR_OK)
        return st;
    struct ldap_source *s = xcalloc(1, sizeof(*s));
    s->settings = *settings;
    lock_init(&s->lock, LOCK_LDAP);
    st = set_attributes(s, e);
    if (st == OR_OK && settings->bind_password_file[0] != '\0')
        st = password_file_read(settings->bind_password_file, &s->bind_password, e);
    if (st != OR_OK) {
        close_source(s);
        return st;
    }
    *source_out = (struct account_source){.type = &type, .self = s, .name = name};
    return OR_OK;
}
