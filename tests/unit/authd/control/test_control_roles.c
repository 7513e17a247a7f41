/*
 * Who may ask for what. Every refusal here was seen to be the roles': with is_system the same
 * request is done, which each row of `refused` shows.
 */
#include "authd/accounts/account_sql.h"
#include "authd/control/control.h"
#include "authd/control/control_line.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define HASH "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr"

enum { SYSTEM = 1000, DOMAIN, OWNER, NOBODY, BOTH };

static char directory[TEMP_TREE_PATH_BYTES];
static struct account_db *db;
static struct arena mem;
static struct err e;
static json_t *rows;

static bool
collect(void *context, json_t *row)
{
    (void)context;
    json_array_append(rows, row);
    return true;
}

static or_status
ask_as(const struct control_caller *caller, const char *request)
{
    json_t *object = NULL;

    e.text[0] = '\0';
    json_array_clear(rows);
    ck_assert_msg(control_line_parse(span_cstr(request), &object, &e) == OR_OK, "%s: %s", request,
                  e.text);
    struct control_call call = {.db = db,
                                .caller = *caller,
                                .request = object,
                                .show = collect,
                                .answer = json_object(),
                                .mem = &mem,
                                .e = &e};
    or_status st = control_run(&call);

    json_decref(call.answer);
    json_decref(object);
    return st;
}

static or_status
ask(uid_t uid, const char *request)
{
    static const char *const masters[] = {"master@a.test"};

    return ask_as(
        &(struct control_caller){
            .is_system = uid == 0, .uid = uid, .masters = masters, .master_count = 1},
        request);
}

static void
must(const char *request)
{
    ck_assert_msg(ask(0, request) == OR_OK, "%s: %s", request, e.text);
}

#define USER(address_) "\"address\":\"" address_ "\""
#define NEW(address_) "{\"command\":\"user-add\"," USER(address_) ",\"password\":\"" HASH "\"}"
#define ROLE(uid_, subject_)                                                                       \
    "{\"command\":\"admin-add\",\"uid\":" uid_ ",\"name\":\"x\"" subject_ "}"

static void
set_up(void)
{
    static const char *const requests[] = {
        "{\"command\":\"domain-add\",\"domain\":\"a.test\"}",
        "{\"command\":\"domain-add\",\"domain\":\"b.test\"}",
        NEW("bob@a.test"),
        NEW("eve@a.test"),
        NEW("master@a.test"),
        NEW("bob@b.test"),
        "{\"command\":\"app-password-add\"," USER(
            "eve@a.test") ",\"name\":\"p\",\"scope\":\"all\"}",
        "{\"command\":\"alias-add\"," USER("i@b.test") ",\"targets\":[\"bob@b.test\"]}",
        ROLE("1000", ""),
        ROLE("1001", ",\"domain\":\"a.test\""),
        ROLE("1002", ",\"owner\":\"bob@a.test\""),
        ROLE("1004", ",\"domain\":\"b.test\""),
        ROLE("1004", ",\"owner\":\"bob@a.test\""),
    };
    char path[TEMP_TREE_PATH_BYTES + 8];

    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/db", directory);
    arena_init(&mem, CONTROL_ARENA_BYTES);
    rows = json_array();
    ck_assert_int_eq(account_db_open(path, true, &db, &e), OR_OK);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        must(requests[i]);
}

static void
tear_down(void)
{
    account_db_close(db);
    json_decref(rows);
    arena_fini(&mem);
    temp_tree_remove(directory);
}

/* Done for the system's administrators, refused to this one. */
static const struct {
    uid_t uid;
    const char *request;
} refused[] = {
    {DOMAIN, "{\"command\":\"domain-add\",\"domain\":\"c.test\"}"},
    {DOMAIN, "{\"command\":\"domain-set\",\"domain\":\"a.test\",\"max_users\":9}"},
    {DOMAIN, "{\"command\":\"user-set\"," USER("bob@a.test") ",\"host\":\"192.0.2.7\"}"},
    {DOMAIN, NEW("x@b.test")},
    {DOMAIN, "{\"command\":\"user-set\"," USER("bob@b.test") ",\"enabled\":false}"},
    {DOMAIN, "{\"command\":\"user-passwd\"," USER("bob@b.test") ",\"password\":\"" HASH "\"}"},
    {DOMAIN, "{\"command\":\"user-show\"," USER("bob@b.test") "}"},
    {DOMAIN, "{\"command\":\"user-list\"}"},
    {DOMAIN, "{\"command\":\"user-list\",\"domain\":\"b.test\"}"},
    {DOMAIN, "{\"command\":\"user-del\"," USER("bob@b.test") "}"},
    {DOMAIN, "{\"command\":\"alias-add\"," USER("j@b.test") ",\"targets\":[\"x@y.test\"]}"},
    {DOMAIN, "{\"command\":\"alias-add\"," USER("@b.test") ",\"targets\":[\"x@y.test\"]}"},
    {DOMAIN, "{\"command\":\"alias-list\"}"},
    {DOMAIN, "{\"command\":\"alias-list\",\"domain\":\"b.test\"}"},
    {DOMAIN, "{\"command\":\"alias-del\"," USER("i@b.test") "}"},
    {DOMAIN, "{\"command\":\"app-password-add\"," USER("bob@b.test") ",\"name\":\"n\","
                                                                     "\"scope\":\"all\"}"},
    {DOMAIN, ROLE("1001", "")},
    {DOMAIN, ROLE("1001", ",\"domain\":\"b.test\"")},
    {DOMAIN, "{\"command\":\"admin-list\"}"},
    {DOMAIN, "{\"command\":\"admin-del\",\"uid\":1000,\"name\":\"x\"}"},
    /* whoever sets a master user's password logs in as anybody */
    {DOMAIN, "{\"command\":\"user-passwd\"," USER("master@a.test") ",\"password\":\"" HASH "\"}"},
    {DOMAIN, "{\"command\":\"app-password-add\"," USER("master@a.test") ",\"name\":\"n\","
                                                                        "\"scope\":\"all\"}"},
    {DOMAIN, "{\"command\":\"user-del\"," USER("master@a.test") "}"},
    /* a mailbox over somebody else's */
    {DOMAIN, "{\"command\":\"user-add\"," USER("y@a.test") ",\"password\":\"" HASH
                                                           "\",\"home\":\"/var/mail/b.test/bob\"}"},
    {DOMAIN,
     "{\"command\":\"user-add\"," USER("y@a.test") ",\"password\":\"" HASH "\",\"uid\":1005}"},
    {DOMAIN,
     "{\"command\":\"user-add\"," USER("y@a.test") ",\"password\":\"" HASH "\",\"gid\":1005}"},
    {OWNER, NEW("x@a.test")},
    {OWNER, "{\"command\":\"user-set\"," USER("bob@a.test") ",\"enabled\":true}"},
    {OWNER, "{\"command\":\"user-set\"," USER("bob@a.test") ",\"quota_bytes\":0,"
                                                            "\"quota_messages\":0}"},
    {OWNER, "{\"command\":\"user-passwd\"," USER("eve@a.test") ",\"password\":\"" HASH "\"}"},
    {OWNER, "{\"command\":\"user-passwd\"," USER("bob@b.test") ",\"password\":\"" HASH "\"}"},
    {OWNER, "{\"command\":\"user-show\"," USER("eve@a.test") "}"},
    {OWNER, "{\"command\":\"user-list\",\"domain\":\"a.test\"}"},
    {OWNER, "{\"command\":\"user-del\"," USER("bob@a.test") "}"},
    {OWNER, "{\"command\":\"alias-add\"," USER("k@a.test") ",\"targets\":[\"bob@a.test\"]}"},
    {OWNER, "{\"command\":\"app-password-add\"," USER("eve@a.test") ",\"name\":\"q\","
                                                                    "\"scope\":\"all\"}"},
    {OWNER, "{\"command\":\"app-password-list\"," USER("eve@a.test") "}"},
    {OWNER, "{\"command\":\"app-password-del\"," USER("eve@a.test") ",\"name\":\"p\"}"},
    {NOBODY, "{\"command\":\"user-show\"," USER("bob@a.test") "}"},
    {NOBODY, "{\"command\":\"user-passwd\"," USER("bob@a.test") ",\"password\":\"" HASH "\"}"},
    {NOBODY, "{\"command\":\"user-list\",\"domain\":\"a.test\"}"},
    /* one role is not the other's: administrator of b.test, owner of bob@a.test */
    {BOTH, "{\"command\":\"user-passwd\"," USER("eve@a.test") ",\"password\":\"" HASH "\"}"},
    {BOTH, "{\"command\":\"user-set\"," USER("bob@a.test") ",\"enabled\":true}"},
};

START_TEST(what_is_refused)
{
    const char *request = refused[_i].request;

    ck_assert_msg(ask(refused[_i].uid, request) == OR_MALFORMED, "%s", request);
    ck_assert_msg(strstr(e.text, "not allowed") != NULL, "%s: %s", request, e.text);
    ck_assert_uint_eq(json_array_size(rows), 0);
    ck_assert_msg(ask(SYSTEM, request) == OR_OK, "%s: %s", request, e.text);
}
END_TEST

static const struct {
    uid_t uid;
    const char *request;
} allowed[] = {
    {SYSTEM, "{\"command\":\"domain-add\",\"domain\":\"c.test\"}"},
    {SYSTEM, "{\"command\":\"user-list\"}"},
    {DOMAIN, NEW("x@a.test")},
    {DOMAIN, "{\"command\":\"user-set\"," USER("bob@a.test") ",\"enabled\":false}"},
    {DOMAIN, "{\"command\":\"user-passwd\"," USER("bob@a.test") ",\"password\":\"" HASH "\"}"},
    {DOMAIN, "{\"command\":\"user-list\",\"domain\":\"a.test\"}"},
    {DOMAIN, "{\"command\":\"user-del\"," USER("bob@a.test") "}"},
    {DOMAIN, "{\"command\":\"alias-add\"," USER("@a.test") ",\"targets\":[\"bob@a.test\"]}"},
    {DOMAIN, "{\"command\":\"app-password-del\"," USER("eve@a.test") ",\"name\":\"p\"}"},
    {OWNER, "{\"command\":\"user-passwd\"," USER("bob@a.test") ",\"password\":\"" HASH "\"}"},
    {OWNER, "{\"command\":\"user-show\"," USER("bob@a.test") "}"},
    {OWNER, "{\"command\":\"app-password-add\"," USER("bob@a.test") ",\"name\":\"q\","
                                                                    "\"scope\":\"all\"}"},
    {OWNER, "{\"command\":\"app-password-list\"," USER("bob@a.test") "}"},
    {BOTH, NEW("x@b.test")},
    {BOTH, "{\"command\":\"user-passwd\"," USER("bob@a.test") ",\"password\":\"" HASH "\"}"},
};

START_TEST(what_is_allowed)
{
    ck_assert_msg(ask(allowed[_i].uid, allowed[_i].request) == OR_OK, "%s: %s", allowed[_i].request,
                  e.text);
}
END_TEST

START_TEST(each_sees_his_own_domains)
{
    static const struct {
        uid_t uid;
        size_t domains;
    } seen[] = {{0, 2}, {SYSTEM, 2}, {DOMAIN, 1}, {OWNER, 0}, {NOBODY, 0}};

    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        ck_assert_int_eq(ask(seen[i].uid, "{\"command\":\"domain-list\"}"), OR_OK);
        ck_assert_uint_eq(json_array_size(rows), seen[i].domains);
    }
}
END_TEST

/* A role that is taken away, or whose account goes, is gone at once; a new account of that name is
 * somebody else's. */
START_TEST(roles_end)
{
    static const char show[] = "{\"command\":\"user-show\"," USER("bob@a.test") "}";

    ck_assert_int_eq(ask(OWNER, show), OR_OK);
    must("{\"command\":\"user-del\"," USER("bob@a.test") "}");
    must(NEW("bob@a.test"));
    ck_assert_int_eq(ask(OWNER, show), OR_MALFORMED);
    ck_assert_int_eq(ask(DOMAIN, show), OR_OK);
    must("{\"command\":\"admin-del\",\"uid\":1001,\"name\":\"x\",\"domain\":\"a.test\"}");
    ck_assert_int_eq(ask(DOMAIN, show), OR_MALFORMED);
    must("{\"command\":\"admin-list\"}");
    ck_assert_uint_eq(json_array_size(rows), 2); /* the system's, and the one of b.test */
}
END_TEST

static const struct {
    const char *request;
    or_status st;
} role_requests[] = {
    {ROLE("0", ""), OR_MALFORMED},
    {ROLE("4294967295", ""), OR_MALFORMED},
    {ROLE("-1", ""), OR_MALFORMED},
    {ROLE("1000", ""), OR_MALFORMED}, /* he is */
    {ROLE("1001", ",\"domain\":\"a.test\""), OR_MALFORMED},
    {ROLE("1001", ",\"domain\":\"c.test\""), OR_ABSENT},
    {ROLE("1001", ",\"owner\":\"no@a.test\""), OR_ABSENT},
    {ROLE("1001", ",\"owner\":\"bob@a.test\",\"domain\":\"a.test\""), OR_MALFORMED},
    {"{\"command\":\"admin-add\",\"uid\":1007}", OR_MALFORMED},
    {"{\"command\":\"admin-del\",\"uid\":1007,\"name\":\"x\"}", OR_ABSENT},
    {"{\"command\":\"admin-del\",\"uid\":1001,\"name\":\"x\"}", OR_ABSENT}, /* not that one */
};

START_TEST(roles_are_checked)
{
    ck_assert_int_eq(ask(0, role_requests[_i].request), role_requests[_i].st);
    ck_assert_str_ne(e.text, "");
}
END_TEST

/* In order. a.test has three accounts and no alias. */
static const struct {
    uid_t uid;
    const char *request;
    or_status st;
} limited[] = {
    {0,
     "{\"command\":\"domain-set\",\"domain\":\"a.test\",\"max_users\":4,\"max_aliases\":1,"
     "\"max_quota\":1000}",
     OR_OK},
    {DOMAIN, NEW("d@a.test"), OR_OK},
    {DOMAIN, NEW("e@a.test"), OR_MALFORMED},
    {0, NEW("e@a.test"), OR_OK}, /* the system's administrators may */
    {DOMAIN, "{\"command\":\"alias-add\"," USER("i@a.test") ",\"targets\":[\"bob@a.test\"]}",
     OR_OK},
    {DOMAIN, "{\"command\":\"alias-add\"," USER("i@a.test") ",\"targets\":[\"eve@a.test\"]}",
     OR_OK},
    {DOMAIN, "{\"command\":\"alias-add\"," USER("j@a.test") ",\"targets\":[\"eve@a.test\"]}",
     OR_MALFORMED},
    {DOMAIN,
     "{\"command\":\"user-set\"," USER("d@a.test") ",\"quota_bytes\":1000,"
                                                   "\"quota_messages\":0}",
     OR_OK},
    {DOMAIN,
     "{\"command\":\"user-set\"," USER("d@a.test") ",\"quota_bytes\":1001,"
                                                   "\"quota_messages\":0}",
     OR_MALFORMED},
    {DOMAIN,
     "{\"command\":\"user-set\"," USER("d@a.test") ",\"quota_bytes\":0,"
                                                   "\"quota_messages\":5}",
     OR_MALFORMED},
    {DOMAIN, "{\"command\":\"user-set\"," USER("d@a.test") ",\"quota_of_domain\":true}", OR_OK},
    {DOMAIN, "{\"command\":\"user-del\"," USER("e@a.test") "}", OR_OK},
    {DOMAIN, "{\"command\":\"user-del\"," USER("d@a.test") "}", OR_OK},
    /* all or nothing: not an account without its quota */
    {DOMAIN,
     "{\"command\":\"user-add\"," USER("f@a.test") ",\"password\":\"" HASH
                                                   "\",\"quota_bytes\":1001,\"quota_messages\":0}",
     OR_MALFORMED},
    {DOMAIN, "{\"command\":\"user-show\"," USER("f@a.test") "}", OR_ABSENT},
    {0, "{\"command\":\"domain-set\",\"domain\":\"a.test\",\"max_aliases\":0}", OR_OK},
    {DOMAIN, "{\"command\":\"alias-add\"," USER("j@a.test") ",\"targets\":[\"eve@a.test\"]}",
     OR_OK},
    {0, "{\"command\":\"domain-set\",\"domain\":\"c.test\",\"max_aliases\":0}", OR_ABSENT},
};

START_TEST(administrators_end_at_their_domains_limits)
{
    for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++)
        ck_assert_msg(ask(limited[i].uid, limited[i].request) == limited[i].st, "%s: %s",
                      limited[i].request, e.text);
}
END_TEST

START_TEST(unreadable_roles_are_no_permission)
{
    ck_assert_int_eq(
        sqlite3_exec(db->sqlite, "ALTER TABLE roles RENAME TO hidden", NULL, NULL, NULL),
        SQLITE_OK);
    ck_assert_int_eq(ask(SYSTEM, "{\"command\":\"user-list\"}"), OR_TEMPFAIL);
    ck_assert_int_eq(ask(SYSTEM, "{\"command\":\"domain-list\"}"), OR_TEMPFAIL);
    ck_assert_uint_eq(json_array_size(rows), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("control_roles");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, what_is_refused, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_loop_test(c, what_is_allowed, 0, sizeof(allowed) / sizeof(allowed[0]));
    tcase_add_test(c, each_sees_his_own_domains);
    tcase_add_test(c, roles_end);
    tcase_add_loop_test(c, roles_are_checked, 0, sizeof(role_requests) / sizeof(role_requests[0]));
    tcase_add_test(c, administrators_end_at_their_domains_limits);
    tcase_add_test(c, unreadable_roles_are_no_permission);
    suite_add_tcase(s, c);
    return unit_main(s);
}
