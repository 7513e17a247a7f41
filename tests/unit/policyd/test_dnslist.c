/* Codes and sections: what is understood, and what stops the start. */
#include "policyd/dnslist.h"

#include "tests/support/policyd_conf_text.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *text;
    uint8_t low[4], high[4];
    int64_t weight;
} codes[] = {
    {"127.0.0.2=5", {127, 0, 0, 2}, {127, 0, 0, 2}, 5},
    {"127.0.0.2-11=5", {127, 0, 0, 2}, {127, 0, 0, 11}, 5},
    {"127.0.*.3=-2", {127, 0, 0, 3}, {127, 0, 255, 3}, -2},
    {"*.*.*.*=0", {0, 0, 0, 0}, {255, 255, 255, 255}, 0},
    {"127.0-255.1.0=1000", {127, 0, 1, 0}, {127, 255, 1, 0}, 1000},
};

static const char *const no_codes[] = {
    "",
    "127.0.0.2",
    "127.0.0.2=",
    "=5",
    "127.0.0=5",
    "127.0.0.2.3=5",
    "127.0.0.=5",
    "127.0.0.256=5",
    "127.0.0.11-2=5",
    "127.0.0.2-=5",
    "127.0.0.-2=5",
    "127.0.0.**=5",
    "127.0.0.2=5x",
    "127.0.0.2=--5",
    "127.0.0.2=1001",
    "127.0.0.2=99999999999999999999",
    "128.0.0.2=5", /* outside 127.0.0.0/8: no answer of a list */
    "127.0.0.2 =5",
};

START_TEST(codes_are_ranges_with_a_weight)
{
    struct dnslist_code code;
    struct err e = {.text = ""};

    ck_assert_msg(dnslist_code_parse(span_cstr(codes[_i].text), &code, &e) == OR_OK, "%s", e.text);
    ck_assert_mem_eq(code.low, codes[_i].low, 4);
    ck_assert_mem_eq(code.high, codes[_i].high, 4);
    ck_assert_int_eq(code.weight, codes[_i].weight);
}
END_TEST

START_TEST(other_texts_are_none)
{
    struct dnslist_code code;
    struct err e;

    ck_assert_int_eq(dnslist_code_parse(span_cstr(no_codes[_i]), &code, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "127.0.0.2-11=5"));
}
END_TEST

START_TEST(sections_become_lists)
{
    struct policyd_settings *settings;
    struct dnslist_set set;
    struct err e;

    ck_assert_msg(policyd_conf_text("dnslist \"Zen.Example.\" { }\n"
                                    "dnslist \"allow.example\" {\n"
                                    "    kinds = {\"helo\", \"sender-domain\"}\n"
                                    "    weight = -7\n"
                                    "    codes = {\"127.0.0.2=3\", \"127.0.*.*=-1\"}\n"
                                    "}\n",
                                    &settings, &e) == OR_OK,
                  "%s", e.text);
    ck_assert_msg(dnslist_init(&set, settings, &e) == OR_OK, "%s", e.text);
    ck_assert_uint_eq(set.count, 2);
    ck_assert_span_eq(set.lists[0].zone, "zen.example");
    ck_assert_uint_eq(set.lists[0].kinds, 1U << DNSLIST_CLIENT);
    ck_assert_int_eq(set.lists[0].weight, 5);
    ck_assert_uint_eq(set.lists[1].kinds, 1U << DNSLIST_HELO | 1U << DNSLIST_SENDER_DOMAIN);
    ck_assert_int_eq(set.lists[1].weight, -7);
    ck_assert_uint_eq(set.lists[1].code_count, 2);
    ck_assert(set.has_allow_list);
    dnslist_fini(&set);
    conf_free(&policyd_conf_schema, settings);
}
END_TEST

START_TEST(wrong_sections_are_named)
{
    static const struct {
        const char *text, *named;
    } rows[] = {
        {"\ndnslist \"zen.example\" { kinds = {\"from\"} }\n",
         "dnslist \"zen.example\" (line 2): kinds: \"from\"; allowed: client, sender-domain"},
        {"dnslist \"zen.example\" { codes = {\"2=5\"} }\n", "(line 1): codes: \"2=5\" is no code"},
        {"dnslist \"not a zone\" { }\n", "the title must be the list's domain"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policyd_settings *settings;
        struct dnslist_set set;
        struct err e;

        ck_assert_msg(policyd_conf_text(rows[i].text, &settings, &e) == OR_OK, "%s", e.text);
        ck_assert_int_eq(dnslist_init(&set, settings, &e), OR_CONFIG);
        ck_assert_msg(strstr(e.text, rows[i].named) != NULL, "%s", e.text);
        dnslist_fini(&set);
        conf_free(&policyd_conf_schema, settings);
    }
}
END_TEST

START_TEST(there_is_a_most)
{
    struct policyd_settings *settings;
    char text[4096];
    size_t n = 0;
    struct dnslist_set set;
    struct err e;

    for (int i = 0; i <= DNSLIST_MAX_LISTS; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "dnslist \"l%d.example\" { }\n", i);
    ck_assert_msg(policyd_conf_text(text, &settings, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(dnslist_init(&set, settings, &e), OR_CONFIG);
    dnslist_fini(&set);
    conf_free(&policyd_conf_schema, settings);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dnslist");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, codes_are_ranges_with_a_weight, 0,
                        (int)(sizeof(codes) / sizeof(codes[0])));
    tcase_add_loop_test(tests, other_texts_are_none, 0,
                        (int)(sizeof(no_codes) / sizeof(no_codes[0])));
    tcase_add_test(tests, sections_become_lists);
    tcase_add_test(tests, wrong_sections_are_named);
    tcase_add_test(tests, there_is_a_most);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
