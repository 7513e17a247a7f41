/* Lines of the control socket: what is taken for a request, what an answer says. */
#include "authd/control/control_line.h"

#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    struct span line;
    or_status st;
} lines[] = {
    {SPAN_INIT("{}"), OR_OK},
    {SPAN_INIT("{\"command\": \"user-list\"}\r"), OR_OK},
    {SPAN_INIT("{\"a\": [[{}]]}"), OR_OK},
    {SPAN_INIT("{\"a\": [[{\"b\": {}}]]}"), OR_MALFORMED}, /* one too deep */
    {SPAN_INIT("{\"a\": \"[[[[[[[[\"}"), OR_OK},           /* in a text they are no brackets */
    {SPAN_INIT("{\"a\": \"\\\"[[[[[[[[\"}"), OR_OK},
    {SPAN_INIT("{\"a\": 1, \"a\": 2}"), OR_MALFORMED},
    {SPAN_INIT("{\"a\": \"\\u0000\"}"), OR_MALFORMED},
    {SPAN_INIT("{\"a\": \"\xff\"}"), OR_MALFORMED},
    {SPAN_INIT("[]"), OR_MALFORMED},
    {SPAN_INIT("\"text\""), OR_MALFORMED},
    {SPAN_INIT(""), OR_MALFORMED},
    {SPAN_INIT("{} {}"), OR_MALFORMED},
    {SPAN_INIT("{\"a\": 1e999}"), OR_MALFORMED},
};

START_TEST(parsing)
{
    json_t *object = NULL;
    struct err e = {""};

    ck_assert_int_eq(control_line_parse(lines[_i].line, &object, &e), lines[_i].st);
    ck_assert_int_eq(object != NULL, lines[_i].st == OR_OK);
    ck_assert_int_eq(e.text[0] != '\0', lines[_i].st != OR_OK);
    json_decref(object);
}
END_TEST

/* A megabyte of brackets would be deeper than a thread's stack. */
START_TEST(depth_and_length_have_ceilings)
{
    char *bytes = malloc(CONTROL_MAX_LINE_BYTES + 1);
    json_t *object = NULL;

    memset(bytes, '[', CONTROL_MAX_LINE_BYTES + 1);
    ck_assert_int_eq(control_line_parse(span_make(bytes, CONTROL_MAX_LINE_BYTES), &object, NULL),
                     OR_MALFORMED);
    ck_assert_int_eq(
        control_line_parse(span_make(bytes, CONTROL_MAX_LINE_BYTES + 1), &object, NULL), OR_LIMIT);
    ck_assert_ptr_null(object);
    free(bytes);
}
END_TEST

static const struct {
    const char *answer;
    or_status st;
    const char *text;
} answers[] = {
    {"{\"status\": \"ok\"}", OR_OK, ""},
    {"{\"status\": \"absent\", \"error\": \"there is no such thing\"}", OR_ABSENT,
     "there is no such thing"},
    {"{\"status\": \"tempfail\"}", OR_TEMPFAIL, "tempfail"},
    {"{\"status\": \"fine\"}", OR_MALFORMED, "an answer without status"},
    {"{\"status\": 0}", OR_MALFORMED, "an answer without status"},
    {"{}", OR_MALFORMED, "an answer without status"},
};

START_TEST(statuses)
{
    json_t *object = NULL;
    struct err e = {""};

    ck_assert_int_eq(control_line_parse(span_cstr(answers[_i].answer), &object, &e), OR_OK);
    ck_assert_int_eq(control_line_status(object, &e), answers[_i].st);
    ck_assert_str_eq(e.text, answers[_i].text);
    json_decref(object);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("control_line");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, parsing, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_test(c, depth_and_length_have_ceilings);
    tcase_add_loop_test(c, statuses, 0, sizeof(answers) / sizeof(answers[0]));
    suite_add_tcase(s, c);
    return unit_main(s);
}
