/* The command line of `outrider`, with verbs that tell what they were called with. */
#include "common/cli/cli.h"

#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Prints "group name|arguments|config|dns|quiet|json". */
static int
run_show(struct cli *cli)
{
    const char *dns = cli_option(cli, "dns"), *quiet = cli_option(cli, "quiet");

    if (cli->json) {
        cli_print_json(json_pack("{s:s, s:i}", "verb", cli->verb->name, "argc", cli->argc));
        return CLI_YES;
    }
    printf("%s %s|", cli->verb->group, cli->verb->name);
    for (int i = 0; i < cli->argc; i++)
        printf("%s,", cli->argv[i]);
    printf("|%s|%s|%s\n", cli->config == NULL ? "-" : cli->config, dns == NULL ? "-" : dns,
           quiet == NULL ? "-" : "quiet");
    return CLI_YES;
}

static int
run_no(struct cli *cli)
{
    return cli_fail(cli, CLI_NO, "%s is \"unknown\"", cli->argv[0]);
}

static const char *const show_options[] = {"dns=ADDRESS", "quiet", NULL};
static const struct cli_verb first[] = {
    {"spf", "show", "IP [HELO]", "shows", 1, 2, show_options, run_show},
    {"spf", "plain", "", "takes nothing", 0, 0, NULL, run_show},
    {0},
};
static const struct cli_verb second[] = {
    {"user", "no", "NAME", "says no", 1, 1, NULL, run_no},
    {"alone", "", "NAME", "a group that is a verb", 1, 1, show_options, run_show},
    {0},
};
static const struct cli_verb *const tables[] = {first, second};

static char out_path[] = "/tmp/outrider-cli-XXXXXX";
static char err_path[] = "/tmp/outrider-cli-XXXXXX";
static char out_text[4096], err_text[4096];

static void
read_back(int fd, char *text)
{
    ssize_t got = pread(fd, text, 4095, 0);

    ck_assert_int_ge(got, 0);
    text[got] = '\0';
    close(fd);
}

/* Runs "outrider WORDS..." with both outputs caught. */
static int
run(const char *words)
{
    char line[256], *argv[16] = {(char *)"outrider"}, *save = NULL;
    int argc = 1;

    snprintf(line, sizeof(line), "%s", words);
    for (char *w = strtok_r(line, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    int keep_out = dup(1), keep_err = dup(2);
    int out = open(out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err = open(err_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    int status = cli_main(argc, argv, tables, 2);

    fflush(stdout);
    dup2(keep_out, 1);
    dup2(keep_err, 2);
    close(keep_out);
    close(keep_err);
    read_back(out, out_text);
    read_back(err, err_text);
    return status;
}

static void
set_up(void)
{
    close(mkstemp(out_path));
    close(mkstemp(err_path));
}

static void
tear_down(void)
{
    unlink(out_path);
    unlink(err_path);
}

static const struct {
    const char *words;
    int status;
    const char *out; /* the beginning of stdout */
    const char *err; /* the beginning of stderr */
} rows[] = {
    {"spf show 192.0.2.1", 0, "spf show|192.0.2.1,|-|-|-\n", ""},
    {"spf show 192.0.2.1 helo --dns=127.0.0.1 --quiet", 0,
     "spf show|192.0.2.1,helo,|-|127.0.0.1|quiet\n", ""},
    {"spf show --dns 127.0.0.1 192.0.2.1", 0, "spf show|192.0.2.1,|-|127.0.0.1|-\n", ""},
    {"spf show --dns= x", 0, "spf show|x,|-||-\n", ""},
    {"--config f spf show x", 0, "spf show|x,|f|-|-\n", ""},
    {"spf show x --config=f", 0, "spf show|x,|f|-|-\n", ""},
    {"spf show -- --dns=x", 0, "spf show|--dns=x,|-|-|-\n", ""},
    {"spf show -", 0, "spf show|-,|-|-|-\n", ""},
    {"alone show", 0, "alone |show,|-|-|-\n", ""},
    {"alone --dns=x show", 0, "alone |show,|-|x|-\n", ""},
    {"alone", 2, "", "outrider: usage: outrider alone NAME\n"},
    {"alone --help", 0, "  outrider alone NAME\n      a group that is a verb\n", ""},
    {"spf plain", 0, "spf plain||-|-|-\n", ""},
    {"spf plain --json", 0, "{\n  \"verb\": \"plain\",\n  \"argc\": 0\n}\n", ""},
    {"user no alice", 1, "", "outrider: alice is \"unknown\"\n"},
    {"--json user no alice", 1, "{\n  \"error\": \"alice is \\\"unknown\\\"\"\n}\n", ""},
    {"", 2, "", "usage: outrider [--json]"},
    {"spf", 2, "", "usage: outrider [--json]"},
    {"spf check", 2, "",
     "outrider: there is no \"outrider spf check\"; outrider --help lists all\n"},
    {"spf check --json", 2, "{\n  \"error\": \"there is no", ""},
    {"spf show", 2, "", "outrider: usage: outrider spf show IP [HELO]\n"},
    {"spf show a b c", 2, "", "outrider: usage: outrider spf show IP [HELO]\n"},
    {"spf plain x", 2, "", "outrider: usage: outrider spf plain (no arguments)\n"},
    {"spf plain --dns=x", 2, "", "outrider: unknown option --dns=x\n"},
    {"spf show x --dnssec=x", 2, "", "outrider: unknown option --dnssec=x\n"},
    {"spf show x --dn=x", 2, "", "outrider: unknown option --dn=x\n"},
    {"--dns=x spf show x", 2, "", "outrider: unknown option --dns=x (options of a verb come after"},
    {"spf show x --dns", 2, "", "outrider: --dns needs a value\n"},
    {"spf show x --quiet=1", 2, "", "outrider: --quiet takes no value\n"},
    {"spf show x --config", 2, "", "outrider: --config needs a file\n"},
    {"spf show x -q", 2, "", "outrider: unknown option -q\n"},
    {"--version", 0, "outrider 0.", ""},
    {"--help", 0, "usage: outrider [--json]", ""},
    {"spf show --help", 0, "  outrider spf show IP [HELO]\n      shows\n      --dns=ADDRESS\n", ""},
};

START_TEST(a_command_line)
{
    int status = run(rows[_i].words);

    ck_assert_msg(status == rows[_i].status, "%s: %d", rows[_i].words, status);
    ck_assert_msg(strncmp(out_text, rows[_i].out, strlen(rows[_i].out)) == 0, "%s: stdout: %s",
                  rows[_i].words, out_text);
    ck_assert_msg(strncmp(err_text, rows[_i].err, strlen(rows[_i].err)) == 0, "%s: stderr: %s",
                  rows[_i].words, err_text);
    /* What is not expected at all must be empty. */
    ck_assert_int_eq(rows[_i].out[0] == '\0', out_text[0] == '\0');
    ck_assert_int_eq(rows[_i].err[0] == '\0', err_text[0] == '\0');
}
END_TEST

START_TEST(help_lists_the_group_asked_for)
{
    run("--help");
    ck_assert_ptr_nonnull(strstr(out_text, "outrider spf show"));
    ck_assert_ptr_nonnull(strstr(out_text, "outrider user no NAME"));
    run("nonsense --help");
    ck_assert_ptr_nonnull(strstr(out_text, "outrider spf show"));
    run("user --help");
    ck_assert_ptr_null(strstr(out_text, "outrider spf show"));
    ck_assert_ptr_nonnull(strstr(out_text, "outrider user no NAME"));
}
END_TEST

static const struct {
    or_status st;
    int exit;
} exits[] = {
    {OR_ABSENT, 1},   {OR_MALFORMED, 2}, {OR_LIMIT, 2},   {OR_TEMPFAIL, 75},
    {OR_TIMEOUT, 75}, {OR_CLOSED, 75},   {OR_CONFIG, 78},
};

START_TEST(a_failure_has_its_exit)
{
    struct cli cli = {.json = true};
    struct err e = {"text"};

    /* In JSON, so that the message goes to a stdout that nobody reads here. */
    ck_assert_int_eq(cli_fail_status(&cli, exits[_i].st, &e), exits[_i].exit);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("cli");
    TCase *t = tcase_create("cli");

    tcase_add_unchecked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_command_line, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(t, help_lists_the_group_asked_for);
    tcase_add_loop_test(t, a_failure_has_its_exit, 0, (int)(sizeof(exits) / sizeof(exits[0])));
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
