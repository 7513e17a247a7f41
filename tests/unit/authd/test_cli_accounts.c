/* outrider domain, user, alias: a session at the command line, step by step, by exits and by what
 * the database holds afterwards. */
#include "authd/accounts/account_db.h"
#include "authd/accounts/password.h"
#include "common/base/clock.h"
#include "common/cli/cli.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS 12

static char directory[TEMP_TREE_PATH_BYTES], database[TEMP_TREE_PATH_BYTES + 32];

static void
set_up(void)
{
    temp_tree_make(directory);
    snprintf(database, sizeof(database), "--database=%s/db", directory);
}

static void
tear_down(void)
{
    temp_tree_remove(directory);
}

/* Puts `text` where standard input is. */
static void
feed(const char *text)
{
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
}

/* Runs "GROUP VERB ..." with `option` behind it. */
static int
run_with(const char *line, const char *typed, char *option)
{
    static const struct cli_verb *const tables[] = {authd_cli_verbs};
    char words[512], program[] = "outrider", *argv[MAX_WORDS + 2] = {program};
    char *rest = words, *word;
    int argc = 1;

    snprintf(words, sizeof(words), "%s", line);
    while (argc < MAX_WORDS && (word = strsep(&rest, " ")) != NULL)
        argv[argc++] = word;
    argv[argc++] = option;
    feed(typed);
    return cli_main(argc, argv, tables, 1);
}

static int
run(const char *line, const char *typed)
{
    return run_with(line, typed, database);
}

static const struct {
    const char *line;
    int status;
    const char *typed;
} steps[] = {
    {"domain list", CLI_NO, ""}, /* no database yet, and none is made */
    {"user add bob@example.org --password-stdin", CLI_NO, "s3cret\n"},
    {"domain add Example.ORG", CLI_YES, ""},
    {"domain add example.org", CLI_NO, ""},
    {"domain add ../etc", CLI_USAGE, ""},
    {"domain list", CLI_YES, ""},
    {"domain list --json", CLI_YES, ""},
    {"user add Bob@Example.org --password-stdin", CLI_YES, "s3cret\nmore\n"},
    {"user add bob@example.org --password-stdin", CLI_NO, "s3cret\n"},
    {"user add bob@example.com --password-stdin", CLI_NO, "s3cret\n"},
    {"user add carl@example.org --password-stdin", CLI_USAGE, ""},
    {"user add carl@example.org --password-stdin", CLI_USAGE, "\n"},
    {"user add carl --password-stdin", CLI_USAGE, "s3cret\n"},
    {"user add @example.org --password-stdin", CLI_USAGE, "s3cret\n"},
    {"user add carl@example.org --password-stdin --uid=0", CLI_USAGE, "s3cret\n"},
    {"user add carl@example.org --password-stdin --gid=x", CLI_USAGE, "s3cret\n"},
    {"user add carl@example.org --password-stdin --uid=4294967295", CLI_USAGE, "s3cret\n"},
    {"user add carl@example.org --password-stdin --home=srv", CLI_USAGE, "s3cret\n"},
    {"user add carl@example.org --password-stdin --home=", CLI_USAGE, "s3cret\n"},
    {"user add carl@example.org --password=s3cret", CLI_USAGE, ""},
    {"user add dora@example.org --password-stdin --uid=7 --gid=8 --home=/srv/d", CLI_YES,
     "no end of line"},
    {"user add eve@example.org --password-stdin --quota=much", CLI_USAGE, "s3cret\n"},
    {"user add eve@example.org --password-stdin --quota=1G,5", CLI_YES, "s3cret\n"},
    {"user set eve@example.org", CLI_USAGE, ""},
    {"user set eve@example.org --enable --disable", CLI_USAGE, ""},
    {"user set eve@example.org --quota=1G,5,6", CLI_USAGE, ""},
    {"user set eve@example.org --quota=8589934592G", CLI_USAGE, ""},
    {"user set eve@example.org --quota=-1", CLI_USAGE, ""},
    {"user set nobody@example.org --disable", CLI_NO, ""},
    {"user set eve@example.org --disable", CLI_YES, ""},
    {"domain set example.org", CLI_USAGE, ""},
    {"domain set example.com --quota=1G", CLI_NO, ""},
    {"domain set example.org --quota=2m,9", CLI_YES, ""},
    {"user set dora@example.org --quota=none", CLI_YES, ""},
    {"user list", CLI_YES, ""},
    {"user list --json example.org", CLI_YES, ""},
    {"user list example.com", CLI_NO, ""},
    {"user passwd dora@example.org --password-stdin", CLI_YES, "an other one\n"},
    {"user passwd carl@example.org --password-stdin", CLI_NO, "an other one\n"},
    {"alias add info@example.org bob@example.org x@example.com", CLI_YES, ""},
    {"alias add bob@example.org dora@example.org", CLI_NO, ""},
    {"alias add info@example.org @example.com", CLI_USAGE, ""},
    {"alias add @example.org info@example.org", CLI_YES, ""},
    {"alias list", CLI_YES, ""},
    {"alias list --json example.org", CLI_YES, ""},
    {"alias del info@example.org x@example.com", CLI_YES, ""},
    {"alias del info@example.org x@example.com", CLI_NO, ""},
    {"domain del example.org", CLI_NO, ""},
    {"domain del example.com", CLI_NO, ""},
};

static void
check_password(struct account_db *db, struct arena *mem, const char *name, const char *password)
{
    struct account_address address;
    struct account_row row;
    struct err e;

    ck_assert_int_eq(account_address_parse(span_cstr(name), false, mem, &address, &e), OR_OK);
    ck_assert_int_eq(account_db_find(db, &address, mem, &row, &e), OR_OK);
    ck_assert_int_eq(
        password_check(&(struct password_question){row.password, span_cstr(password),
                                                   clock_mono_ms() + 60000, false, false},
                       &e),
        OR_OK);
    if (strcmp(name, "dora@example.org") == 0) {
        ck_assert(row.uid == 7 && row.gid == 8);
        ck_assert_span_eq(row.home, "/srv/d");
    }
}

/* eve has a quota of her own, bob his domain's, dora none in spite of it. */
static void
check_quota(struct account_db *db, struct arena *mem, const char *name, int64_t bytes,
            int64_t messages)
{
    struct account_address address;
    struct account_row row;
    struct err e;

    ck_assert_int_eq(account_address_parse(span_cstr(name), false, mem, &address, &e), OR_OK);
    ck_assert_int_eq(account_db_find(db, &address, mem, &row, &e), OR_OK);
    ck_assert_int_eq(row.quota.bytes, bytes);
    ck_assert_int_eq(row.quota.messages, messages);
    ck_assert_int_eq(row.enabled, strcmp(name, "eve@example.org") != 0);
}

static void
check_database(void)
{
    struct account_db *db = NULL;
    struct account_address info;
    struct span *targets;
    size_t count;
    struct arena mem;
    struct err e;

    arena_init(&mem, 1 << 20);
    ck_assert_int_eq(account_db_open(strchr(database, '=') + 1, false, &db, &e), OR_OK);
    check_password(db, &mem, "bob@example.org", "s3cret");
    check_password(db, &mem, "dora@example.org", "an other one");
    check_quota(db, &mem, "eve@example.org", INT64_C(1) << 30, 5);
    check_quota(db, &mem, "bob@example.org", 2 << 20, 9);
    check_quota(db, &mem, "dora@example.org", 0, 0);
    ck_assert_int_eq(account_address_parse(SPAN_LIT("info@example.org"), false, &mem, &info, &e),
                     OR_OK);
    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_span_eq(targets[0], "bob@example.org");
    account_db_close(db);
    arena_fini(&mem);
}

START_TEST(session)
{
    static const char *const clearing[] = {
        "alias del @example.org",    "alias del --json info@example.org",
        "user del bob@example.org",  "user set eve@example.org --quota=default --enable",
        "user list --json",          "user del eve@example.org",
        "user del dora@example.org", "domain del example.org"};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int status = run(steps[i].line, steps[i].typed);

        ck_assert_msg(status == steps[i].status, "%s: %d", steps[i].line, status);
    }
    check_database();
    for (size_t i = 0; i < sizeof(clearing) / sizeof(clearing[0]); i++)
        ck_assert_msg(run(clearing[i], "") == CLI_YES, "%s", clearing[i]);
}
END_TEST

START_TEST(database_of_the_configuration)
{
    char conf[sizeof(database)], option[2 * sizeof(database)];

    snprintf(conf, sizeof(conf), "%s/authd.conf", directory);
    snprintf(option, sizeof(option), "--config=%s", conf);
    ck_assert_int_eq(run_with("domain add example.org", "", option), CLI_CONFIG);
    FILE *f = fopen(conf, "we");

    ck_assert_ptr_nonnull(f);
    fprintf(f, "database = \"%s/other\"\nmail-uid = 8\nmail-gid = 8\n", directory);
    fclose(f);
    ck_assert_int_eq(run_with("domain add example.org", "", option), CLI_YES);
    snprintf(option, sizeof(option), "--database=%s/other", directory);
    ck_assert_int_eq(run_with("user list example.org", "", option), CLI_YES);
}
END_TEST

START_TEST(no_database_is_left_behind_by_a_mistake)
{
    ck_assert_int_eq(run("user add bob@example.org --password-stdin", "s3cret\n"), CLI_NO);
    ck_assert_int_eq(run("alias del bob@example.org", ""), CLI_NO);
    ck_assert_uint_eq(temp_tree_count(directory), 0);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("cli_accounts");
    TCase *c = tcase_create("all");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, session);
    tcase_add_test(c, database_of_the_configuration);
    tcase_add_test(c, no_database_is_left_behind_by_a_mistake);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
