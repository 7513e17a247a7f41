/* From ARC-Authentication-Results values, as large sites write them, to what policyd is told. */
#include "milter/milter_sealed.h"

#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *results;
    const char *dmarc, *from, *spf, *dkim;
} rows[] = {
    {" mx.test; dkim=pass header.d=a.test; spf=pass smtp.mailfrom=joe@b.test;"
     " dmarc=pass header.from=c.test",
     "pass", "c.test", "b.test", "a.test"},
    {" mx.google.com; dkim=pass header.i=@a.test header.s=s header.b=x/y=; spf=softfail "
     "(google.com:"
     " x) smtp.mailfrom=joe@b.test; dmarc=fail (p=REJECT) header.from=c.test",
     "fail", "c.test", "", "a.test"},
    {" mx.microsoft.com 1; spf=pass smtp.mailfrom=b.test; dmarc=pass action=none"
     " header.from=c.test; dkim=none (message not signed); arc=none",
     "pass", "c.test", "b.test", ""},
    /* a pass beside a failure is not believed */
    {" x; dmarc=fail header.from=c.test; dmarc=pass header.from=c.test", "fail", "c.test", "", ""},
    {" x; dmarc=pass header.from=c.test; dmarc=fail header.from=d.test", "fail", "d.test", "", ""},
    {" x; dkim=fail header.d=a.test; spf=pass smtp.helo=b.test", "", "", "", ""},
    /* cannot be read: says nothing */
    {" x; dmarc=pass header.from=c.test (", "", "", "", ""},
    {" ", "", "", "", ""},
};

START_TEST(test_what_a_set_says)
{
    struct dkim_verify_item seal = {.sig = {.domain = SPAN_LIT("list.test")}};
    struct arc_verify_set verified = {.seal = &seal};
    struct arc_set set = {.results = span_cstr(rows[_i].results)};
    struct arc_verify arc = {
        .chain = {.sets = &set, .count = 1}, .sets = &verified, .result = ARC_PASS};
    struct verdict_question q;
    struct arena mem;

    arena_init(&mem, 1 << 16);
    milter_sealed_list(&arc, &mem, &q);
    ck_assert_uint_eq(q.seal_count, 1);
    ck_assert_span_eq(q.seals[0].instance, "1");
    ck_assert_span_eq(q.seals[0].domain, "list.test");
    ck_assert_span_eq(q.seals[0].dmarc, rows[_i].dmarc);
    ck_assert_span_eq(q.seals[0].from, rows[_i].from);
    ck_assert_span_eq(q.seals[0].spf, rows[_i].spf);
    ck_assert_uint_eq(q.seals[0].dkim_count, rows[_i].dkim[0] != '\0');
    if (rows[_i].dkim[0] != '\0')
        ck_assert_span_eq(q.seals[0].dkim[0], rows[_i].dkim);
    arc.result = ARC_FAIL;
    milter_sealed_list(&arc, &mem, &q);
    ck_assert_uint_eq(q.seal_count, 0);
    arena_fini(&mem);
}
END_TEST

START_TEST(test_newest_sets_come_first_and_are_few)
{
    struct dkim_verify_item seal = {.sig = {.domain = SPAN_LIT("list.test")}};
    struct arc_verify_set verified[ARC_MAX_SETS];
    struct arc_set sets[ARC_MAX_SETS];
    struct arc_verify arc = {
        .chain = {.sets = sets, .count = ARC_MAX_SETS}, .sets = verified, .result = ARC_PASS};
    struct verdict_question q;
    struct arena mem;

    for (size_t i = 0; i < ARC_MAX_SETS; i++) {
        verified[i] = (struct arc_verify_set){.seal = &seal};
        sets[i] = (struct arc_set){.results = SPAN_LIT("x; none")};
    }
    arena_init(&mem, 1 << 16);
    milter_sealed_list(&arc, &mem, &q);
    ck_assert_uint_eq(q.seal_count, VERDICT_MAX_SEALS);
    ck_assert_span_eq(q.seals[0].instance, "50");
    ck_assert_span_eq(q.seals[VERDICT_MAX_SEALS - 1].instance, "47");
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("milter_sealed");
    TCase *tcase = tcase_create("sets");

    tcase_add_loop_test(tcase, test_what_a_set_says, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tcase, test_newest_sets_come_first_and_are_few);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
