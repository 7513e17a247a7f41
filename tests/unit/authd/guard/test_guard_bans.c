/* Banned addresses and networks: found, changed, taken out, however many. */
#include "authd/guard/guard_bans.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <sys/socket.h>

#define NOW 1795386070

static struct guard_bans *bans;

static void
set_up(void)
{
    bans = guard_bans_new();
}

static void
tear_down(void)
{
    guard_bans_free(bans);
}

static struct ip
ip(const char *text)
{
    struct ip parsed;

    ck_assert_int_eq(ip_parse(span_cstr(text), &parsed), OR_OK);
    return parsed;
}

static bool
ban(const char *network, time_t until)
{
    struct guard_ban b = {.since = NOW, .until = until, .times = 1, .reason = "test"};

    ck_assert_int_eq(cidr_parse(span_cstr(network), &b.network, NULL), OR_OK);
    return guard_bans_put(bans, &b);
}

/* The network that holds it; "" for none. */
static const char *
found(const char *client)
{
    static char text[GUARD_NETWORK_BYTES];
    struct ip parsed = ip(client);
    const struct guard_ban *b = guard_bans_find(bans, &parsed, NOW);

    text[0] = '\0';
    if (b != NULL)
        guard_network_format(&b->network, text);
    return text;
}

static bool
forget(void *context, struct guard_ban *b)
{
    char text[GUARD_NETWORK_BYTES];

    guard_network_format(&b->network, text);
    return strcmp(text, context) != 0;
}

START_TEST(finding)
{
    ck_assert_str_eq(found("192.0.2.1"), "");
    ck_assert(ban("192.0.2.1", NOW + 60));
    ck_assert(ban("198.51.100.0/24", NOW + 60));
    ck_assert(ban("203.0.113.64/27", NOW + 60));
    ck_assert(ban("2001:db8::/32", NOW + 60));
    ck_assert(ban("203.0.113.1", NOW)); /* over */
    ck_assert_str_eq(found("192.0.2.1"), "192.0.2.1");
    ck_assert_str_eq(found("192.0.2.2"), "");
    ck_assert_str_eq(found("198.51.100.255"), "198.51.100.0/24");
    ck_assert_str_eq(found("198.51.101.0"), "");
    ck_assert_str_eq(found("203.0.113.95"), "203.0.113.64/27");
    ck_assert_str_eq(found("203.0.113.96"), "");
    ck_assert_str_eq(found("2001:db8:ffff::1"), "2001:db8::/32");
    ck_assert_str_eq(found("2001:db9::1"), "");
    ck_assert_str_eq(found("::ffff:192.0.2.1"), "192.0.2.1");
    ck_assert_str_eq(found("203.0.113.1"), "");
    ck_assert(ban("203.0.113.1", NOW + 1)); /* again */
    ck_assert_str_eq(found("203.0.113.1"), "203.0.113.1");
    guard_bans_each(bans, forget, (void *)(uintptr_t) "198.51.100.0/24");
    ck_assert_str_eq(found("198.51.100.255"), "");
    ck_assert_str_eq(found("192.0.2.1"), "192.0.2.1");
}
END_TEST

/* What the hook has been told stays known when the end of a ban moves. */
START_TEST(told)
{
    struct ip client = ip("192.0.2.1");
    struct cidr network = guard_network_of(&client, 32);

    ck_assert_ptr_null(guard_bans_get(bans, &network));
    ck_assert(ban("192.0.2.1", NOW + 60));
    guard_bans_get(bans, &network)->told = true;
    ck_assert(ban("192.0.2.1", NOW + 600));
    ck_assert(guard_bans_get(bans, &network)->told);
    ck_assert_int_eq(guard_bans_get(bans, &network)->until, NOW + 600);
}
END_TEST

static bool
keep_even(void *context, struct guard_ban *b)
{
    ++*(size_t *)context;
    return b->network.base.bytes[3] % 2 == 0;
}

START_TEST(full)
{
    char text[32];
    size_t visited = 0;

    for (unsigned i = 0; i < GUARD_BANS_MAX; i++) {
        snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        ck_assert(ban(text, NOW + 60));
    }
    ck_assert(!ban("192.0.2.1", NOW + 60));
    ck_assert(ban("10.0.0.1", NOW + 90)); /* is there: no room needed */
    guard_bans_each(bans, keep_even, &visited);
    ck_assert_uint_ge(visited, GUARD_BANS_MAX);
    for (unsigned i = 0; i < 1024; i++) {
        snprintf(text, sizeof(text), "10.0.%u.%u", i >> 8 & 255, i & 255);
        ck_assert_str_eq(found(text), i % 2 == 0 ? text : "");
    }
    ck_assert(ban("192.0.2.1", NOW + 60));
    ck_assert_str_eq(found("192.0.2.1"), "192.0.2.1");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("guard_bans");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, finding);
    tcase_add_test(c, told);
    tcase_add_test(c, full);
    suite_add_tcase(s, c);
    return unit_main(s);
}
