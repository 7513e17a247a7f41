/* Listeners, their files, the cap and the end, against real sockets on loopback and in a directory.
 */
#include "common/run/server.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 5000
#define SOON_MS 200 /* for what must not happen */

static char directory[] = "/tmp/outrider-server-XXXXXX";
static char unix_address[64];
static const char *unix_path; /* inside unix_address */

/* "echo" answers each line with itself; "hold" needs two lines for one request.
 */
static void
run_echo(struct stream *s, void *context)
{
    struct span line;

    (void)context;
    while (stream_await(s, WAIT_MS) == OR_OK) {
        if (stream_read_line(s, 100, &line) != OR_OK ||
            stream_writef(s, "%.*s\n", SPAN_ARG(line)) != OR_OK)
            return;
    }
}

static void
run_hold(struct stream *s, void *context)
{
    struct span line;

    (void)context;
    if (stream_await(s, WAIT_MS) != OR_OK || stream_read_line(s, 100, &line) != OR_OK)
        return;
    /* Inside a request now: the answer waits for a second line. */
    if (stream_read_line(s, 100, &line) != OR_OK || stream_write(s, SPAN_LIT("done\n")) != OR_OK ||
        stream_flush(s) != OR_OK)
        return;
}

static const struct server_service services[] = {{"echo", run_echo}, {"hold", run_hold}};

static struct conf_common conf;

static struct conf_listener *
add_listener(const char *service, const char *address, mode_t mode)
{
    struct conf_listener *l = &conf.listeners[conf.listener_count++];

    *l = (struct conf_listener){
        .service = xstrdup(service), .mode = mode, .line = (unsigned)conf.listener_count * 10};
    l->addresses[l->address_count++] = xstrdup(address);
    return l;
}

static void
set_up(void)
{
    snprintf(directory, sizeof(directory), "/tmp/outrider-server-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(unix_address, sizeof(unix_address), "unix:%s/s", directory);
    unix_path = unix_address + 5;
    memset(&conf, 0, sizeof(conf));
    conf.path = xstrdup("test.conf");
    conf.max_connections = 100;
    conf.io_timeout_ms = WAIT_MS;
    conf.drain_timeout_ms = WAIT_MS;
}

static void
tear_down(void)
{
    for (size_t i = 0; i < conf.listener_count; i++) {
        for (size_t k = 0; k < conf.listeners[i].address_count; k++)
            free(conf.listeners[i].addresses[k]);
        free(conf.listeners[i].service);
        free(conf.listeners[i].group);
        free(conf.listeners[i].owner);
    }
    free(conf.path);
    unlink(unix_path);
    rmdir(directory);
}

/* A running server and what its end was. */
struct running {
    struct server *server;
    pthread_t thread;
    size_t cut;
};

static void *
running_main(void *arg)
{
    struct running *r = arg;

    r->cut = server_run(r->server);
    return NULL;
}

static void
start(struct running *r)
{
    struct err e = {{0}};

    ck_assert_msg(server_open(&conf, services, 2, NULL, &r->server, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(pthread_create(&r->thread, NULL, running_main, r), 0);
}

static size_t
finish(struct running *r)
{
    server_stop(r->server);
    pthread_join(r->thread, NULL);
    server_close(r->server);
    return r->cut;
}

static struct stream *
connect_to(const char *address)
{
    struct stream *s = NULL;
    struct err e = {{0}};

    ck_assert_msg(stream_connect(address, WAIT_MS, &s, &e) == OR_OK, "%s", e.text);
    return s;
}

static void
send_line(struct stream *s, const char *line)
{
    ck_assert_int_eq(stream_writef(s, "%s\n", line), OR_OK);
    ck_assert_int_eq(stream_flush(s), OR_OK);
}

static void
expect_line(struct stream *s, const char *expected)
{
    struct span line;

    ck_assert_int_eq(stream_read_line(s, 100, &line), OR_OK);
    ck_assert_span_eq(line, expected);
}

static void
wait_for_count(struct running *r, size_t count)
{
    int64_t until = clock_mono_ms() + WAIT_MS;

    while (server_connection_count(r->server) != count && clock_mono_ms() < until)
        usleep(1000);
    ck_assert_uint_eq(server_connection_count(r->server), count);
}

/* A port that was free a moment ago, as "inet:...:port". */
static void
free_inet_address(char *out, size_t out_bytes)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &length), 0);
    snprintf(out, out_bytes, "inet:127.0.0.1:%u", ntohs(sin.sin_port));
    close(fd);
}

START_TEST(serves_unix_and_inet)
{
    struct running r = {0};
    char inet[64];

    free_inet_address(inet, sizeof(inet));
    struct conf_listener *l = add_listener("echo", unix_address, 0600);

    l->addresses[l->address_count++] = xstrdup(inet);
    start(&r);
    struct stream *a = connect_to(unix_address), *b = connect_to(inet);

    send_line(a, "over unix");
    send_line(b, "over inet");
    expect_line(a, "over unix");
    expect_line(b, "over inet");
    ck_assert_uint_eq(server_connection_count(r.server), 2);
    stream_free(a);
    stream_free(b);
    wait_for_count(&r, 0);
    ck_assert_uint_eq(finish(&r), 0);
    ck_assert_int_ne(access(unix_path, F_OK), 0);
}
END_TEST

static void
expect_fault(const char *expected)
{
    struct server *server;
    struct err e = {{0}};

    ck_assert_int_eq(server_open(&conf, services, 2, NULL, &server, &e), OR_CONFIG);
    ck_assert_msg(strncmp(e.text, expected, strlen(expected)) == 0, "is  %s\nnot %s", e.text,
                  expected);
}

START_TEST(a_fault_names_the_section)
{
    add_listener("echo", "inet:192.0.2.1:10040", 0600);
    expect_fault(
        "test.conf:10: listen echo: \"inet:192.0.2.1:10040\": not an address of this host");
    conf.listeners[0].line = 0;
    expect_fault("test.conf: listen echo: \"inet:192.0.2.1:10040\": not an address of this host");
}
END_TEST

START_TEST(a_fault_in_the_second_listener_closes_the_first)
{
    add_listener("echo", unix_address, 0600);
    add_listener("hold", "inet:192.0.2.1:10040", 0600);
    expect_fault(
        "test.conf:20: listen hold: \"inet:192.0.2.1:10040\": not an address of this host");
    ck_assert_int_ne(access(unix_path, F_OK), 0);
}
END_TEST

/* Past the cap a client waits in the backlog; it is served as soon as another one leaves. */
START_TEST(connections_past_the_cap_wait)
{
    struct running r = {0};
    struct stream *clients[4];
    struct stream *late;

    conf.max_connections = 3;
    add_listener("echo", unix_address, 0600);
    start(&r);
    for (int i = 0; i < 3; i++) {
        clients[i] = connect_to(unix_address);
        send_line(clients[i], "x");
        expect_line(clients[i], "x");
    }
    late = connect_to(unix_address);
    send_line(late, "late");
    ck_assert_int_eq(stream_await(late, SOON_MS), OR_TIMEOUT);
    ck_assert_uint_eq(server_connection_count(r.server), 3);
    stream_free(clients[1]);
    expect_line(late, "late");
    stream_free(clients[0]);
    stream_free(clients[2]);
    stream_free(late);
    ck_assert_uint_eq(finish(&r), 0);
}
END_TEST

START_TEST(a_new_cap_applies_after_reload)
{
    struct running r = {0};

    conf.max_connections = 1;
    add_listener("echo", unix_address, 0600);
    start(&r);
    struct stream *a = connect_to(unix_address);

    send_line(a, "a");
    expect_line(a, "a");
    conf.max_connections = 2;
    server_update(r.server, &conf);
    struct stream *b = connect_to(unix_address);

    send_line(b, "b");
    expect_line(b, "b");
    stream_free(a);
    stream_free(b);
    ck_assert_uint_eq(finish(&r), 0);
}
END_TEST

/* Out of descriptors: accept(2) fails again and again while the client waits; the loop must rest.
 */
START_TEST(running_out_of_descriptors_is_no_busy_loop)
{
    struct running r = {0};
    struct rlimit before, low;
    struct rusage used;

    add_listener("echo", unix_address, 0600);
    start(&r);
    struct stream *a = connect_to(unix_address);

    send_line(a, "a");
    expect_line(a, "a");
    struct stream *b = connect_to(unix_address);

    send_line(b, "b");
    expect_line(b, "b");
    int next = dup(0);

    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    /* One more is for our own end of the connection. */
    low.rlim_cur = (rlim_t)next + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    struct stream *late = connect_to(unix_address);

    send_line(late, "late");
    getrusage(RUSAGE_SELF, &used);
    long before_us = used.ru_utime.tv_usec + used.ru_utime.tv_sec * 1000000;

    ck_assert_int_eq(stream_await(late, SOON_MS), OR_TIMEOUT);
    getrusage(RUSAGE_SELF, &used);
    ck_assert_int_lt(used.ru_utime.tv_usec + used.ru_utime.tv_sec * 1000000 - before_us,
                     SOON_MS * 1000 / 2);
    setrlimit(RLIMIT_NOFILE, &before);
    expect_line(late, "late");
    stream_free(a);
    stream_free(b);
    stream_free(late);
    ck_assert_uint_eq(finish(&r), 0);
}
END_TEST

START_TEST(idle_sessions_end_at_once_when_stopping)
{
    struct running r = {0};

    add_listener("echo", unix_address, 0600);
    start(&r);
    struct stream *idle = connect_to(unix_address);

    send_line(idle, "x");
    expect_line(idle, "x");
    int64_t before = clock_mono_ms();

    ck_assert_uint_eq(finish(&r), 0);
    ck_assert_int_lt(clock_mono_ms() - before, WAIT_MS / 2);
    ck_assert_int_eq(stream_await(idle, WAIT_MS), OR_CLOSED);
    stream_free(idle);
}
END_TEST

START_TEST(a_request_in_hand_is_finished_when_stopping)
{
    struct running r = {0};
    struct err e;

    add_listener("hold", unix_address, 0600);
    start(&r);
    struct stream *busy = connect_to(unix_address), *refused;

    send_line(busy, "first half");
    wait_for_count(&r, 1);
    usleep(50000);
    server_stop(r.server);
    usleep(50000);
    /* No new ones, the old one goes on. */
    ck_assert_int_eq(stream_connect(unix_address, WAIT_MS, &refused, &e), OR_TEMPFAIL);
    send_line(busy, "second half");
    expect_line(busy, "done");
    ck_assert_uint_eq(finish(&r), 0);
    stream_free(busy);
}
END_TEST

START_TEST(a_request_that_takes_too_long_is_cut_off)
{
    struct running r = {0};

    conf.drain_timeout_ms = SOON_MS;
    add_listener("hold", unix_address, 0600);
    start(&r);
    struct stream *busy = connect_to(unix_address);

    send_line(busy, "first half");
    wait_for_count(&r, 1);
    usleep(50000);
    int64_t before = clock_mono_ms();

    ck_assert_uint_eq(finish(&r), 1);
    ck_assert_int_ge(clock_mono_ms() - before, SOON_MS - 1);
    ck_assert_int_lt(clock_mono_ms() - before, WAIT_MS / 2);
    stream_free(busy);
}
END_TEST

START_TEST(one_listener_as_a_descriptor)
{
    struct err e = {{0}};
    int fd = -1;

    add_listener("echo", unix_address, 0600);
    ck_assert_msg(server_open_one(&conf, "echo", &fd, &e) == OR_OK, "%s", e.text);
    struct stream *client = connect_to(unix_address);
    int accepted = accept(fd, NULL, NULL);

    ck_assert_int_ge(accepted, 0);
    close(accepted);
    close(fd);
    stream_free(client);
    ck_assert_int_eq(server_open_one(&conf, "other", &fd, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "test.conf: no address for other"));
}
END_TEST

/* In the child, descriptor 3 is the socket that systemd would have handed over as `name`. */
static int
run_activated(int listener, const char *name)
{
    char pid[16];
    struct server *server = NULL;
    struct err e = {{0}};

    if (dup2(listener, 3) < 0)
        return 10;
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", name, 1);
    or_status st = server_open(&conf, services, 2, NULL, &server, &e);

    if (st != OR_OK)
        return strstr(e.text, "FileDescriptorName=") != NULL ? 11 : 12;
    /* The configured address of the service is not opened, that of the other one is. */
    int result = access(unix_path, F_OK) == 0 ? 13 : 0;

    server_close(server);
    return result;
}

static int
activated(const char *name)
{
    char inet[64];
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status;

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    free_inet_address(inet, sizeof(inet));
    add_listener("echo", unix_address, 0600);
    add_listener("hold", inet, 0600);
    pid_t child = fork();

    if (child == 0)
        _exit(run_activated(fd, name));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(fd);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(systemd_may_hand_over_a_socket)
{
    ck_assert_int_eq(activated("echo"), 0);
}
END_TEST

START_TEST(a_socket_for_no_service_is_an_error)
{
    ck_assert_int_eq(activated("ehco"), 11);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("server");
    TCase *t = tcase_create("server");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, serves_unix_and_inet);
    tcase_add_test(t, a_fault_names_the_section);
    tcase_add_test(t, a_fault_in_the_second_listener_closes_the_first);
    tcase_add_test(t, connections_past_the_cap_wait);
    tcase_add_test(t, a_new_cap_applies_after_reload);
    tcase_add_test(t, running_out_of_descriptors_is_no_busy_loop);
    tcase_add_test(t, idle_sessions_end_at_once_when_stopping);
    tcase_add_test(t, a_request_in_hand_is_finished_when_stopping);
    tcase_add_test(t, a_request_that_takes_too_long_is_cut_off);
    tcase_add_test(t, one_listener_as_a_descriptor);
    tcase_add_test(t, systemd_may_hand_over_a_socket);
    tcase_add_test(t, a_socket_for_no_service_is_an_error);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
