/* Registrable domains; the whole list's own test is in tests/conformance. */
#include "common/text/suffix.h"

#include "tests/support/unit.h"

START_TEST(registrable_domains)
{
    static const struct {
        const char *name, *registrable; /* NULL: none */
    } rows[] = {
        {"mail.example.com", "example.com"},
        {"MAIL.Example.CO.UK.", "example.co.uk"},
        {"co.uk", NULL},
        {"com", NULL},
        {"", NULL},
        {"..", NULL},
        {"a.b.example.xn--p1ai", "example.xn--p1ai"},
        {"host.of.unknown.notatld", "unknown.notatld"},
    };
    struct arena mem;
    struct span found;

    arena_init(&mem, 1 << 16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        or_status st = suffix_registrable(span_cstr(rows[i].name), &mem, &found);

        ck_assert_msg((st == OR_OK) == (rows[i].registrable != NULL), "%s", rows[i].name);
        if (st == OR_OK)
            ck_assert_span_eq(found, rows[i].registrable);
    }
    arena_fini(&mem);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("suffix");
    TCase *t = tcase_create("suffix");

    tcase_add_test(t, registrable_domains);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
