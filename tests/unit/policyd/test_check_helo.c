/* Each finding about a HELO name, and what its option makes of it. */
#include "policyd/check_helo.h"

#include "policyd/helo_name.h"
#include "tests/support/fake_dns.h"
#include "tests/support/policy_ask.h"
#include "tests/support/unit.h"

static char ours_1[] = "home.example", ours_2[] = ".home.example";
static char *ours[] = {ours_1, ours_2};
static const struct conf_list our_names = {.items = ours, .count = 2};

static const struct {
    const char *name;
    enum helo_finding finding;
} names[] = {
    {"mail.far.example", HELO_FINE_NAME},
    {"MAIL.FAR.EXAMPLE.", HELO_FINE_NAME},
    {"under_score.far.example", HELO_FINE_NAME}, /* wrong, and everywhere; Postfix lets it pass */
    {"", HELO_NONE},
    {"mail", HELO_NOT_FQDN},
    {"localhost", HELO_NOT_FQDN},
    {"192.0.2.9", HELO_NOT_FQDN}, /* RFC 5321 4.1.3 wants brackets, also of the right address */
    {"192.0.2.8", HELO_NOT_FQDN},
    {"2001:db8::9", HELO_NOT_FQDN},
    {"[192.0.2.9]", HELO_FINE_LITERAL},
    {"[192.0.2.8]", HELO_WRONG_LITERAL},
    {"[IPv6:2001:db8::9]", HELO_WRONG_LITERAL},
    {"[IPv6:::ffff:192.0.2.9]", HELO_FINE_LITERAL},
    {"[192.0.2.9", HELO_INVALID},
    {"[]", HELO_INVALID},
    {"[", HELO_INVALID},
    {"[192.0.2.09]", HELO_INVALID},
    {"[mail.far.example]", HELO_INVALID},
    {"mail..far.example", HELO_INVALID},
    {".far.example", HELO_INVALID},
    {"mail.far.example..", HELO_INVALID},
    {"mail far.example", HELO_INVALID},
    {"<script>.example", HELO_INVALID},
    {"mail.far.example;x", HELO_INVALID},
    {".", HELO_INVALID},
    {"mx.home.net", HELO_OUR_NAME},
    {"MX.Home.Net.", HELO_OUR_NAME},
    {"home.example", HELO_OUR_NAME},
    {"bob.home.example", HELO_OUR_NAME},
    {"nothome.example", HELO_FINE_NAME},
    {"[203.0.113.1]", HELO_OUR_NAME},
    {"203.0.113.1", HELO_OUR_NAME},
};

START_TEST(names_are_judged)
{
    struct helo_facts facts = {
        .name = span_cstr(names[_i].name), .hostname = "mx.home.net", .our_names = &our_names};

    ck_assert(ip_parse(SPAN_LIT("192.0.2.9"), &facts.client) == OR_OK);
    ck_assert(ip_parse(SPAN_LIT("203.0.113.1"), &facts.server) == OR_OK);
    ck_assert_msg(helo_name_judge(&facts) == names[_i].finding, "%s: %d", names[_i].name,
                  (int)helo_name_judge(&facts));
}
END_TEST

/* A system called "mail" does not own the name. */
START_TEST(a_host_name_without_domain_is_nobodys)
{
    const struct conf_list none = {.count = 0};
    const struct helo_facts facts = {
        .name = SPAN_LIT("mail"), .hostname = "mail", .our_names = &none};

    ck_assert_int_eq(helo_name_judge(&facts), HELO_NOT_FQDN);
}
END_TEST

static const char zone[] = "mail.far.example     A    192.0.2.9\n"
                           "six.far.example      AAAA 2001:db8::6\n"
                           "far.example          MX   10 mail.far.example\n"
                           "text.example         TXT  only\n"
                           "ill.example          SERVFAIL\n";

static const struct {
    const char *name, *conf;
    const char *answer, *word;
} rows[] = {
    {"mail.far.example", "helo-no-address = reject\n", "", ""},
    {"six.far.example", "helo-no-address = reject\n", "", ""},
    {"far.example", "helo-no-address = reject\n", "", ""},
    {"ill.example", "helo-no-address = reject\n", "", ""},
    {"[192.0.2.9]", "helo-no-address = reject\n", "", ""},
    {"text.example", "helo-no-address = reject\n",
     "550 5.7.1 HELO name text.example has neither an address nor a mail host in DNS",
     "no-address"},
    {"gone.example", "helo-no-address = defer\n",
     "450 4.7.1 HELO name gone.example has neither an address nor a mail host in DNS; try again "
     "later",
     "no-address"},
    {"gone.example", "", "", ""},
    {"", "helo-none = reject\n", "550 5.5.1 send HELO or EHLO first", "none"},
    {"a b", "helo-invalid = reject\n",
     "550 5.5.2 HELO name a b is neither a host name nor an address literal", "invalid"},
    {"a b", "", "", "invalid"},
    {"mail", "helo-not-fqdn = reject\n",
     "550 5.5.2 HELO name mail is not a fully qualified host name", "not-fqdn"},
    {"[192.0.2.8]", "helo-wrong-literal = defer\n",
     "450 4.7.1 HELO name [192.0.2.8] is not the address of the client; try again later",
     "wrong-literal"},
    /* the one finding that no honest client gives */
    {"mx.home.example", "",
     "550 5.7.1 HELO name mx.home.example is our own name, and the client is not us", "our-name"},
    {"[203.0.113.1]", "",
     "550 5.7.1 HELO name [203.0.113.1] is our own name, and the client is not us", "our-name"},
    {"shop.example", "helo-our-names = {\"shop.example\"}\n",
     "550 5.7.1 HELO name shop.example is our own name, and the client is not us", "our-name"},
    {"mx.home.example", "helo-our-name = accept\n", "", "our-name"},
    {"mx.home.example", "internal-networks = {\"192.0.2.9\"}\n", "", ""},
};

START_TEST(options_decide)
{
    struct policy_ask a;

    policy_ask_init(&a, rows[_i].conf, zone);
    a.request.helo_name = span_cstr(rows[_i].name);
    a.request.server_address = SPAN_LIT("203.0.113.1");
    ck_assert_span_eq(policy_ask(&a, check_helo), rows[_i].answer);
    ck_assert_str_eq(policy_ask_word(&a, "helo-name"), rows[_i].word);
    policy_ask_fini(&a);
}
END_TEST

/* Without the attribute (Postfix before 3.2) our address is not known; nothing else changes. */
START_TEST(an_older_postfix)
{
    struct policy_ask a;

    policy_ask_init(&a, "", zone);
    a.request.helo_name = SPAN_LIT("[203.0.113.1]");
    ck_assert_span_eq(policy_ask(&a, check_helo), "");
    ck_assert_str_eq(policy_ask_word(&a, "helo-name"), "wrong-literal");
    policy_ask_fini(&a);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("check_helo");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, names_are_judged, 0, (int)(sizeof(names) / sizeof(names[0])));
    tcase_add_test(tests, a_host_name_without_domain_is_nobodys);
    tcase_add_loop_test(tests, options_decide, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, an_older_postfix);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
