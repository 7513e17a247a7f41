/* The metrics over HTTP: what is answered, what is refused, and that nobody can wear it out. */
#include "common/run/metrics_http.h"

#include "common/base/clock.h"
#include "common/run/metrics.h"
#include "common/run/stream.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS 20000 /* longer than the server's own timeout */
#define CROWD 32      /* twice what is served at once */
#define LEAVING 12
#define GARBAGE 7
#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

static char directory[] = "/tmp/outrider-metrics-XXXXXX";
static char address[64];
static struct conf_common conf = {.path = (char *)(uintptr_t) "test.conf"};
static struct metrics_http *http;

static void
set_up(void)
{
    struct err e;

    snprintf(address, sizeof(address), "unix:%s/m", directory);
    conf.metrics_listen = address;
    metrics_start(NULL, false);
    ck_assert_int_eq(metrics_http_open(&conf, &http, &e), OR_OK);
    ck_assert_int_eq(metrics_http_start(http, &e), OR_OK);
}

static void
tear_down(void)
{
    metrics_http_close(http);
    metrics_stop();
    http = NULL;
}

static int
connect_here(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", address + strlen("unix:"));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
    return fd;
}

static char reply[65536];

/* Everything until the server hangs up; false when it does not. */
static bool
read_reply(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t n = 0;
    ssize_t got = 1;

    while (got > 0 && n + 1 < sizeof(reply)) {
        if (poll(&wait, 1, WAIT_MS) != 1)
            return false;
        got = read(fd, reply + n, sizeof(reply) - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    reply[n] = '\0';
    close(fd);
    return true;
}

static void
ask(struct span request)
{
    int fd = connect_here();

    (void)!send(fd, request.p, request.n, MSG_NOSIGNAL);
    ck_assert_msg(read_reply(fd), "no end after %.60s", request.p);
}

START_TEST(requests_and_their_answers)
{
    static const struct {
        const char *request, *status, *contains;
        bool has_metrics;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ",
         "Content-Type: text/plain; version=0.0.4", true},
        {"GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.", "200 OK", true},
        {"GET /metrics?name=x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "", true},
        {"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "Content-Length: ", false},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", "/metrics", false},
        {"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", "", false},
        {"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b", "HTTP/1.1 405 ",
         "Allow: GET, HEAD", false},
        {"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ", "", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        ask(span_cstr(cases[i].request));
        ck_assert_msg(strncmp(reply, cases[i].status, strlen(cases[i].status)) == 0, "%s -> %s",
                      cases[i].request, reply);
        ck_assert_msg(strstr(reply, cases[i].contains) != NULL, "%s -> %s", cases[i].request,
                      reply);
        bool has = strstr(reply, "\noutrider_build_info{") != NULL;
        ck_assert_msg(has == cases[i].has_metrics, "%s -> %s", cases[i].request, reply);
    }
}
END_TEST

/* What is no HTTP, or too much of it, ends that connection and nothing else. */
START_TEST(garbage_hurts_nobody)
{
    static char large[200000];
    static const char *const garbage[GARBAGE] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "GET /metrics HTTP/9.9\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\nHost: x\r\n\r\n",
        "POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1",
        "* * *\n\n",
    };

    int fds[GARBAGE];

    for (size_t i = 0; i < GARBAGE; i++) {
        fds[i] = connect_here();
        (void)!send(fds[i], garbage[i], strlen(garbage[i]), MSG_NOSIGNAL);
        shutdown(fds[i], SHUT_WR);
    }
    for (size_t i = 0; i < GARBAGE; i++) {
        ck_assert_msg(read_reply(fds[i]), "no end after %s", garbage[i]);
        ck_assert_msg(strstr(reply, "outrider_build_info") == NULL, "%s", garbage[i]);
    }
    memset(large, 'a', sizeof(large));
    memcpy(large, "GET /metrics HTTP/1.1\r\nX: ", 26);
    ask(span_make(large, sizeof(large)));
    ck_assert_ptr_null(strstr(reply, "outrider_build_info"));
    ask(SPAN_LIT("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    ck_assert_ptr_nonnull(strstr(reply, "outrider_build_info"));
}
END_TEST

/* Connections that say nothing hold their places for a few seconds, no longer, and no memory. */
START_TEST(a_crowd_that_says_nothing_is_outlived)
{
    int crowd[CROWD];
    int64_t began_ms = clock_mono_ms();

    for (int i = 0; i < CROWD; i++)
        crowd[i] = connect_here();
    usleep(100000);
    for (int i = 0; i < LEAVING; i++)
        close(crowd[i]);
    /* Those who stay still fill all places, until their time runs out. */
    ask(SPAN_LIT("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    ck_assert_ptr_nonnull(strstr(reply, "outrider_build_info"));
    ck_assert_int_lt(clock_mono_ms() - began_ms, WAIT_MS / 2);
    for (int i = LEAVING; i < CROWD; i++)
        close(crowd[i]);
}
END_TEST

START_TEST(the_socket_is_open_to_local_users_and_goes_at_the_end)
{
    struct stat st;

    ck_assert_int_eq(stat(address + 5, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0666);
    metrics_http_close(http);
    http = NULL;
    ck_assert_int_ne(stat(address + 5, &st), 0);
}
END_TEST

/* Closing with a request half said must not wait for it. */
START_TEST(the_end_waits_for_nobody)
{
    int fd = connect_here();
    int64_t began_ms = clock_mono_ms();

    (void)!send(fd, "GET /met", 8, MSG_NOSIGNAL);
    usleep(50000);
    metrics_http_close(http);
    http = NULL;
    ck_assert_int_lt(clock_mono_ms() - began_ms, 5000);
    ck_assert(read_reply(fd));
}
END_TEST

START_TEST(addresses_that_cannot_be)
{
    struct metrics_http *other = NULL;
    struct err e;

    /* The one that is served already, and what is none of this host's. */
    ck_assert_int_eq(metrics_http_open(&conf, &other, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "test.conf: metrics-listen: "));
    ck_assert_ptr_nonnull(strstr(e.text, address));
    conf.metrics_listen = (char *)(uintptr_t) "inet:192.0.2.1:9725";
    ck_assert_int_eq(metrics_http_open(&conf, &other, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "inet:192.0.2.1:9725"));
    ck_assert_ptr_null(other);
}
END_TEST

START_TEST(off_unless_configured)
{
    struct metrics_http *none = NULL;
    struct err e;

    conf.metrics_listen = (char *)(uintptr_t) "";
    ck_assert_int_eq(metrics_http_open(&conf, &none, &e), OR_OK);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(metrics_http_start(none, &e), OR_OK);
    metrics_http_close(none);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("metrics_http");
    TCase *t = tcase_create("metrics_http");

    tcase_set_timeout(t, 90);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, requests_and_their_answers);
    tcase_add_test(t, garbage_hurts_nobody);
    tcase_add_test(t, a_crowd_that_says_nothing_is_outlived);
    tcase_add_test(t, the_socket_is_open_to_local_users_and_goes_at_the_end);
    tcase_add_test(t, the_end_waits_for_nobody);
    tcase_add_test(t, addresses_that_cannot_be);
    tcase_add_test(t, off_unless_configured);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    if (mkdtemp(directory) == NULL)
        return 1;
    int status = unit_main(suite());

    rmdir(directory);
    return status;
}
