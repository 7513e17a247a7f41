/* One row for each way a record can be written well or badly. */
#include "policyd/dmarc/dmarc_record.h"
#include "tests/support/unit.h"

static or_status
parse(const char *text, struct arena *mem, struct dmarc_record *record)
{
    arena_init(mem, 65536);
    return dmarc_record_parse(span_cstr(text), mem, record);
}

START_TEST(only_texts_that_begin_with_the_version_are_records)
{
    static const struct {
        const char *text;
        or_status status;
    } rows[] = {
        {"v=DMARC1; p=none", OR_OK},
        {"v=DMARC1", OR_OK},
        {"v=DMARC1;", OR_OK},
        {"V \t=\t DMARC1 ;p=none", OR_OK}, /* tag names are ABNF strings: either case */
        {"v=dmarc1; p=none", OR_ABSENT},   /* RFC 9989 4.7: the value is case-sensitive */
        {"v=DMARC12; p=none", OR_ABSENT},
        {"v=DMARC1 p=none", OR_ABSENT},
        {"p=none; v=DMARC1", OR_ABSENT}, /* RFC 9989 4.7: v comes first */
        {" v=DMARC1; p=none", OR_ABSENT},
        {"v", OR_ABSENT},
        {"v=", OR_ABSENT},
        {"version=DMARC1", OR_ABSENT},
        {"v=spf1 -all", OR_ABSENT},
        {"", OR_ABSENT},
        {";v=DMARC1", OR_ABSENT},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dmarc_record record;
        struct arena mem;

        ck_assert_msg(parse(rows[i].text, &mem, &record) == rows[i].status, "%s", rows[i].text);
        arena_fini(&mem);
    }
}
END_TEST

START_TEST(policies_follow_each_other)
{
    static const struct {
        const char *text;
        enum dmarc_usable usable;
        enum dmarc_policy p, sp, np;
    } rows[] = {
        {"v=DMARC1; p=reject", DMARC_USABLE, 2, 2, 2},
        {"v=DMARC1; p=REJECT; sp=None", DMARC_USABLE, 2, 0, 0},
        {"v=DMARC1; p=none; sp=quarantine; np=reject", DMARC_USABLE, 0, 1, 2},
        {"v=DMARC1; p=none; np=reject", DMARC_USABLE, 0, 0, 2},
        {"v=DMARC1; sp=reject; p=quarantine", DMARC_USABLE, 1, 2, 2}, /* RFC 9989: any order */
        {"v=DMARC1; p=reject; pct=0; rf=afrf; ri=1", DMARC_USABLE, 2, 2, 2}, /* gone since 9989 */
        {"v=DMARC1; p=reject;; rf:afrf; 1:d:s", DMARC_USABLE, 2, 2, 2},      /* seen in the wild */
        {"v=DMARC1", DMARC_USABLE_NO_POLICY, 0, 0, 0},
        {"v=DMARC1; psd=y", DMARC_USABLE_NO_POLICY, 0, 0, 0},
        {"v=DMARC1; rua=ftp://x.example", DMARC_USABLE_NO_POLICY, 0, 0, 0},
        {"v=DMARC1; rua=mailto:@x", DMARC_USABLE_NO_POLICY, 0, 0, 0},
        {"v=DMARC1; rua=mailto:a@x.example", DMARC_USABLE, 0, 0, 0}, /* 4.10.1: as p=none */
        {"v=DMARC1; p=bogus", DMARC_USABLE_BAD_POLICY, 0, 0, 0},
        {"v=DMARC1; p=", DMARC_USABLE_BAD_POLICY, 0, 0, 0},
        {"v=DMARC1; p=reject; sp=bogus", DMARC_USABLE_BAD_POLICY, 0, 0, 0},
        {"v=DMARC1; p=reject; np=bogus", DMARC_USABLE_BAD_POLICY, 0, 0, 0},
        {"v=DMARC1; p=reject; sp=bogus; rua=mailto:a@x.example", DMARC_USABLE, 0, 0, 0},
        /* RFC 6376 3.2 forbids repeated names: neither value is taken. */
        {"v=DMARC1; p=none; p=reject", DMARC_USABLE_BAD_POLICY, 0, 0, 0},
        {"v=DMARC1; p=reject; sp=none; sp=none", DMARC_USABLE_BAD_POLICY, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dmarc_record r;
        struct arena mem;

        ck_assert_msg(parse(rows[i].text, &mem, &r) == OR_OK, "%s", rows[i].text);
        ck_assert_msg(r.usable == rows[i].usable && r.p == rows[i].p && r.sp == rows[i].sp &&
                          r.np == rows[i].np,
                      "%s: usable %d p %d sp %d np %d", rows[i].text, r.usable, r.p, r.sp, r.np);
        arena_fini(&mem);
    }
}
END_TEST

START_TEST(modes_and_flags_fall_back_to_their_defaults)
{
    static const struct {
        const char *text;
        bool adkim, aspf, testing;
        enum dmarc_psd psd;
    } rows[] = {
        {"v=DMARC1; p=none", false, false, false, DMARC_PSD_UNKNOWN},
        {"v=DMARC1; p=none; adkim=s; aspf=S; t=Y; psd=Y", true, true, true, DMARC_PSD_YES},
        {"v=DMARC1; p=none; adkim=r; aspf=r; t=n; psd=n", false, false, false, DMARC_PSD_NO},
        {"v=DMARC1; p=none; psd=u", false, false, false, DMARC_PSD_UNKNOWN},
        {"v=DMARC1; p=none; adkim=bob; aspf=; t=maybe; psd=x", false, false, false, 0},
        {"v=DMARC1; p=none; adkim=s; adkim=s", false, false, false, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dmarc_record r;
        struct arena mem;

        ck_assert(parse(rows[i].text, &mem, &r) == OR_OK);
        ck_assert_msg(r.adkim_strict == rows[i].adkim && r.aspf_strict == rows[i].aspf &&
                          r.testing == rows[i].testing && r.psd == rows[i].psd,
                      "%s", rows[i].text);
        arena_fini(&mem);
    }
}
END_TEST

START_TEST(report_addresses_lose_their_size_and_are_counted)
{
    struct dmarc_record r;
    struct arena mem;

    ck_assert(parse("v=DMARC1; p=none; rua=mailto:a@x.example!10m , https://x.example/r,"
                    "MAILTO:b@y.example; ruf=mailto:c@z.example; fo=d:S",
                    &mem, &r) == OR_OK);
    ck_assert_uint_eq(r.rua.count, 2);
    ck_assert_span_eq(r.rua.items[0], "mailto:a@x.example");
    ck_assert_span_eq(r.rua.items[1], "MAILTO:b@y.example");
    ck_assert_uint_eq(r.ruf.count, 1);
    ck_assert_uint_eq(r.fo, DMARC_FO_DKIM | DMARC_FO_SPF);
    arena_fini(&mem);
}
END_TEST

START_TEST(fo_needs_a_ruf_and_known_options)
{
    static const struct {
        const char *text;
        unsigned fo;
    } rows[] = {
        {"v=DMARC1; p=none; fo=1", DMARC_FO_ALL}, /* RFC 9989 4.7: ignored without ruf */
        {"v=DMARC1; p=none; fo=1; ruf=mailto:a@x.example", DMARC_FO_ANY},
        {"v=DMARC1; p=none; fo=1:x; ruf=mailto:a@x.example", DMARC_FO_ALL},
        {"v=DMARC1; p=none; fo=; ruf=mailto:a@x.example", DMARC_FO_ALL},
        {"v=DMARC1; p=none; fo=\x10; ruf=mailto:a@x.example", DMARC_FO_ALL},
        {"v=DMARC1; p=none; fo=0:D:s; ruf=mailto:a@x.example",
         DMARC_FO_ALL | DMARC_FO_DKIM | DMARC_FO_SPF},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dmarc_record r;
        struct arena mem;

        ck_assert(parse(rows[i].text, &mem, &r) == OR_OK);
        ck_assert_msg(r.fo == rows[i].fo, "%s: %u", rows[i].text, r.fo);
        arena_fini(&mem);
    }
}
END_TEST

START_TEST(a_flood_of_addresses_is_cut)
{
    struct dmarc_record r;
    struct arena mem;
    struct buf text;

    buf_init(&text, 65536);
    buf_add_cstr(&text, "v=DMARC1; p=none; rua=mailto:a@x.example");
    for (int i = 0; i < 1000; i++)
        buf_add_cstr(&text, ",mailto:a@x.example");
    arena_init(&mem, 65536);
    ck_assert(dmarc_record_parse(buf_span(&text), &mem, &r) == OR_OK);
    ck_assert_uint_eq(r.rua.count, DMARC_RECORD_MAX_URIS);
    arena_fini(&mem);
    arena_init(&mem, 8);
    ck_assert(dmarc_record_parse(buf_span(&text), &mem, &r) == OR_LIMIT);
    arena_fini(&mem);
    buf_fini(&text);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dmarc_record");
    TCase *tests = tcase_create("all");

    tcase_add_test(tests, only_texts_that_begin_with_the_version_are_records);
    tcase_add_test(tests, policies_follow_each_other);
    tcase_add_test(tests, modes_and_flags_fall_back_to_their_defaults);
    tcase_add_test(tests, report_addresses_lose_their_size_and_are_counted);
    tcase_add_test(tests, fo_needs_a_ruf_and_known_options);
    tcase_add_test(tests, a_flood_of_addresses_is_cut);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
