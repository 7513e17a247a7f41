/* From fields as attackers and odd programs write them. */
#include "policyd/dmarc/dmarc_from.h"
#include "tests/support/unit.h"

#include <stdio.h>

struct row {
    const char *fields[3]; /* NULL: no more */
    enum dmarc_from_defect defect;
    const char *domains; /* joined with blanks */
};

static const struct row rows[] = {
    {{"Ann <ann@Example.ORG>"}, DMARC_FROM_OK, "example.org"},
    {{"ann@example.org (the author)"}, DMARC_FROM_OK, "example.org"},
    {{"ann@example.org (b@evil.example)"}, DMARC_FROM_UNPARSABLE, ""}, /* some show the comment */
    {{"\"x@evil.example\" <ann@example.org>"}, DMARC_FROM_OK, "example.org"},
    {{"ann@example.org, bob@EXAMPLE.org"}, DMARC_FROM_OK, "example.org"},
    {{"ann@example.org, bob@example.net"}, DMARC_FROM_OK, "example.org example.net"},
    {{"ann@b\xc3\xbc"
      "cher.example"},
     DMARC_FROM_OK,
     "xn--bcher-kva.example"}, /* RFC 9989 5.3.1: U-labels become A-labels */
    {{NULL}, DMARC_FROM_ABSENT, ""},
    {{"a@one.example", "b@two.example"}, DMARC_FROM_SEVERAL, "one.example two.example"},
    {{"a@one.example", "not an address"}, DMARC_FROM_SEVERAL, "one.example"},
    {{"\"Test 1.1.5\""}, DMARC_FROM_UNPARSABLE, ""},
    {{""}, DMARC_FROM_UNPARSABLE, ""},
    {{"<a@one.example"}, DMARC_FROM_UNPARSABLE, ""},
    {{"undisclosed:;"}, DMARC_FROM_NO_DOMAIN, ""},
    {{"root@[192.0.2.1]"}, DMARC_FROM_NO_DOMAIN, ""},
    {{"a@1.example, a@2.example, a@3.example, a@4.example, a@5.example"},
     DMARC_FROM_TOO_MANY,
     "1.example 2.example 3.example 4.example"},
};

START_TEST(authors_are_found_or_the_field_is_defect)
{
    const struct row *row = &rows[_i];
    char joined[512] = "";
    struct span fields[3];
    struct dmarc_from from;
    struct arena mem;
    size_t count = 0, used = 0;

    for (; count < 3 && row->fields[count] != NULL; count++)
        fields[count] = span_cstr(row->fields[count]);
    arena_init(&mem, 65536);
    dmarc_from_extract(fields, count, &mem, &from);
    for (size_t i = 0; i < from.count; i++)
        used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%.*s", i > 0 ? " " : "",
                                 SPAN_ARG(from.domains[i]));
    ck_assert_msg(from.defect == row->defect, "%s: %s", row->fields[0] ? row->fields[0] : "none",
                  dmarc_from_defect_text(from.defect));
    ck_assert_str_eq(joined, row->domains);
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dmarc_from");
    TCase *tests = tcase_create("all");

    tcase_add_loop_test(tests, authors_are_found_or_the_field_is_defect, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
