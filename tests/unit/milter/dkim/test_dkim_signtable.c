/* Who is signed with what: which rule counts, and what rules cannot say. */
#include "milter/dkim/dkim_signtable.h"

#include "milter/dkim/dkim_keyfile.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static char folder[TEMP_TREE_PATH_BYTES];
static struct dkim_keytable *keys;
static struct arena mem;
static struct err e;

static void
store(const struct dkim_private *key, const char *domain, const char *selector)
{
    char path[PATH_MAX];

    ck_assert_int_eq(dkim_keyfile_path(folder, domain, selector, path, &e), OR_OK);
    ck_assert_int_eq(dkim_keyfile_create(path, key, DKIM_KEYFILE_KEEP_OWNER, 0, &e), OR_OK);
}

static void
set_up(void)
{
    struct dkim_private *key;

    temp_tree_make(folder);
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_ED25519, 0, &key, NULL), OR_OK);
    store(key, "example.org", "s1");
    store(key, "example.org", "s2");
    store(key, "sub.example.org", "sub");
    store(key, "esp.test", "mail");
    store(key, "xn--bcher-kva.example", "b");
    dkim_private_free(key);
    ck_assert_int_eq(dkim_keytable_load(folder, &keys, &e), OR_OK);
    arena_init(&mem, 1 << 20);
}

static void
tear_down(void)
{
    arena_fini(&mem);
    dkim_keytable_free(keys);
    temp_tree_remove(folder);
}

static char *only_s2[] = {(char[]){"S2"}};
static char *absent[] = {(char[]){"absent"}};

/* "s1 s2@example.org", or why not. */
static const char *
signed_with(const struct dkim_signtable *t, const char *local, const char *domain, bool subdomains)
{
    static char text[256];
    struct dkim_signkeys found;

    if (dkim_signtable_find(t, span_cstr(local), span_cstr(domain), subdomains, &mem, &found, &e) !=
        OR_OK)
        return e.text;
    text[0] = '\0';
    for (size_t i = 0; i < found.count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i == 0 ? "" : " ",
                 found.rows[i]->selector);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "@%s", found.rows[0]->domain);
    return text;
}

START_TEST(without_rules_a_domain_signs_for_itself)
{
    struct dkim_signtable *t;

    ck_assert_int_eq(dkim_signtable_new(NULL, 0, keys, &t, &e), OR_OK);
    ck_assert_str_eq(signed_with(t, "a", "example.org", false), "s1 s2@example.org");
    ck_assert_str_eq(signed_with(t, "a", "sub.example.org", true), "sub@sub.example.org");
    ck_assert_str_eq(signed_with(t, "a", "x.y.example.org", false), "no key for x.y.example.org");
    ck_assert_str_eq(signed_with(t, "a", "x.y.example.org", true), "s1 s2@example.org");
    ck_assert_str_eq(signed_with(t, "a", "other.test", true), "no key for other.test");
    ck_assert_str_eq(signed_with(t, "a", "xn--bcher-kva.example", false),
                     "b@xn--bcher-kva.example");
    dkim_signtable_free(t);
    ck_assert_int_eq(dkim_signtable_new(NULL, 0, NULL, &t, &e), OR_OK);
    ck_assert_str_eq(signed_with(t, "a", "example.org", false), "no key for example.org");
    dkim_signtable_free(t);
}
END_TEST

START_TEST(the_most_specific_rule_counts)
{
    static const struct dkim_signrule rules[] = {
        {.pattern = "*", .domain = "esp.test", .line = 1},
        {.pattern = "/^news-/", .domain = "example.org", .line = 2},
        {.pattern = "/^news-x/", .never = true, .line = 3}, /* the first expression counts */
        {.pattern = ".test", .never = true, .line = 4},
        {.pattern = ".deep.test",
         .domain = "example.org",
         .selectors = only_s2,
         .selector_count = 1,
         .line = 5},
        {.pattern = "Deep.Test", .domain = "Example.ORG", .line = 6},
        {.pattern = "Boss@deep.test", .domain = "sub.example.org", .line = 7},
        {.pattern = "b\xc3\xbc"
                    "cher.example",
         .line = 8},
        {.pattern = "sub.example.org", .selectors = only_s2, .selector_count = 1, .line = 9},
    };
    static const struct {
        const char *local, *domain, *found;
    } rows[] = {
        {"boss", "deep.test", "sub@sub.example.org"},
        {"BOSS", "deep.test", "sub@sub.example.org"},
        {"clerk", "deep.test", "s1 s2@example.org"},
        {"x", "a.deep.test", "s2@example.org"},
        {"x", "a.b.deep.test", "s2@example.org"},
        {"x", "shallow.test", "sign \".test\" says never"},
        {"news-x", "far.example", "s1 s2@example.org"},
        {"news-1", "a.deep.test", "s2@example.org"}, /* a subdomain before an expression */
        {"anybody", "far.example", "mail@esp.test"},
        {"a", "xn--bcher-kva.example", "b@xn--bcher-kva.example"},
        {"a", "sub.example.org", "no key for sub.example.org by sign \"sub.example.org\""},
        {"a", "test", "mail@esp.test"},
    };
    struct dkim_signtable *t;

    ck_assert_msg(dkim_signtable_new(rules, sizeof(rules) / sizeof(rules[0]), keys, &t, &e) ==
                      OR_OK,
                  "%s", e.text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(signed_with(t, rows[i].local, rows[i].domain, true), rows[i].found);
    dkim_signtable_free(t);
}
END_TEST

START_TEST(what_cannot_be_is_named)
{
    static const struct {
        struct dkim_signrule rule;
        const char *said;
    } rows[] = {
        {{.pattern = "@example.org", .line = 3}, "sign \"@example.org\" (line 3): nobody"},
        {{.pattern = "a..b", .line = 3}, "sign \"a..b\" (line 3): "},
        {{.pattern = "/(/", .line = 3}, "missing closing parenthesis"},
        {{.pattern = "/abc", .line = 3}, "between two slashes"},
        {{.pattern = "a.test", .domain = "nokey.test", .line = 3}, "no usable key of nokey.test"},
        {{.pattern = "a.test", .domain = "example.org", .selectors = absent, .selector_count = 1},
         "no usable key absent of example.org"},
        {{.pattern = "a.test", .domain = "..", .line = 3}, "domain: "},
    };
    static const struct dkim_signrule twice[] = {
        {.pattern = "A@example.org", .line = 1},
        {.pattern = "b@example.org", .line = 2},
        {.pattern = "a@EXAMPLE.org", .line = 3},
    };
    struct dkim_signtable *t = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(dkim_signtable_new(&rows[i].rule, 1, keys, &t, &e), OR_CONFIG);
        ck_assert_msg(strstr(e.text, rows[i].said) != NULL, "%s", e.text);
    }
    ck_assert_int_eq(dkim_signtable_new(twice, 3, keys, &t, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, "are the same") != NULL, "%s", e.text);
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(keys_from_elsewhere_are_like_those_of_the_directory)
{
    char path[PATH_MAX], other[PATH_MAX];
    struct dkim_private *key;
    size_t count;

    ck_assert_int_eq(dkim_keyfile_path(folder, "esp.test", "mail", path, &e), OR_OK);
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_RSA, 1024, &key, NULL), OR_OK);
    ck_assert_int_eq(dkim_keyfile_path(folder, "elsewhere", "x", other, &e), OR_OK);
    ck_assert_int_eq(dkim_keyfile_create(other, key, DKIM_KEYFILE_KEEP_OWNER, 0, &e), OR_OK);
    dkim_private_free(key);
    const struct dkim_keytable_entry entries[] = {
        {"New.Test", "K1", path},
        {"example.org", "s1", path}, /* there already */
        {"new.test", "k2", "/nowhere/key.pem"},
        {"new..test", "k3", path},
    };
    struct dkim_keytable *table;

    ck_assert_int_eq(dkim_keytable_load_with(folder, entries, 4, &table, &e), OR_OK);
    const struct dkim_keytable_row *rows = dkim_keytable_find(table, SPAN_LIT("new.test"), &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].selector, "k1");
    ck_assert_uint_eq(dkim_keytable_problem_count(table), 3);
    ck_assert_ptr_nonnull(
        strstr(dkim_keytable_problem(table, 0), "a second key s1 of example.org"));
    ck_assert_ptr_nonnull(strstr(dkim_keytable_problem(table, 1), "/nowhere/key.pem"));
    dkim_keytable_free(table);
    ck_assert_int_eq(dkim_keytable_load_with("/nowhere", entries, 1, &table, &e), OR_OK);
    ck_assert_uint_eq(dkim_keytable_key_count(table), 1);
    dkim_keytable_free(table);
    ck_assert_int_eq(dkim_keytable_load_with("/nowhere", NULL, 0, &table, &e), OR_ABSENT);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("dkim_signtable");
    TCase *t = tcase_create("dkim_signtable");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, without_rules_a_domain_signs_for_itself);
    tcase_add_test(t, the_most_specific_rule_counts);
    tcase_add_test(t, what_cannot_be_is_named);
    tcase_add_test(t, keys_from_elsewhere_are_like_those_of_the_directory);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
