/* Key rotation: every transition as a row, and the text of its two files. */
#include "milter/dkim/dkim_rotation.h"

#include "tests/support/unit.h"

#include <string.h>

#define GRACE_S 100

#define WAITING DKIM_ROTATION_WAITING
#define SWITCHED DKIM_ROTATION_SWITCHED
#define RETIRED DKIM_ROTATION_RETIRED
#define SEEN DKIM_ROTATION_SEEN
#define GONE DKIM_ROTATION_GONE
#define UNSEEN DKIM_ROTATION_UNSEEN

static const struct step_row {
    const char *name;
    struct dkim_rotation_state before;
    enum dkim_rotation_sight next, old;
    int64_t now;
    enum dkim_rotation_event event;
    struct dkim_rotation_state after;
} step_rows[] = {
    {"first good look",
     {"", WAITING, 10, 0, 0},
     SEEN,
     SEEN,
     20,
     DKIM_ROTATION_NOTHING,
     {"", WAITING, 10, 1, 0}},
    {"last good look",
     {"", WAITING, 10, 2, 0},
     SEEN,
     SEEN,
     20,
     DKIM_ROTATION_SWITCH,
     {"", SWITCHED, 20, 0, 0}},
    {"half the pair is missing",
     {"", WAITING, 10, 2, 0},
     GONE,
     SEEN,
     20,
     DKIM_ROTATION_NOTHING,
     {"", WAITING, 10, 0, 0}},
    {"no answer breaks the row",
     {"", WAITING, 10, 2, 0},
     UNSEEN,
     SEEN,
     20,
     DKIM_ROTATION_NOTHING,
     {"", WAITING, 10, 0, 0}},
    {"old records gone: one look does",
     {"", WAITING, 10, 0, 0},
     SEEN,
     GONE,
     20,
     DKIM_ROTATION_SWITCH,
     {"", SWITCHED, 20, 0, 0}},
    {"neither is there",
     {"", WAITING, 10, 0, 0},
     GONE,
     GONE,
     20,
     DKIM_ROTATION_NOTHING,
     {"", WAITING, 10, 0, 0}},
    {"in grace",
     {"", SWITCHED, 10, 0, 0},
     SEEN,
     SEEN,
     109,
     DKIM_ROTATION_NOTHING,
     {"", SWITCHED, 10, 0, 0}},
    {"grace over",
     {"", SWITCHED, 10, 0, 0},
     SEEN,
     SEEN,
     110,
     DKIM_ROTATION_RETIRE,
     {"", RETIRED, 110, 0, 0}},
    {"grace over but DNS is silent",
     {"", SWITCHED, 10, 0, 0},
     UNSEEN,
     SEEN,
     200,
     DKIM_ROTATION_NOTHING,
     {"", SWITCHED, 10, 0, 0}},
    {"clock went back: grace anew",
     {"", SWITCHED, 1000, 0, 0},
     SEEN,
     SEEN,
     500,
     DKIM_ROTATION_NOTHING,
     {"", SWITCHED, 500, 0, 0}},
    {"and ends",
     {"", SWITCHED, 500, 0, 0},
     SEEN,
     SEEN,
     600,
     DKIM_ROTATION_RETIRE,
     {"", RETIRED, 600, 0, 0}},
    {"record disappears",
     {"", SWITCHED, 10, 0, 0},
     GONE,
     SEEN,
     20,
     DKIM_ROTATION_LOST,
     {"", SWITCHED, 10, 1, 1}},
    {"still gone: said once",
     {"", SWITCHED, 10, 1, 1},
     GONE,
     SEEN,
     20,
     DKIM_ROTATION_NOTHING,
     {"", SWITCHED, 10, 2, 1}},
    {"gone for good: back",
     {"", SWITCHED, 10, 2, 1},
     GONE,
     SEEN,
     20,
     DKIM_ROTATION_BACK,
     {"", WAITING, 20, 0, 0}},
    {"not back to a key without record",
     {"", SWITCHED, 10, 2, 1},
     GONE,
     GONE,
     20,
     DKIM_ROTATION_NOTHING,
     {"", SWITCHED, 10, 0, 1}},
    {"not back to a key unseen",
     {"", RETIRED, 10, 2, 1},
     GONE,
     UNSEEN,
     20,
     DKIM_ROTATION_NOTHING,
     {"", RETIRED, 10, 0, 1}},
    {"retired, old still there: back",
     {"", RETIRED, 10, 2, 1},
     GONE,
     SEEN,
     20,
     DKIM_ROTATION_BACK,
     {"", WAITING, 20, 0, 0}},
    {"record is back",
     {"", SWITCHED, 10, 1, 1},
     SEEN,
     SEEN,
     20,
     DKIM_ROTATION_FOUND,
     {"", SWITCHED, 10, 0, 0}},
    {"retired stays",
     {"", RETIRED, 10, 0, 0},
     SEEN,
     GONE,
     1000,
     DKIM_ROTATION_NOTHING,
     {"", RETIRED, 10, 0, 0}},
};

START_TEST(step)
{
    const struct step_row *row = &step_rows[_i];
    struct dkim_rotation_state s = row->before;

    ck_assert_msg(dkim_rotation_step(&s, row->next, row->old, row->now, GRACE_S) == row->event,
                  "%s: event", row->name);
    ck_assert_msg(s.phase == row->after.phase && s.since == row->after.since &&
                      s.looks == row->after.looks && s.lost == row->after.lost,
                  "%s: state %d since %d looks %u", row->name, (int)s.phase, (int)s.since, s.looks);
}
END_TEST

#define ID "id 0123456789abcdef\n"

static const struct text_row {
    const char *text;
    bool plan_ok, state_ok;
} text_rows[] = {
    {ID "started 1\nnext a\nold b\n", true, false},
    {ID "started 1\nnext a\n", true, false},
    {ID "phase retired\nsince 5\n", false, true},
    {ID "phase switched\nsince 99999999999999999999\n", false, false},
    {ID "phase switched\nsince -5\n", false, false},
    {ID "phase other\nsince 5\n", false, false},
    {ID ID "next a\n", false, false},
    {"id 0123\nnext a\n", false, false},
    {"id 0123456789ABCDEF\nnext a\n", false, false},
    {ID "next ../../etc/passwd\n", false, false},
    {ID "next a/b\n", false, false},
    {ID "next \n", false, false},
    {ID "next a\nnext a\nnext a\nnext a\nnext a\nnext a\nnext a\nnext a\nnext a\n", false, false},
    {"", false, false},
    {"\n", false, false},
};

START_TEST(text)
{
    const struct text_row *row = &text_rows[_i];
    struct dkim_rotation_plan plan;
    struct dkim_rotation_state state;
    struct buf out;

    buf_init(&out, DKIM_ROTATION_MAX_BYTES);
    or_status st = dkim_rotation_plan_parse(span_cstr(row->text), &plan, NULL);
    ck_assert_msg((st == OR_OK) == row->plan_ok, "plan: %s", row->text);
    if (st == OR_OK)
        dkim_rotation_plan_format(&plan, &out);
    st = dkim_rotation_state_parse(span_cstr(row->text), &state, NULL);
    ck_assert_msg((st == OR_OK) == row->state_ok, "state: %s", row->text);
    if (st == OR_OK)
        dkim_rotation_state_format(&state, &out);
    if (row->plan_ok || row->state_ok)
        ck_assert_msg(span_equal_cstr(buf_span(&out), row->text), "%s", row->text);
    buf_fini(&out);
}
END_TEST
int
main(void)
{
    Suite *suite = suite_create("dkim_rotation");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, step, 0, sizeof(step_rows) / sizeof(step_rows[0]));
    tcase_add_loop_test(tc, text, 0, sizeof(text_rows) / sizeof(text_rows[0]));
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
