/* The chain: who is asked, in which order, and what a failure ends. */
#include "authd/accounts/account_source.h"

#include "tests/support/unit.h"

#include <string.h>

/* A source that answers the same to everything; `self` points to one. */
struct fake {
    or_status answer;
    const char *home; /* to tell rows apart */
    unsigned asked;
};

static struct arena mem;

static or_status
find(void *self, const struct account_address *address, struct arena *m,
     struct account_row *row_out, struct err *e)
{
    struct fake *f = self;

    (void)m;
    f->asked++;
    if (f->answer == OR_TEMPFAIL)
        return err_set(e, OR_TEMPFAIL, "gone");
    *row_out = (struct account_row){.address = *address, .home = span_cstr(f->home)};
    return f->answer;
}

static or_status
find_domain(void *self, struct span domain, struct err *e)
{
    (void)domain;
    return ((struct fake *)self)->answer == OR_TEMPFAIL ? err_set(e, OR_TEMPFAIL, "gone")
                                                        : ((struct fake *)self)->answer;
}

static or_status
each(void *self, account_visit visit, void *context, struct err *e)
{
    static const char *const names[] = {"a@one.test", "b@two.test", "c@one.test"};

    (void)self, (void)e;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct account_row row = {.uid = -1};

        ck_assert_int_eq(
            account_address_parse(span_cstr(names[i]), false, &mem, &row.address, NULL), OR_OK);
        if (!visit(context, &row))
            break;
    }
    return OR_OK;
}

static void
close_fake(void *self)
{
    ((struct fake *)self)->asked = 0;
}

static const struct account_source_type full = {
    .find = find, .find_domain = find_domain, .each = each, .close = close_fake};
static const struct account_source_type bare = {.find = find, .close = close_fake};

static struct fake first, second;
static struct accounts chain;
static const char *const one[] = {"one.test"};

static void
set_up(void)
{
    arena_init(&mem, 65536);
    first = (struct fake){OR_ABSENT, "/first", 0};
    second = (struct fake){OR_OK, "/second", 0};
    chain = (struct accounts){.sources = {{.type = &full, .self = &first, .name = "first"},
                                          {.type = &full, .self = &second, .name = "second"}},
                              .count = 2};
}

static void
tear_down(void)
{
    accounts_close(&chain);
    arena_fini(&mem);
}

/* The home that is found, "" for none, "later: ..." with a failure. */
static const char *
home_of(const char *name)
{
    static struct err e;
    struct account_address address;
    struct account_row row;

    ck_assert_int_eq(account_address_parse(span_cstr(name), false, &mem, &address, NULL), OR_OK);
    or_status st = accounts_find(&chain, &address, &mem, &row, &e);
    if (st == OR_OK)
        ck_assert_str_eq(row.source->name, row.home.p + 1);
    if (st == OR_TEMPFAIL)
        return e.text;
    return st == OR_OK ? row.home.p : "";
}

START_TEST(test_order)
{
    ck_assert_str_eq(home_of("x@one.test"), "/second");
    first.answer = OR_OK;
    ck_assert_str_eq(home_of("x@one.test"), "/first");
    first.answer = second.answer = OR_ABSENT;
    ck_assert_str_eq(home_of("x@one.test"), "");
}
END_TEST

/* What a later source says of an account that the first may have is no answer. */
START_TEST(test_failure_ends_the_search)
{
    first.answer = OR_TEMPFAIL;
    ck_assert_str_eq(home_of("x@one.test"), "accounts first: gone");
    ck_assert_uint_eq(second.asked, 0);
    /* but only for the domains that it is asked about */
    chain.sources[0].domains = one;
    chain.sources[0].domain_count = 1;
    ck_assert_str_eq(home_of("x@two.test"), "/second");
    ck_assert_str_eq(home_of("x@one.test"), "accounts first: gone");
    ck_assert_int_eq(accounts_find_domain(&chain, SPAN_LIT("two.test"), NULL), OR_OK);
    ck_assert_int_eq(accounts_find_domain(&chain, SPAN_LIT("one.test"), NULL), OR_TEMPFAIL);
}
END_TEST

START_TEST(test_what_a_source_does_not_have)
{
    struct span *targets;
    struct account_address address;
    size_t count;

    chain.sources[0].type = &bare;
    chain.sources[1].type = &bare;
    ck_assert_int_eq(account_address_parse(SPAN_LIT("x@one.test"), false, &mem, &address, NULL),
                     OR_OK);
    ck_assert_int_eq(accounts_find_alias(&chain, &address, &mem, &targets, &count, NULL),
                     OR_ABSENT);
    ck_assert_int_eq(accounts_find_domain(&chain, SPAN_LIT("one.test"), NULL), OR_ABSENT);
}
END_TEST

static bool
gather(void *context, const struct account_row *row)
{
    char *text = context;

    text[strlen(text)] = row->address.whole.p[0]; /* zeroed behind */
    return strlen(text) < 4;
}

START_TEST(test_each)
{
    char text[16] = "";

    chain.sources[0].domains = one;
    chain.sources[0].domain_count = 1;
    ck_assert_int_eq(accounts_each(&chain, gather, text, NULL), OR_OK);
    ck_assert_str_eq(text, "acab"); /* ended in the middle of the second */
}
END_TEST

START_TEST(test_too_many)
{
    struct account_source source = {.type = &bare, .self = &first, .name = "more"};
    struct err e = {""};

    while (chain.count < ACCOUNT_MAX_SOURCES)
        ck_assert_int_eq(accounts_add(&chain, &source, &e), OR_OK);
    ck_assert_int_eq(accounts_add(&chain, &source, &e), OR_CONFIG);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("account_source");
    TCase *tcase = tcase_create("chain");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_order);
    tcase_add_test(tcase, test_failure_ends_the_search);
    tcase_add_test(tcase, test_what_a_source_does_not_have);
    tcase_add_test(tcase, test_each);
    tcase_add_test(tcase, test_too_many);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
