/* Application passwords in the database: found by account and hash, gone with the account. */
#include "authd/accounts/app_password_db.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>

#define NOW 1700000000

static char directory[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 8];
static struct account_db *db;
static struct arena mem;
static struct err e;
static struct account_address bob, eve;

static void
add_account(const char *text, struct account_address *address)
{
    struct account_row row = {.enabled = true, .uid = -1, .gid = -1};

    ck_assert_int_eq(account_address_parse(span_cstr(text), false, &mem, address, &e), OR_OK);
    row.address = *address;
    ck_assert_int_eq(account_db_add(db, &row, &e), OR_OK);
}

static void
set_up(void)
{
    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/db", directory);
    arena_init(&mem, 1 << 20);
    ck_assert_int_eq(account_db_open(path, true, &db, &e), OR_OK);
    ck_assert_int_eq(account_db_add_domain(db, SPAN_LIT("a.test"), &e), OR_OK);
    add_account("bob@a.test", &bob);
    add_account("eve@a.test", &eve);
}

static void
tear_down(void)
{
    account_db_close(db);
    arena_fini(&mem);
    temp_tree_remove(directory);
}

static or_status
add(const struct account_address *address, const char *name, const char *hash)
{
    struct app_password p = {.name = span_cstr(name),
                             .scope = APP_PASSWORD_IMAP,
                             .created_s = NOW,
                             .expires_s = NOW + 9};
    char stored[APP_PASSWORD_HASH_BYTES];

    snprintf(stored, sizeof(stored), "%s", hash);
    return app_password_db_add(db, address, &p, stored, &e);
}

static or_status
find(const struct account_address *address, const char *hash, struct app_password *p)
{
    char stored[APP_PASSWORD_HASH_BYTES];

    snprintf(stored, sizeof(stored), "%s", hash);
    return app_password_db_find(db, address, stored, &mem, p, &e);
}

static size_t
count(const struct account_address *address)
{
    struct app_password *list;
    size_t n = 0;

    ck_assert_int_eq(app_password_db_list(db, address, &mem, &list, &n, &e), OR_OK);
    return n;
}

START_TEST(comes_back_whole)
{
    struct app_password p;

    ck_assert_int_eq(add(&bob, "phone", "1"), OR_OK);
    ck_assert_int_eq(find(&bob, "1", &p), OR_OK);
    ck_assert_span_eq(p.name, "phone");
    ck_assert_uint_eq(p.scope, APP_PASSWORD_IMAP);
    ck_assert_int_eq(p.created_s, NOW);
    ck_assert_int_eq(p.expires_s, NOW + 9);
    ck_assert_int_eq(p.used_s, 0);
}
END_TEST

START_TEST(opens_its_own_account_only)
{
    struct app_password p;

    ck_assert_int_eq(add(&bob, "phone", "1"), OR_OK);
    ck_assert_int_eq(find(&eve, "1", &p), OR_ABSENT);
    ck_assert_int_eq(find(&bob, "2", &p), OR_ABSENT);
}
END_TEST

START_TEST(what_is_refused)
{
    struct account_address nobody;

    ck_assert_int_eq(account_address_parse(SPAN_LIT("no@a.test"), false, &mem, &nobody, &e), OR_OK);
    ck_assert_int_eq(add(&nobody, "phone", "1"), OR_ABSENT);
    ck_assert_str_eq(e.text, "there is no account no@a.test");
    ck_assert_int_eq(add(&bob, "phone", "1"), OR_OK);
    ck_assert_int_eq(add(&bob, "phone", "2"), OR_MALFORMED);
    ck_assert_int_eq(add(&eve, "phone", "1"), OR_OK);
    ck_assert_int_eq(app_password_db_delete(db, &bob, SPAN_LIT("laptop"), &e), OR_ABSENT);
    ck_assert_uint_eq(count(&bob), 1);
}
END_TEST

START_TEST(an_account_has_so_many)
{
    char name[16];

    for (unsigned i = 0; i < APP_PASSWORD_MAX_PER_ACCOUNT; i++) {
        snprintf(name, sizeof(name), "p%u", i);
        ck_assert_int_eq(add(&bob, name, name), OR_OK);
    }
    ck_assert_int_eq(add(&bob, "more", "more"), OR_MALFORMED);
    ck_assert_uint_eq(count(&bob), APP_PASSWORD_MAX_PER_ACCOUNT);
    ck_assert_int_eq(app_password_db_delete(db, &bob, SPAN_LIT("p7"), &e), OR_OK);
    ck_assert_int_eq(add(&bob, "more", "more"), OR_OK);
}
END_TEST

/* Or whoever gets an account of the same name later would share it. */
START_TEST(goes_with_its_account)
{
    struct app_password p;

    ck_assert_int_eq(add(&bob, "phone", "1"), OR_OK);
    ck_assert_int_eq(account_db_delete(db, &bob, &e), OR_OK);
    add_account("bob@a.test", &bob);
    ck_assert_int_eq(find(&bob, "1", &p), OR_ABSENT);
}
END_TEST

START_TEST(last_use_is_written_once_an_hour)
{
    static const struct {
        int64_t at, written;
    } uses[] = {{NOW, NOW},
                {NOW + 3599, NOW},
                {NOW + 3600, NOW + 3600},
                {NOW + 100, NOW + 100}}; /* the clock was set back */
    struct app_password p;

    ck_assert_int_eq(add(&bob, "phone", "1"), OR_OK);
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        ck_assert_int_eq(find(&bob, "1", &p), OR_OK);
        ck_assert_int_eq(app_password_db_used(db, &bob, &p, uses[i].at, &e), OR_OK);
        /* Those of a busy second wait for the next, or for the end. */
        account_db_close(db);
        ck_assert_int_eq(account_db_open(path, true, &db, &e), OR_OK);
        ck_assert_int_eq(find(&bob, "1", &p), OR_OK);
        ck_assert_int_eq(p.used_s, uses[i].written);
    }
}
END_TEST

START_TEST(busy_seconds_write_together)
{
    struct app_password p, q;

    ck_assert_int_eq(add(&bob, "phone", "1"), OR_OK);
    ck_assert_int_eq(add(&bob, "laptop", "2"), OR_OK);
    ck_assert_int_eq(find(&bob, "1", &p), OR_OK);
    ck_assert_int_eq(find(&bob, "2", &q), OR_OK);
    ck_assert_int_eq(app_password_db_used(db, &bob, &p, NOW, &e), OR_OK);
    ck_assert_int_eq(app_password_db_used(db, &bob, &q, NOW, &e), OR_OK);
    ck_assert_int_eq(app_password_db_used(db, &bob, &q, NOW, &e), OR_OK);
    ck_assert_int_eq(find(&bob, "1", &p), OR_OK);
    ck_assert_int_eq(find(&bob, "2", &q), OR_OK);
    ck_assert_int_eq(p.used_s, NOW);
    ck_assert_int_eq(q.used_s, 0);
    account_db_close(db);
    ck_assert_int_eq(account_db_open(path, true, &db, &e), OR_OK);
    ck_assert_int_eq(find(&bob, "2", &q), OR_OK);
    ck_assert_int_eq(q.used_s, NOW);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        comes_back_whole,           opens_its_own_account_only, what_is_refused,
        an_account_has_so_many,     goes_with_its_account,      last_use_is_written_once_an_hour,
        busy_seconds_write_together};
    Suite *s = suite_create("app_password_db");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return unit_main(s);
}
