/*
 * Full mailboxes, as an LMTP server tells of them: one that is scripted, on a unix socket.
 */
#include "policyd/check_quota.h"

#include "common/base/clock.h"
#include "policyd/quota_probe.h"
#include "tests/support/policy_ask.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OFFERS "250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 SMTPUTF8\r\n"
#define BARE "250 mx\r\n"
#define HANG_UP ""  /* a reply */
#define SILENCE "-" /* likewise */

/* What it says to LHLO, MAIL and RCPT. */
struct script {
    const char *greeting, *offers, *mail, *rcpt;
};

static struct script script;
static char directory[TEMP_TREE_PATH_BYTES], address[TEMP_TREE_PATH_BYTES + 16];
static char heard[8192]; /* the commands, as they came */
static int listen_fd;
static atomic_int peer_fd, connections;
static pthread_t thread;
static struct policy_ask ask;

static const char *
reply_to(const char *line)
{
    static const struct {
        const char *verb;
        size_t reply;
    } replies[] = {{"LHLO ", offsetof(struct script, offers)},
                   {"MAIL ", offsetof(struct script, mail)},
                   {"RCPT ", offsetof(struct script, rcpt)}};

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        if (strncmp(line, replies[i].verb, 5) == 0)
            return *(const char *const *)(const void *)((const char *)&script + replies[i].reply);
    return "250 ok\r\n";
}

static bool
tell(int fd, const char *text)
{
    size_t n = strlen(text);

    return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void
serve(int fd)
{
    FILE *in = fdopen(dup(fd), "r");
    char line[2048];
    bool goes_on = tell(fd, script.greeting);

    while (goes_on && in != NULL && fgets(line, sizeof(line), in) != NULL) {
        const char *reply = reply_to(line);

        snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%s", line);
        goes_on = reply[0] != '\0' && (reply[0] == '-' || tell(fd, reply));
    }
    if (in != NULL)
        fclose(in);
}

static void *
run(void *context)
{
    int fd;

    (void)context;
    while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
        atomic_store(&peer_fd, fd);
        atomic_fetch_add(&connections, 1);
        serve(fd);
        close(fd);
        atomic_store(&peer_fd, -1);
    }
    return NULL;
}

static void
start(const struct script *s)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};

    script = *s;
    heard[0] = '\0';
    temp_tree_make(directory);
    snprintf(where.sun_path, sizeof(where.sun_path), "%s/lmtp", directory);
    snprintf(address, sizeof(address), "unix:%s/lmtp", directory);
    listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    atomic_store(&connections, 0);
    if (bind(listen_fd, (struct sockaddr *)&where, sizeof(where)) != 0 ||
        listen(listen_fd, 16) != 0 || pthread_create(&thread, NULL, run, NULL) != 0)
        ck_abort_msg("no server");
    policy_ask_init(&ask, "quota-timeout = 500ms\n", "");
    ask.view.quota = quota_probe_new(address, "policy.example");
}

static void
stop(void)
{
    quota_probe_free(ask.view.quota);
    policy_ask_fini(&ask);
    shutdown(listen_fd, SHUT_RDWR);
    int fd = atomic_load(&peer_fd);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listen_fd);
    temp_tree_remove(directory);
}

#define FULL "452 4.2.2 <bob@home.example> mailbox is full\r\n"
#define OK "250 2.1.5 ok\r\n"

static const struct {
    const char *why;
    struct script says;
    const char *answer, *word;
} rows[] = {
    {"room", {"220 mx\r\n", OFFERS, OK, OK}, "", ""},
    {"full for now",
     {"220 mx\r\n", OFFERS, OK, FULL},
     "452 4.2.2 <bob@home.example> mailbox is full",
     "full"},
    {"full for good, Dovecot's words",
     {"220 mx\r\n", OFFERS, OK, "552 5.2.2 Quota exceeded\r\n"},
     "552 5.2.2 Quota exceeded",
     "full"},
    {"one command after the other",
     {"220 mx\r\n", BARE, OK, FULL},
     "452 4.2.2 <bob@home.example> mailbox is full",
     "full"},
    {"a greeting of several lines",
     {"220-mx\r\n220 LMTP\r\n", OFFERS, OK, FULL},
     "452 4.2.2 <bob@home.example> mailbox is full",
     "full"},
    {"a reply of several lines counts by its last",
     {"220 mx\r\n", OFFERS, OK, "552-5.2.2 The mailbox\r\n552 5.2.2 is full\r\n"},
     "552 5.2.2 is full",
     "full"},
    /* objections that are not about quota are made at delivery */
    {"no such user", {"220 mx\r\n", OFFERS, OK, "550 5.1.1 no such user\r\n"}, "", ""},
    {"disk full", {"220 mx\r\n", OFFERS, OK, "452 4.3.1 no room on our disk\r\n"}, "", ""},
    {"no enhanced code", {"220 mx\r\n", OFFERS, OK, "552 full\r\n"}, "", ""},
    {"a longer code", {"220 mx\r\n", OFFERS, OK, "552 5.2.20 what\r\n"}, "", ""},
    {"too large for the server",
     {"220 mx\r\n", OFFERS, "552 5.3.4 too large\r\n", "503 no\r\n"},
     "",
     ""},
    /* and what no server should do says nothing */
    {"busy", {"421 4.3.2 busy\r\n", OFFERS, OK, OK}, "", "unknown"},
    {"SMTP", {"220 mx\r\n", "500 5.5.1 what\r\n", OK, OK}, "", "unknown"},
    {"HTTP", {"HTTP/1.1 400 Bad Request\r\n", OFFERS, OK, OK}, "", "unknown"},
    {"hangs up", {"220 mx\r\n", OFFERS, OK, HANG_UP}, "", "unknown"},
    {"hangs up at once", {HANG_UP, OFFERS, OK, OK}, "", "unknown"},
    {"says nothing", {"220 mx\r\n", OFFERS, OK, SILENCE}, "", "unknown"},
    {"a reply without end", {"220 mx\r\n", OFFERS, OK, "250-more\r\n"}, "", "unknown"},
};

START_TEST(test_answers)
{
    start(&rows[_i].says);
    struct span got = policy_ask(&ask, check_quota);
    ck_assert_msg(span_equal_cstr(got, rows[_i].answer), "%s: \"%.*s\"", rows[_i].why,
                  SPAN_ARG(got));
    ck_assert_str_eq(policy_ask_word(&ask, "quota"), rows[_i].word);
    stop();
}
END_TEST

static const struct script full = {"220 mx\r\n", OFFERS, OK, FULL};

START_TEST(test_what_is_asked)
{
    static const struct {
        const char *recipient, *size, *heard;
    } asked[] = {
        {"bob@home.example", "0", "MAIL FROM:<>\r\nRCPT TO:<bob@home.example>\r\nRSET\r\n"},
        {"bob@Home.Example", "4096",
         "MAIL FROM:<> SIZE=4096\r\nRCPT TO:<bob@home.example>\r\nRSET\r\n"},
        {"a b\"c@home.example", "x",
         "MAIL FROM:<>\r\nRCPT TO:<\"a b\\\"c\"@home.example>\r\nRSET\r\n"},
        {"j\xc3\xb6rg@home.example", "0",
         "MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<j\xc3\xb6rg@home.example>\r\nRSET\r\n"},
        /* nothing that could become a command of its own */
        {"a\r\nDATA\r\n@home.example", "0", ""},
        {"bob@home.example>\r\nDATA", "0", ""},
        {"bob", "0", ""},
        {"", "0", ""},
    };

    start(&full);
    policy_ask(&ask, check_quota);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        heard[0] = '\0';
        ask.request.recipient = span_cstr(asked[i].recipient);
        ask.request.size = span_cstr(asked[i].size);
        policy_ask(&ask, check_quota);
        ck_assert_str_eq(heard, asked[i].heard);
    }
    ck_assert_int_eq(atomic_load(&connections), 1); /* kept and used again */
    ask.request.recipient = SPAN_LIT("bob@home.example");
    ask.request.protocol_state = SPAN_LIT("END-OF-MESSAGE");
    ck_assert_span_eq(policy_ask(&ask, check_quota), "");
    stop();
}
END_TEST

/* A server that was restarted, or had enough of us, is asked again over a new connection. */
START_TEST(test_connection_that_was_kept_is_gone)
{
    start(&full);
    ck_assert_uint_ne(policy_ask(&ask, check_quota).n, 0);
    shutdown(atomic_load(&peer_fd), SHUT_RDWR);
    ck_assert_uint_ne(policy_ask(&ask, check_quota).n, 0);
    ck_assert_int_eq(atomic_load(&connections), 2);
    stop();
}
END_TEST

/* Mail must not wait for a server that hangs, recipient after recipient. */
START_TEST(test_server_that_hangs_is_left_alone)
{
    const struct script hangs = {"220 mx\r\n", OFFERS, OK, SILENCE};

    start(&hangs);
    int64_t began = clock_mono_ms();
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(policy_ask(&ask, check_quota).n, 0);
    ck_assert_int_lt(clock_mono_ms() - began, 2000); /* once 500 ms */
    ck_assert_int_eq(atomic_load(&connections), 1);
    stop();
}
END_TEST

START_TEST(test_nobody_there)
{
    start(&full);
    quota_probe_free(ask.view.quota);
    ask.view.quota = quota_probe_new("unix:/nowhere/lmtp", "policy.example");
    ck_assert_uint_eq(policy_ask(&ask, check_quota).n, 0);
    ck_assert_str_eq(policy_ask_word(&ask, "quota"), "unknown");
    stop();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("check_quota");
    TCase *tcase = tcase_create("conversations");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_answers, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, test_what_is_asked);
    tcase_add_test(tcase, test_connection_that_was_kept_is_gone);
    tcase_add_test(tcase, test_server_that_hangs_is_left_alone);
    tcase_add_test(tcase, test_nobody_there);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
