/* The walks that RFC 9989 4.10 spells out, and the ways a zone can make them go wrong. */
#include "common/base/clock.h"
#include "policyd/dmarc/dmarc_discover.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

struct walk_row {
    const char *zone;
    const char *start;
    const char *org;    /* Organizational Domain */
    const char *policy; /* where the record that applies lies; "" none */
    unsigned queries;
};

static const struct walk_row walks[] = {
    /* The examples at the end of RFC 9989 4.10.2. */
    {"_dmarc.mail.example.com TXT v=DMARC1; p=none\n"
     "_dmarc.example.com TXT v=DMARC1; p=none\n",
     "a.mail.example.com", "example.com", "example.com", 4},
    {"_dmarc.mail.example.com TXT v=DMARC1; p=none; psd=n\n"
     "_dmarc.example.com TXT v=DMARC1; p=none\n",
     "a.mail.example.com", "mail.example.com", "mail.example.com", 2},
    {"_dmarc.com TXT v=DMARC1; p=none; psd=y\n", "a.mail.example.com", "example.com", "com", 4},
    /* RFC 9989 4.10: twelve labels, eight questions; the name below the cut is not asked. */
    {"_dmarc.h.i.j.mail.example.com TXT v=DMARC1; p=none\n", "a.b.c.d.e.f.g.h.i.j.mail.example.com",
     "h.i.j.mail.example.com", "h.i.j.mail.example.com", 8},
    {"_dmarc.f.g.h.i.j.mail.example.com TXT v=DMARC1; p=none\n",
     "a.b.c.d.e.f.g.h.i.j.mail.example.com", "a.b.c.d.e.f.g.h.i.j.mail.example.com", "", 8},
    /* psd=y just below the cut: the Organizational Domain is a name that was skipped. */
    {"_dmarc.g.h.i.j.mail.example.com TXT v=DMARC1; p=none; psd=y\n",
     "a.b.c.d.e.f.g.h.i.j.mail.example.com", "f.g.h.i.j.mail.example.com",
     "g.h.i.j.mail.example.com", 2},
    /* Eight labels: the start and seven more. */
    {"_dmarc.h TXT v=DMARC1; p=none\n", "a.b.c.d.e.f.g.h", "h", "h", 8},
    /* A record of the start stands for policy, but not for the Organizational Domain. */
    {"_dmarc.a.example.com TXT v=DMARC1; p=none\n_dmarc.example.com TXT v=DMARC1; p=none\n",
     "a.example.com", "example.com", "a.example.com", 3},
    /* psd=y at the start does not make a domain below it. */
    {"_dmarc.co.uk TXT v=DMARC1; p=none; psd=y\n", "co.uk", "co.uk", "co.uk", 1},
    /* A record between the Organizational Domain and the author, of neither: not used. */
    {"_dmarc.b.example.com TXT v=DMARC1; p=none\n_dmarc.com TXT v=DMARC1; p=none; psd=y\n",
     "a.b.example.com", "example.com", "com", 4},
    /* Two records are none; other texts do not count. */
    {"_dmarc.example.com TXT v=DMARC1; p=none\n_dmarc.example.com TXT v=DMARC1; p=reject\n",
     "example.com", "example.com", "", 2},
    {"_dmarc.example.com TXT v=DMARC1; p=none\n_dmarc.example.com TXT something else\n",
     "example.com", "example.com", "example.com", 2},
    {"example.com A 192.0.2.1\n", "example.com", "example.com", "", 2},
    {"example.com A 192.0.2.1\n", "localhost", "localhost", "", 1},
    /* A start so long that "_dmarc." does not fit before it. */
    {"_dmarc.com TXT v=DMARC1; p=none\n",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com",
     "com", "com", 0},
};

static or_status
walk_all(struct dns *dns, struct arena *mem, const char *start, struct dmarc_walk *walk)
{
    const struct dmarc_lookup l = {
        .dns = dns, .deadline_mono_ms = clock_mono_ms() + 5000, .mem = mem};
    struct err e;
    or_status st = dmarc_discover_begin(&l, span_cstr(start), walk, &e);

    return st == OR_OK ? dmarc_discover_finish(&l, walk, &e) : st;
}

START_TEST(walks_end_where_the_rfc_says)
{
    const struct walk_row *row = &walks[_i];
    struct dns *dns = fake_dns_new(row->zone);
    enum dmarc_source source;
    struct dmarc_walk walk;
    struct arena mem;

    arena_init(&mem, 1 << 20);
    ck_assert(walk_all(dns, &mem, row->start, &walk) == OR_OK);
    ck_assert_span_eq(dmarc_discover_org_domain(&walk), row->org);
    const struct dmarc_found *found = dmarc_discover_policy(&walk, &source);
    ck_assert_span_eq(found == NULL ? SPAN_EMPTY : found->domain, row->policy);
    if (row->queries > 0)
        ck_assert_uint_eq(fake_dns_queries(dns), row->queries);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

static const struct walk_row psl_walks[] = {
    {"_dmarc.example.com TXT v=DMARC1; p=none\n", "a.b.example.com", "example.com", "example.com",
     2},
    {"_dmarc.b.example.com TXT v=DMARC1; p=none\n_dmarc.example.com TXT v=DMARC1; p=reject\n",
     "a.b.example.com", "example.com", "example.com", 2},
    {"_dmarc.a.example.com TXT v=DMARC1; p=none; psd=n\n", "a.example.com", "example.com",
     "a.example.com", 1},
    {"_dmarc.co.uk TXT v=DMARC1; p=none; psd=y\n", "a.example.co.uk", "example.co.uk", "", 2},
    {"_dmarc.com TXT v=DMARC1; p=none\n", "com", "com", "com", 1},
};

START_TEST(the_public_suffix_list_takes_two_steps)
{
    const struct walk_row *row = &psl_walks[_i];
    struct dns *dns = fake_dns_new(row->zone);
    enum dmarc_source source;
    struct dmarc_walk walk;
    struct arena mem;

    arena_init(&mem, 1 << 20);
    const struct dmarc_lookup l = {.discovery = DMARC_BY_PSL,
                                   .dns = dns,
                                   .deadline_mono_ms = clock_mono_ms() + 5000,
                                   .mem = &mem};
    ck_assert_int_eq(dmarc_discover_begin(&l, span_cstr(row->start), &walk, NULL), OR_OK);
    ck_assert_int_eq(dmarc_discover_finish(&l, &walk, NULL), OR_OK);
    ck_assert_span_eq(dmarc_discover_org_domain(&walk), row->org);
    const struct dmarc_found *found = dmarc_discover_policy(&walk, &source);
    ck_assert_span_eq(found == NULL ? SPAN_EMPTY : found->domain, row->policy);
    ck_assert_uint_eq(fake_dns_queries(dns), row->queries);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

START_TEST(the_source_of_the_record_is_told)
{
    static const struct {
        const char *zone;
        enum dmarc_source source;
    } rows[] = {
        {"_dmarc.a.example.com TXT v=DMARC1; p=none\n", DMARC_SOURCE_AUTHOR},
        {"_dmarc.example.com TXT v=DMARC1; p=none\n", DMARC_SOURCE_ORG},
        {"_dmarc.com TXT v=DMARC1; p=none; psd=y\n", DMARC_SOURCE_PSD},
        {"_dmarc.example.com TXT v=DMARC1; p=none\n_dmarc.com TXT v=DMARC1; p=none; psd=y\n",
         DMARC_SOURCE_ORG},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns *dns = fake_dns_new(rows[i].zone);
        enum dmarc_source source;
        struct dmarc_walk walk;
        struct arena mem;

        arena_init(&mem, 1 << 20);
        ck_assert(walk_all(dns, &mem, "a.example.com", &walk) == OR_OK);
        ck_assert(dmarc_discover_policy(&walk, &source) != NULL);
        ck_assert_int_eq(source, rows[i].source);
        arena_fini(&mem);
        dns_free(dns);
    }
}
END_TEST

START_TEST(a_name_that_does_not_answer_is_not_a_name_without_record)
{
    static const char *const zones[] = {
        "_dmarc.a.example.com SERVFAIL\n",
        "_dmarc.example.com SERVFAIL\n",
        "_dmarc.com TIMEOUT\n",
    };

    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct dns *dns = fake_dns_new(zones[i]);
        struct dmarc_walk walk;
        struct arena mem;

        arena_init(&mem, 1 << 20);
        or_status st = walk_all(dns, &mem, "a.example.com", &walk);
        ck_assert_msg(st == OR_TEMPFAIL || st == OR_TIMEOUT, "%s", or_status_name(st));
        arena_fini(&mem);
        dns_free(dns);
    }
}
END_TEST

START_TEST(answers_beyond_the_arena_are_a_temporary_error)
{
    struct dns *dns = fake_dns_new("_dmarc.example.com TXT v=DMARC1; p=none\n");
    struct dmarc_walk walk;
    struct arena mem;

    arena_init(&mem, 16);
    ck_assert(walk_all(dns, &mem, "example.com", &walk) == OR_TEMPFAIL);
    arena_fini(&mem);
    dns_free(dns);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dmarc_discover");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, walks_end_where_the_rfc_says, 0,
                        (int)(sizeof(walks) / sizeof(walks[0])));
    tcase_add_loop_test(tests, the_public_suffix_list_takes_two_steps, 0,
                        sizeof(psl_walks) / sizeof(psl_walks[0]));
    tcase_add_test(tests, the_source_of_the_record_is_told);
    tcase_add_test(tests, a_name_that_does_not_answer_is_not_a_name_without_record);
    tcase_add_test(tests, answers_beyond_the_arena_are_a_temporary_error);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
