/* OpenDKIM configurations after the shapes of distributions and howtos, and what becomes of them.
 */
#include "milter/import/opendkim_import.h"
#include "milter/import/opendkim_pattern.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static struct arena mem;
static struct opendkim_import import;

struct file {
    const char *path;
    const char *text;
};

static or_status
read_file(void *context, const char *path, struct span *text_out, struct err *e)
{
    for (const struct file *f = context; f->path != NULL; f++)
        if (strcmp(f->path, path) == 0) {
            *text_out = span_cstr(f->text);
            return OR_OK;
        }
    return err_set(e, OR_CONFIG, "%s: no such file", path);
}

static or_status
run(const struct file *files, bool observe)
{
    static struct opendkim_reader reader;
    struct err e = {.text = ""};

    opendkim_import_fini(&import);
    arena_reset(&mem);
    reader = (struct opendkim_reader){.read = read_file, .context = (void *)(uintptr_t)files};
    import = (struct opendkim_import){
        .mem = &mem, .reader = &reader, .observe = observe, .key_directory = "/k"};
    return opendkim_import(&import, "opendkim.conf", &e);
}

static bool
contains(struct span text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static bool
written(const char *part)
{
    return contains(buf_span(&import.conf), part);
}

static bool
noted(enum opendkim_note_kind kind, const char *option, const char *part)
{
    for (size_t i = 0; i < import.note_count; i++)
        if (import.notes[i].kind == kind && span_equal_cstr(import.notes[i].option, option) &&
            contains(import.notes[i].text, part))
            return true;
    return false;
}

static size_t
count_notes(enum opendkim_note_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < import.note_count; i++)
        count += import.notes[i].kind == kind;
    return count;
}

static void
set_up(void)
{
    arena_init(&mem, (size_t)16 << 20);
    import = (struct opendkim_import){.mem = &mem};
}

static void
tear_down(void)
{
    opendkim_import_fini(&import);
    arena_fini(&mem);
}

START_TEST(test_debian_as_shipped_signs_nothing_and_says_so)
{
    const struct file files[] = {{"opendkim.conf",
                                  "# comment\nSyslog\t\t\tyes\nSyslogSuccess\tyes\n"
                                  "Canonicalization\trelaxed/simple\n"
                                  "#Mode\t\tsv\nOversignHeaders\tFrom\n"
                                  "UserID\topendkim\nUMask\t007\n"
                                  "Socket local:/run/opendkim/opendkim.sock\n"
                                  "PidFile /run/opendkim/opendkim.pid\n"
                                  "TrustAnchorFile /usr/share/dns/root.key\n"},
                                 {NULL, NULL}};

    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert(written("canonicalization = \"relaxed/simple\"\n"));
    ck_assert(written("log = syslog\n"));
    ck_assert(written("oversign-headers = {\"From\"}\n"));
    ck_assert(written("listen milter { address = {\"unix:/run/opendkim/opendkim.sock\"} }\n"));
    ck_assert(noted(OPENDKIM_CHANGED, "Domain", "nothing is signed"));
    ck_assert(noted(OPENDKIM_IMPOSSIBLE, "TrustAnchorFile", "DNSSEC"));
    ck_assert_uint_eq(count_notes(OPENDKIM_IMPOSSIBLE), 1);
    ck_assert_uint_eq(import.rules.count, 0);
}
END_TEST

START_TEST(test_single_domain)
{
    const struct file files[] = {{"opendkim.conf", "domain example.com\nSELECTOR 2020\n"
                                                   "KeyFile /etc/dkimkeys/example.private\n"
                                                   "SubDomains Yes\nCanonicalization relaxed\n"
                                                   "Socket inet:8891@localhost\n"},
                                 {NULL, NULL}};

    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert_uint_eq(import.rules.count, 1);
    ck_assert_span_eq(import.rules.items[0].domain, "example.com");
    ck_assert_span_eq(import.rules.items[0].selector, "2020");
    ck_assert_span_eq(import.rules.items[0].key, "/etc/dkimkeys/example.private");
    ck_assert(written("sign-subdomains = true\n"));
    ck_assert(written("canonicalization = \"relaxed/simple\"\n"));
    ck_assert(written("\"inet:127.0.0.1:8891\""));
    ck_assert(!written("sign \"")); /* the key directory says it */
}
END_TEST

/* docker-mailserver's layout: every domain with the selector "mail". */
START_TEST(test_tables_with_one_selector_for_all_domains)
{
    const struct file files[] = {
        {"opendkim.conf", "KeyTable refile:/etc/opendkim/KeyTable\n"
                          "SigningTable refile:/etc/opendkim/SigningTable\n"
                          "ExternalIgnoreList refile:/etc/opendkim/TrustedHosts\n"
                          "InternalHosts refile:/etc/opendkim/TrustedHosts\n"
                          "Socket inet:8891@localhost\nMode sv\n"},
        {"/etc/opendkim/KeyTable",
         "mail._domainkey.a.test a.test:mail:/etc/opendkim/keys/a.test/mail.private\n"
         "mail._domainkey.b.test b.test:mail:/etc/opendkim/keys/b.test/mail.private\n"},
        {"/etc/opendkim/SigningTable",
         "*@a.test mail._domainkey.a.test\n*@B.test mail._domainkey.b.test\n"},
        {"/etc/opendkim/TrustedHosts",
         "127.0.0.1\nlocalhost\n[::1]\n172.16.0.0/12 # nets\nmx.a.test\n"
         "!10.0.0.1\n"},
        {NULL, NULL}};

    ck_assert_int_eq(run(files, true), OR_OK);
    ck_assert_uint_eq(import.rules.count, 2);
    ck_assert_span_eq(import.rules.items[1].domain, "b.test");
    ck_assert(written("mode = observe\n"));
    ck_assert(!written("listen")); /* OpenDKIM's socket stays its own */
    ck_assert(!written("sign \""));
    ck_assert(written("internal-networks = {\"127.0.0.1\", \"127.0.0.0/8\", \"::1\", \"::1\", "
                      "\"172.16.0.0/12\"}\n"));
    ck_assert(noted(OPENDKIM_IMPOSSIBLE, "InternalHosts", "mx.a.test"));
    ck_assert(noted(OPENDKIM_IMPOSSIBLE, "InternalHosts", "no exceptions"));
}
END_TEST

static const struct file ranked[] = {
    {"opendkim.conf", "KeyTable /k\nSigningTable refile:/s\n"},
    {"/k", "one a.test:s1:/x/1\ntwo b.test:s2:/x/2\nany %:s3:/x/%/3\n"},
    {"/s", "bob@a.test two\n*@a.test one\nann@a.test two\n*@*.a.test one\n*@c.test any\n"
           "x*@d.test one\n* any\n*@lost.test none\n"},
    {NULL, NULL}};

START_TEST(test_refile_keeps_its_first_match)
{
    ck_assert_int_eq(run(ranked, false), OR_OK);
    ck_assert(written("sign \"bob@a.test\" { domain = \"b.test\" selectors = {\"s2\"} }\n"));
    ck_assert(written("sign \"a.test\" { domain = \"a.test\" selectors = {\"s1\"} }\n"));
    ck_assert(written("sign \".a.test\" { domain = \"a.test\" selectors = {\"s1\"} }\n"));
    ck_assert(written("sign \"c.test\" { domain = \"c.test\" selectors = {\"s3\"} }\n"));
    ck_assert(written("sign \"/(?i)^x.*@d[.]test$/\" { domain = \"a.test\""));
    ck_assert(!written("ann@a.test"));
    ck_assert(noted(OPENDKIM_CHANGED, "SigningTable", "line 3 (ann@a.test) left out"));
    ck_assert(noted(OPENDKIM_IMPOSSIBLE, "SigningTable", "more than one domain"));
    ck_assert(noted(OPENDKIM_IMPOSSIBLE, "SigningTable", "no usable key \"none\""));
    ck_assert_span_eq(import.rules.items[3].key, "/x/c.test/3");
}
END_TEST

/* Here a domain with keys signs all its mail; where only some of its users did, nobody else must.
 */
START_TEST(test_who_was_not_signed_is_not_signed_now)
{
    const struct file files[] = {
        {"opendkim.conf", "KeyTable csl:a=a.test:s:/x/a, b=b.test:s:/x/b\nSigningTable /s\n"},
        {"/s", "ann@a.test a\nb.test b\n"},
        {NULL, NULL}};
    const struct file everybody[] = {
        {"opendkim.conf", "KeyTable csl:a=a.test:s:/x/a\nSigningTable refile:/s\n"},
        {"/s", "ann@a.test a\n* a\n"},
        {NULL, NULL}};

    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert(written("sign \"ann@a.test\" { domain = \"a.test\" selectors = {\"s\"} }\n"));
    ck_assert(written("sign \"a.test\" { never = true }\n"));
    ck_assert(!written("sign \"b.test\" { never"));
    ck_assert_int_eq(run(everybody, false), OR_OK);
    ck_assert(!written("never = true"));
}
END_TEST

START_TEST(test_macros_become_one_list)
{
    const struct file files[] = {
        {"opendkim.conf", "MTA ORIGINATING,sub\nMacroList auth_type=PLAIN|LOGIN,{v}=1,bare\n"
                          "SenderHeaders From,Sender\n"},
        {NULL, NULL}};

    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert(written("originating-macros = {\"{daemon_name}=ORIGINATING\", \"{daemon_name}=sub\", "
                      "\"{auth_type}=PLAIN\", \"{auth_type}=LOGIN\", \"{v}=1\"}\n"));
    ck_assert(noted(OPENDKIM_IMPOSSIBLE, "MacroList", "\"bare\""));
    ck_assert(written("sender-fallback = true\n"));
}
END_TEST

START_TEST(test_multiple_signatures_add_up)
{
    const struct file files[] = {
        {"opendkim.conf", "KeyTable csl:r=a.test:r1:/x/r, e=a.test:e1:/x/e, o=o.test:o1:/x/o\n"
                          "SigningTable /s\nMultipleSignatures yes\n"},
        {"/s", "a.test r\na.test e:%\nann@a.test o\n.a.test r\nann@.a.test e\n"},
        {NULL, NULL}};

    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert(written("sign \"a.test\" { domain = \"a.test\" selectors = {\"r1\", \"e1\"} }\n"));
    ck_assert(written("sign \"ann@a.test\" { domain = \"o.test\" selectors = {\"o1\"} }\n"));
    ck_assert(noted(OPENDKIM_IMPOSSIBLE, "SigningTable", "d=a.test beside d=o.test"));
    ck_assert(noted(OPENDKIM_CHANGED, "SigningTable", "we write no i="));
    ck_assert(written("sign \"/(?i)^ann@.*[.]a[.]test$/\" { domain = \"a.test\" "
                      "selectors = {\"r1\", \"e1\"} }\n"));
}
END_TEST

static const struct {
    const char *line;
    const char *conf; /* NULL: nothing */
    enum opendkim_note_kind kind;
    const char *option;
    const char *text;
} lines[] = {
    {"ClockDrift 60", "clock-skew = 60s\n", OPENDKIM_TAKEN, "ClockDrift", "clock-skew"},
    {"SignatureTTL 1", "signature-lifetime = 60s\n", OPENDKIM_CHANGED, "SignatureTTL", "nearest"},
    {"SignatureTTL x", NULL, OPENDKIM_IMPOSSIBLE, "SignatureTTL", "line 1"},
    {"MaximumHeaders 0", "max-header-size = 16777216\n", OPENDKIM_CHANGED, "MaximumHeaders", ""},
    {"MaximumSignaturesToVerify 5", "max-signatures = 5\n", OPENDKIM_TAKEN,
     "MaximumSignaturesToVerify", ""},
    {"On-BadSignature R", NULL, OPENDKIM_IMPOSSIBLE, "On-BadSignature", "quarantine"},
    {"On-BadSignature r", "on-fail = reject\n", OPENDKIM_TAKEN, "On-BadSignature", "on-fail"},
    {"On-NoSignature discard", NULL, OPENDKIM_IMPOSSIBLE, "On-NoSignature", "discard"},
    {"On-DNSError Tempfail", "on-temperror = tempfail\n", OPENDKIM_TAKEN, "On-DNSError", ""},
    {"SignHeaders To,Subject", "sign-headers = {\"From\", \"To\", \"Subject\"}\n", OPENDKIM_TAKEN,
     "SignHeaders", ""},
    {"OmitHeaders *,+X-Foo", NULL, OPENDKIM_IMPOSSIBLE, "OmitHeaders", "skip-headers"},
    {"Nameservers 192.0.2.1,2001:db8::1",
     "dns { servers = {\"192.0.2.1:53\", \"[2001:db8::1]:53\"} }\n", OPENDKIM_TAKEN, "Nameservers",
     ""},
    {"Mode v", NULL, OPENDKIM_CHANGED, "Mode", "only verified"},
    {"AuthservID HOSTNAME", NULL, OPENDKIM_TAKEN, "AuthservID", "default"},
    {"AuthservID a\"b", NULL, OPENDKIM_IMPOSSIBLE, "AuthservID", "not a value"},
    {"AuthservID ${HOME}", NULL, OPENDKIM_IMPOSSIBLE, "AuthservID", "not a value"},
    {"PeerList 192.0.2.1", NULL, OPENDKIM_IMPOSSIBLE, "PeerList", "smtpd_milter_maps"},
    {"InternalHosts ldap://x", NULL, OPENDKIM_IMPOSSIBLE, "InternalHosts", "\"ldap:\""},
    {"InternalHosts /missing", NULL, OPENDKIM_IMPOSSIBLE, "InternalHosts", "no such file"},
    {"SigningTable dsn:mysql://x\nKeyTable /k", NULL, OPENDKIM_IMPOSSIBLE, "SigningTable",
     "\"dsn:\""},
    {"KeyTable /k", NULL, OPENDKIM_IMPOSSIBLE, "KeyTable", "together"},
    {"NoSuchThing 1", NULL, OPENDKIM_IMPOSSIBLE, "NoSuchThing", "no such directive"},
    {"Canonicalization nofws", NULL, OPENDKIM_IMPOSSIBLE, "Canonicalization", "nofws"},
    {"Socket inet:8891", "\"inet:127.0.0.1:8891\"", OPENDKIM_CHANGED, "Socket", "every interface"},
    {"ClockDrift 60\nclockdrift 70", "clock-skew = 70s\n", OPENDKIM_TAKEN, "clockdrift", ""},
};

START_TEST(test_directive)
{
    char text[256];
    const struct file files[] = {{"opendkim.conf", text}, {"/k", ""}, {NULL, NULL}};

    snprintf(text, sizeof(text), "%s\n", lines[_i].line);
    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert_msg(lines[_i].conf == NULL || written(lines[_i].conf), "%s: %.*s", lines[_i].line,
                  SPAN_ARG(buf_span(&import.conf)));
    ck_assert_msg(noted(lines[_i].kind, lines[_i].option, lines[_i].text), "%s", lines[_i].line);
}
END_TEST

START_TEST(test_flags_that_are_off_need_no_word)
{
    const struct file files[] = {{"opendkim.conf", "Diagnostics No\nSendReports false\n"},
                                 {NULL, NULL}};

    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert_uint_eq(count_notes(OPENDKIM_IMPOSSIBLE), 0);
}
END_TEST

START_TEST(test_include)
{
    const struct file files[] = {{"opendkim.conf", "Include /a\nClockDrift 5\n"},
                                 {"/a", "ClockDrift 9\nMode s"},
                                 {NULL, NULL}};
    const struct file loop[] = {{"opendkim.conf", "Include opendkim.conf\n"}, {NULL, NULL}};
    const struct file missing[] = {{"opendkim.conf", "Include /nowhere\n"}, {NULL, NULL}};
    const struct file empty[] = {{"opendkim.conf", "Mode # nothing\n"}, {NULL, NULL}};

    ck_assert_int_eq(run(files, false), OR_OK);
    ck_assert(written("clock-skew = 5s\n"));
    ck_assert(noted(OPENDKIM_CHANGED, "Mode", "only signed"));
    ck_assert_int_eq(run(loop, false), OR_LIMIT);
    ck_assert_int_eq(run(missing, false), OR_CONFIG);
    ck_assert_int_eq(run(empty, false), OR_MALFORMED);
}
END_TEST

static const struct {
    const char *wide, *narrow;
    bool covers;
} globs[] = {
    {"*", "a@b", true},        {"*@b", "a@b", true},       {"*@b", "*@b", true},
    {"a@b", "*@b", false},     {"*@*.b", "a@x.b", true},   {"*@*.b", "a@b", false},
    {"a*c@b", "abcc@b", true}, {"*a*b*c", "xaybz", false}, {"", "", true},
    {"*@b", "*@*", false},
};

START_TEST(test_pattern_covers)
{
    ck_assert(opendkim_pattern_covers(span_cstr(globs[_i].wide), span_cstr(globs[_i].narrow)) ==
              globs[_i].covers);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("opendkim_import");
    TCase *c = tcase_create("configurations");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, test_debian_as_shipped_signs_nothing_and_says_so);
    tcase_add_test(c, test_single_domain);
    tcase_add_test(c, test_tables_with_one_selector_for_all_domains);
    tcase_add_test(c, test_refile_keeps_its_first_match);
    tcase_add_test(c, test_who_was_not_signed_is_not_signed_now);
    tcase_add_test(c, test_macros_become_one_list);
    tcase_add_test(c, test_multiple_signatures_add_up);
    tcase_add_test(c, test_flags_that_are_off_need_no_word);
    tcase_add_test(c, test_include);
    tcase_add_loop_test(c, test_directive, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_loop_test(c, test_pattern_covers, 0, sizeof(globs) / sizeof(globs[0]));
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
