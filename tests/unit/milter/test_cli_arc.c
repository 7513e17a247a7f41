/* The arc verb as a shell would call it. */
#include "milter/cli_arc.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOBODY "--dns=127.0.0.1:1"
#define SIGNATURE "a=rsa-sha256; d=example.org; s=s; b=AAAA"
#define BODY_HASH "h=from; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="

static char folder[TEMP_TREE_PATH_BYTES];
static char path[TEMP_TREE_PATH_BYTES + 16];
static char printed[16384];

/* What the verb prints goes to `printed`. */
static int
run(const char *first, const char *second)
{
    static const struct cli_verb *const tables[] = {milter_cli_verbs};
    char *argv[] = {
        (char *)"outrider",        (char *)"arc", (char *)"verify", path, (char *)(uintptr_t)first,
        (char *)(uintptr_t)second, NULL};
    int argc = 4 + (first != NULL) + (second != NULL);

    fflush(stdout);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), memory = memfd_create("out", 0);
    dup2(memory, STDOUT_FILENO);
    dup2(memory, STDERR_FILENO);
    int status = cli_main(argc, argv, tables, 1);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    ssize_t n = pread(memory, printed, sizeof(printed) - 1, 0);
    printed[n > 0 ? n : 0] = '\0';
    close(memory);
    return status;
}

static void
write_message(const char *fields)
{
    FILE *f = fopen(path, "w");

    fprintf(f, "%sFrom: a@example.org\n\nx\n", fields);
    fclose(f);
}

static void
set_up(void)
{
    temp_tree_make(folder);
    snprintf(path, sizeof(path), "%s/m", folder);
}

static void
tear_down(void)
{
    temp_tree_remove(folder);
}

static const struct {
    const char *fields;
    int status;
    const char *says; /* begins with */
} rows[] = {
    {"", CLI_NO, "none: the message has no ARC set\n"},
    {"ARC-Seal: i=1; cv=none\n", CLI_NO,
     "fail: set 1: the set has no ARC-Authentication-Results\n"},
    {"ARC-Seal: i=\x1b[1m\n", CLI_NO, "fail: an ARC field is malformed (the value of \"i\""},
    {"ARC-Seal: i=1; cv=none\nARC-Message-Signature: i=1; " SIGNATURE
     "\nARC-Authentication-Results: i=1; x\n",
     CLI_NO, "fail: set 1: the message signature is not valid: a required tag is missing"},
    /* nobody answers on port 1 */
    {"ARC-Seal: i=1; cv=none; " SIGNATURE "\nARC-Message-Signature: i=1; " SIGNATURE "; " BODY_HASH
     "\nARC-Authentication-Results: i=1; x\n",
     CLI_TEMPFAIL, "fail: set 1: the message signature is not valid: the key "},
};

START_TEST(verify)
{
    write_message(rows[_i].fields);
    int status = run(NOBODY, NULL);
    ck_assert_msg(strncmp(printed, rows[_i].says, strlen(rows[_i].says)) == 0, "%s", printed);
    ck_assert_int_eq(status, rows[_i].status);
    for (const char *p = printed; *p != '\0'; p++)
        ck_assert(*p == '\n' || (*p >= ' ' && *p <= '~'));
}
END_TEST

START_TEST(json_names_result_and_set)
{
    const char *result = NULL, *reason = NULL, *seal = NULL;
    int set = 0;

    write_message(rows[4].fields);
    ck_assert_int_eq(run(NOBODY, "--json"), CLI_TEMPFAIL);
    json_t *document = json_loads(printed, 0, NULL);
    ck_assert_ptr_nonnull(document);
    ck_assert_int_eq(json_unpack(document, "{s:s, s:s, s:i, s:[{s:{s:s}}]}", "result", &result,
                                 "reason", &reason, "set", &set, "sets", "seal", "result", &seal),
                     0);
    ck_assert_str_eq(result, "fail");
    ck_assert_str_eq(reason, "message-signature-invalid");
    ck_assert_str_eq(seal, "temperror");
    ck_assert_int_eq(set, 1);
    json_decref(document);
    write_message("");
    ck_assert_int_eq(run("--json", NOBODY), CLI_NO);
    ck_assert_ptr_nonnull(strstr(printed, "\"none\""));
}
END_TEST

START_TEST(wrong_use)
{
    ck_assert_int_eq(run(NOBODY, NULL), CLI_USAGE); /* no such file */
    write_message("");
    ck_assert_int_eq(run("--dns=nonsense", NULL), CLI_USAGE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli_arc");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, verify, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, json_names_result_and_set);
    tcase_add_test(tc, wrong_use);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
