/* Where bounces to a sender's domain would go, and what that leads to. */
#include "policyd/check_sender.h"

#include "policyd/sender_domain.h"
#include "tests/support/fake_dns.h"
#include "tests/support/policy_ask.h"
#include "tests/support/unit.h"

#include <stdio.h>

static const char zone[] =
    "far.example        MX   10 mail.far.example\n"
    "mail.far.example   A    192.0.2.9\n"
    "web.example        A    192.0.2.10\n"
    "six.example        AAAA 2001:db8::6\n"
    "null.example       MX   0 .\n"
    "odd.example        MX   0 .\n" /* RFC 7505 3: with others beside it is none */
    "odd.example        MX   10 mail.far.example\n"
    "text.example       TXT  nothing else\n"
    "ill.example        SERVFAIL\n"
    "half.example       TXT  only\n"
    "inside.example     MX   10 lan.inside.example\n"
    "inside.example     MX   20 loop.inside.example\n"
    "lan.inside.example A    10.1.2.3\n"
    "loop.inside.example A   127.0.0.1\n"
    "loop.inside.example AAAA ::1\n"
    "mixed.example      MX   10 lan.inside.example\n"
    "mixed.example      MX   20 mail.far.example\n"
    "nohost.example     MX   10 gone.example\n"
    "illhost.example    MX   10 lan.inside.example\n"
    "illhost.example    MX   20 ill.example\n"
    "local.example      A    192.168.1.1\n";

#define BAD "sender-bad-mx = reject\n"
#define NOT_FOUND " has neither an MX record nor an address"
#define NO_HOST " has no mail host with a public address"

static const struct {
    const char *sender, *conf;
    const char *answer, *word;
} rows[] = {
    {"x@far.example", BAD, "", ""},
    {"x@web.example", BAD, "", ""},
    {"x@six.example", BAD, "", ""},
    {"x@odd.example", BAD, "", ""},
    {"x@null.example", "",
     "550 5.7.27 sender's domain null.example says that it takes no mail (null MX, RFC 7505)",
     "null-mx"},
    {"x@null.example", "sender-null-mx = accept\n", "", "null-mx"},
    {"x@text.example", "", "550 5.1.8 sender's domain text.example" NOT_FOUND, "no-domain"},
    {"x@gone.example", "", "550 5.1.8 sender's domain gone.example" NOT_FOUND, "no-domain"},
    {"x@localhost", "", "550 5.1.8 sender's domain localhost" NOT_FOUND, "no-domain"},
    {"x@gone.example", "sender-no-domain = defer\n",
     "450 4.1.8 sender's domain gone.example" NOT_FOUND "; try again later", "no-domain"},
    {"x@ill.example", "", "", "temperror"},
    {"x@ill.example", "sender-temperror = defer\n",
     "450 4.1.8 sender's domain ill.example could not be looked up in DNS; try again later",
     "temperror"},
    {"x@inside.example", "", "", ""},
    {"x@inside.example", BAD, "550 5.1.8 sender's domain inside.example" NO_HOST, "bad-mx"},
    {"x@nohost.example", BAD, "550 5.1.8 sender's domain nohost.example" NO_HOST, "bad-mx"},
    {"x@local.example", BAD, "550 5.1.8 sender's domain local.example" NO_HOST, "bad-mx"},
    {"x@mixed.example", BAD, "", ""},
    {"x@illhost.example", BAD, "", ""},
    /* not its business */
    {"", BAD, "", ""},
    {"root", BAD, "", ""},
    {"x@[192.0.2.9]", BAD, "", ""},
    {"x@bad..example", BAD, "", ""},
};

START_TEST(each_route_has_its_answer)
{
    struct policy_ask a;

    policy_ask_init(&a, rows[_i].conf, zone);
    a.request.sender = span_cstr(rows[_i].sender);
    ck_assert_span_eq(policy_ask(&a, check_sender), rows[_i].answer);
    ck_assert_str_eq(policy_ask_word(&a, "sender-domain"), rows[_i].word);
    policy_ask_fini(&a);
}
END_TEST

START_TEST(ours_may_send_from_anywhere)
{
    struct policy_ask a;

    policy_ask_init(&a, "", zone);
    a.request.sender = SPAN_LIT("x@gone.example");
    a.request.sasl_username = SPAN_LIT("alice");
    ck_assert_span_eq(policy_ask(&a, check_sender), "");
    ck_assert_uint_eq(fake_dns_queries(a.view.dns), 0);
    policy_ask_fini(&a);
}
END_TEST

/* A domain with hundreds of mail hosts costs one question then. */
START_TEST(many_hosts_are_not_looked_at)
{
    struct policy_ask a;
    char table[4096];
    size_t n = 0;

    for (int i = 0; i <= SENDER_DOMAIN_MAX_HOSTS; i++)
        n += (size_t)snprintf(table + n, sizeof(table) - n, "many.example MX 10 h%d.gone.example\n",
                              i);
    policy_ask_init(&a, BAD, table);
    a.request.sender = SPAN_LIT("x@many.example");
    ck_assert_span_eq(policy_ask(&a, check_sender), "");
    ck_assert_uint_eq(fake_dns_queries(a.view.dns), 1);
    policy_ask_fini(&a);
}
END_TEST

static const struct {
    const char *ip;
    bool is_private;
} addresses[] = {
    {"0.0.0.0", true},
    {"10.255.0.1", true},
    {"11.0.0.1", false},
    {"100.64.0.1", true},
    {"100.128.0.1", false},
    {"127.9.9.9", true},
    {"169.254.1.1", true},
    {"172.15.255.255", false},
    {"172.16.0.1", true},
    {"172.31.255.255", true},
    {"172.32.0.1", false},
    {"192.168.255.1", true},
    {"192.0.0.8", true},
    {"223.255.255.1", false},
    {"224.0.0.1", true},
    {"255.255.255.255", true},
    {"::", true},
    {"::1", true},
    {"fd00::1", true},
    {"fe80::1", true},
    {"febf::1", true},
    {"fec0::1", false},
    {"ff02::1", true},
    {"2a00::1", false},
    {"::ffff:10.0.0.1", true},
};

START_TEST(addresses_that_nobody_reaches)
{
    struct ip ip;

    ck_assert(ip_parse(span_cstr(addresses[_i].ip), &ip) == OR_OK);
    ck_assert_msg(sender_domain_is_private(&ip) == addresses[_i].is_private, "%s",
                  addresses[_i].ip);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("check_sender");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, each_route_has_its_answer, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, ours_may_send_from_anywhere);
    tcase_add_test(tests, many_hosts_are_not_looked_at);
    tcase_add_loop_test(tests, addresses_that_nobody_reaches, 0,
                        (int)(sizeof(addresses) / sizeof(addresses[0])));
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
