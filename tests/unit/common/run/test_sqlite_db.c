/* Databases: made, migrated, refused. */
#include "common/run/sqlite_db.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const migrations[] = {
    "CREATE TABLE a (x INTEGER PRIMARY KEY); CREATE TABLE p (id INTEGER PRIMARY KEY)",
    "ALTER TABLE a ADD COLUMN p INTEGER REFERENCES p(id); INSERT INTO a (x) VALUES (7)",
    "CREATE TABLE b (y TEXT NOT NULL UNIQUE)",
};
static const struct sqlite_db_schema schema = {"test", migrations, 3};

static char directory[64], path[96];
static struct err e;

static void
set_up(void)
{
    snprintf(directory, sizeof(directory), "/tmp/outrider-sqlite-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/db", directory);
}

static void
tear_down(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[128];

    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
    rmdir(directory);
}

static sqlite3 *
open_good(const struct sqlite_db_schema *s, enum sqlite_db_mode mode)
{
    sqlite3 *db = NULL;

    ck_assert_msg(sqlite_db_open(path, s, mode, &db, &e) == OR_OK, "%s", e.text);
    return db;
}

static const char *
value_of(sqlite3 *db, const char *sql)
{
    static char text[64];
    sqlite3_stmt *step;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &step, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(step), SQLITE_ROW);
    snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(step, 0));
    sqlite3_finalize(step);
    return text;
}

START_TEST(a_new_database_has_the_schema_and_the_pragmas)
{
    sqlite3 *db = open_good(&schema, SQLITE_DB_CREATE);
    struct stat st;

    ck_assert_str_eq(value_of(db, "PRAGMA user_version"), "3");
    ck_assert_str_eq(value_of(db, "PRAGMA journal_mode"), "wal");
    ck_assert_str_eq(value_of(db, "PRAGMA synchronous"), "2");
    ck_assert_str_eq(value_of(db, "PRAGMA foreign_keys"), "1");
    ck_assert_str_eq(value_of(db, "SELECT x FROM a"), "7");
    sqlite3_close(db);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

/* The CLI as root makes it, the daemon as its own user goes on with it. */
START_TEST(root_gives_the_file_to_the_owner_of_the_directory)
{
    struct stat st;
    char wal[128];

    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(directory, 12345, 23456), 0);
    sqlite3 *db = open_good(&schema, SQLITE_DB_CREATE);

    snprintf(wal, sizeof(wal), "%s-wal", path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_uid, 12345);
    ck_assert_uint_eq(st.st_gid, 23456);
    ck_assert_int_eq(stat(wal, &st), 0);
    ck_assert_uint_eq(st.st_uid, 12345);
    sqlite3_close(db);
}
END_TEST

START_TEST(an_old_database_is_migrated_from_where_it_is)
{
    struct sqlite_db_schema old = {"test", migrations, 1};

    sqlite3_close(open_good(&old, SQLITE_DB_CREATE));
    sqlite3 *db = open_good(&schema, SQLITE_DB_CREATE);

    ck_assert_str_eq(value_of(db, "PRAGMA user_version"), "3");
    ck_assert_str_eq(value_of(db, "SELECT count(*) FROM a"), "1");
    sqlite3_close(db);
    /* A second time nothing is left to do. */
    db = open_good(&schema, SQLITE_DB_CREATE);
    ck_assert_str_eq(value_of(db, "SELECT count(*) FROM a"), "1");
    sqlite3_close(db);
}
END_TEST

START_TEST(a_failed_migration_changes_nothing)
{
    static const char *const broken[] = {
        "CREATE TABLE a (x); CREATE TABLE p (id)",
        "CREATE TABLE c (x); CREATE TABLE a (x)",
    };
    struct sqlite_db_schema old = {"test", broken, 1}, fresh = {"test", broken, 2};
    sqlite3 *db = NULL;

    sqlite3_close(open_good(&old, SQLITE_DB_CREATE));
    ck_assert_int_eq(sqlite_db_open(path, &fresh, SQLITE_DB_CREATE, &db, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "table a already exists"));
    db = open_good(&old, SQLITE_DB_CREATE);
    ck_assert_str_eq(value_of(db, "PRAGMA user_version"), "1");
    ck_assert_str_eq(value_of(db, "SELECT count(*) FROM sqlite_master WHERE name = 'c'"), "0");
    sqlite3_close(db);
}
END_TEST

static void
expect_fault(const struct sqlite_db_schema *s, enum sqlite_db_mode mode, or_status st,
             const char *text)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite_db_open(path, s, mode, &db, &e), st);
    ck_assert_ptr_null(db);
    ck_assert_msg(strncmp(e.text, path, strlen(path)) == 0, "no path: %s", e.text);
    ck_assert_msg(strstr(e.text, text) != NULL, "%s", e.text);
}

START_TEST(a_newer_database_is_refused)
{
    struct sqlite_db_schema old = {"test", migrations, 2};

    sqlite3_close(open_good(&schema, SQLITE_DB_CREATE));
    expect_fault(&old, SQLITE_DB_CREATE, OR_CONFIG,
                 "the test database has version 3, this program knows 2; upgrade");
    expect_fault(&old, SQLITE_DB_READ_ONLY, OR_CONFIG, "has version 3, this program knows 2");
}
END_TEST

START_TEST(reading_needs_a_current_database)
{
    struct sqlite_db_schema old = {"test", migrations, 2};

    expect_fault(&schema, SQLITE_DB_READ_ONLY, OR_ABSENT, "there is no test database yet");
    ck_assert_int_ne(access(path, F_OK), 0);
    sqlite3_close(open_good(&old, SQLITE_DB_CREATE));
    expect_fault(&schema, SQLITE_DB_READ_ONLY, OR_CONFIG,
                 "has version 2, this program needs 3; start the daemon");
    sqlite3_close(open_good(&schema, SQLITE_DB_CREATE));
    sqlite3 *db = open_good(&schema, SQLITE_DB_READ_ONLY);

    ck_assert_str_eq(value_of(db, "SELECT x FROM a"), "7");
    int rc = sqlite3_exec(db, "DELETE FROM a", NULL, NULL, NULL);

    ck_assert_int_eq(rc, SQLITE_READONLY);
    ck_assert_int_eq(sqlite_db_status(db, rc, &e), OR_BUG);
    sqlite3_close(db);
}
END_TEST

START_TEST(what_is_no_database_is_refused)
{
    FILE *f = fopen(path, "w");

    for (int i = 0; i < 200; i++)
        fputs("this is a text file\n", f);
    fclose(f);
    expect_fault(&schema, SQLITE_DB_CREATE, OR_CONFIG, "not a usable SQLite database");
    expect_fault(&schema, SQLITE_DB_READ_ONLY, OR_CONFIG, "not a usable SQLite database");
}
END_TEST

START_TEST(a_missing_directory_is_named)
{
    snprintf(path, sizeof(path), "%s/none/db", directory);
    expect_fault(&schema, SQLITE_DB_CREATE, OR_CONFIG, "/none; make it");
    expect_fault(&schema, SQLITE_DB_READ_ONLY, OR_ABSENT, "there is no test database yet");
}
END_TEST

START_TEST(failed_steps_have_a_status)
{
    sqlite3 *db = open_good(&schema, SQLITE_DB_CREATE), *other;
    static const char insert[] = "INSERT INTO b VALUES ('x')";

    ck_assert_int_eq(sqlite_db_status(db, SQLITE_DONE, &e), OR_OK);
    ck_assert_int_eq(sqlite3_exec(db, insert, NULL, NULL, NULL), SQLITE_OK);
    int rc = sqlite3_exec(db, insert, NULL, NULL, NULL);

    ck_assert_int_eq(sqlite_db_status(db, rc, &e), OR_MALFORMED);
    ck_assert_str_eq(e.text, "sqlite: UNIQUE constraint failed: b.y");
    rc = sqlite3_exec(db, "INSERT INTO a (p) VALUES (99)", NULL, NULL, NULL);
    ck_assert_int_eq(sqlite_db_status(db, rc, &e), OR_MALFORMED);

    other = open_good(&schema, SQLITE_DB_CREATE);
    sqlite3_busy_timeout(other, 1);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    rc = sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    ck_assert_int_eq(sqlite_db_status(other, rc, &e), OR_TEMPFAIL);
    sqlite3_close(other);
    sqlite3_close(db);
    ck_assert_int_eq(sqlite_db_status(NULL, SQLITE_IOERR_FSYNC, NULL), OR_TEMPFAIL);
    ck_assert_int_eq(sqlite_db_status(NULL, SQLITE_MISUSE, NULL), OR_BUG);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("sqlite_db");
    TCase *t = tcase_create("sqlite_db");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_new_database_has_the_schema_and_the_pragmas);
    tcase_add_test(t, root_gives_the_file_to_the_owner_of_the_directory);
    tcase_add_test(t, an_old_database_is_migrated_from_where_it_is);
    tcase_add_test(t, a_failed_migration_changes_nothing);
    tcase_add_test(t, a_newer_database_is_refused);
    tcase_add_test(t, reading_needs_a_current_database);
    tcase_add_test(t, what_is_no_database_is_refused);
    tcase_add_test(t, a_missing_directory_is_named);
    tcase_add_test(t, failed_steps_have_a_status);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
