/* The accounts database: what is found, what may be changed, what holds together. */
#include "authd/accounts/account_db.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static char directory[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 8];
static struct account_db *db;
static struct arena mem;
static struct err e;

static void
set_up(void)
{
    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/db", directory);
    arena_init(&mem, 1 << 20);
    ck_assert_msg(account_db_open(path, true, &db, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(account_db_add_domain(db, SPAN_LIT("example.org"), &e), OR_OK);
    ck_assert_int_eq(account_db_add_domain(db, SPAN_LIT("example.net"), &e), OR_OK);
}

static void
tear_down(void)
{
    account_db_close(db);
    arena_fini(&mem);
    temp_tree_remove(directory);
}

static struct account_address
address(const char *text)
{
    struct account_address a;

    ck_assert_msg(account_address_parse(span_cstr(text), true, &mem, &a, &e) == OR_OK, "%s",
                  e.text);
    return a;
}

static or_status
add(const char *text)
{
    struct account_row row = {.address = address(text),
                              .password = SPAN_LIT("{CRYPT}x"),
                              .enabled = true,
                              .uid = -1,
                              .gid = -1};

    return account_db_add(db, &row, &e);
}

static or_status
alias(const char *from, const char *to)
{
    struct account_address a = address(from);
    struct span target = span_cstr(to);

    return account_db_add_alias(db, &a, &target, 1, &e);
}

static or_status
find(const char *text, struct account_row *row)
{
    struct account_address a = address(text);

    return account_db_find(db, &a, &mem, row, &e);
}

START_TEST(row_comes_back_whole)
{
    struct account_row in = {.address = address("bob@example.org"),
                             .password = SPAN_LIT("{CRYPT}$y$..."),
                             .enabled = false,
                             .uid = 4294967293,
                             .gid = 8,
                             .home = SPAN_LIT("/srv/b\xc3\xb6"
                                              "b 7")};
    struct account_row out;

    ck_assert_int_eq(account_db_add(db, &in, &e), OR_OK);
    ck_assert_int_eq(find("bob@example.org", &out), OR_OK);
    ck_assert_span_eq(out.address.whole, "bob@example.org");
    ck_assert_span_eq(out.address.local, "bob");
    ck_assert_span_eq(out.address.domain, "example.org");
    ck_assert_span_eq(out.password, "{CRYPT}$y$...");
    ck_assert(!out.enabled);
    ck_assert(out.uid == 4294967293 && out.gid == 8);
    ck_assert(span_equal(out.home, in.home));
}
END_TEST

START_TEST(defaults_are_absent)
{
    struct account_row in = {
        .address = address("a@example.org"), .enabled = true, .uid = -1, .gid = -1};
    struct account_row out;

    ck_assert_int_eq(account_db_add(db, &in, &e), OR_OK);
    ck_assert_int_eq(find("a@example.org", &out), OR_OK);
    ck_assert(out.enabled && out.uid == -1 && out.gid == -1);
    ck_assert_uint_eq(out.home.n, 0);
    ck_assert_uint_eq(out.password.n, 0);
    ck_assert_int_eq(find("b@example.org", &out), OR_ABSENT);
    ck_assert_int_eq(find("a@example.net", &out), OR_ABSENT);
    ck_assert_int_eq(account_db_find_domain(db, SPAN_LIT("example.org"), &e), OR_OK);
    ck_assert_int_eq(account_db_find_domain(db, SPAN_LIT("example"), &e), OR_ABSENT);
    ck_assert_int_eq(account_db_find_domain(db, SPAN_LIT("example.org\0"), &e), OR_ABSENT);
    ck_assert_int_eq(account_db_find_domain(db, SPAN_LIT("x' OR '1'='1"), &e), OR_ABSENT);
}
END_TEST

START_TEST(changes_are_refused_in_a_sentence)
{
    struct account_address bob = address("bob@example.org");
    struct account_address nobody = address("nobody@example.org");

    ck_assert_int_eq(add("bob@example.org"), OR_OK);
    ck_assert_int_eq(add("bob@example.org"), OR_MALFORMED);
    ck_assert_str_eq(e.text, "there is an account bob@example.org already");
    ck_assert_int_eq(add("bob@example.com"), OR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(e.text, "outrider domain add example.com"));
    ck_assert_int_eq(alias("bob@example.org", "x@example.com"), OR_MALFORMED);
    ck_assert_int_eq(alias("info@example.com", "bob@example.org"), OR_MALFORMED);
    ck_assert_int_eq(alias("info@example.org", "bob@example.org"), OR_OK);
    ck_assert_int_eq(add("info@example.org"), OR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(e.text, "alias info@example.org"));
    ck_assert_int_eq(alias("info@example.org", "bob@example.org"), OR_MALFORMED);
    ck_assert_int_eq(account_db_add_domain(db, SPAN_LIT("example.org"), &e), OR_MALFORMED);
    ck_assert_int_eq(account_db_set_password(db, &nobody, SPAN_LIT("x"), SPAN_EMPTY, &e),
                     OR_ABSENT);
    ck_assert_str_eq(e.text, "there is no account nobody@example.org");
    ck_assert_int_eq(account_db_delete(db, &nobody, &e), OR_ABSENT);
    ck_assert_int_eq(account_db_delete_alias(db, &nobody, SPAN_EMPTY, &e), OR_ABSENT);
    ck_assert_int_eq(account_db_delete_domain(db, SPAN_LIT("example.com"), &e), OR_ABSENT);
    /* Nothing of that left a transaction open. */
    ck_assert_int_eq(account_db_set_password(db, &bob, SPAN_LIT("{CRYPT}y"), SPAN_EMPTY, &e),
                     OR_OK);
}
END_TEST

START_TEST(domain_goes_last)
{
    struct account_address bob = address("bob@example.org"), info = address("info@example.org");
    struct span domain = SPAN_LIT("example.org");

    ck_assert_int_eq(add("bob@example.org"), OR_OK);
    ck_assert_int_eq(alias("info@example.org", "bob@example.org"), OR_OK);
    ck_assert_int_eq(account_db_delete_domain(db, domain, &e), OR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(e.text, "outrider user list example.org"));
    ck_assert_int_eq(account_db_delete(db, &bob, &e), OR_OK);
    ck_assert_int_eq(account_db_delete_domain(db, domain, &e), OR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(e.text, "outrider alias list example.org"));
    ck_assert_int_eq(account_db_delete_alias(db, &info, SPAN_EMPTY, &e), OR_OK);
    ck_assert_int_eq(account_db_delete_domain(db, domain, &e), OR_OK);
    ck_assert_int_eq(account_db_find_domain(db, domain, &e), OR_ABSENT);
}
END_TEST

START_TEST(password_changes_at_once_for_others)
{
    struct account_db *daemon = NULL;
    struct account_address bob = address("bob@example.org");
    struct account_row row;

    ck_assert_int_eq(account_db_open(path, false, &daemon, &e), OR_OK);
    ck_assert_int_eq(add("bob@example.org"), OR_OK);
    ck_assert_int_eq(account_db_find(daemon, &bob, &mem, &row, &e), OR_OK);
    ck_assert_int_eq(account_db_set_password(db, &bob, SPAN_LIT("{CRYPT}new"), SPAN_EMPTY, &e),
                     OR_OK);
    ck_assert_int_eq(account_db_find(daemon, &bob, &mem, &row, &e), OR_OK);
    ck_assert_span_eq(row.password, "{CRYPT}new");
    ck_assert_int_eq(account_db_delete(db, &bob, &e), OR_OK);
    ck_assert_int_eq(account_db_find(daemon, &bob, &mem, &row, &e), OR_ABSENT);
    /* Who opened it for reading cannot change it. */
    ck_assert_int_eq(account_db_add_domain(daemon, SPAN_LIT("example.com"), &e), OR_CONFIG);
    account_db_close(daemon);
}
END_TEST

START_TEST(alias_targets)
{
    struct account_address info = address("info@example.org"), all = address("@example.org");
    struct span two[] = {SPAN_INIT("b@example.com"), SPAN_INIT("a@example.com")};
    struct span *targets;
    size_t count;

    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_ABSENT);
    ck_assert_int_eq(account_db_add_alias(db, &info, two, 2, &e), OR_OK);
    ck_assert_int_eq(alias("info@example.org", "c@example.com"), OR_OK);
    ck_assert_int_eq(alias("@example.org", "info@example.org"), OR_OK);
    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_span_eq(targets[0], "a@example.com");
    ck_assert_span_eq(targets[2], "c@example.com");
    ck_assert_int_eq(account_db_find_alias(db, &all, &mem, &targets, &count, &e), OR_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_span_eq(targets[0], "info@example.org");

    ck_assert_int_eq(account_db_delete_alias(db, &info, SPAN_LIT("a@example.com"), &e), OR_OK);
    ck_assert_int_eq(account_db_delete_alias(db, &info, SPAN_LIT("a@example.com"), &e), OR_ABSENT);
    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(account_db_delete_alias(db, &info, SPAN_EMPTY, &e), OR_OK);
    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_ABSENT);
}
END_TEST

START_TEST(alias_is_added_whole_or_not)
{
    struct account_address info = address("info@example.org");
    struct span twice[] = {SPAN_INIT("a@example.com"), SPAN_INIT("a@example.com")};
    struct span *targets;
    size_t count;

    ck_assert_int_eq(account_db_add_alias(db, &info, twice, 2, &e), OR_MALFORMED);
    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_ABSENT);
}
END_TEST

/* Aliases made in order; the last is judged. NULL, NULL ends a row; an alias to NULL is an account.
 */
static const struct {
    const char *name;
    const char *links[5][2];
    or_status last;
} circles[] = {
    {"to itself", {{"a@example.org", "a@example.org"}}, OR_MALFORMED},
    {"two", {{"a@example.org", "b@example.org"}, {"b@example.org", "a@example.org"}}, OR_MALFORMED},
    {"three",
     {{"a@example.org", "b@example.org"},
      {"b@example.org", "c@example.org"},
      {"c@example.org", "a@example.org"}},
     OR_MALFORMED},
    {"catch-all to an address that it catches", {{"@example.org", "a@example.org"}}, OR_MALFORMED},
    {"catch-all to an account",
     {{"a@example.org", NULL}, {"@example.org", "a@example.org"}},
     OR_OK},
    {"catch-all to an alias that leads out",
     {{"a@example.org", "x@example.com"}, {"@example.org", "a@example.org"}},
     OR_OK},
    {"two catch-alls at each other",
     {{"@example.org", "a@example.net"}, {"@example.net", "b@example.org"}},
     OR_MALFORMED},
    {"alias into its own catch-all",
     {{"z@example.org", NULL},
      {"@example.org", "z@example.org"},
      {"@example.net", "a@example.org"},
      {"a@example.org", "q@example.net"}},
     OR_MALFORMED},
    {"two ways to one target are no circle",
     {{"b@example.org", "d@example.org"},
      {"c@example.org", "d@example.org"},
      {"a@example.org", "b@example.org"},
      {"a@example.org", "c@example.org"}},
     OR_OK},
};

START_TEST(circle)
{
    or_status st = OR_OK;

    for (size_t i = 0; i < 5 && circles[_i].links[i][0] != NULL; i++) {
        const char *const *link = circles[_i].links[i];

        ck_assert_msg(st == OR_OK, "%s: %s", circles[_i].name, e.text);
        st = link[1] == NULL ? add(link[0]) : alias(link[0], link[1]);
    }
    ck_assert_msg(st == circles[_i].last, "%s: %s", circles[_i].name, e.text);
}
END_TEST

/* A chain of n aliases: link i leads from step i to step i + 1. */
static or_status
link_step(int i)
{
    char from[32], to[32];

    snprintf(from, sizeof(from), "s%d@example.org", i);
    snprintf(to, sizeof(to), "s%d@example.org", i + 1);
    return alias(from, to);
}

START_TEST(chains_have_a_ceiling)
{
    for (int i = 0; i < ACCOUNT_MAX_ALIAS_DEPTH; i++)
        ck_assert_msg(link_step(i) == OR_OK, "%d: %s", i, e.text);
    ck_assert_int_eq(link_step(ACCOUNT_MAX_ALIAS_DEPTH), OR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(e.text, "more than 10"));
    ck_assert_int_eq(link_step(-1), OR_MALFORMED);
    /* A catch-all counts as a step. */
    ck_assert_int_eq(alias("@example.net", "s0@example.org"), OR_MALFORMED);
    ck_assert_int_eq(alias("@example.net", "s1@example.org"), OR_OK);
    ck_assert_int_eq(alias("x@example.org", "y@example.net"), OR_MALFORMED);
}
END_TEST

START_TEST(middle_of_a_chain_counts_both_ways)
{
    for (int i = 0; i <= ACCOUNT_MAX_ALIAS_DEPTH; i++)
        if (i != 5)
            ck_assert_msg(link_step(i) == OR_OK, "%d: %s", i, e.text);
    ck_assert_int_eq(link_step(5), OR_MALFORMED);
}
END_TEST

START_TEST(targets_have_a_ceiling)
{
    static struct span many[ACCOUNT_MAX_ALIAS_TARGETS];
    struct account_address info = address("info@example.org");
    struct span *targets;
    size_t count;

    for (size_t i = 0; i < ACCOUNT_MAX_ALIAS_TARGETS; i++) {
        char *text = arena_printf(&mem, "t%zu@example.com", i);

        many[i] = span_cstr(text);
    }
    ck_assert_msg(account_db_add_alias(db, &info, many, ACCOUNT_MAX_ALIAS_TARGETS, &e) == OR_OK,
                  "%s", e.text);
    ck_assert_int_eq(alias("info@example.org", "more@example.com"), OR_MALFORMED);
    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_OK);
    ck_assert_uint_eq(count, ACCOUNT_MAX_ALIAS_TARGETS);
}
END_TEST

struct seen {
    size_t count, stop_after;
    char text[512];
};

static bool
note(struct seen *seen, struct span a, struct span b)
{
    size_t n = strlen(seen->text);

    snprintf(seen->text + n, sizeof(seen->text) - n, "%.*s>%.*s ", SPAN_ARG(a), SPAN_ARG(b));
    return ++seen->count != seen->stop_after;
}

/* Deletes what it is shown: no lock is held, and the walk goes on behind it. */
static bool
see_account(void *context, const struct account_row *row)
{
    ck_assert_int_eq(account_db_delete(db, &row->address, &e), OR_OK);
    return note(context, row->address.whole, row->password);
}

static bool
see_domain(void *context, struct span domain)
{
    return note(context, domain, SPAN_EMPTY);
}

static bool
see_alias(void *context, struct span from, struct span to)
{
    return note(context, from, to);
}

START_TEST(walks)
{
    struct seen accounts = {0}, domains = {0}, aliases = {0}, some = {.stop_after = 2};

    ck_assert_int_eq(add("c@example.org"), OR_OK);
    ck_assert_int_eq(add("a@example.org"), OR_OK);
    ck_assert_int_eq(add("b@example.net"), OR_OK);
    ck_assert_int_eq(alias("i@example.org", "b@example.net"), OR_OK);
    ck_assert_int_eq(alias("i@example.org", "a@example.net"), OR_OK);
    ck_assert_int_eq(alias("@example.org", "c@example.org"), OR_OK);

    ck_assert_int_eq(account_db_each_domain(db, see_domain, &domains, &e), OR_OK);
    ck_assert_str_eq(domains.text, "example.net> example.org> ");
    ck_assert_int_eq(account_db_each_alias(db, see_alias, &aliases, &e), OR_OK);
    ck_assert_str_eq(aliases.text, "@example.org>c@example.org i@example.org>a@example.net "
                                   "i@example.org>b@example.net ");
    ck_assert_int_eq(account_db_each_alias(db, see_alias, &some, &e), OR_OK);
    ck_assert_uint_eq(some.count, 2);
    ck_assert_int_eq(account_db_each(db, see_account, &accounts, &e), OR_OK);
    ck_assert_str_eq(accounts.text,
                     "a@example.org>{CRYPT}x b@example.net>{CRYPT}x c@example.org>{CRYPT}x ");
}
END_TEST

/* "I cannot read it" must never become "no such user": mail would bounce. */
START_TEST(broken_database_is_a_temporary_failure)
{
    sqlite3 *other = NULL;
    struct account_address info = address("info@example.org");
    struct account_row row;
    struct span *targets;
    size_t count;
    struct seen seen = {0};

    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other,
                                  "DROP TABLE aliases; DROP TABLE accounts; DROP TABLE domains",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(other);
    ck_assert_int_eq(find("bob@example.org", &row), OR_TEMPFAIL);
    ck_assert_str_ne(e.text, "");
    ck_assert_int_eq(account_db_find_domain(db, SPAN_LIT("example.org"), &e), OR_TEMPFAIL);
    ck_assert_int_eq(account_db_find_alias(db, &info, &mem, &targets, &count, &e), OR_TEMPFAIL);
    ck_assert_int_eq(account_db_each(db, see_account, &seen, &e), OR_TEMPFAIL);
    ck_assert_int_eq(account_db_each_domain(db, see_domain, &seen, &e), OR_TEMPFAIL);
    ck_assert_int_eq(account_db_each_alias(db, see_alias, &seen, &e), OR_TEMPFAIL);
    ck_assert_int_eq(add("bob@example.org"), OR_TEMPFAIL);
}
END_TEST

START_TEST(full_arena_is_a_temporary_failure)
{
    struct account_address bob = address("bob@example.org");
    struct account_row row;
    struct arena small;

    ck_assert_int_eq(add("bob@example.org"), OR_OK);
    arena_init(&small, 8);
    ck_assert_int_eq(account_db_find(db, &bob, &small, &row, &e), OR_TEMPFAIL);
    arena_fini(&small);
}
END_TEST

START_TEST(absent_file)
{
    struct account_db *none = NULL;
    char missing[sizeof(path) + 8];

    snprintf(missing, sizeof(missing), "%s-none", path);
    ck_assert_int_eq(account_db_open(missing, false, &none, &e), OR_ABSENT);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(account_db_open("/nonexistent/x", true, &none, &e), OR_CONFIG);
    account_db_close(NULL);
}
END_TEST

static Suite *
suite(void)
{
    const TTest *const tests[] = {row_comes_back_whole,
                                  defaults_are_absent,
                                  changes_are_refused_in_a_sentence,
                                  domain_goes_last,
                                  password_changes_at_once_for_others,
                                  alias_targets,
                                  alias_is_added_whole_or_not,
                                  chains_have_a_ceiling,
                                  middle_of_a_chain_counts_both_ways,
                                  targets_have_a_ceiling,
                                  walks,
                                  broken_database_is_a_temporary_failure,
                                  full_arena_is_a_temporary_failure,
                                  absent_file};
    Suite *s = suite_create("account_db");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(c, tests[i]);
    tcase_add_loop_test(c, circle, 0, sizeof(circles) / sizeof(circles[0]));
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
