/*
 * From rows to accounts. What the database says is checked like a line of a file: a home that is no
 * path or a broken number makes a temporary failure that names the column, not a guess.
 */
#include "authd/pgsql/pgsql_source.h"

#include "authd/accounts/account_quota.h"
#include "common/base/xalloc.h"

#include <stdlib.h>

#define LAST_ID 4294967293
#define ROW_ARENA_BYTES 65536 /* of one row while a walk shows it */

/* An address in the domain that PostfixAdmin's alias domain, or Mailu's alternative one, stands
 * for. */
#define POSTFIXADMIN_AT_TARGET                                                                     \
    "(SELECT $2 || '@' || target_domain FROM alias_domain WHERE alias_domain = $3 AND active)"
#define MAILU_DOMAIN "coalesce((SELECT domain_name FROM alternative WHERE name = $3), $3)"
#define MAILU_ADDRESS "$2 || '@' || " MAILU_DOMAIN

/* packaging/sql/accounts.postgresql.sql, and the tables of PostfixAdmin and of Mailu.
 *
 * PostfixAdmin: each mailbox has an alias that leads to itself, which is none; with other targets
 * beside itself it keeps a copy. "ALL" is no domain.
 *
 * Mailu: a mailbox, with or without detail, goes before aliases; those with a pattern (LIKE) come
 * last, the longest first. "%" is asked for as the catch-all, after the address without detail. */
static const struct pgsql_queries schemas[PGSQL_SCHEMAS] = {
    [PGSQL_SCHEMA_OUTRIDER] =
        {
            .user = "SELECT a.password, a.enabled, a.uid, a.gid, a.home, a.host,"
                    " coalesce(a.quota_bytes, d.quota_bytes) AS quota_bytes,"
                    " coalesce(a.quota_messages, d.quota_messages) AS quota_messages"
                    " FROM accounts a JOIN domains d ON d.name = a.domain WHERE a.address = $1",
            .domain = "SELECT 1 FROM domains WHERE name = $1",
            .alias = "SELECT target FROM aliases WHERE address = $1 ORDER BY target",
            .list = "SELECT a.address AS user, a.password, a.enabled, a.uid, a.gid, a.home, a.host,"
                    " coalesce(a.quota_bytes, d.quota_bytes) AS quota_bytes,"
                    " coalesce(a.quota_messages, d.quota_messages) AS quota_messages"
                    " FROM accounts a JOIN domains d ON d.name = a.domain ORDER BY a.address",
        },
    [PGSQL_SCHEMA_POSTFIXADMIN] =
        {
            .user = "SELECT username AS user, password, active AS enabled,"
                    " greatest(quota, 0) AS quota_bytes FROM mailbox"
                    " WHERE username IN ($1, " POSTFIXADMIN_AT_TARGET ")"
                    " ORDER BY username <> $1 LIMIT 1",
            .domain = "SELECT 1 FROM domain WHERE domain = $1 AND domain <> 'ALL' AND active"
                      " AND NOT backupmx",
            .alias = "SELECT trim(t) AS target FROM (SELECT goto FROM alias"
                     " WHERE address IN ($1, " POSTFIXADMIN_AT_TARGET ") AND active"
                     " AND btrim(goto, ' ,') <> address ORDER BY address <> $1 LIMIT 1) a,"
                     " regexp_split_to_table(goto, ',') t WHERE trim(t) <> ''",
            .list = "SELECT username AS user, password, active AS enabled,"
                    " greatest(quota, 0) AS quota_bytes FROM mailbox ORDER BY username",
        },
    [PGSQL_SCHEMA_MAILU] =
        {
            .user = "SELECT email AS user, password, enabled, quota_bytes FROM \"user\""
                    " WHERE email = " MAILU_ADDRESS,
            .domain = "SELECT 1 FROM domain WHERE name = $1"
                      " UNION ALL SELECT 1 FROM alternative WHERE name = $1",
            .alias = "SELECT trim(t) AS target FROM ("
                     "SELECT forward_destination || CASE WHEN forward_keep THEN ',' || email"
                     " ELSE '' END AS targets, 0 AS place, 0 AS size FROM \"user\""
                     " WHERE email = " MAILU_ADDRESS " AND forward_enabled"
                     " AND forward_destination <> '' UNION ALL "
                     "SELECT destination, CASE WHEN wildcard THEN 2 ELSE 1 END, -length(localpart)"
                     " FROM alias WHERE domain_name = " MAILU_DOMAIN
                     " AND CASE WHEN NOT wildcard THEN lower(localpart) = $2"
                     " WHEN localpart = '%' THEN $2 = '' ELSE $2 LIKE lower(localpart) END"
                     " AND NOT EXISTS (SELECT 1 FROM \"user\" WHERE email IN (" MAILU_ADDRESS
                     ", split_part($2, '+', 1) || '@' || " MAILU_DOMAIN "))"
                     " ORDER BY place, size LIMIT 1) a,"
                     " regexp_split_to_table(targets, ',') t WHERE trim(t) <> ''",
            .list = "SELECT email AS user, password, enabled, quota_bytes FROM \"user\""
                    " ORDER BY email",
        },
};

struct pgsql_source {
    struct pgsql *server;
    struct pgsql_queries queries;
};

/* ---- columns */

static struct span
text_of(const struct pgsql_rows *rows, size_t row, const char *column)
{
    return pgsql_rows_text(rows, row, pgsql_rows_column(rows, column));
}

/* -1 for NULL. */
static or_status
number_of(const struct pgsql_rows *rows, size_t row, const char *column, int64_t max,
          int64_t *number_out, struct err *e)
{
    struct span text = text_of(rows, row, column);
    uint64_t number;

    *number_out = -1;
    if (text.p == NULL)
        return OR_OK;
    if (span_parse_u64(text, (uint64_t)max, &number) != OR_OK)
        return err_set(e, OR_TEMPFAIL, "column %s: \"%.*s\" is no number up to %lld", column,
                       SPAN_ARG(span_slice(text, 0, 30)), (long long)max);
    *number_out = (int64_t)number;
    return OR_OK;
}

static or_status
read_owner(const struct pgsql_rows *rows, size_t row, struct account_row *out, struct err *e)
{
    or_status st = number_of(rows, row, "uid", LAST_ID, &out->uid, e);

    if (st == OR_OK)
        st = number_of(rows, row, "gid", LAST_ID, &out->gid, e);
    if (st == OR_OK && (out->uid == 0 || out->gid == 0))
        st = err_set(e, OR_TEMPFAIL, "uid or gid is 0: nobody's mailbox is root's");
    return st;
}

static or_status
read_quota(const struct pgsql_rows *rows, size_t row, struct account_quota *out, struct err *e)
{
    struct span rule = text_of(rows, row, "quota_rule");
    int64_t bytes = -1, messages = -1;

    if (rule.n > 0)
        return account_quota_parse_rule(rule, out) == OR_OK
                   ? OR_OK
                   : err_set(e, OR_TEMPFAIL, "column quota_rule: \"%.*s\" is none",
                             SPAN_ARG(span_slice(rule, 0, 60)));
    or_status st = number_of(rows, row, "quota_bytes", INT64_MAX, &bytes, e);
    if (st == OR_OK)
        st = number_of(rows, row, "quota_messages", INT64_MAX, &messages, e);
    *out = (struct account_quota){bytes > 0 ? bytes : 0, messages > 0 ? messages : 0};
    return st;
}

static or_status
read_password(const struct pgsql_rows *rows, size_t row, struct arena *mem, struct span *out,
              struct err *e)
{
    struct span text = text_of(rows, row, "password");
    const char *scheme = text.n > 0 && text.p[0] != '{' ? "{CRYPT}" : "";
    const char *whole = arena_printf(mem, "%s%.*s", scheme, SPAN_ARG(text));

    *out = span_cstr(whole);
    return whole != NULL ? OR_OK : err_set(e, OR_TEMPFAIL, "no room for the account's record");
}

static or_status
read_home(const struct pgsql_rows *rows, size_t row, struct arena *mem, struct span *out,
          struct err *e)
{
    struct span text = text_of(rows, row, "home");

    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ')
            return err_set(e, OR_TEMPFAIL, "column home has control characters");
    if (text.n > 0 && text.p[0] != '/')
        return err_set(e, OR_TEMPFAIL, "column home is no absolute path");
    return arena_copy(mem, text, out) == OR_OK
               ? OR_OK
               : err_set(e, OR_TEMPFAIL, "no room for the account's record");
}

static bool
is_enabled(const struct pgsql_rows *rows, size_t row)
{
    struct span text = text_of(rows, row, "enabled");

    return text.p == NULL || !(span_equal_cstr(text, "f") || span_equal_cstr(text, "false") ||
                               span_equal_cstr(text, "0"));
}

/* A row of the address that is set already. */
static or_status
read_row(const struct pgsql_rows *rows, size_t row, struct arena *mem, struct account_row *out,
         struct err *e)
{
    or_status st = read_owner(rows, row, out, e);

    out->enabled = is_enabled(rows, row);
    if (st == OR_OK)
        st = read_quota(rows, row, &out->quota, e);
    if (st == OR_OK)
        st = read_password(rows, row, mem, &out->password, e);
    if (st == OR_OK)
        st = read_home(rows, row, mem, &out->home, e);
    if (st == OR_OK && arena_copy(mem, text_of(rows, row, "host"), &out->host) != OR_OK)
        st = err_set(e, OR_TEMPFAIL, "no room for the account's record");
    return st;
}

/* ---- questions */

static or_status
ask(const struct pgsql_source *s, const char *sql, const struct account_address *address,
    struct pgsql_rows **rows_out, struct err *e)
{
    const struct pgsql_question question = {
        .sql = sql, .params = {address->whole, address->local, address->domain}};

    return pgsql_ask(s->server, &question, rows_out, e);
}

static or_status
find(void *self, const struct account_address *address, struct arena *mem,
     struct account_row *row_out, struct err *e)
{
    struct pgsql_source *s = self;
    struct account_row row = {.address = *address};
    struct pgsql_rows *rows = NULL;
    or_status st = ask(s, s->queries.user, address, &rows, e);

    if (st != OR_OK)
        return st;
    struct span user = SPAN_EMPTY;
    st = pgsql_rows_count(rows) == 0 ? OR_ABSENT : read_row(rows, 0, mem, &row, e);
    if (st == OR_OK)
        user = text_of(rows, 0, "user");
    if (user.n > 0 && account_address_parse(user, false, mem, &row.address, e) != OR_OK)
        st = err_set(e, OR_TEMPFAIL, "column user is no address of a mailbox");
    pgsql_rows_free(rows);
    if (st == OR_OK)
        *row_out = row;
    return st;
}

static or_status
find_domain(void *self, struct span domain, struct err *e)
{
    struct pgsql_source *s = self;
    const struct account_address address = {.whole = domain, .domain = domain};
    struct pgsql_rows *rows = NULL;

    if (s->queries.domain[0] == '\0')
        return OR_ABSENT;
    or_status st = ask(s, s->queries.domain, &address, &rows, e);
    if (st != OR_OK)
        return st;
    st = pgsql_rows_count(rows) > 0 ? OR_OK : OR_ABSENT;
    pgsql_rows_free(rows);
    return st;
}

static or_status
read_targets(const struct pgsql_rows *rows, struct arena *mem, struct span **targets_out,
             size_t *count_out, struct err *e)
{
    size_t count = pgsql_rows_count(rows);
    struct span *targets = arena_alloc_array(mem, count, sizeof(*targets));

    if (count > ACCOUNT_MAX_ALIAS_TARGETS)
        return err_set(e, OR_TEMPFAIL, "an alias with more than %d targets",
                       ACCOUNT_MAX_ALIAS_TARGETS);
    for (size_t i = 0; targets != NULL && i < count; i++)
        if (arena_copy(mem, text_of(rows, i, "target"), &targets[i]) != OR_OK)
            targets = NULL;
    if (targets == NULL)
        return err_set(e, OR_TEMPFAIL, "no room for the alias's targets");
    *targets_out = targets;
    *count_out = count;
    return OR_OK;
}

static or_status
find_alias(void *self, const struct account_address *alias, struct arena *mem,
           struct span **targets_out, size_t *count_out, struct err *e)
{
    struct pgsql_source *s = self;
    struct pgsql_rows *rows = NULL;

    if (s->queries.alias[0] == '\0')
        return OR_ABSENT;
    or_status st = ask(s, s->queries.alias, alias, &rows, e);
    if (st != OR_OK)
        return st;
    st = pgsql_rows_count(rows) == 0 ? OR_ABSENT
                                     : read_targets(rows, mem, targets_out, count_out, e);
    pgsql_rows_free(rows);
    return st;
}

/* One row; names that are no mailbox of ours (no domain) are passed over. */
static or_status
show_row(const struct pgsql_rows *rows, size_t i, account_visit visit, void *context,
         bool *more_out, struct err *e)
{
    struct account_row row = {.uid = -1};
    struct arena mem;
    or_status st = OR_OK;

    arena_init(&mem, ROW_ARENA_BYTES);
    if (account_address_parse(text_of(rows, i, "user"), false, &mem, &row.address, NULL) == OR_OK) {
        st = read_row(rows, i, &mem, &row, e);
        if (st == OR_OK)
            *more_out = visit(context, &row);
    }
    arena_fini(&mem);
    return st;
}

static or_status
each(void *self, account_visit visit, void *context, struct err *e)
{
    struct pgsql_source *s = self;
    const struct account_address nobody = {.whole = SPAN_EMPTY};
    struct pgsql_rows *rows = NULL;
    bool more = true;

    if (s->queries.list[0] == '\0')
        return OR_OK;
    or_status st = ask(s, s->queries.list, &nobody, &rows, e);
    for (size_t i = 0; st == OR_OK && more && i < pgsql_rows_count(rows); i++)
        st = show_row(rows, i, visit, context, &more, e);
    pgsql_rows_free(rows);
    return st;
}

static void
close_source(void *self)
{
    struct pgsql_source *s = self;

    pgsql_free(s->server);
    free(s);
}

static const struct account_source_type type = {
    .kind = "postgresql",
    .find = find,
    .find_domain = find_domain,
    .find_alias = find_alias,
    .each = each,
    .close = close_source,
};

static const char *
either(const char *query, const char *of_schema)
{
    return query != NULL ? query : of_schema;
}

struct account_source
account_source_pgsql(const struct pgsql_settings *settings, enum pgsql_schema schema,
                     const struct pgsql_queries *queries, const char *name)
{
    struct pgsql_source *s = xcalloc(1, sizeof(*s));

    s->server = pgsql_new(settings);
    s->queries = (struct pgsql_queries){
        .user = either(queries->user, schemas[schema].user),
        .domain = either(queries->domain, schemas[schema].domain),
        .alias = either(queries->alias, schemas[schema].alias),
        .list = either(queries->list, schemas[schema].list),
    };
    return (struct account_source){.type = &type, .self = s, .name = name};
}
