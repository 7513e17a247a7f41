/* The dkim verbs as a shell would call them: exit status and what they leave behind. */
#include "milter/cli_dkim.h"
#include "milter/dkim/dkim_keytable.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATH_BYTES (TEMP_TREE_PATH_BYTES + 32)

static char folder[TEMP_TREE_PATH_BYTES];
static char printed[16384];

/* Runs the command; what it prints goes to `printed`. */
static int
captured(int argc, char **argv, const struct cli_verb *const *tables)
{
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

/* Runs a verb; `option` may be NULL. */
static int
run(const char *verb, const char *argument, const char *option)
{
    static const struct cli_verb *const tables[] = {milter_cli_verbs};
    char directory[PATH_BYTES];
    char *argv[8] = {(char *)"outrider", (char *)"dkim", (char *)(uintptr_t)verb,
                     (char *)(uintptr_t)argument};
    int argc = 4;

    snprintf(directory, sizeof(directory), "--directory=%s", folder);
    if (strcmp(verb, "keygen") == 0)
        argv[argc++] = directory;
    if (option != NULL)
        argv[argc++] = (char *)(uintptr_t)option;
    return captured(argc, argv, tables);
}

static void
set_up(void)
{
    temp_tree_make(folder);
}

static void
tear_down(void)
{
    temp_tree_remove(folder);
}

START_TEST(keygen_makes_keys_that_the_milter_loads)
{
    struct dkim_keytable *table = NULL;
    struct err e;
    size_t count;

    ck_assert_int_eq(run("keygen", "Example.ORG", NULL), CLI_YES);
    ck_assert_int_eq(run("keygen", "one.example", "--algorithm=ed25519"), CLI_YES);
    ck_assert_int_eq(run("keygen", "two.example", "--selector=mail"), CLI_YES);
    ck_assert_int_eq(dkim_keytable_load(folder, &table, &e), OR_OK);
    ck_assert_uint_eq(dkim_keytable_problem_count(table), 0);
    const struct dkim_keytable_row *rows =
        dkim_keytable_find(table, SPAN_LIT("example.org"), &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(dkim_private_type(rows[0].key), DKIM_KEY_ED25519);
    ck_assert_uint_eq(dkim_private_bits(rows[1].key), 2048);
    (void)dkim_keytable_find(table, SPAN_LIT("one.example"), &count);
    ck_assert_uint_eq(count, 1);
    rows = dkim_keytable_find(table, SPAN_LIT("two.example"), &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(rows[0].selector, "mail");
    ck_assert_str_eq(rows[1].selector, "mail-ed25519");
    dkim_keytable_free(table);
}
END_TEST

START_TEST(json)
{
    char path[PATH_BYTES];
    const char *name = NULL, *record = NULL, *zone = NULL, *result = NULL, *reason = NULL;

    ck_assert_int_eq(run("keygen", "j.example", "--json"), CLI_YES);
    json_t *document = json_loads(printed, 0, NULL);
    ck_assert_ptr_nonnull(document);
    ck_assert_int_eq(json_unpack(document, "{s:[{s:s, s:s, s:s}, {}]}", "keys", "name", &name,
                                 "record", &record, "zone", &zone),
                     0);
    ck_assert_ptr_nonnull(strstr(name, "._domainkey.j.example"));
    ck_assert_ptr_nonnull(strstr(record, "v=DKIM1; k=rsa; p=MII"));
    ck_assert_ptr_nonnull(
        strstr(zone, "._domainkey.j.example. IN TXT (\n\t\"v=DKIM1; k=rsa; p=MII"));
    json_decref(document);

    snprintf(path, sizeof(path), "%s/m", folder);
    FILE *f = fopen(path, "w");
    fputs("DKIM-Signature: v=1; d=example.org\nFrom: a@example.org\n\nx\n", f);
    fclose(f);
    ck_assert_int_eq(run("verify", path, "--json"), CLI_NO);
    document = json_loads(printed, 0, NULL);
    ck_assert_ptr_nonnull(document);
    ck_assert_int_eq(json_unpack(document, "{s:s, s:[{s:s}]}", "result", &result, "signatures",
                                 "reason", &reason),
                     0);
    ck_assert_str_eq(result, "permerror");
    ck_assert_str_eq(reason, "signature-missing-tag");
    json_decref(document);
}
END_TEST

START_TEST(keygen_never_replaces_a_key)
{
    ck_assert_int_eq(run("keygen", "example.org", "--selector=s"), CLI_YES);
    ck_assert_int_eq(run("keygen", "example.org", "--selector=s"), CLI_CONFIG);
    ck_assert_int_eq(run("keygen", "example.org", "--selector=t"), CLI_YES);
}
END_TEST

static const struct {
    const char *domain;
    const char *option;
    int status;
} wrong[] = {
    {"../etc", NULL, CLI_USAGE},
    {"a b", NULL, CLI_USAGE},
    {"", NULL, CLI_USAGE},
    {"example.org", "--selector=a/b", CLI_USAGE},
    {"example.org", "--selector=", CLI_USAGE},
    {"example.org", "--algorithm=dsa", CLI_USAGE},
    {"example.org", "--bits=512", CLI_USAGE},
    {"example.org", "--bits=2k", CLI_USAGE},
    {"example.org", "--owner=no-such-user-here", CLI_CONFIG},
};

START_TEST(keygen_refuses)
{
    ck_assert_int_eq(run("keygen", wrong[_i].domain, wrong[_i].option), wrong[_i].status);
    ck_assert_uint_eq(temp_tree_count(folder), 0);
}
END_TEST

START_TEST(verify)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s/m", folder);
    ck_assert_int_eq(run("verify", path, NULL), CLI_USAGE);
    FILE *f = fopen(path, "w");
    fputs("From: a@example.org\n\nunsigned\n", f);
    fclose(f);
    ck_assert_int_eq(run("verify", path, "--dns=127.0.0.1:1"), CLI_NO);
    ck_assert_int_eq(run("verify", path, "--dns=nonsense"), CLI_USAGE);
    f = fopen(path, "w");
    fputs("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; b=AAAA;\n"
          " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=\nFrom: a@example.org\n\nx\n",
          f);
    fclose(f);
    /* nobody answers on port 1 */
    ck_assert_int_eq(run("verify", path, "--dns=127.0.0.1:1"), CLI_TEMPFAIL);
}
END_TEST

static void
write_file(char path_out[PATH_BYTES], const char *name, const char *text)
{
    snprintf(path_out, PATH_BYTES, "%s/%.30s", folder, name);
    FILE *f = fopen(path_out, "w");
    fputs(text, f);
    fclose(f);
}

static const struct {
    const char *zone;
    int status;
    const char *printed;
} zones[] = {
    {"# nothing\n", CLI_NO, "permerror: there is no key record"},
    {"s._domainkey.example.org SERVFAIL\n", CLI_TEMPFAIL, "temperror: the key could not be"},
    {"s._domainkey.example.org. IN TXT \"v=DKIM1; p=\"", CLI_NO, "the key was revoked"},
    {"s._domainkey.example.org TXT v=DKIM1", CLI_CONFIG, "/zone: line 1: write NAME TXT"},
};

START_TEST(verify_with_a_zone_in_a_file)
{
    char message[PATH_BYTES], zone[PATH_BYTES], option[128];

    write_file(message, "m",
               "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; b=AAAA;\n"
               " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=\nFrom: a@example.org\n\nx\n");
    write_file(zone, "zone", zones[_i].zone);
    snprintf(option, sizeof(option), "--dns-file=%s", zone);
    ck_assert_int_eq(run("verify", message, option), zones[_i].status);
    ck_assert_msg(strstr(printed, zones[_i].printed) != NULL, "%s", printed);
}
END_TEST

/* Calls a verb with up to three options; `argument` may be NULL. */
static int
call(const char *verb, const char *argument, const char *const options[4])
{
    static const struct cli_verb *const tables[] = {milter_cli_verbs};
    char *argv[10] = {(char *)"outrider", (char *)"dkim", (char *)(uintptr_t)verb,
                      (char *)(uintptr_t)argument};
    int argc = argument != NULL ? 4 : 3;

    for (int i = 0; i < 4 && options[i] != NULL; i++)
        argv[argc++] = (char *)(uintptr_t)options[i];
    return captured(argc, argv, tables);
}

/* keygen prints the zone that verify reads; sign stands in between. */
START_TEST(keygen_sign_verify)
{
    static const char *const canons[] = {NULL, "--canonicalization=simple/simple",
                                         "--canonicalization=relaxed/simple",
                                         "--canonicalization=simple/relaxed"};
    char message[PATH_BYTES], zone[PATH_BYTES];
    char directory[128], dns_file[128];

    snprintf(directory, sizeof(directory), "--directory=%s", folder);
    ck_assert_int_eq(run("keygen", "example.org", NULL), CLI_YES);
    write_file(zone, "zone", printed);
    snprintf(dns_file, sizeof(dns_file), "--dns-file=%s", zone);
    for (size_t i = 0; i < sizeof(canons) / sizeof(canons[0]); i++) {
        write_file(message, "m", "From:  A <a@Example.org>\nSubject: x\n\nhello  \n\n\n");
        ck_assert_int_eq(call("sign", message, (const char *[4]){directory, canons[i]}), CLI_YES);
        ck_assert_ptr_nonnull(
            strstr(printed, "\r\nFrom:  A <a@Example.org>\r\nSubject: x\r\n\r\n"));
        write_file(message, "m", printed);
        ck_assert_int_eq(call("verify", message, (const char *[4]){dns_file}), CLI_YES);
        ck_assert_msg(strstr(printed, "fail") == NULL, "%s", printed);
        ck_assert_ptr_nonnull(strstr(printed, "a=rsa-sha256"));
        ck_assert_ptr_nonnull(strstr(printed, "a=ed25519-sha256"));
    }
    ck_assert_int_eq(call("sign", message, (const char *[4]){directory, "--json"}), CLI_YES);
    ck_assert_ptr_nonnull(strstr(printed, "\"value\": \" v=1; a="));
}
END_TEST

START_TEST(sign_with_one_key)
{
    char message[PATH_BYTES], key[128];
    const char *const unnamed[4] = {key, "--selector=s"};
    const char *const named[4] = {key, "--domain=Example.net", "--selector=S"};

    ck_assert_int_eq(run("keygen", "example.org", "--selector=k"), CLI_YES);
    snprintf(key, sizeof(key), "--key=%s/example.org/k.pem", folder);
    write_file(message, "m", "From: a@example.org\n\nhello\n");
    ck_assert_int_eq(call("sign", message, unnamed), CLI_USAGE);
    ck_assert_int_eq(call("sign", message, named), CLI_YES);
    ck_assert_ptr_nonnull(strstr(printed, " d=example.net; s=s;"));
    snprintf(key, sizeof(key), "--key=%s/none.pem", folder);
    ck_assert_int_eq(call("sign", message, named), CLI_CONFIG);
}
END_TEST

static const struct {
    const char *message;
    const char *option;
    int status;
    const char *printed;
} unsigned_ones[] = {
    {"From: a@example.com\n\nx\n", NULL, CLI_NO, "no usable key for example.com"},
    {"Subject: x\n\nx\n", NULL, CLI_USAGE, "no From field"},
    {"From: a@example.org\n\nx\n", "--selector=s", CLI_USAGE, "--selector goes with --key"},
    {"From: a@example.org\n\nx\n", "--domain=a..b", CLI_USAGE, ""},
    {"From: a@example.org\n\nx\n", "--canonicalization=relaxed", CLI_USAGE, "simple or relaxed"},
    {"From: a@example.org\n\nx\n", "--canonicalization=nowsp/simple", CLI_USAGE, "simple or"},
};

START_TEST(sign_refuses)
{
    char message[PATH_BYTES], directory[128];

    snprintf(directory, sizeof(directory), "--directory=%s", folder);
    write_file(message, "m", unsigned_ones[_i].message);
    ck_assert_int_eq(call("sign", message, (const char *[4]){directory, unsigned_ones[_i].option}),
                     unsigned_ones[_i].status);
    ck_assert_msg(strstr(printed, unsigned_ones[_i].printed) != NULL, "%s", printed);
}
END_TEST

static const struct {
    const char *from, *to; /* one change in the zone that keygen printed */
    int status;
    const char *printed;
} states[] = {
    {"", "", CLI_YES, "published d=example.org s=k rsa 2048 bits, active\n"},
    {"", "", CLI_YES, "published d=example.org s=k-ed25519 ed25519 256 bits, active\n"},
    {"k-ed25519._domainkey", "other", CLI_NO,
     "missing d=example.org s=k-ed25519 ed25519 256 bits, active: there is no key record"},
    {"k=ed25519; p=", "k=ed25519; p=\" ; ", CLI_NO, "revoked d=example.org s=k-ed25519"},
    {"k=ed25519; p=", "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\" ; ", CLI_NO,
     "differs d=example.org s=k-ed25519 ed25519 256 bits, active: the record holds another key"},
    {"k-ed25519._domainkey.example.org. IN TXT", "k-ed25519._domainkey.example.org SERVFAIL ;",
     CLI_TEMPFAIL,
     "dns-error d=example.org s=k-ed25519 ed25519 256 bits, active: the key could not"},
    {"v=DKIM1; k=ed25519", "v=DKIM1; s=tlsrpt; k=ed25519", CLI_NO, "unusable d=example.org"},
    {"k-ed25519._domainkey.example.org. IN TXT",
     "k-ed25519._domainkey.example.org TXT \"v=DKIM1; "
     "k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2"
     "jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy"
     "VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\" ;",
     CLI_NO, "differs d=example.org"},
};

START_TEST(status)
{
    char zone[PATH_BYTES], directory[128], dns_file[128], changed[16384];

    snprintf(directory, sizeof(directory), "--directory=%s", folder);
    ck_assert_int_eq(run("keygen", "example.org", "--selector=k"), CLI_YES);
    const char *at = strstr(printed, states[_i].from);
    ck_assert_ptr_nonnull(at);
    snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - printed), printed, states[_i].to,
             at + strlen(states[_i].from));
    write_file(zone, "zone", changed);
    snprintf(dns_file, sizeof(dns_file), "--dns-file=%s", zone);
    int got = call("status", "Example.org", (const char *[4]){directory, dns_file});
    ck_assert_msg(strstr(printed, states[_i].printed) != NULL, "%s", printed);
    ck_assert_int_eq(got, states[_i].status);
}
END_TEST

/* One change of keys as the operator sees it. */
START_TEST(rotate_once_take_back_and_not_too_early)
{
    char directory[128], state[128], zone[PATH_BYTES], dns_file[128];
    const char *options[4] = {directory, state};
    struct dkim_keytable *table = NULL;
    size_t count;

    snprintf(directory, sizeof(directory), "--directory=%s", folder);
    snprintf(state, sizeof(state), "--state-directory=%s", folder);
    ck_assert_int_eq(call("rotate", "example.org", options),
                     CLI_NO); /* there is nothing to replace */
    ck_assert_int_eq(run("keygen", "example.org", "--selector=k"), CLI_YES);
    ck_assert_int_eq(call("rotate", "example.org", options), CLI_YES);
    ck_assert_msg(strstr(printed, "._domainkey.example.org. ") != NULL, "%s", printed);
    write_file(zone, "zone", "nothing.example TXT \"x\"\n");
    ck_assert_int_eq(call("rotate", "example.org", options), CLI_NO);
    ck_assert_msg(strstr(printed, "a rotation is under way (waiting)") != NULL, "%s", printed);
    /* Until DNS shows them the next keys are there and do not sign. */
    ck_assert_int_eq(dkim_keytable_load(folder, &table, NULL), OR_OK);
    const struct dkim_keytable_row *rows =
        dkim_keytable_find(table, SPAN_LIT("example.org"), &count);
    ck_assert_uint_eq(dkim_keytable_key_count(table), 4);
    ck_assert_uint_eq(count, 2);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(rows[i].selector[0], 'k');
    dkim_keytable_free(table);
    snprintf(dns_file, sizeof(dns_file), "--dns-file=%s", zone);
    options[2] = "--finish";
    ck_assert_int_eq(call("rotate", "example.org", options), CLI_NO);
    ck_assert_msg(strstr(printed, "early") != NULL, "%s", printed);
    int taken_back =
        call("rotate", "example.org", (const char *[4]){directory, state, "--abort", dns_file});
    ck_assert_msg(taken_back == CLI_YES, "%s", printed);
    ck_assert_int_eq(dkim_keytable_load(folder, &table, NULL), OR_OK);
    ck_assert_uint_eq(dkim_keytable_key_count(table), 2);
    dkim_keytable_free(table);
    ck_assert_int_eq(
        call("rotate", "example.org", (const char *[4]){directory, state, "--abort", dns_file}),
        CLI_NO);
}
END_TEST

START_TEST(status_of_files_and_domains)
{
    char path[PATH_BYTES], directory[128], dns_file[128];
    const char *const options[4] = {directory, dns_file};
    const char *const with_json[4] = {directory, dns_file, "--json"};
    const char *word = NULL, *problem = NULL;

    snprintf(directory, sizeof(directory), "--directory=%s", folder);
    ck_assert_int_eq(run("keygen", "one.example", "--algorithm=ed25519"), CLI_YES);
    write_file(path, "zone", printed);
    snprintf(dns_file, sizeof(dns_file), "--dns-file=%s", path);
    ck_assert_int_eq(run("keygen", "two.example", "--selector=k"), CLI_YES);
    write_file(path, "two.example/k.pem", "nonsense");
    ck_assert_int_eq(call("status", "one.example", options), CLI_YES);
    ck_assert_ptr_null(strstr(printed, "two.example"));
    ck_assert_int_eq(call("status", "two.example", with_json), CLI_NO);
    json_t *document = json_loads(printed, 0, NULL);
    ck_assert_ptr_nonnull(document);
    ck_assert_int_eq(
        json_unpack(document, "{s:[{s:s}], s:[s]}", "keys", "dns", &word, "problems", &problem), 0);
    ck_assert_str_eq(word, "missing");
    ck_assert_ptr_nonnull(strstr(problem, "two.example/k.pem"));
    json_decref(document);
    ck_assert_int_eq(call("status", NULL, options), CLI_NO);
    ck_assert_ptr_nonnull(strstr(printed, "published d=one.example"));
    ck_assert_ptr_nonnull(strstr(printed, "not used "));
    ck_assert_int_eq(call("status", "two.exampl", options), CLI_NO);
    ck_assert_ptr_null(strstr(printed, "not used "));
    ck_assert_int_eq(call("status", "three.example", options), CLI_NO);
    ck_assert_ptr_nonnull(strstr(printed, "there is no key for three.example in "));
    ck_assert_int_eq(call("status", "a b", options), CLI_USAGE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli_dkim");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, keygen_makes_keys_that_the_milter_loads);
    tcase_add_test(tc, json);
    tcase_add_test(tc, keygen_never_replaces_a_key);
    tcase_add_loop_test(tc, keygen_refuses, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tc, verify);
    tcase_add_loop_test(tc, verify_with_a_zone_in_a_file, 0, sizeof(zones) / sizeof(zones[0]));
    tcase_add_test(tc, keygen_sign_verify);
    tcase_add_test(tc, sign_with_one_key);
    tcase_add_loop_test(tc, sign_refuses, 0, sizeof(unsigned_ones) / sizeof(unsigned_ones[0]));
    tcase_add_loop_test(tc, status, 0, sizeof(states) / sizeof(states[0]));
    tcase_add_test(tc, rotate_once_take_back_and_not_too_early);
    tcase_add_test(tc, status_of_files_and_domains);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
