/* Configuration files as operators write them, and every way in which one can be wrong. */
#include "common/run/conf.h"

#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct test_settings {
    struct conf_common common;
    char *name;
    struct conf_list names;
    bool flag;
    int64_t number;
    int64_t pause_ms;
    int64_t size;
    int choice;
    struct conf_cidrs networks;
    char *inner;
    struct conf_items rules;
};

struct test_rule {
    struct conf_item head;
    char *domain;
    struct conf_list names;
    int64_t number;
};

#define FIELD(name_) offsetof(struct test_settings, name_)

static const char *const choices[] = {"never", "always", NULL};
static const struct conf_option options[] = {
    {.name = "name", .type = CONF_STRING, .offset = FIELD(name), .help = "a name"},
    {.name = "names", .type = CONF_STRING_LIST, .offset = FIELD(names), .def = "a, b", .help = "x"},
    {.name = "flag", .type = CONF_BOOL, .offset = FIELD(flag), .def = "yes", .help = "x"},
    {.name = "number",
     .type = CONF_INT,
     .offset = FIELD(number),
     .def = "5",
     .min = 1,
     .max = 10,
     .help = "x"},
    {.name = "pause",
     .type = CONF_DURATION,
     .offset = FIELD(pause_ms),
     .def = "30s",
     .min = 500,
     .max = 3600000,
     .help = "x"},
    {.name = "size",
     .type = CONF_SIZE,
     .offset = FIELD(size),
     .def = "10M",
     .min = 512,
     .max = 1 << 30,
     .help = "x"},
    {.name = "choice",
     .type = CONF_ENUM,
     .offset = FIELD(choice),
     .def = "always",
     .words = choices,
     .help = "x"},
    {.name = "networks",
     .type = CONF_CIDR_LIST,
     .offset = FIELD(networks),
     .def = "127.0.0.0/8,::1",
     .help = "x"},
    {.section = "inner", .name = "name", .type = CONF_STRING, .offset = FIELD(inner), .help = "x"},
};

#define RULE(name_) offsetof(struct test_rule, name_)

static const struct conf_option rule_options[] = {
    {.name = "domain", .type = CONF_STRING, .offset = RULE(domain), .required = true, .help = "x"},
    {.name = "names", .type = CONF_STRING_LIST, .offset = RULE(names), .def = "a, b", .help = "x"},
    {.name = "number",
     .type = CONF_INT,
     .offset = RULE(number),
     .def = "5",
     .min = 1,
     .max = 10,
     .help = "x"},
};

static const struct conf_section sections[] = {
    {.name = "rule",
     .options = rule_options,
     .option_count = 3,
     .item_bytes = sizeof(struct test_rule),
     .offset = FIELD(rules)},
};

static const struct conf_service services[] = {
    {.name = "policy",
     .default_address = "unix:/run/test/policy",
     .default_group = "postfix",
     .default_mode = 0660},
    {.name = "maps"},
};

static or_status
check_settings(void *settings, struct err *e)
{
    const struct test_settings *s = settings;

    if (s->name != NULL && strcmp(s->name, "bad") == 0)
        return err_set(e, OR_CONFIG, "name: \"bad\" needs number = 1; set it");
    return OR_OK;
}

static const struct conf_schema schema = {
    .daemon = "test",
    .settings_bytes = sizeof(struct test_settings),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .sections = sections,
    .section_count = 1,
    .services = services,
    .service_count = 2,
    .uses_dns = true,
    .default_user = "outrider-test",
    .check = check_settings,
};

static char directory[] = "/tmp/outrider-conf-XXXXXX";
static char path[64];

static void
set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/test.conf", directory);
}

static void
tear_down(void)
{
    unlink(path);
    rmdir(directory);
}

static void
write_file(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, n, f), n);
    fclose(f);
}

static struct test_settings *
load(const char *text)
{
    void *settings = NULL;
    struct err e = {{0}};

    write_file(text, strlen(text));
    or_status st = conf_load(&schema, path, &settings, &e);

    ck_assert_msg(st == OR_OK, "%s", e.text);
    return settings;
}

START_TEST(an_empty_file_gives_the_defaults)
{
    struct test_settings *s = load("");

    ck_assert_str_eq(s->common.path, path);
    ck_assert_int_eq(s->common.log_level, LOG_LEVEL_INFO);
    ck_assert_int_eq(s->common.log_target, LOG_TARGET_STDERR);
    ck_assert_str_eq(s->common.user, "outrider-test");
    ck_assert_ptr_null(s->common.group);
    ck_assert_int_gt(s->common.max_connections, 1000);
    ck_assert_str_eq(s->common.dns_resolv_conf, "/etc/resolv.conf");
    ck_assert_uint_eq(s->common.dns_servers.count, 0);
    ck_assert_ptr_null(s->name);
    ck_assert_uint_eq(s->names.count, 2);
    ck_assert_str_eq(s->names.items[1], "b");
    ck_assert(s->flag);
    ck_assert_int_eq(s->number, 5);
    ck_assert_int_eq(s->pause_ms, 30000);
    ck_assert_int_eq(s->size, 10 << 20);
    ck_assert_int_eq(s->choice, 1);
    ck_assert_uint_eq(s->networks.count, 2);
    ck_assert_uint_eq(s->networks.items[0].prefix, 8);
    ck_assert_int_eq(s->networks.items[1].base.family, AF_INET6);
    /* `policy` has a default address, `maps` listens only when it is told to. */
    ck_assert_uint_eq(s->common.listener_count, 1);
    ck_assert_str_eq(s->common.listeners[0].service, "policy");
    ck_assert_str_eq(s->common.listeners[0].addresses[0], "unix:/run/test/policy");
    ck_assert_str_eq(s->common.listeners[0].group, "postfix");
    ck_assert(s->common.listeners[0].group_is_default);
    ck_assert_uint_eq(s->common.listeners[0].mode, 0660);
    ck_assert_uint_eq(s->common.listeners[0].line, 0);
    conf_free(&schema, s);
}
END_TEST

START_TEST(every_option_can_be_set)
{
    struct test_settings *s = load("# comment with a \" and a {\n"
                                   "name = \"two words # and // no comment\" // one at the end\n"
                                   "/* several\n lines { */ names = {}\n"
                                   "flag = off  number = 10  pause = 1h\n"
                                   "size = 64K choice = never\n"
                                   "networks = { 192.0.2.0/24, \"2001:db8::/32\", 10.0.0.1 }\n"
                                   "inner { name = 'it\\'s \\d' }\n"
                                   "dns { servers = \"127.0.0.1:5353\" timeout = 5s }\n"
                                   "listen maps { address = {\"inet:127.0.0.1:10040\",\n"
                                   "   inet:[::1]:10040} mode = 0600 owner = root }\n"
                                   "listen policy { group = \"\" }\n"
                                   "log-level = debug log = syslog\n");

    ck_assert_str_eq(s->name, "two words # and // no comment");
    ck_assert_uint_eq(s->names.count, 0);
    ck_assert(!s->flag);
    ck_assert_int_eq(s->number, 10);
    ck_assert_int_eq(s->pause_ms, 3600000);
    ck_assert_int_eq(s->size, 65536);
    ck_assert_int_eq(s->choice, 0);
    ck_assert_uint_eq(s->networks.count, 3);
    ck_assert_uint_eq(s->networks.items[2].prefix, 32);
    ck_assert_str_eq(s->inner, "it's \\d");
    ck_assert_str_eq(s->common.dns_servers.items[0], "127.0.0.1:5353");
    ck_assert_int_eq(s->common.dns_timeout_ms, 5000);
    ck_assert_int_eq(s->common.log_level, LOG_LEVEL_DEBUG);
    ck_assert_int_eq(s->common.log_target, LOG_TARGET_SYSLOG);

    const struct conf_listener *maps = &s->common.listeners[0];

    ck_assert_str_eq(maps->service, "maps");
    ck_assert_uint_eq(maps->address_count, 2);
    ck_assert_str_eq(maps->addresses[1], "inet:[::1]:10040");
    ck_assert_str_eq(maps->owner, "root");
    ck_assert_uint_eq(maps->mode, 0600);
    ck_assert_uint_eq(maps->line, 10);
    /* What a section leaves out is the service's default; "" asks for none. */
    ck_assert_ptr_null(s->common.listeners[1].group);
    ck_assert_str_eq(s->common.listeners[1].addresses[0], "unix:/run/test/policy");
    conf_free(&schema, s);
}
END_TEST

static const struct {
    const char *what;
    const char *text;
    const char *error; /* behind the path; cut at its end: the beginning must match */
} faults[] = {
    {"unknown option", "\n# c\nlgo = stderr\n", ":3: lgo: unknown option"},
    {"unknown option in a section", "dns {\n servers = {}\n\n server = x }\n",
     ":4: dns server: unknown option"},
    {"unknown section", "log = stderr\ndsn { timeout = 5s }\n", ":2: dsn: unknown option"},
    {"unknown option in listen", "listen policy {\n port = 25\n}\n",
     ":2: listen policy port: unknown option"},
    {"section without a title", "\nrule { domain = a }\n", ":2: rule: a section with a name"},
    {"section with an empty title", "rule \"\" { domain = a }\n", ":1: rule : a title of 1 to"},
    {"title twice", "rule a { domain = a }\n\nrule a { domain = b }\n",
     ":3: rule a: a second section of this title (the first is on line 1); remove one"},
    {"required option of a section", "\nrule \"a b\" { number = 3 }\n",
     ": rule \"a b\" (line 2) domain: not set; add domain"},
    {"option twice in a section", "rule a {\n domain = a\n domain = b\n}\n",
     ":3: rule a domain: set a second time (first on line 2)"},
    {"range in a section", "rule a { domain = a\n number = 11 }\n", ":2: rule a number: "},
    {"unknown option in a titled section", "rule a { domain = a\n other = 1 }\n",
     ":2: rule a other: unknown option"},
    {"the hidden option", "rule a { = = 1 }\n", ":1: "},
    {"unknown service", "\nlisten polcy {\n mode = 0600\n}\n",
     ":2: listen polcy: there is no service \"polcy\"; allowed: policy, maps"},
    {"unknown service, empty section", "listen polcy {\n\n}\n",
     ":1: listen polcy: there is no service \"polcy\"; allowed: policy, maps"},
    {"service twice", "listen maps { address = inet:127.0.0.1:1 }\nlisten maps { }\n",
     ":2: listen maps: a second section for this service (the first is on line 1); put all"},
    {"listen without a name", "listen {\n}\n", ":1: listen: a section with a name"},
    {"listen as an option", "listen = \"inet:127.0.0.1:10040\"\n",
     ":1: listen: a section with a name"},
    {"section as an option", "dns = \"127.0.0.1\"\n", ":1: dns: a section, not a value"},
    {"option as a section", "log-level {\n}\n", ":1: log-level: no \"=\" after this option"},
    {"list for one value", "name = {\"a\"}\n", ":1: \"{\" cannot stand here"},
    {"list without commas", "names = {\"a\"\n \"b\"}\n", ":2: \"b\" cannot stand here"},
    {"option twice", "log-level = info\n\nlog-level = debug\n",
     ":3: log-level: set a second time (first on line 1); remove one"},
    {"list twice", "names = {a}\nnames = {b}\n",
     ":2: names: set a second time (first on line 1); remove one"},
    {"section twice, option twice", "dns { timeout = 1s }\ndns { timeout = 2s }\n",
     ":2: dns timeout: set a second time (first on line 1)"},
    {"bool", "flag = maybe\n",
     ":1: flag: \"maybe\" is neither yes nor no; allowed: true, yes, on, false, no, off; write "
     "e.g. "
     "flag = yes"},
    {"number with letters", "number = 5x\n",
     ":1: number: \"5x\" is no whole number; allowed: 1 to 10; write e.g. number = 5"},
    {"number too large", "\n\nnumber = 11\n",
     ":3: number: \"11\" is out of range; allowed: 1 to 10; write e.g. number = 5"},
    {"number too small", "number = 0\n", ":1: number: \"0\" is out of range; allowed: 1 to 10"},
    {"negative number", "number = -1\n", ":1: number: \"-1\" is no whole number; allowed: 1 to 10"},
    {"number beyond 64 bits", "number = 99999999999999999999999\n",
     ":1: number: \"99999999999999999999999\" is out of range"},
    {"duration without unit", "pause = 30\n",
     ":1: pause: \"30\" is no duration (500ms, 30s, 5m, 1h, 7d); allowed: 500ms to 1h; write e.g. "
     "pause = 30s"},
    {"duration of the wrong unit", "pause = 1w\n", ":1: pause: \"1w\" is no duration"},
    {"duration too long", "pause = 2h\n",
     ":1: pause: \"2h\" is out of range; allowed: 500ms to 1h; write e.g. pause = 30s"},
    {"duration that overflows", "pause = 9223372036854775807d\n",
     ":1: pause: \"9223372036854775807d\" is out of range"},
    {"size", "size = 10X\n",
     ":1: size: \"10X\" is no size (512, 64K, 10M, 1G); allowed: 512 to 1G; write e.g. size = 10M"},
    {"size too small", "size = 1\n", ":1: size: \"1\" is out of range; allowed: 512 to 1G"},
    {"word", "choice = sometimes\n",
     ":1: choice: \"sometimes\" is not known; allowed: never, always; write e.g. choice = never"},
    {"network", "networks = {\"192.0.2.0/24\",\n\"192.0.2.0/33\"}\n",
     ":2: networks: \"192.0.2.0/33\" is no network; allowed: an IPv4 or IPv6 address"},
    {"address", "listen maps {\n address = \"localhost:25\" }\n",
     ":2: listen maps address: \"localhost:25\" is no address; write \"unix:/path\""},
    {"address of the metrics", "\nmetrics-listen = \"localhost:9725\"\n",
     ":2: metrics-listen: \"localhost:9725\" is no address; write"},
    {"address with a name", "listen maps { address = inet:localhost:25 }\n",
     ":1: listen maps address: \"inet:localhost:25\" is no address"},
    {"relative socket path", "listen maps { address = unix:run/maps }\n",
     ":1: listen maps address: \"unix:run/maps\" is no address"},
    {"port out of range", "listen maps { address = inet:127.0.0.1:65536 }\n",
     ":1: listen maps address: \"inet:127.0.0.1:65536\" is no address"},
    {"port 0", "listen maps { address = inet:127.0.0.1:0 }\n", ":1: listen maps address: "},
    {"IPv6 without brackets", "listen maps { address = inet:::1:25 }\n",
     ":1: listen maps address: "},
    {"socket path too long",
     "listen maps { address = "
     "unix:/0123456789012345678901234567890123456789012345678901234567890123"
     "45678901234567890123456789012345678901234567890123456789 }\n",
     ":1: listen maps address: socket path of 121 bytes; at most 107 are possible"},
    {"mode", "listen maps { mode = 888 }\n",
     ":1: listen maps mode: \"888\" is no mode; allowed: three octal digits"},
    {"mode in words", "listen maps { mode = u+rw }\n", ":1: \"+\" cannot stand here"},
    {"owner twice", "listen maps { owner = a\n owner = b }\n",
     ":2: listen maps owner: set twice in this section; remove one owner"},
    {"too many addresses",
     "listen maps { address = {unix:/1,unix:/2,unix:/3,unix:/4,unix:/5,unix:/6,unix:/7,unix:/8,\n"
     "unix:/9} }\n",
     ":2: listen maps address: more than 8 addresses; remove some"},
    {"string that does not end", "log = stderr\nname = \"x\nflag = yes\n",
     ":2: a string that does not end; close it with \""},
    {"string at the end of the file", "name = 'x",
     ":1: a string that does not end; close it with '"},
    {"comment that does not end", "\n/* x\n\n",
     ":2: a comment that does not end; close it with */"},
    {"section that does not end", "\ndns {\n timeout = 1s\n",
     ":2: a \"{\" that nothing closes; add the \"}\""},
    {"brace too many", "flag = yes\n}\n", ":2: a \"}\" too many"},
    {"value missing", "name =\n", ":2: the file ends where a value should stand"},
    {"appending", "names += {c}\n", ":1: \"+\" cannot stand here; put the value into quotes"},
    {"escape", "name = \"a\\d\"\n",
     ":1: \"\\d\" means nothing here; write \"\\\\\" for a backslash"},
    {"environment", "name = \"${HOME}\"\n", ":1: ${...} is not expanded; write the value itself"},
    {"environment, bare", "name = ${HOME}\n", ":1: \"$\" cannot stand here"},
    {"path to an option", "dns|timeout = 5s\n", ":1: \"|\" cannot stand here"},
    {"path to an option, quoted", "\"dns|timeout\" = 5s\n", ":1: timeout: unknown option"},
    {"function", "include(\"/etc/passwd\")\n", ":1: \"(\" cannot stand here"},
    {"control byte", "name = \x01\n", ":1: control byte 0x01; remove it"},
    {"two options that disagree", "name = bad\n", ": name: \"bad\" needs number = 1; set it"},
};

static void
expect_fault(const char *what, const char *error)
{
    void *settings = NULL;
    struct err e = {{0}};
    char expected[ERR_TEXT_BYTES];

    ck_assert_msg(conf_load(&schema, path, &settings, &e) == OR_CONFIG, "%s: loaded", what);
    ck_assert_ptr_null(settings);
    snprintf(expected, sizeof(expected), "%s%s", path, error);
    ck_assert_msg(strncmp(e.text, expected, strlen(expected)) == 0, "%s:\n is %s\nnot %s", what,
                  e.text, expected);
    ck_assert_msg(strchr(e.text, '\n') == NULL, "%s: more than one line", what);
}

START_TEST(titled_sections_become_items_in_their_order)
{
    struct test_settings *s =
        load("rule z { domain = one }\n"
             "rule \"a b\" {\n domain = \"two\"\n names = {}\n number = 7\n}\n"
             "rule m { names = {\"x\", \"y\"} domain = three }\n");
    ck_assert_uint_eq(s->rules.count, 3);
    const struct test_rule *one = conf_item_at(&sections[0], &s->rules, 0);
    const struct test_rule *two = conf_item_at(&sections[0], &s->rules, 1);
    const struct test_rule *three = conf_item_at(&sections[0], &s->rules, 2);

    ck_assert_str_eq(one->head.title, "z");
    ck_assert_uint_eq(one->head.line, 1);
    ck_assert_str_eq(one->domain, "one");
    ck_assert_uint_eq(one->names.count, 2);
    ck_assert_int_eq(one->number, 5);
    ck_assert_str_eq(two->head.title, "a b");
    ck_assert_uint_eq(two->head.line, 2);
    ck_assert_str_eq(two->domain, "two");
    ck_assert_uint_eq(two->names.count, 0);
    ck_assert_int_eq(two->number, 7);
    ck_assert_str_eq(three->domain, "three");
    ck_assert_uint_eq(three->names.count, 2);
    ck_assert_str_eq(three->names.items[1], "y");
    conf_free(&schema, s);
}
END_TEST

START_TEST(a_fault_names_file_line_and_option)
{
    write_file(faults[_i].text, strlen(faults[_i].text));
    expect_fault(faults[_i].what, faults[_i].error);
    /* Nothing of the wrong file sticks in the scanner: a mended one loads after SIGHUP. */
    conf_free(&schema, load("name = good # fine\n"));
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named)
{
    unlink(path);
    expect_fault("missing", ": no such file; make it");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    expect_fault("directory", ": cannot be read: Is a directory; mend that");
    rmdir(path);
    write_file("name = \"a\0b\"\n", 13);
    expect_fault("NUL", ": holds NUL bytes; is this the configuration file?");

    char *big = calloc(1, 1024 * 1024 + 1);

    memset(big, '\n', 1024 * 1024 + 1);
    write_file(big, 1024 * 1024 + 1);
    expect_fault("too large", ": larger than 1048576 bytes");
    free(big);
}
END_TEST

START_TEST(a_required_option_must_be_there)
{
    static const struct conf_option required[] = {
        {.section = "inner",
         .name = "name",
         .type = CONF_STRING,
         .offset = FIELD(inner),
         .required = true,
         .help = "who we are"},
    };
    struct conf_schema own = schema;
    void *settings;
    struct err e;
    char expected[ERR_TEXT_BYTES];

    own.options = required;
    own.option_count = 1;
    own.check = NULL;
    write_file("", 0);
    ck_assert_int_eq(conf_load(&own, path, &settings, &e), OR_CONFIG);
    snprintf(expected, sizeof(expected), "%s: inner name: not set; add name = ... (who we are)",
             path);
    ck_assert_str_eq(e.text, expected);
}
END_TEST

/* What the lint reads: one line per option, common ones included. */
START_TEST(print_options_prints_every_row)
{
    static const char *const expected[] = {
        "- log enum stderr\n",
        "- user string outrider-test\n",
        "- group string -\n",
        "dns servers string-list -\n",
        "- networks cidr-list 127.0.0.0/8,::1\n",
        "inner name string -\n",
        "rule domain string -\n",
        "rule number int 5\n",
        "listen address string-list -\n",
        "listen mode string -\n",
        "- pause duration 30s\n",
    };
    char text[4096] = "";
    int keep = dup(1);

    fflush(stdout);
    ck_assert_ptr_nonnull(freopen(path, "w", stdout));
    conf_print_options(&schema);
    fflush(stdout);
    dup2(keep, 1);
    close(keep);
    FILE *f = fopen(path, "r");

    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        ck_assert_msg(strstr(text, expected[i]) != NULL, "%s not in\n%s", expected[i], text);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("conf");
    TCase *t = tcase_create("conf");

    tcase_add_unchecked_fixture(t, set_up, tear_down);
    tcase_add_test(t, an_empty_file_gives_the_defaults);
    tcase_add_test(t, every_option_can_be_set);
    tcase_add_test(t, titled_sections_become_items_in_their_order);
    tcase_add_loop_test(t, a_fault_names_file_line_and_option, 0,
                        (int)(sizeof(faults) / sizeof(faults[0])));
    tcase_add_test(t, a_file_that_cannot_be_read_is_named);
    tcase_add_test(t, a_required_option_must_be_there);
    tcase_add_test(t, print_options_prints_every_row);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
