/*
 * The schema of the accounts and everything that reads it.
 */
#include "authd/accounts/account_db.h"

#include "authd/accounts/account_sql.h"
#include "authd/accounts/app_password_db.h"
#include "common/base/xalloc.h"
#include "common/run/sqlite_db.h"

#include <stdlib.h>

#define ACCOUNT_DB_ROW_BYTES 65536 /* of one row while a walk shows it */

static const char *const migrations[] = {
    "CREATE TABLE domains (name TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE accounts (address TEXT PRIMARY KEY,"
    " domain TEXT NOT NULL REFERENCES domains (name),"
    " password TEXT NOT NULL, enabled INTEGER NOT NULL,"
    " uid INTEGER, gid INTEGER, home TEXT) WITHOUT ROWID;"
    "CREATE INDEX accounts_domain ON accounts (domain);"
    "CREATE TABLE aliases (address TEXT NOT NULL,"
    " domain TEXT NOT NULL REFERENCES domains (name),"
    " target TEXT NOT NULL, PRIMARY KEY (address, target)) WITHOUT ROWID;"
    "CREATE INDEX aliases_domain ON aliases (domain);"
    "CREATE INDEX aliases_target ON aliases (target);",
    /* "BYTES,MESSAGES"; NULL: the domain's, and with that none. */
    "ALTER TABLE accounts ADD COLUMN quota TEXT;"
    "ALTER TABLE domains ADD COLUMN quota TEXT;",
    /* Of the same password, for SCRAM: password_scram.h. */
    "ALTER TABLE accounts ADD COLUMN scram_keys TEXT;",
    "CREATE TABLE app_passwords ("
    " address TEXT NOT NULL REFERENCES accounts (address) ON DELETE CASCADE,"
    " name TEXT NOT NULL, hash TEXT NOT NULL, scope TEXT NOT NULL," /* "imap,smtp" */
    " created INTEGER NOT NULL, expires INTEGER, used INTEGER,"
    " PRIMARY KEY (address, name)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX app_passwords_hash ON app_passwords (address, hash);"
    "ALTER TABLE accounts ADD COLUMN app_passwords_only INTEGER NOT NULL DEFAULT 0;",
    /* account_roles.h; what a domain's administrators may make. 0: no limit. */
    "CREATE TABLE roles (id INTEGER PRIMARY KEY, uid INTEGER NOT NULL, name TEXT NOT NULL,"
    " domain TEXT REFERENCES domains (name) ON DELETE CASCADE,"
    " address TEXT REFERENCES accounts (address) ON DELETE CASCADE,"
    " CHECK (domain IS NULL OR address IS NULL));"
    "CREATE UNIQUE INDEX roles_once ON roles (uid, coalesce(domain, ''), coalesce(address, ''));"
    "CREATE INDEX roles_domain ON roles (domain);"
    "CREATE INDEX roles_address ON roles (address);"
    "ALTER TABLE domains ADD COLUMN max_users INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE domains ADD COLUMN max_aliases INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE domains ADD COLUMN max_quota INTEGER NOT NULL DEFAULT 0;",
    /* account_host.h; NULL: this machine. */
    "ALTER TABLE accounts ADD COLUMN host TEXT;"
    "ALTER TABLE domains ADD COLUMN relay TEXT;",
};

static const struct sqlite_db_schema schema = {
    .what = "accounts",
    .migrations = migrations,
    .count = sizeof(migrations) / sizeof(migrations[0]),
};

or_status
account_db_open(const char *path, bool may_write, struct account_db **db_out, struct err *e)
{
    sqlite3 *sqlite = NULL;
    or_status st = sqlite_db_open(path, &schema, may_write ? SQLITE_DB_CREATE : SQLITE_DB_READ_ONLY,
                                  &sqlite, e);

    if (st != OR_OK)
        return st;
    struct account_db *db = xcalloc(1, sizeof(*db));

    db->sqlite = sqlite;
    db->path = xstrdup(path);
    lock_init(&db->lock, LOCK_ACCOUNT_DB);
    *db_out = db;
    return OR_OK;
}

void
account_db_close(struct account_db *db)
{
    if (db == NULL)
        return;
    app_password_db_close(db);
    sqlite3_finalize(db->find);
    sqlite3_finalize(db->find_app_password);
    sqlite3_close(db->sqlite);
    lock_fini(&db->lock);
    free(db->path);
    free(db);
}

const char *
account_db_path(const struct account_db *db)
{
    return db->path;
}

or_status
account_db_version(struct account_db *db, int64_t *version_out, struct err *e)
{
    const struct account_sql sql = {.text = "PRAGMA data_version"};
    sqlite3_stmt *step = NULL;

    lock_take(&db->lock);
    or_status st = account_sql_open(db, &sql, &step, e);
    if (st == OR_OK)
        st = account_sql_next(db, step, e);
    if (st == OR_OK)
        *version_out = sqlite3_column_int64(step, 0);
    account_sql_close(step);
    lock_drop(&db->lock);
    return st;
}

static or_status
exists(struct account_db *db, const char *text, struct span key, struct err *e)
{
    struct account_sql sql = {.text = text, .params = {key}, .count = 1};

    lock_take(&db->lock);
    or_status st = account_sql_exists(db, &sql, e);

    lock_drop(&db->lock);
    return st;
}

or_status
account_db_find_domain(struct account_db *db, struct span domain, struct err *e)
{
    return exists(db, "SELECT 1 FROM domains WHERE name = ?1", domain, e);
}

or_status
account_db_find_mailbox_domain(struct account_db *db, struct span domain, struct err *e)
{
    return exists(db, "SELECT 1 FROM domains WHERE name = ?1 AND relay IS NULL", domain, e);
}

or_status
account_db_find_relay(struct account_db *db, struct span domain, struct arena *mem,
                      struct span *relay_out, struct err *e)
{
    struct account_sql sql = {.text = "SELECT relay FROM domains WHERE name = ?1"
                                      " AND relay IS NOT NULL",
                              .params = {domain},
                              .count = 1};
    sqlite3_stmt *step = NULL;

    lock_take(&db->lock);
    or_status st = account_sql_open(db, &sql, &step, e);
    if (st == OR_OK)
        st = account_sql_next(db, step, e);
    if (st == OR_OK)
        st = account_sql_text(step, 0, mem, relay_out, e);
    account_sql_close(step);
    lock_drop(&db->lock);
    return st;
}

/* Splits what is stored, which is canonical. */
static struct account_address
split_address(struct span whole)
{
    size_t at = span_rfind(whole, '@');

    return (struct account_address){
        .local = span_slice(whole, 0, at), .domain = span_from(whole, at + 1), .whole = whole};
}

static int64_t
id_or_none(sqlite3_stmt *step, int column)
{
    return sqlite3_column_type(step, column) == SQLITE_NULL ? -1
                                                            : sqlite3_column_int64(step, column);
}

#define ACCOUNT_COLUMNS                                                                            \
    "address, password, enabled, uid, gid, home,"                                                  \
    " coalesce(quota, (SELECT d.quota FROM domains d WHERE d.name = domain)),"                     \
    " scram_keys, app_passwords_only, host"

/* "BYTES,MESSAGES"; whatever else somebody wrote there is no limit. */
static struct account_quota
parse_quota(sqlite3_stmt *step, int column)
{
    const char *text = (const char *)sqlite3_column_text(step, column);
    struct span rest = span_cstr(text), bytes = SPAN_EMPTY, messages = SPAN_EMPTY;
    uint64_t parsed[2];

    if (!span_split(&rest, ',', &bytes) || !span_split(&rest, ',', &messages) ||
        span_parse_u64(bytes, INT64_MAX, &parsed[0]) != OR_OK ||
        span_parse_u64(messages, INT64_MAX, &parsed[1]) != OR_OK)
        return (struct account_quota){0, 0};
    return (struct account_quota){(int64_t)parsed[0], (int64_t)parsed[1]};
}

/* A row of ACCOUNT_COLUMNS. */
static or_status
read_account(sqlite3_stmt *step, struct arena *mem, struct account_row *row_out, struct err *e)
{
    struct account_row row = {.enabled = sqlite3_column_int(step, 2) != 0,
                              .uid = id_or_none(step, 3),
                              .gid = id_or_none(step, 4),
                              .quota = parse_quota(step, 6),
                              .app_passwords_only = sqlite3_column_int(step, 8) != 0};
    struct span whole;
    or_status st = account_sql_text(step, 0, mem, &whole, e);

    if (st == OR_OK)
        st = account_sql_text(step, 1, mem, &row.password, e);
    if (st == OR_OK)
        st = account_sql_text(step, 5, mem, &row.home, e);
    if (st == OR_OK)
        st = account_sql_text(step, 7, mem, &row.scram_keys, e);
    if (st == OR_OK)
        st = account_sql_text(step, 9, mem, &row.host, e);
    if (st != OR_OK)
        return st;
    row.address = split_address(whole);
    *row_out = row;
    return OR_OK;
}

static or_status
find_account(struct account_db *db, struct span address, struct arena *mem,
             struct account_row *row_out, struct err *e)
{
    struct account_sql sql = {.text = "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE address = ?1",
                              .params = {address},
                              .count = 1};
    or_status st = account_sql_open_kept(db, &sql, &db->find, e);

    if (st == OR_OK)
        st = account_sql_next(db, db->find, e);
    if (st == OR_OK)
        st = read_account(db->find, mem, row_out, e);
    if (db->find != NULL)
        account_sql_close_kept(db->find);
    return st;
}

or_status
account_db_find(struct account_db *db, const struct account_address *address, struct arena *mem,
                struct account_row *row_out, struct err *e)
{
    lock_take(&db->lock);
    or_status st = find_account(db, address->whole, mem, row_out, e);

    lock_drop(&db->lock);
    return st;
}

/* The rows "target, how many there are", the first of which is at hand. */
static or_status
read_targets(struct account_db *db, sqlite3_stmt *step, struct arena *mem,
             struct span **targets_out, size_t *count_out, struct err *e)
{
    int64_t total = sqlite3_column_int64(step, 1);
    size_t max =
        total < ACCOUNT_MAX_ALIAS_TARGETS ? (size_t)total : (size_t)ACCOUNT_MAX_ALIAS_TARGETS;
    struct span *targets = arena_alloc_array(mem, max, sizeof(*targets));
    size_t count = 0;
    or_status st = OR_OK;

    if (targets == NULL)
        return err_set(e, OR_TEMPFAIL, "no room for the alias's targets");
    while (st == OR_OK && count < max) {
        st = account_sql_text(step, 0, mem, &targets[count++], e);
        if (st == OR_OK)
            st = account_sql_next(db, step, e);
    }
    if (st != OR_OK && st != OR_ABSENT)
        return st;
    *targets_out = targets;
    *count_out = count;
    return OR_OK;
}

or_status
account_db_find_alias(struct account_db *db, const struct account_address *address,
                      struct arena *mem, struct span **targets_out, size_t *count_out,
                      struct err *e)
{
    struct account_sql sql = {.text = "SELECT target, count(*) OVER () FROM aliases "
                                      "WHERE address = ?1 ORDER BY target",
                              .params = {address->whole},
                              .count = 1};
    sqlite3_stmt *step = NULL;

    lock_take(&db->lock);
    or_status st = account_sql_open(db, &sql, &step, e);

    if (st == OR_OK)
        st = account_sql_next(db, step, e);
    if (st == OR_OK)
        st = read_targets(db, step, mem, targets_out, count_out, e);
    account_sql_close(step);
    lock_drop(&db->lock);
    return st;
}

/* What a walk is at: the row shown last is also where the next one begins, so that neither lock
 * nor statement is held while it is shown, and rows may come and go meanwhile. */
struct walk {
    const char *sql; /* the first row after ?1 (and ?2) */
    or_status (*read)(sqlite3_stmt *step, struct arena *mem, struct walk *w, struct err *e);
    bool (*show)(const struct walk *w);
    struct span key[2];
    struct account_row account;
    void *context; /* the caller's, and one of its three kinds of visitor */
    bool (*visit_account)(void *context, const struct account_row *row);
    bool (*visit_domain)(void *context, struct span domain);
    bool (*visit_alias)(void *context, struct span alias, struct span target);
};

static or_status
walk_step(struct account_db *db, struct walk *w, struct arena *mem, struct err *e)
{
    struct account_sql sql = {.text = w->sql, .params = {w->key[0], w->key[1]}, .count = 2};
    sqlite3_stmt *step = NULL;

    /* A domain and an account have one key only. */
    if (w->key[1].p == NULL)
        sql.count = 1;
    lock_take(&db->lock);
    or_status st = account_sql_open(db, &sql, &step, e);

    if (st == OR_OK)
        st = account_sql_next(db, step, e);
    if (st == OR_OK)
        st = w->read(step, mem, w, e);
    account_sql_close(step);
    lock_drop(&db->lock);
    return st;
}

static or_status
walk(struct account_db *db, struct walk *w, struct err *e)
{
    struct arena mem[2]; /* in turns: the old key is needed to find the new row */
    size_t turn = 0;
    or_status st;

    arena_init(&mem[0], ACCOUNT_DB_ROW_BYTES);
    arena_init(&mem[1], ACCOUNT_DB_ROW_BYTES);
    while ((st = walk_step(db, w, &mem[turn], e)) == OR_OK && w->show(w)) {
        turn = 1 - turn;
        arena_reset(&mem[turn]);
    }
    arena_fini(&mem[0]);
    arena_fini(&mem[1]);
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
walk_read_account(sqlite3_stmt *step, struct arena *mem, struct walk *w, struct err *e)
{
    or_status st = read_account(step, mem, &w->account, e);

    if (st == OR_OK)
        w->key[0] = w->account.address.whole;
    return st;
}

static bool
walk_show_account(const struct walk *w)
{
    return w->visit_account(w->context, &w->account);
}

or_status
account_db_each(struct account_db *db, bool (*visit)(void *context, const struct account_row *row),
                void *context, struct err *e)
{
    struct walk w = {.sql = "SELECT " ACCOUNT_COLUMNS
                            " FROM accounts WHERE address > ?1 ORDER BY address LIMIT 1",
                     .read = walk_read_account,
                     .show = walk_show_account,
                     .key = {SPAN_INIT("")},
                     .context = context,
                     .visit_account = visit};

    return walk(db, &w, e);
}

static or_status
walk_read_domain(sqlite3_stmt *step, struct arena *mem, struct walk *w, struct err *e)
{
    return account_sql_text(step, 0, mem, &w->key[0], e);
}

static bool
walk_show_domain(const struct walk *w)
{
    return w->visit_domain(w->context, w->key[0]);
}

or_status
account_db_each_domain(struct account_db *db, bool (*visit)(void *context, struct span domain),
                       void *context, struct err *e)
{
    struct walk w = {.sql = "SELECT name FROM domains WHERE name > ?1 ORDER BY name LIMIT 1",
                     .read = walk_read_domain,
                     .show = walk_show_domain,
                     .key = {SPAN_INIT("")},
                     .context = context,
                     .visit_domain = visit};

    return walk(db, &w, e);
}

static or_status
walk_read_alias(sqlite3_stmt *step, struct arena *mem, struct walk *w, struct err *e)
{
    or_status st = account_sql_text(step, 0, mem, &w->key[0], e);

    return st == OR_OK ? account_sql_text(step, 1, mem, &w->key[1], e) : st;
}

static bool
walk_show_alias(const struct walk *w)
{
    return w->visit_alias(w->context, w->key[0], w->key[1]);
}

or_status
account_db_each_alias(struct account_db *db,
                      bool (*visit)(void *context, struct span alias, struct span target),
                      void *context, struct err *e)
{
    struct walk w = {.sql = "SELECT address, target FROM aliases "
                            "WHERE (address, target) > (?1, ?2) ORDER BY address, target LIMIT 1",
                     .read = walk_read_alias,
                     .show = walk_show_alias,
                     .key = {SPAN_INIT(""), SPAN_INIT("")},
                     .context = context,
                     .visit_alias = visit};

    return walk(db, &w, e);
}
