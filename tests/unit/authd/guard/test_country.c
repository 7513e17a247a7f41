/* Which country an address is in. */
#include "authd/guard/country.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>

static char directory[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 16];

static void
write_file(const char *text)
{
    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/countries", directory);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static const char table_text[] = "network,country_iso_code,name\n"
                                 "# comment\n"
                                 "\n"
                                 "198.51.100.0/24,FR\n"
                                 "\"192.0.2.0/24\",\"DE\",Germany\r\n"
                                 "192.0.2.128/25,AT\n"
                                 "192.0.2.130/32,CH\n"
                                 "2001:db8::/32,NL\n"
                                 "203.0.113.0/24,\n"
                                 "10.0.0.0/8,US\n";

static const struct {
    const char *ip, *country;
} rows[] = {
    {"192.0.2.1", "DE"}, {"192.0.2.129", "AT"},    {"192.0.2.130", "CH"}, {"192.0.2.131", "AT"},
    {"192.0.3.0", ""},   {"198.51.100.9", "FR"},   {"203.0.113.1", ""},   {"2001:db8:1::1", "NL"},
    {"2001:db9::", ""},  {"10.255.255.255", "US"}, {"0.0.0.0", ""},       {"255.255.255.255", ""},
};

START_TEST(row)
{
    struct country_table *table = NULL;
    struct err e = {""};
    struct ip ip;

    write_file(table_text);
    ck_assert_int_eq(country_load(path, &table, &e), OR_OK);
    ck_assert_int_eq(ip_parse(span_cstr(rows[_i].ip), &ip), OR_OK);
    ck_assert_span_eq(country_find(table, &ip), rows[_i].country);
    country_free(table);
    temp_tree_remove(directory);
}
END_TEST

static const struct {
    const char *text, *fault;
} faults[] = {
    {"192.0.2.0/24,DE\nnonsense\n", "line 2"},
    {"192.0.2.0/24,DE\n192.0.2.0/99,DE\n", "line 2"},
    {"192.0.2.0/24,DE\n192.0.2.0/24,DEU\n", "two letters"},
    {"192.0.2.0/24,DE\n192.0.2.0/24,1!\n", "two letters"},
};

START_TEST(fault)
{
    struct country_table *table = NULL;
    struct err e = {""};

    write_file(faults[_i].text);
    ck_assert_int_eq(country_load(path, &table, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, faults[_i].fault) != NULL, "%s", e.text);
    temp_tree_remove(directory);
    ck_assert_int_eq(country_load(path, &table, &e), OR_CONFIG);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("country");
    TCase *c = tcase_create("all");

    tcase_add_loop_test(c, row, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(c, fault, 0, sizeof(faults) / sizeof(faults[0]));
    suite_add_tcase(s, c);
    return unit_main(s);
}
