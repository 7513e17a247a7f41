/* Which dmarc-rule is about a message, and rules that cannot be. */
#include "policyd/verdict_rules.h"

#include "tests/support/policyd_conf_text.h"
#include "tests/support/unit.h"

#include <string.h>

static const char text[] =
    "dmarc-rule \"list\" { list-ids = {\"dev.lists.example\", \".big.example\"} action = accept }\n"
    "dmarc-rule \"forwarder\" { authors = {\"bank.example\"} clients = {\"192.0.2.0/24\"} "
    "action = quarantine }\n"
    "dmarc-rule \"below\" { authors = {\".corp.example\"} action = reject }\n";

static const struct {
    const char *author, *client, *list_id;
    const char *rule; /* NULL: none */
} rows[] = {
    {"any.example", "203.0.113.1", "Developers <Dev.Lists.Example>", "list"},
    {"any.example", "203.0.113.1", "dev.lists.example", "list"},
    {"any.example", "203.0.113.1", "<a.b.big.example>", "list"},
    {"any.example", "203.0.113.1", "<big.example>", NULL},
    {"any.example", "203.0.113.1", "dev.lists.example <other.example>", NULL},
    {"any.example", "203.0.113.1", "yes", NULL},
    {"any.example", "203.0.113.1", "< ..>", NULL},
    {"bank.example", "192.0.2.77", "", "forwarder"},
    {"bank.example", "192.0.3.77", "", NULL},
    {"www.bank.example", "192.0.2.77", "", NULL},
    {"bank.example", "192.0.2.77", "<dev.lists.example>", "list"},
    {"a.corp.example", "2001:db8::1", "", "below"},
    {"corp.example", "2001:db8::1", "", NULL},
    {"", "2001:db8::1", "", NULL},
};

START_TEST(the_first_rule_that_fits)
{
    struct policyd_settings *settings;
    struct verdict_rules rules;
    struct arena mem;
    struct ip client;
    struct err e;

    arena_init(&mem, 65536);
    ck_assert_msg(policyd_conf_text(text, &settings, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(verdict_rules_init(&rules, settings, &e), OR_OK);
    ck_assert_int_eq(ip_parse(span_cstr(rows[_i].client), &client), OR_OK);
    const struct policyd_dmarc_rule *found = verdict_rules_find(
        &rules, span_cstr(rows[_i].author), &client, span_cstr(rows[_i].list_id), &mem);
    ck_assert_int_eq(found != NULL, rows[_i].rule != NULL);
    if (found != NULL)
        ck_assert_str_eq(found->head.title, rows[_i].rule);
    verdict_rules_fini(&rules);
    conf_free(&policyd_conf_schema, settings);
    arena_fini(&mem);
}
END_TEST

static const struct {
    const char *text;
    const char *fault;
} mistakes[] = {
    {"dmarc-rule \"x\" { action = accept }\n", "dmarc-rule \"x\" (line 1): say whom it is about"},
    {"dmarc-rule \"x\" { authors = {\"a@b.example\"} action = accept }\n",
     "authors: \"a@b.example\""},
    {"dmarc-rule \"x\" { list-ids = {\"*\"} action = accept }\n", "list-ids: \"*\""},
};

START_TEST(mistakes_are_named)
{
    struct policyd_settings *settings;
    struct verdict_rules rules;
    struct err e;

    ck_assert_msg(policyd_conf_text(mistakes[_i].text, &settings, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(verdict_rules_init(&rules, settings, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, mistakes[_i].fault) != NULL, "%s", e.text);
    verdict_rules_fini(&rules);
    conf_free(&policyd_conf_schema, settings);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("verdict_rules");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, the_first_rule_that_fits, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tcase, mistakes_are_named, 0, sizeof(mistakes) / sizeof(mistakes[0]));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
