/* Documents for mail programs: what is put in, what is refused. Their form is checked end to end.
 */
#include "common/cli/client_config.h"

#include "tests/support/unit.h"

#include <string.h>

typedef void (*document_fn)(const struct client_config *c, struct buf *out);

static const document_fn documents[] = {
    client_config_autoconfig,
    client_config_autodiscover,
    client_config_mobileconfig,
};

static char text[CLIENT_CONFIG_MAX_BYTES + 1];

static const char *
written(document_fn write, const char *domain, const char *name)
{
    struct client_config c = {
        .domain = span_cstr(domain), .host = SPAN_LIT("mx.example.org"), .name = span_cstr(name)};
    struct buf out;

    buf_init(&out, CLIENT_CONFIG_MAX_BYTES);
    write(&c, &out);
    ck_assert_int_eq(buf_finish(&out), OR_OK);
    memcpy(text, out.p, out.n);
    text[out.n] = '\0';
    buf_fini(&out);
    return text;
}

START_TEST(names_the_server)
{
    ck_assert_ptr_nonnull(strstr(written(documents[_i], "a.test", "A"), ">mx.example.org<"));
    ck_assert_ptr_null(strchr(text, '@'));
}
END_TEST

START_TEST(what_is_put_in_is_escaped)
{
    written(client_config_autoconfig, "a.test", "</x>&\"'@D");
    ck_assert_ptr_nonnull(strstr(text, ">&lt;/x&gt;&amp;&quot;&apos;@D</displayName>"));
}
END_TEST

START_TEST(the_longest_name_fits)
{
    char name[CLIENT_CONFIG_MAX_NAME_BYTES + 1];

    memset(name, '"', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ck_assert(client_config_is_text(span_cstr(name)));
    written(documents[_i], "a.test", name);
}
END_TEST

START_TEST(a_profile_keeps_its_identity)
{
    static char first[sizeof(text)];

    memcpy(first, written(client_config_mobileconfig, "a.test", "A"), sizeof(first));
    ck_assert_str_eq(first, written(client_config_mobileconfig, "a.test", "A"));
    const char *uuid = strstr(first, "PayloadUUID</key><string>");

    ck_assert_ptr_nonnull(uuid);
    const char *other = strstr(written(client_config_mobileconfig, "b.test", "A"), "PayloadUUID");

    ck_assert_int_ne(strncmp(uuid, other, strlen("PayloadUUID</key><string>") + 36), 0);
}
END_TEST

static const struct {
    struct span s;
    bool is;
} names[] = {
    {SPAN_INIT("Post & Söhne"), true},
    {SPAN_INIT(""), false},
    {SPAN_INIT("a\nb"), false},
    {SPAN_INIT("a\0b"), false},
    {SPAN_INIT("\x7f"), false},
    {SPAN_INIT("\xc2\x85"), false},     /* U+0085, a control character */
    {SPAN_INIT("\xff"), false},         /* no UTF-8 */
    {SPAN_INIT("\xef\xbf\xbe"), false}, /* U+FFFE: no Char of XML 1.0 */
    {SPAN_INIT("\xef\xbf\xbf"), false},
    {SPAN_INIT("\xef\xbf\xbd"), true},
};

START_TEST(names_that_xml_can_hold)
{
    ck_assert_msg(client_config_is_text(names[_i].s) == names[_i].is, "row %d", _i);
}
END_TEST

START_TEST(a_name_over_the_limit)
{
    char name[CLIENT_CONFIG_MAX_NAME_BYTES + 1];

    memset(name, 'a', sizeof(name));
    ck_assert(!client_config_is_text(span_make(name, sizeof(name))));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("client_config");
    TCase *cases = tcase_create("client_config");
    int count = sizeof(documents) / sizeof(documents[0]);

    tcase_add_loop_test(cases, names_the_server, 0, count);
    tcase_add_test(cases, what_is_put_in_is_escaped);
    tcase_add_loop_test(cases, the_longest_name_fits, 0, count);
    tcase_add_test(cases, a_profile_keeps_its_identity);
    tcase_add_loop_test(cases, names_that_xml_can_hold, 0, sizeof(names) / sizeof(names[0]));
    tcase_add_test(cases, a_name_over_the_limit);
    suite_add_tcase(suite, cases);
    return unit_main(suite);
}
