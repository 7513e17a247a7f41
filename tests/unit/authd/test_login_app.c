/* Logins with application passwords: for whom, for what, until when. */
#include "authd/login_app.h"

#include "common/base/clock.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <string.h>

#define NOW 1700000000
#define SECRET "abcd-efgh-ijkm-npqr-stuv"
#define OLD "abcd-efgh-ijkm-npqr-2222"

static struct authd_talk talk;
static struct arena mem;

static void
add(const char *account, const char *name, const char *secret, int64_t expires_s)
{
    struct app_password p = {.name = span_cstr(name),
                             .scope = APP_PASSWORD_IMAP | APP_PASSWORD_SMTP,
                             .created_s = NOW,
                             .expires_s = expires_s};
    struct account_address address;
    char hash[APP_PASSWORD_HASH_BYTES];

    ck_assert_int_eq(account_address_parse(span_cstr(account), false, &mem, &address, NULL), OR_OK);
    ck_assert(app_password_hash(span_cstr(secret), address.whole, hash));
    ck_assert_int_eq(app_password_db_add(talk.accounts, &address, &p, hash, NULL), OR_OK);
}

static void
set_up(void)
{
    authd_talk_init(&talk, "master-users = {\"bob@home.test\"}\n");
    arena_init(&mem, 1 << 20);
    clock_fake(NOW);
    add("bob@home.test", "phone", SECRET, 0);
    add("bob@home.test", "old phone", OLD, NOW + 100);
    add("off@home.test", "phone", SECRET, 0);
    add("bare@home.test", "phone", SECRET, 0);
}

static void
tear_down(void)
{
    clock_fake(0);
    arena_fini(&mem);
    authd_talk_fini(&talk);
}

struct login {
    const char *name, *password, *service;
    enum login_result result;
};

static enum login_result
log_in(const struct login *l, enum mech_proof proof)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(&talk.daemon);
    const char *mechanism = proof == MECH_PROOF_NONE ? "PLAIN" : "SCRAM-SHA-256";
    struct mech_exchange x;
    struct login_checked checked;

    mech_exchange_init(&x, mech_find(span_cstr(mechanism)));
    buf_add_cstr(&x.authcid, l->name);
    buf_add_cstr(&x.password, l->password);
    x.service = span_cstr(l->service);
    x.proof = proof;
    login_check(snapshot, &x, false, &mem, &checked);
    enum login_result result = checked.result;
    struct span user = checked.user;
    if (result == LOGIN_GOOD)
        ck_assert(user.n == strcspn(l->name, "*") && span_has_prefix(span_cstr(l->name), user));
    mech_exchange_fini(&x);
    daemon_snapshot_drop(&talk.daemon, snapshot);
    return result;
}

static const struct login logins[] = {
    {"bob@home.test", SECRET, "imap", LOGIN_GOOD},
    {"bob@home.test", SECRET, "submission", LOGIN_GOOD},
    {"bob@home.test", "ABCDEFGHIJKMNPQRSTUV", "smtp", LOGIN_GOOD},
    {"bob@home.test", "pw word", "imap", LOGIN_GOOD}, /* his own goes on to work */
    {"bob@home.test", "pw word", "sieve", LOGIN_GOOD},
    {"bob@home.test", SECRET, "sieve", LOGIN_OUT_OF_SCOPE},
    {"bob@home.test", SECRET, "pop3", LOGIN_OUT_OF_SCOPE},
    {"bob@home.test", SECRET, "", LOGIN_OUT_OF_SCOPE},
    {"bob@home.test", OLD, "imap", LOGIN_EXPIRED},
    {"eve@home.test", SECRET, "imap", LOGIN_WRONG}, /* bob's */
    {"nobody@home.test", SECRET, "imap", LOGIN_WRONG},
    {"off@home.test", SECRET, "imap", LOGIN_DISABLED},
    {"bare@home.test", SECRET, "imap", LOGIN_GOOD},
    {"bob@home.test", "abcd-efgh-ijkm-npqr-3333", "imap", LOGIN_WRONG},
};

START_TEST(logins_by_account_service_and_time)
{
    clock_fake(NOW + 99);
    ck_assert_int_eq(
        log_in(&(struct login){"bob@home.test", OLD, "imap", LOGIN_GOOD}, MECH_PROOF_NONE),
        LOGIN_GOOD);
    clock_fake(NOW + 100);
    ck_assert_int_eq(log_in(&logins[_i], MECH_PROOF_NONE), logins[_i].result);
}
END_TEST

START_TEST(own_password_opens_nothing_when_told_so)
{
    static const struct login own = {"bob@home.test", "pw word", "imap", LOGIN_GOOD};
    static const bool yes = true;
    struct account_change change = {.app_passwords_only = &yes};
    struct account_address bob;

    ck_assert_int_eq(account_address_parse(SPAN_LIT("bob@home.test"), false, &mem, &bob, NULL),
                     OR_OK);
    ck_assert_int_eq(log_in(&own, MECH_PROOF_NONE), LOGIN_GOOD); /* it is in the cache now */
    ck_assert_int_eq(log_in(&own, MECH_PROOF_RIGHT), LOGIN_GOOD);
    ck_assert_int_eq(account_db_set(talk.accounts, &bob, &change, NULL), OR_OK);
    ck_assert_int_eq(log_in(&own, MECH_PROOF_NONE), LOGIN_WRONG);
    ck_assert_int_eq(log_in(&own, MECH_PROOF_RIGHT), LOGIN_WRONG); /* SCRAM proves the same one */
    ck_assert_int_eq(log_in(&logins[0], MECH_PROOF_NONE), LOGIN_GOOD);
}
END_TEST

/* A master user's, too: his programs read his mail and nobody else's. */
START_TEST(opens_no_other_account_for_a_master_user)
{
    static const struct login own = {"eve@home.test*bob@home.test", "pw word", "imap", LOGIN_GOOD};
    static const struct login app = {"eve@home.test*bob@home.test", SECRET, "imap", LOGIN_GOOD};

    ck_assert_int_eq(log_in(&own, MECH_PROOF_NONE), LOGIN_GOOD);
    ck_assert_int_eq(log_in(&app, MECH_PROOF_NONE), LOGIN_OTHER_USER);
}
END_TEST

START_TEST(deleted_ones_open_nothing)
{
    struct account_address bob;

    ck_assert_int_eq(account_address_parse(SPAN_LIT("bob@home.test"), false, &mem, &bob, NULL),
                     OR_OK);
    ck_assert_int_eq(log_in(&logins[0], MECH_PROOF_NONE), LOGIN_GOOD);
    ck_assert_int_eq(app_password_db_delete(talk.accounts, &bob, SPAN_LIT("phone"), NULL), OR_OK);
    ck_assert_int_eq(log_in(&logins[0], MECH_PROOF_NONE), LOGIN_WRONG);
}
END_TEST

/* A login that is refused leaves no trace as the last use. */
START_TEST(last_use)
{
    static const char *const names[] = {"bob@home.test", "off@home.test"};
    struct account_address address;
    struct app_password *list;
    size_t count;

    for (size_t i = 0; i < 2; i++) {
        struct login l = {names[i], SECRET, "imap", LOGIN_GOOD};

        (void)log_in(&l, MECH_PROOF_NONE);
        ck_assert_int_eq(account_address_parse(span_cstr(names[i]), false, &mem, &address, NULL),
                         OR_OK);
        ck_assert_int_eq(app_password_db_list(talk.accounts, &address, &mem, &list, &count, NULL),
                         OR_OK);
        ck_assert_span_eq(list[count - 1].name, "phone");
        ck_assert_int_eq(list[count - 1].used_s, i == 0 ? NOW : 0);
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("login_app");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, logins_by_account_service_and_time, 0,
                        sizeof(logins) / sizeof(logins[0]));
    tcase_add_test(c, own_password_opens_nothing_when_told_so);
    tcase_add_test(c, opens_no_other_account_for_a_master_user);
    tcase_add_test(c, deleted_ones_open_nothing);
    tcase_add_test(c, last_use);
    suite_add_tcase(s, c);
    return unit_main(s);
}
