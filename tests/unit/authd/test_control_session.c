/* Commands over the control socket, and what the database holds afterwards. */
#include "authd/control_session.h"

#include "authd/accounts/account_sql.h"
#include "authd/control/control_line.h"
#include "tests/support/authd_talk.h"
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HASH                                                                                       \
    "{CRYPT}$6$saltsalt$"                                                                          \
    "qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"

static struct authd_talk talk;

static void
set_up(void)
{
    authd_talk_init(&talk, "");
    authd_talk_start(&talk, control_session_run);
}

static void
tear_down(void)
{
    authd_talk_fini(&talk);
}

static void
say(const char *request)
{
    authd_talk_say(&talk, span_cstr(request));
    authd_talk_say(&talk, SPAN_LIT("\n"));
}

#define OK "{\"status\":\"ok\"}"
#define NO_LIMITS ",\"max_users\":0,\"max_aliases\":0,\"max_quota\":0,\"relay\":\"\"}}"
#define BAD "{\"status\":\"malformed\",\"error\":\""
#define GONE "{\"status\":\"absent\",\"error\":\""

/* In order: each finds what those before it left. */
static const struct {
    const char *request;
    const char *answer; /* how its last line begins */
} rows[] = {
    {"{\"command\":\"domain-add\",\"domain\":\"New.TEST\"}", OK},
    {"{\"command\":\"domain-add\",\"domain\":\"new.test\"}",
     BAD "the domain new.test is there already"},
    {"{\"command\":\"domain-add\",\"domain\":\"../x\"}", BAD},
    {"{\"command\":\"domain-add\"}", BAD "domain: a text is wanted"},
    {"{\"command\":\"domain-add\",\"domain\":7}", BAD "domain: a text is wanted"},
    {"{\"command\":\"domain-set\",\"domain\":\"new.test\"}", BAD "nothing to set"},
    {"{\"command\":\"domain-set\",\"domain\":\"new.test\",\"quota_bytes\":5}", BAD},
    {"{\"command\":\"domain-set\",\"domain\":\"new.test\",\"quota_bytes\":-1,\"quota_messages\":0}",
     BAD},
    {"{\"command\":\"domain-set\",\"domain\":\"new.test\",\"quota_bytes\":5,\"quota_messages\":0}",
     OK},
    {"{\"command\":\"user-add\",\"address\":\"a@new.test\",\"password\":\"" HASH "\"}", OK},
    {"{\"command\":\"user-add\",\"address\":\"a@new.test\",\"password\":\"" HASH "\"}",
     BAD "there is an account a@new.test already"},
    {"{\"command\":\"user-add\",\"address\":\"b@new.test\"}", BAD "password"},
    {"{\"command\":\"user-add\",\"address\":\"b@new.test\",\"password\":\"{PLAIN}x\"}",
     BAD "password"},
    {"{\"command\":\"user-add\",\"address\":\"b@new.test\",\"password\":\"{NEW}x\"}",
     BAD "password"},
    {"{\"command\":\"user-add\",\"address\":\"b@new.test\",\"password\":\"" HASH "\",\"uid\":0}",
     BAD "uid: not 0"},
    {"{\"command\":\"user-add\",\"address\":\"b@new.test\",\"password\":\"" HASH
     "\",\"uid\":4294967295}",
     BAD "uid: a number"},
    {"{\"command\":\"user-add\",\"address\":\"b@new.test\",\"password\":\"" HASH
     "\",\"home\":\"etc\"}",
     BAD "home"},
    {"{\"command\":\"user-add\",\"address\":\"b@new.test\",\"password\":\"" HASH
     "\",\"home\":\"/a\\nb\"}",
     BAD "home"},
    {"{\"command\":\"user-set\",\"address\":\"a@new.test\",\"enabled\":\"no\"}",
     BAD "enabled: true or false"},
    {"{\"command\":\"user-set\",\"address\":\"a@new.test\",\"enabled\":false}", OK},
    {"{\"command\":\"user-set\",\"address\":\"x@new.test\",\"enabled\":false}",
     GONE "there is no account x@new.test"},
    {"{\"command\":\"user-passwd\",\"address\":\"a@new.test\",\"password\":\"" HASH "\"}", OK},
    {"{\"command\":\"user-show\",\"address\":\"x@new.test\"}", GONE},
    {"{\"command\":\"user-list\",\"domain\":\"other.test\"}", GONE "there is no domain other.test"},
    {"{\"command\":\"alias-add\",\"address\":\"i@new.test\"}", BAD "targets"},
    {"{\"command\":\"alias-add\",\"address\":\"i@new.test\",\"targets\":\"a@new.test\"}",
     BAD "targets"},
    {"{\"command\":\"alias-add\",\"address\":\"i@new.test\",\"targets\":[]}", BAD "targets"},
    {"{\"command\":\"alias-add\",\"address\":\"i@new.test\",\"targets\":[7]}", BAD "targets"},
    {"{\"command\":\"alias-add\",\"address\":\"i@new.test\",\"targets\":[\"a@new.test\",\"x\"]}",
     BAD},
    {"{\"command\":\"alias-del\",\"address\":\"i@new.test\"}", GONE},
    {"{\"command\":\"alias-add\",\"address\":\"i@new.test\",\"targets\":[\"a@new.test\"]}", OK},
    {"{\"command\":\"alias-del\",\"address\":\"i@new.test\",\"target\":\"a@new.test\"}", OK},
    {"{\"command\":\"app-password-add\",\"address\":\"a@new.test\",\"name\":\"p\"}",
     BAD "the scope is empty"},
    {"{\"command\":\"app-password-add\",\"address\":\"a@new.test\",\"name\":\"\",\"scope\":"
     "\"all\"}",
     BAD "the name"},
    {"{\"command\":\"app-password-add\",\"address\":\"a@new.test\",\"name\":\"p\",\"scope\":"
     "\"all\","
     "\"expires\":-5}",
     BAD "expires"},
    {"{\"command\":\"app-password-add\",\"address\":\"x@new.test\",\"name\":\"p\",\"scope\":"
     "\"all\"}",
     GONE},
    {"{\"command\":\"app-password-add\",\"address\":\"a@new.test\",\"name\":\"p\",\"scope\":"
     "\"all\"}",
     "{\"password\":\""},
    {"{\"command\":\"app-password-del\",\"address\":\"a@new.test\",\"name\":\"p\"}", OK},
    {"{\"command\":\"app-password-del\",\"address\":\"a@new.test\",\"name\":\"p\"}", GONE},
    {"{\"command\":\"domain-del\",\"domain\":\"new.test\"}", BAD},
    {"{\"command\":\"user-del\",\"address\":\"a@new.test\"}", OK},
    {"{\"command\":\"domain-del\",\"domain\":\"new.test\"}", OK},
    {"{\"command\":\"shutdown\"}", BAD "there is no such command"},
    {"{\"command\":7}", BAD "there is no such command"},
    {"{}", BAD "there is no such command"},
};

START_TEST(commands)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        say(rows[i].request);
        const char *line = authd_talk_line(&talk);

        ck_assert_msg(strncmp(line, rows[i].answer, strlen(rows[i].answer)) == 0, "%s: %s",
                      rows[i].request, line);
    }
}
END_TEST

START_TEST(lists_come_row_by_row)
{
    static const char *const lines[] = {
        "{\"row\":{\"domain\":\"catch.test\"" NO_LIMITS,
        "{\"row\":{\"domain\":\"home.test\"" NO_LIMITS, OK,
        "{\"row\":{\"alias\":\"@catch.test\",\"target\":\"bob@home.test\"}}", OK};

    say("{\"command\":\"domain-list\"}");
    say("{\"command\":\"alias-list\",\"domain\":\"catch.test\"}");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ck_assert_str_eq(authd_talk_line(&talk), lines[i]);
    say("{\"command\":\"user-show\",\"address\":\"own@home.test\"}");
    ck_assert_str_eq(authd_talk_line(&talk),
                     "{\"row\":{\"address\":\"own@home.test\",\"enabled\":true,\"password\":true,"
                     "\"app_passwords_only\":false,\"quota_bytes\":0,\"quota_messages\":0,"
                     "\"uid\":2001,\"gid\":2002,\"home\":\"/srv/own\",\"host\":null}}");
    ck_assert_str_eq(authd_talk_line(&talk), OK);
}
END_TEST

/* What is no request may be anything: the connection ends. */
START_TEST(nonsense_ends_the_connection)
{
    static const char *const lines[] = {"VERSION\t1\t1", "", "[]", "{\"a\":[[[[[]]]]]}"};

    say(lines[_i]);
    ck_assert_str_eq(authd_talk_line(&talk), "");
}
END_TEST

/* Two ends of a TCP connection on this machine. */
static void
connect_pair(int ends[2])
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(here);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&here, n), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&here, &n), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(ends[0], (struct sockaddr *)&here, n), 0);
    ends[1] = accept(listener, NULL, NULL);
    ck_assert_int_ge(ends[1], 0);
    close(listener);
}

/* A listener from systemd may be one. */
START_TEST(over_the_network_nobody_is_anybody)
{
    static const char request[] = "{\"command\":\"user-list\"}\n";
    char answer[256] = "";
    int ends[2];

    connect_pair(ends);
    ck_assert_int_eq(write(ends[0], request, strlen(request)), (ssize_t)strlen(request));
    shutdown(ends[0], SHUT_WR);
    struct stream *stream = stream_new(ends[1], -1, 10000);

    control_session_run(stream, &talk.daemon);
    stream_free(stream);
    ck_assert_int_gt(read(ends[0], answer, sizeof(answer) - 1), 0);
    ck_assert_str_eq(answer, BAD "not allowed\"}\n");
    close(ends[0]);
}
END_TEST

START_TEST(unreadable_store_is_a_temporary_failure)
{
    ck_assert_int_eq(sqlite3_exec(talk.accounts->sqlite, "ALTER TABLE accounts RENAME TO hidden",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    say("{\"command\":\"user-list\"}");
    ck_assert_str_eq(authd_talk_line(&talk),
                     "{\"status\":\"tempfail\",\"error\":\"sqlite: no such table: accounts\"}");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("control_session");
    TCase *c = tcase_create("all");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, commands);
    tcase_add_test(c, lists_come_row_by_row);
    tcase_add_loop_test(c, nonsense_ends_the_connection, 0, 4);
    tcase_add_test(c, over_the_network_nobody_is_anybody);
    tcase_add_test(c, unreadable_store_is_a_temporary_failure);
    suite_add_tcase(s, c);
    return unit_main(s);
}
