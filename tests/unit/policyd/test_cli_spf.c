/* outrider spf check: the exits that need no DNS server. */
#include "policyd/cli_spf.h"
#include "tests/support/unit.h"

static const struct {
    const char *dns, *ip;
    bool json;
    int status;
} rows[] = {
    {"--dns=127.0.0.1:53", "192.0.2", false, CLI_USAGE},
    {"--dns=127.0.0.1:53", "", true, CLI_USAGE},
    {"--dns=nonsense", "192.0.2.1", false, CLI_USAGE},
    /* Nobody listens there: not a definite answer, whatever the format. */
    {"--dns=127.0.0.1:1", "192.0.2.1", false, CLI_TEMPFAIL},
    {"--dns=127.0.0.1:1", "2001:db8::1", true, CLI_TEMPFAIL},
};

START_TEST(test_exit)
{
    char ip[64], dns[64], helo[] = "h.example", sender[] = "<alice@example.org>";
    char *argv[] = {ip, helo, sender, NULL};
    char *options[] = {dns, NULL};
    struct cli cli = {.json = rows[_i].json, .argc = 3, .argv = argv, .options = options};

    (void)snprintf(ip, sizeof(ip), "%s", rows[_i].ip);
    (void)snprintf(dns, sizeof(dns), "%s", rows[_i].dns);
    ck_assert_int_eq(cli_spf_check(&cli), rows[_i].status);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("cli_spf");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, test_exit, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
