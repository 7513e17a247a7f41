/*
 * Postfix's tables over a real database: the keys are as Postfix was seen to send them.
 */
#include "authd/socketmap_maps.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <stdio.h>

static char directory[TEMP_TREE_PATH_BYTES];
static char path[TEMP_TREE_PATH_BYTES + 32];
static struct account_db *accounts;
static struct accounts chain; /* of just that */
static struct arena mem;

static struct account_address
address(const char *text)
{
    struct account_address a;

    ck_assert_int_eq(account_address_parse(span_cstr(text), true, &mem, &a, NULL), OR_OK);
    return a;
}

static void
add_account(const char *text)
{
    struct account_row row = {.address = address(text), .enabled = true, .uid = -1, .gid = -1};

    ck_assert_int_eq(account_db_add(accounts, &row, NULL), OR_OK);
}

static void
add_account_at(const char *text, const char *where)
{
    const struct account_address a = address(text);
    const struct span host = span_cstr(where);

    add_account(text);
    ck_assert_int_eq(account_db_set(accounts, &a, &(struct account_change){.host = &host}, NULL),
                     OR_OK);
}

static void
add_alias(const char *alias, const char *target)
{
    struct account_address a = address(alias);
    struct span targets[] = {span_cstr(target)};
    struct err e = {""};

    ck_assert_msg(account_db_add_alias(accounts, &a, targets, 1, &e) == OR_OK, "%s", e.text);
}

static void
set_up(void)
{
    temp_tree_make(directory);
    snprintf(path, sizeof(path), "%s/accounts.sqlite", directory);
    arena_init(&mem, 1 << 20);
    ck_assert_int_eq(account_db_open(path, true, &accounts, NULL), OR_OK);
    ck_assert_int_eq(account_db_add_domain(accounts, SPAN_LIT("home.test"), NULL), OR_OK);
    ck_assert_int_eq(account_db_add_domain(accounts, SPAN_LIT("catch.test"), NULL), OR_OK);
    chain.sources[0] = account_source_sqlite(accounts, "database");
    chain.count = 1;
    add_account("alice@home.test");
    add_account("bob@home.test");
    add_account("real@catch.test");
    ck_assert_int_eq(account_db_add_domain(accounts, SPAN_LIT("far.test"), NULL), OR_OK);
    ck_assert_int_eq(
        account_db_set_domain_relay(accounts, SPAN_LIT("far.test"), SPAN_LIT("mx.far.test"), NULL),
        OR_OK);
    ck_assert_int_eq(account_db_add_domain(accounts, SPAN_LIT("six.test"), NULL), OR_OK);
    ck_assert_int_eq(account_db_set_domain_relay(accounts, SPAN_LIT("six.test"),
                                                 SPAN_LIT("[2001:db8::7]:2525"), NULL),
                     OR_OK);
    add_account("known@far.test");
    add_account_at("there@home.test", "192.0.2.7");
    add_account_at("six@home.test", "[2001:db8::8]:2424");
    add_account_at("here@home.test", "192.0.2.1:24");
    add_alias("team@home.test", "alice@home.test");
    add_alias("team@home.test", "bob@home.test");
    add_alias("boss@home.test", "team@home.test");
    add_alias("out@home.test", "friend@elsewhere.test");
    add_alias("lists@home.test", "bob+lists@home.test");
    add_alias("caught@home.test", "anything@catch.test");
    add_alias("@catch.test", "alice@home.test");
}

static void
tear_down(void)
{
    accounts_close(&chain);
    arena_fini(&mem);
    temp_tree_remove(directory);
}

/* What the table says; "NOTFOUND" when nothing. */
static struct span
ask(const char *table, const char *key, struct buf *value)
{
    const struct map *map = socketmap_maps_find(span_cstr(table));
    static char local[] = "192.0.2.1";
    static char *locals[] = {local};
    const struct authd_settings settings = {.local_hosts = {.items = locals, .count = 1}};
    struct map_query q = {.settings = &settings,
                          .accounts = &chain,
                          .delimiter = '+',
                          .key = span_cstr(key),
                          .mem = &mem};

    ck_assert_ptr_nonnull(map);
    buf_reset(value);
    or_status st = map->find(&q, value, NULL);
    ck_assert_msg(st == OR_OK || st == OR_ABSENT, "%s %s", table, key);
    return st == OR_OK ? buf_span(value) : SPAN_LIT("NOTFOUND");
}

static const struct {
    const char *table, *key, *value;
} rows[] = {
    {"mailbox-domains", "home.test", "home.test"},
    {"mailbox-domains", "HOME.test", "home.test"},
    {"mailbox-domains", "elsewhere.test", "NOTFOUND"},
    /* A domain whose mail goes on is none of ours; its recipients may be known. */
    {"mailbox-domains", "far.test", "NOTFOUND"},
    {"mailboxes", "known@far.test", "known@far.test"},
    {"relay-domains", "far.test", "far.test"},
    {"relay-domains", "FAR.test", "FAR.test"},
    {"relay-domains", "home.test", "NOTFOUND"},
    {"relay-domains", "elsewhere.test", "NOTFOUND"},
    {"transports", "far.test", "relay:[mx.far.test]:25"},
    {"transports", "six.test", "relay:[ipv6:2001:db8::7]:2525"},
    {"transports", "home.test", "NOTFOUND"},
    {"transports", "*", "NOTFOUND"},
    {"transports", ".far.test", "NOTFOUND"},
    {"transports", "known@far.test", "relay:[mx.far.test]:25"},
    {"transports", "anybody+x@FAR.test", "relay:[mx.far.test]:25"},
    {"transports", "\"a b\"@far.test", "relay:[mx.far.test]:25"},
    {"transports", "there@home.test", "lmtp:[192.0.2.7]:24"},
    {"transports", "there+lists@home.test", "lmtp:[192.0.2.7]:24"},
    {"transports", "six@home.test", "lmtp:[ipv6:2001:db8::8]:2424"},
    {"transports", "here@home.test", "NOTFOUND"},
    {"transports", "alice@home.test", "NOTFOUND"},
    {"transports", "nobody@home.test", "NOTFOUND"},
    {"mailboxes", "there@home.test", "there@home.test"},
    {"mailbox-domains", "alice@home.test", "NOTFOUND"},
    {"mailboxes", "alice@home.test", "alice@home.test"},
    {"mailboxes", "Alice@Home.TEST", "alice@home.test"},
    {"mailboxes", "alice+lists@home.test", "alice@home.test"},
    {"mailboxes", "nobody@home.test", "NOTFOUND"},
    {"mailboxes", "home.test", "NOTFOUND"},
    {"mailboxes", "\"\"", "NOTFOUND"},
    {"mailboxes", "\"a b\"@home.test", "NOTFOUND"},
    {"mailboxes", "\"alice\"@home.test", "alice@home.test"},
    {"mailboxes", "../../etc@home.test", "NOTFOUND"},
    {"aliases", "team@home.test", "alice@home.test,bob@home.test"},
    {"aliases", "team+x@home.test", "alice+x@home.test,bob+x@home.test"},
    {"aliases", "out@home.test", "friend@elsewhere.test"},
    {"aliases", "alice@home.test", "NOTFOUND"},
    {"aliases", "home.test", "NOTFOUND"}, /* virtual_alias_domains asks for bare domains */
    {"aliases", "anything@catch.test", "alice@home.test"},
    {"aliases", "real@catch.test", "NOTFOUND"}, /* the catch-all takes nothing from an account */
    {"aliases", "real+x@catch.test", "NOTFOUND"},
    {"aliases", "catch.test", "NOTFOUND"},
    {"senders", "alice@home.test", "alice@home.test"},
    {"senders", "alice+shop@home.test", "alice@home.test"},
    {"senders", "team@home.test", "alice@home.test,bob@home.test"},
    {"senders", "boss@home.test", "alice@home.test,bob@home.test"},
    {"senders", "team+x@home.test", "alice@home.test,bob@home.test"},
    {"senders", "lists@home.test", "bob@home.test"}, /* leads to his address with a detail */
    {"senders", "out@home.test", "NOTFOUND"},
    {"senders", "anything@catch.test", "NOTFOUND"}, /* a catch-all gives nobody a right */
    {"senders", "caught@home.test", "NOTFOUND"},
    {"senders", "\"\"", "NOTFOUND"},
};

START_TEST(test_tables)
{
    struct buf value;

    buf_init(&value, SOCKETMAP_MAX_VALUE_BYTES);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span got = ask(rows[i].table, rows[i].key, &value);

        ck_assert_msg(span_equal_cstr(got, rows[i].value), "%s %s: %.*s", rows[i].table,
                      rows[i].key, SPAN_ARG(got));
    }
    buf_fini(&value);
    ck_assert_ptr_null(socketmap_maps_find(SPAN_LIT("nonsense")));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("socketmap_maps");
    TCase *tcase = tcase_create("tables");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_tables);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
