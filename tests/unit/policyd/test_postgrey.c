/* Records as postgrey writes them, and what is none. The files themselves: e2e/test_postgrey.py. */
#include "policyd/postgrey.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *key, *value;
    const char *client, *sender, *recipient; /* NULL: malformed */
    time_t first, last;
} triplets[] = {
    {"192.0.2.0/a@b.example/c@d.example", "100,400", "192.0.2.0", "a@b.example", "c@d.example", 100,
     400},
    {"192.0.2.0//c@d.example", "100,400,host", "192.0.2.0", "", "c@d.example", 100, 400},
    {"2001:DB8:0:0:0:0:0:0/a/b@c.example/c@d.example", "1,1", "2001:db8::", "a/b@c.example",
     "c@d.example", 1, 1},
    {"192.0.2.0/a@b.example", "100,400", NULL, NULL, NULL, 0, 0},
    {"192.0.2/a@b.example/c@d", "100,400", NULL, NULL, NULL, 0, 0},
    {"192.0.2.0/a@b.example/", "100,400", NULL, NULL, NULL, 0, 0},
    {"192.0.2.0/a@b.example/c@d.example", "100", NULL, NULL, NULL, 0, 0},
    {"192.0.2.0/a@b.example/c@d.example", "100,", NULL, NULL, NULL, 0, 0},
    {"192.0.2.0/a@b.example/c@d.example", "-1,100", NULL, NULL, NULL, 0, 0},
    {"192.0.2.0/a@b.example/c@d.example", "99999999999,99999999999", NULL, NULL, NULL, 0, 0},
    {"3b5d5c3712955042212316173ccf37be800a6a3c", "100,400", NULL, NULL, NULL, 0, 0},
    {"", "", NULL, NULL, NULL, 0, 0},
};

START_TEST(triplet_records)
{
    struct postgrey_record r;
    char client[IP_TEXT_BYTES];
    or_status st =
        postgrey_parse_triplet(span_cstr(triplets[_i].key), span_cstr(triplets[_i].value), &r);

    ck_assert_int_eq(st, triplets[_i].client != NULL ? OR_OK : OR_MALFORMED);
    if (st != OR_OK)
        return;
    ip_format(&r.client, client);
    ck_assert_str_eq(client, triplets[_i].client);
    ck_assert_span_eq(r.sender, triplets[_i].sender);
    ck_assert_span_eq(r.recipient, triplets[_i].recipient);
    ck_assert_int_eq(r.past.first, triplets[_i].first);
    ck_assert_int_eq(r.past.last, triplets[_i].last);
}
END_TEST

START_TEST(client_records)
{
    struct postgrey_record r;

    ck_assert_int_eq(postgrey_parse_client(SPAN_LIT("192.0.2.7"), SPAN_LIT("5,1000"), &r), OR_OK);
    ck_assert_int_eq(r.past.times, 5);
    ck_assert_int_eq(r.past.last, 1000);
    ck_assert_int_eq(postgrey_parse_client(SPAN_LIT("host"), SPAN_LIT("5,1000"), &r), OR_MALFORMED);
    ck_assert_int_eq(postgrey_parse_client(SPAN_LIT("192.0.2.7"), SPAN_LIT("x"), &r), OR_MALFORMED);
}
END_TEST

static or_status
no_visit(void *context, const struct postgrey_record *record, struct err *e)
{
    (void)context;
    (void)record;
    return err_set(e, OR_BUG, "there is nothing to visit");
}

START_TEST(files_that_are_none)
{
    char folder[TEMP_TREE_PATH_BYTES], path[TEMP_TREE_PATH_BYTES + 16];
    size_t skipped;
    struct err e;

    temp_tree_make(folder);
    (void)snprintf(path, sizeof(path), "%s/postgrey.db", folder);
    ck_assert_int_eq(postgrey_read_triplets(path, no_visit, NULL, &skipped, &e), OR_ABSENT);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 10000; i++)
        fputs("nonsense ", f);
    fclose(f);
    ck_assert_int_eq(postgrey_read_triplets(path, no_visit, NULL, &skipped, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, "/postgrey.db: ") != NULL, "%s", e.text);
    ck_assert_int_eq(postgrey_read_clients(folder, no_visit, NULL, &skipped, &e), OR_CONFIG);
    temp_tree_remove(folder);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("postgrey");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, triplet_records, 0, sizeof(triplets) / sizeof(triplets[0]));
    tcase_add_test(tcase, client_records);
    tcase_add_test(tcase, files_that_are_none);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
