/* Structure of a chain: RFC 8617 4.2.1 and 5.2 steps 1 to 3. No signature here is real. */
#include "milter/arc/arc_set.h"

#include "tests/support/unit.h"

#include <stdio.h>

#define AAR(i) "ARC-Authentication-Results: i=" i "; forward.test; spf=pass\r\n"
#define AMS(i) "ARC-Message-Signature: a=x; i=" i "; h=from\r\n"
#define AS(i, cv) "ARC-Seal: i=" i "; cv=" cv "; b=x\r\n"
#define SET(i, cv) AS(i, cv) AMS(i) AAR(i)

static const struct {
    const char *name;
    const char *header;
    unsigned count;
    enum arc_reason reason;
    unsigned instance;
} rows[] = {
    {"no ARC field", "From: a\r\n", 0, ARC_OK, 0},
    {"one set", SET("1", "none"), 1, ARC_OK, 0},
    {"two sets, oldest first", SET("1", "none") SET("2", "pass"), 2, ARC_OK, 0},
    {"names without case", "arc-seal: i=1; cv=none\r\n" AMS("1") AAR("1"), 1, ARC_OK, 0},
    {"comments around i= of the results",
     AS("1", "none") AMS("1") "ARC-Authentication-Results: (a) i (b) = (c) 1 (d); x\r\n", 1, ARC_OK,
     0},
    {"two digits", SET("01", "none"), 1, ARC_OK, 0},
    {"instance 0", SET("0", "none"), 0, ARC_INSTANCE, 0},
    {"instance 51", SET("51", "pass"), 0, ARC_INSTANCE, 0},
    {"instance of three digits", SET("001", "none"), 0, ARC_INSTANCE, 0},
    {"negative instance", SET("-1", "none"), 0, ARC_INSTANCE, 0},
    {"no instance in a seal", "ARC-Seal: cv=none\r\n" AMS("1") AAR("1"), 1, ARC_INSTANCE, 0},
    {"i= is not first in the results",
     AS("1", "none") AMS("1") "ARC-Authentication-Results: forward.test; i=1\r\n", 1, ARC_INSTANCE,
     0},
    {"no semicolon behind i=", AS("1", "none") AMS("1") "ARC-Authentication-Results: i=1\r\n", 1,
     ARC_INSTANCE, 0},
    {"comment that never ends", "ARC-Authentication-Results: (i=1; x\r\n", 0, ARC_INSTANCE, 0},
    {"a seal that is no tag list", "ARC-Seal: i=1; i=1; cv=none\r\n" AMS("1") AAR("1"), 1,
     ARC_FIELD_SYNTAX, 0},
    {"an empty field", "ARC-Seal:\r\n", 0, ARC_FIELD_SYNTAX, 0},
    {"two seals", AS("1", "none") SET("1", "none"), 1, ARC_DUPLICATE, 1},
    {"two results", AAR("1") SET("1", "none"), 1, ARC_DUPLICATE, 1},
    {"a gap", SET("3", "pass") SET("1", "none"), 3, ARC_GAP, 2},
    {"the first set is gone", SET("2", "pass"), 2, ARC_GAP, 1},
    {"no results", AS("1", "none") AMS("1"), 1, ARC_RESULTS_MISSING, 1},
    {"no message signature", AS("1", "none") AAR("1"), 1, ARC_MESSAGE_MISSING, 1},
    {"no seal", AMS("2") AAR("2") SET("1", "none"), 2, ARC_SEAL_MISSING, 2},
    {"the first seal says pass", SET("1", "pass"), 1, ARC_CHAIN_STATUS, 1},
    {"a later seal says none", SET("2", "none") SET("1", "none"), 2, ARC_CHAIN_STATUS, 2},
    {"no cv=", "ARC-Seal: i=1; b=x\r\n" AMS("1") AAR("1"), 1, ARC_CHAIN_STATUS, 1},
    {"cv= has case", SET("1", "None"), 1, ARC_CHAIN_STATUS, 1},
    {"the newest seal says fail", SET("2", "fail") SET("1", "none"), 2, ARC_REPORTED_FAIL, 2},
    {"an older seal says fail", SET("3", "pass") SET("2", "fail") SET("1", "none"), 3,
     ARC_CHAIN_STATUS, 2},
    {"step 2 comes before step 3", SET("3", "fail") SET("1", "none"), 3, ARC_REPORTED_FAIL, 3},
};

START_TEST(structure_is_checked)
{
    struct arena mem;
    struct dkim_message m;
    struct arc_chain chain;
    struct span body;

    arena_init(&mem, 1 << 18);
    dkim_message_init(&m, &mem);
    ck_assert_int_eq(dkim_message_add_text(&m, span_cstr(rows[_i].header), &body, NULL), OR_OK);
    ck_assert_int_eq(arc_set_collect(&chain, &m, NULL), OR_OK);
    ck_assert_msg(chain.reason == rows[_i].reason, "%s: %s", rows[_i].name,
                  arc_reason_name(chain.reason));
    ck_assert_msg(chain.count == rows[_i].count, "%s: %u sets", rows[_i].name, chain.count);
    ck_assert_msg(chain.instance == rows[_i].instance, "%s: set %u", rows[_i].name, chain.instance);
    ck_assert_msg(arc_set_is_closed(&chain) == (rows[_i].reason == ARC_REPORTED_FAIL), "%s",
                  rows[_i].name);
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

START_TEST(fields_are_found_by_instance)
{
    struct arena mem;
    struct dkim_message m;
    struct arc_chain chain;
    struct span body;

    arena_init(&mem, 1 << 18);
    dkim_message_init(&m, &mem);
    ck_assert_int_eq(dkim_message_add_text(&m,
                                           SPAN_LIT("From: a\r\n" SET("2", "pass") "X: y\r\n" AAR(
                                               "1") AMS("1") AS("1", "none")),
                                           &body, NULL),
                     OR_OK);
    ck_assert_int_eq(arc_set_collect(&chain, &m, NULL), OR_OK);
    ck_assert_uint_eq(chain.sets[0].fields[ARC_FIELD_RESULTS], 5);
    ck_assert_uint_eq(chain.sets[0].fields[ARC_FIELD_SEAL], 7);
    ck_assert_uint_eq(chain.sets[1].fields[ARC_FIELD_SEAL], 1);
    ck_assert_span_eq(chain.sets[1].status, "pass");
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

START_TEST(a_full_arena_is_a_limit)
{
    struct arena mem;
    struct dkim_message m;
    struct arc_chain chain;
    struct span body;

    arena_init(&mem, 1 << 18);
    dkim_message_init(&m, &mem);
    ck_assert_int_eq(dkim_message_add_text(&m, SPAN_LIT(SET("1", "none")), &body, NULL), OR_OK);
    mem.max_bytes = mem.used_bytes;
    ck_assert_int_eq(arc_set_collect(&chain, &m, NULL), OR_LIMIT);
    dkim_message_fini(&m);
    arena_fini(&mem);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("arc_set");
    TCase *c = tcase_create("structure");

    tcase_add_loop_test(c, structure_is_checked, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(c, fields_are_found_by_instance);
    tcase_add_test(c, a_full_arena_is_a_limit);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
