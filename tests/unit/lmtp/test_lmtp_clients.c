/* Connections by address. */
#include "lmtp/lmtp_clients.h"

#include "tests/support/unit.h"

static struct ip
address(const char *text)
{
    struct ip ip;

    ck_assert_int_eq(ip_parse(span_cstr(text), &ip), OR_OK);
    return ip;
}

START_TEST(each_address_has_its_own_limit)
{
    struct ip one = address("192.0.2.1"), two = address("2001:db8::1");
    struct lmtp_clients clients;
    struct lmtp_client c[5] = {{.listed = false}};

    lmtp_clients_init(&clients);
    ck_assert(lmtp_clients_enter(&clients, &c[0], &one, 2));
    ck_assert(lmtp_clients_enter(&clients, &c[1], &two, 2));
    ck_assert(lmtp_clients_enter(&clients, &c[2], &one, 2));
    ck_assert(!lmtp_clients_enter(&clients, &c[3], &one, 2));
    lmtp_clients_leave(&clients, &c[3]); /* was never in */
    ck_assert(!lmtp_clients_enter(&clients, &c[3], &one, 2));
    lmtp_clients_leave(&clients, &c[0]); /* the end of the list */
    lmtp_clients_leave(&clients, &c[0]);
    ck_assert(lmtp_clients_enter(&clients, &c[3], &one, 2));
    ck_assert(!lmtp_clients_enter(&clients, &c[4], &one, 2));
    lmtp_clients_leave(&clients, &c[2]); /* its middle */
    lmtp_clients_leave(&clients, &c[3]); /* its front */
    lmtp_clients_leave(&clients, &c[1]);
    ck_assert_ptr_null(clients.first);
    lmtp_clients_fini(&clients);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_clients");
    TCase *t = tcase_create("list");

    tcase_add_test(t, each_address_has_its_own_limit);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
