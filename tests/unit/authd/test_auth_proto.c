/*
 * Lines of Dovecot's auth protocols, as captured from Postfix 3.7 and Dovecot 2.3 and 2.4.
 */
#include "authd/auth_proto.h"

#include "tests/support/unit.h"

static struct arena mem;

static void
set_up(void)
{
    arena_init(&mem, 65536);
}

static void
tear_down(void)
{
    arena_fini(&mem);
}

static const struct {
    const char *line;
    or_status status;
    const char *verb;
    uint32_t id;
} rows[] = {
    {"VERSION\t1\t0", OR_OK, "VERSION", 0},
    {"CPID\t10655", OR_OK, "CPID", 0},
    {"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tresp=AGJv", OR_OK,
     "AUTH", 1},
    {"CONT\t4\t", OR_OK, "CONT", 4},
    {"CANCEL\t3", OR_OK, "CANCEL", 3},
    {"REQUEST\t1038614529\t25377\t1\tcookie\tsession_pid=25381", OR_OK, "REQUEST", 1038614529},
    {"USER\t4294967295\tbob", OR_OK, "USER", 4294967295},
    {"AUTH", OR_MALFORMED, NULL, 0},
    {"AUTH\t", OR_MALFORMED, NULL, 0},
    {"AUTH\t-1\tPLAIN", OR_MALFORMED, NULL, 0},
    {"AUTH\t4294967296\tPLAIN", OR_MALFORMED, NULL, 0},
    {"USER\tx\tbob", OR_MALFORMED, NULL, 0},
    {"USER\t1\tbo\001x", OR_MALFORMED, NULL, 0}, /* no such escape */
    {"NONSENSE", OR_OK, "NONSENSE", 0},          /* for the session to refuse */
};

START_TEST(test_lines)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct auth_line line;
        struct err e = {""};

        ck_assert_msg(auth_proto_parse(span_cstr(rows[i].line), &mem, &line, &e) == rows[i].status,
                      "row %zu: %s", i, e.text);
        if (rows[i].status != OR_OK)
            continue;
        ck_assert_span_eq(line.verb, rows[i].verb);
        ck_assert_uint_eq(line.id, rows[i].id);
    }
}
END_TEST

START_TEST(test_parameters_are_unescaped)
{
    struct auth_line line;

    ck_assert(auth_proto_parse(SPAN_LIT("AUTH\t1\tPLAIN\tservice=a\001tb\tsecured"), &mem, &line,
                               NULL) == OR_OK);
    ck_assert_span_eq(tabline_get(&line.fields, 3, "service"), "a\tb");
    ck_assert_ptr_nonnull(tabline_get(&line.fields, 3, "secured").p);
    ck_assert_ptr_null(tabline_get(&line.fields, 3, "nologin").p);
}
END_TEST

START_TEST(test_version)
{
    static const struct {
        const char *line;
        or_status status;
    } versions[] = {{"VERSION\t1\t0", OR_OK},
                    {"VERSION\t1\t4", OR_OK},
                    {"VERSION\t2\t0", OR_MALFORMED},
                    {"VERSION", OR_MALFORMED},
                    {"VERSION\tx\t0", OR_MALFORMED}};

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct auth_line line;

        ck_assert(auth_proto_parse(span_cstr(versions[i].line), &mem, &line, NULL) == OR_OK);
        ck_assert_int_eq(auth_proto_check_version(&line, NULL), versions[i].status);
    }
}
END_TEST

START_TEST(test_responses)
{
    static const struct {
        const char *base64;
        or_status status;
        const char *bytes;
    } responses[] = {
        {"", OR_OK, ""},
        {"=", OR_OK, ""}, /* SMTP's "AUTH PLAIN =" */
        {"Ym9i", OR_OK, "bob"},
        {"Ym9", OR_MALFORMED, NULL},
        {"Ym 9i", OR_MALFORMED, NULL},
        {"====", OR_MALFORMED, NULL},
    };

    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        struct buf out;

        buf_init(&out, 100);
        ck_assert_msg(auth_proto_response(span_cstr(responses[i].base64), &out) ==
                          responses[i].status,
                      "row %zu", i);
        if (responses[i].status == OR_OK)
            ck_assert_span_eq(buf_span(&out), responses[i].bytes);
        buf_fini(&out);
    }
}
END_TEST

START_TEST(test_values_are_escaped)
{
    struct buf out;

    buf_init(&out, 100);
    auth_proto_add(&out, "user", SPAN_LIT("a\tb\nc"));
    ck_assert_span_eq(buf_span(&out), "\tuser=a\001tb\001nc");
    buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("auth_proto");
    TCase *tcase = tcase_create("lines");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_lines);
    tcase_add_test(tcase, test_parameters_are_unescaped);
    tcase_add_test(tcase, test_version);
    tcase_add_test(tcase, test_responses);
    tcase_add_test(tcase, test_values_are_escaped);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
