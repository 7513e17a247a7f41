/* Rules of the administrator: which one fits, and lines that are none. */
#include "policyd/access_rules.h"

#include "tests/support/unit.h"

#include <string.h>

static const char text[] = "# who may do what\n"
                           "\n"
                           "client 192.0.2.0/24 sender friend@example.org accept\n"
                           "client 192.0.2.0/24\treject \"no mail from there\"\r\n"
                           "client 2001:db8::/32 defer\n"
                           "client /^203\\.0\\.113\\.7$/ warn\n"
                           "client-name .dyn.example reject\n"
                           "helo /^\\[/ reject \"say a name\"\n"
                           "helo localhost reject\n"
                           "sender <> recipient list@home.example discard\n"
                           "sender .spam.example hold \"look at \\ this\"\n"
                           "sender sales@ reject\n"
                           "recipient /^x+@home/ defer\n"
                           "sasl-user stolen@home.example hold\n"
                           "sasl-user plain hold\n"
                           "sasl-user * warn\n";

static const struct {
    const char *client, *client_name, *helo, *user, *sender, *recipient; /* NULL: usual */
    unsigned line;                                                       /* 0: none */
    enum access_action action;
    const char *text;
} rows[] = {
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, ""},
    {"192.0.2.9", NULL, NULL, NULL, "Friend@Example.ORG", NULL, 3, ACCESS_ACCEPT, ""},
    {"192.0.2.9", NULL, NULL, NULL, NULL, NULL, 4, ACCESS_REJECT, "no mail from there"},
    {"2001:db8:1::1", NULL, NULL, NULL, NULL, NULL, 5, ACCESS_DEFER, ""},
    {"203.0.113.7", NULL, NULL, NULL, NULL, NULL, 6, ACCESS_WARN, ""},
    {NULL, "h1.DYN.example", NULL, NULL, NULL, NULL, 7, ACCESS_REJECT, ""},
    {NULL, "dyn.example", NULL, NULL, NULL, NULL, 0, 0, ""},
    {NULL, "unknown", NULL, NULL, NULL, NULL, 0, 0, ""},
    {NULL, NULL, "[198.51.100.1]", NULL, NULL, NULL, 8, ACCESS_REJECT, "say a name"},
    {NULL, NULL, "LocalHost", NULL, NULL, NULL, 9, ACCESS_REJECT, ""},
    {NULL, NULL, NULL, NULL, "", "list@home.example", 10, ACCESS_DISCARD, ""},
    {NULL, NULL, NULL, NULL, "", NULL, 0, 0, ""},
    {NULL, NULL, NULL, NULL, "x@a.spam.example", NULL, 11, ACCESS_HOLD, "look at \\ this"},
    {NULL, NULL, NULL, NULL, "Sales@any.example", NULL, 12, ACCESS_REJECT, ""},
    {NULL, NULL, NULL, NULL, NULL, "XXX@home.example", 13, ACCESS_DEFER, ""},
    {NULL, NULL, NULL, "stolen@home.example", NULL, NULL, 14, ACCESS_HOLD, ""},
    {NULL, NULL, NULL, "plain", NULL, NULL, 15, ACCESS_HOLD, ""},
    {NULL, NULL, NULL, "other", NULL, NULL, 16, ACCESS_WARN, ""},
    {"", NULL, NULL, NULL, NULL, NULL, 0, 0, ""},
};

static const char *
either(const char *given, const char *usual)
{
    return given != NULL ? given : usual;
}

START_TEST(the_first_that_fits)
{
    struct span sender = span_cstr(either(rows[_i].sender, "ann@bank.example"));
    struct span recipient = span_cstr(either(rows[_i].recipient, "bob@home.example"));
    size_t sender_at = span_find(sender, '@'), recipient_at = span_find(recipient, '@');
    struct access_facts facts = {
        .client_name = span_cstr(either(rows[_i].client_name, "mx.bank.example")),
        .helo = span_cstr(either(rows[_i].helo, "mx.bank.example")),
        .sasl_user = span_cstr(either(rows[_i].user, "")),
        .sender_local = span_slice(sender, 0, sender_at),
        .recipient_local = span_slice(recipient, 0, recipient_at),
    };
    struct access_rules *rules;
    struct access_answer answer;
    struct arena mem;
    struct err e;

    arena_init(&mem, 65536);
    ck_assert_int_eq(access_rules_parse(span_cstr(text), &rules, &e), OR_OK);
    ck_assert_uint_eq(access_rules_count(rules), 14);
    if (ip_parse(span_cstr(either(rows[_i].client, "198.51.100.1")), &facts.client) != OR_OK)
        facts.client.family = 0;
    /* canonical, as the caller has them */
    facts.sender_domain = span_from(sender, sender_at + 1);
    if (span_equal_nocase_cstr(facts.sender_domain, "example.org"))
        facts.sender_domain = SPAN_LIT("example.org");
    facts.recipient_domain = span_from(recipient, recipient_at + 1);
    or_status st = access_rules_find(rules, &facts, &mem, &answer);
    ck_assert_int_eq(st, rows[_i].line != 0 ? OR_OK : OR_ABSENT);
    ck_assert_uint_eq(answer.line, rows[_i].line);
    if (st == OR_OK) {
        ck_assert_int_eq(answer.action, rows[_i].action);
        ck_assert_span_eq(answer.text, rows[_i].text);
    }
    access_rules_free(rules);
    arena_fini(&mem);
}
END_TEST

static const struct {
    const char *text;
    const char *fault;
} mistakes[] = {
    {"\nfrom x reject\n", "line 2: a rule begins with client, client-name"},
    {"reject\n", "line 1: a rule begins with"},
    {"client reject\n", "line 1: client: "},
    {"client 192.0.2.0/33 reject\n", "line 1: client: "},
    {"client 192.0.2.1\n", "line 1: the action is missing: accept, reject"},
    {"client 192.0.2.1 refuse\n", "line 1: the action is missing"},
    {"client 192.0.2.1 reject no\n", "line 1: behind the action stands a text in quotes"},
    {"client 192.0.2.1 reject \"no\" \"no\"\n", "line 1: there is too much"},
    {"client 192.0.2.1 reject \"no\n", "line 1: a closing \" is missing"},
    {"helo /x reject\n", "line 1: a closing / is missing"},
    {"helo /(/ reject\n", "line 1: helo: "},
    {"helo a@b reject\n", "line 1: helo: \"a@b\" is no domain"},
    {"sender a..b reject\n", "line 1: sender: "},
    {"helo a helo b helo c helo d helo e helo f helo g reject\n", "line 1: more than 6 conditions"},
};

START_TEST(mistakes_are_named)
{
    struct access_rules *rules = NULL;
    struct err e;

    ck_assert_int_eq(access_rules_parse(span_cstr(mistakes[_i].text), &rules, &e), OR_CONFIG);
    ck_assert_msg(strncmp(e.text, mistakes[_i].fault, strlen(mistakes[_i].fault)) == 0, "%s",
                  e.text);
    ck_assert_ptr_null(rules);
}
END_TEST

/* An expression that would search for ever ends the walk instead of letting mail through. */
START_TEST(endless_expressions_end)
{
    static char long_name[4096];
    struct access_facts facts = {.helo = SPAN_EMPTY};
    struct access_rules *rules;
    struct access_answer answer;
    struct arena mem;

    arena_init(&mem, 65536);
    memset(long_name, 'a', sizeof(long_name) - 1);
    facts.helo = span_cstr(long_name);
    ck_assert_int_eq(
        access_rules_parse(SPAN_LIT("helo /^(a+)+$b/ reject\nhelo /a/ reject\n"), &rules, NULL),
        OR_OK);
    or_status st = access_rules_find(rules, &facts, &mem, &answer);
    ck_assert(st == OR_LIMIT ? answer.line == 1 : st == OR_OK && answer.line == 2);
    access_rules_free(rules);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("access_rules");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, the_first_that_fits, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(tcase, mistakes_are_named, 0, sizeof(mistakes) / sizeof(mistakes[0]));
    tcase_add_test(tcase, endless_expressions_end);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
