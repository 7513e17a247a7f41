/* Each address counts once. */
#include "policyd/spf/spf_networks.h"

#include "tests/support/unit.h"

#include <math.h>

static const struct {
    const char *networks[5]; /* NULL-terminated */
    size_t kept;
    uint64_t ipv4;
    double ipv6_log2;
} rows[] = {
    {{NULL}, 0, 0, -1},
    {{"192.0.2.1"}, 1, 1, -1},
    {{"192.0.2.1", "192.0.2.1"}, 1, 1, -1},
    {{"192.0.2.77/24", "192.0.2.1", "192.0.2.128/25"}, 1, 256, -1},
    {{"192.0.2.128/25", "192.0.2.0/25"}, 2, 256, -1},
    {{"0.0.0.0/0", "10.0.0.0/8"}, 1, UINT64_C(1) << 32, -1},
    {{"2001:db8::/64", "2001:db8:0:1::/64"}, 2, 0, 65},
    {{"::/0"}, 1, 0, 128},
    {{"2001:db8::1", "192.0.2.1"}, 2, 1, 0},
};

START_TEST(addresses_are_counted_once)
{
    struct cidr networks[4];
    size_t count = 0;

    for (; rows[_i].networks[count] != NULL; count++)
        ck_assert_int_eq(cidr_parse(span_cstr(rows[_i].networks[count]), &networks[count], NULL),
                         OR_OK);
    size_t kept = spf_networks_reduce(networks, count);
    ck_assert_uint_eq(kept, rows[_i].kept);
    ck_assert(spf_networks_ipv4(networks, kept) == rows[_i].ipv4);
    ck_assert(fabs(spf_networks_ipv6_log2(networks, kept) - rows[_i].ipv6_log2) < 0.001);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("spf_networks");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, addresses_are_counted_once, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
