/* One connection against a peer that is slow, silent, talkative or gone. */
#include "common/run/stream.h"

#include "common/base/clock.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SHORT_MS 100
#define LONG_MS 5000

/* `near` is under test, `far` the peer's raw end. */
static struct stream *near;
static int far;
static int drain;

static void
set_up_with(int64_t io_timeout_ms)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    drain = eventfd(0, EFD_CLOEXEC);
    near = stream_new(ends[0], drain, io_timeout_ms);
    far = ends[1];
}

static void
set_up(void)
{
    set_up_with(SHORT_MS);
}

static void
tear_down(void)
{
    stream_free(near);
    if (far >= 0)
        close(far);
    close(drain);
}

static void
say(const char *text)
{
    ck_assert_int_eq(send(far, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void
hang_up(void)
{
    close(far);
    far = -1;
}

static void
start_draining(void)
{
    uint64_t one = 1;

    ck_assert_int_eq(write(drain, &one, sizeof(one)), sizeof(one));
}

/* What the peer got so far. */
static const char *
heard(void)
{
    static char text[64];
    ssize_t got = recv(far, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[got > 0 ? got : 0] = '\0';
    return text;
}

START_TEST(lines_come_whole)
{
    struct span line;

    say("one\ntwo\r\n\nfo");
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_span_eq(line, "one");
    ck_assert(stream_has_input(near));
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_span_eq(line, "two\r");
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_span_eq(line, "");
    /* Half a line is none yet, and is not lost by asking. */
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_TIMEOUT);
    say("ur\n");
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_span_eq(line, "four");
    ck_assert(!stream_has_input(near));
}
END_TEST

static const struct {
    const char *sent;
    size_t max;
    or_status st;
} limits[] = {
    {"12345\n", 5, OR_OK},    {"123456\n", 5, OR_LIMIT}, {"123456", 5, OR_LIMIT},
    {"12345", 5, OR_TIMEOUT}, {"\n", 0, OR_OK},          {"1", 0, OR_LIMIT},
    {"12345\n6\n", 5, OR_OK},
};

START_TEST(a_line_has_a_limit)
{
    struct span line;
    char rest[16];

    say(limits[_i].sent);
    ck_assert_int_eq(stream_read_line(near, limits[_i].max, &line), limits[_i].st);
    if (limits[_i].st != OR_LIMIT)
        return;
    /* Nothing is consumed: the session may still look at what came. */
    ck_assert_int_eq(stream_peek(near, &line), OR_OK);
    snprintf(rest, sizeof(rest), "%.*s", SPAN_ARG(line));
    ck_assert_int_eq(strncmp(rest, limits[_i].sent, line.n), 0);
}
END_TEST

static void *
send_long_line(void *arg)
{
    char chunk[1000];

    (void)arg;
    memset(chunk, 'x', sizeof(chunk));
    for (int i = 0; i < 100; i++)
        if (send(far, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0)
            return NULL;
    say("\nnext\n");
    return NULL;
}

START_TEST(a_line_may_be_longer_than_the_buffer)
{
    struct span line;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, send_long_line, NULL), 0);
    ck_assert_int_eq(stream_read_line(near, 100000, &line), OR_OK);
    ck_assert_uint_eq(line.n, 100000);
    ck_assert_int_eq(stream_read_line(near, 100, &line), OR_OK);
    ck_assert_span_eq(line, "next");
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(nul_bytes_are_bytes)
{
    struct span line;

    ck_assert_int_eq(send(far, "a\0b\n", 4, 0), 4);
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_uint_eq(line.n, 3);
    ck_assert_int_eq(line.p[2], 'b');
}
END_TEST

START_TEST(a_peer_that_leaves_mid_line_is_closed)
{
    struct span line;

    say("whole\nha");
    hang_up();
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_CLOSED);
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_CLOSED);
}
END_TEST

START_TEST(writing_to_a_peer_that_left_is_closed_and_no_signal)
{
    hang_up();
    ck_assert_int_eq(stream_write(near, SPAN_LIT("late")), OR_OK);
    ck_assert_int_eq(stream_flush(near), OR_CLOSED);
    ck_assert_int_eq(stream_await(near, SHORT_MS), OR_CLOSED);
}
END_TEST

START_TEST(peeking_consumes_only_what_is_said)
{
    struct span bytes;

    say("abc");
    ck_assert_int_eq(stream_peek(near, &bytes), OR_OK);
    ck_assert_span_eq(bytes, "abc");
    stream_consume(near, 1);
    ck_assert_int_eq(stream_peek(near, &bytes), OR_OK);
    ck_assert_span_eq(bytes, "bc");
    say("d");
    ck_assert_int_eq(stream_peek_more(near, &bytes), OR_OK);
    ck_assert_span_eq(bytes, "bcd");
    stream_consume(near, 99);
    ck_assert(!stream_has_input(near));
    ck_assert_int_eq(stream_peek(near, &bytes), OR_TIMEOUT);
}
END_TEST

START_TEST(peeking_ends_at_the_buffer)
{
    struct span bytes;
    or_status st;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, send_long_line, NULL), 0);
    while ((st = stream_peek_more(near, &bytes)) == OR_OK)
        ck_assert_uint_le(bytes.n, STREAM_BUFFER_BYTES);
    ck_assert_int_eq(st, OR_LIMIT);
    ck_assert_int_eq(stream_peek(near, &bytes), OR_OK);
    ck_assert_uint_eq(bytes.n, STREAM_BUFFER_BYTES);
    /* Taken in pieces, all of it comes through. */
    for (size_t left = 100006; left > 0; left -= bytes.n) {
        ck_assert_int_eq(stream_peek(near, &bytes), OR_OK);
        stream_consume(near, bytes.n);
    }
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(output_goes_out_before_we_wait)
{
    struct span line;

    ck_assert_int_eq(stream_write(near, SPAN_LIT("220 ")), OR_OK);
    ck_assert_int_eq(stream_writef(near, "%s\r\n", "ready"), OR_OK);
    ck_assert_str_eq(heard(), "");
    /* Pipelined input is answered without a flush in between. */
    say("A\nB\n");
    ck_assert_int_eq(stream_await(near, SHORT_MS), OR_OK);
    ck_assert_str_eq(heard(), "220 ready\r\n");
    ck_assert_int_eq(stream_read_line(near, 9, &line), OR_OK);
    ck_assert_int_eq(stream_write(near, SPAN_LIT("a")), OR_OK);
    ck_assert_int_eq(stream_read_line(near, 9, &line), OR_OK);
    ck_assert_str_eq(heard(), "");
    ck_assert_int_eq(stream_read_line(near, 9, &line), OR_TIMEOUT);
    ck_assert_str_eq(heard(), "a");
}
END_TEST

static size_t received;

static void *
read_everything(void *arg)
{
    char bytes[4096];
    ssize_t got;

    (void)arg;
    while ((got = recv(far, bytes, sizeof(bytes), 0)) > 0)
        received += (size_t)got;
    return NULL;
}

START_TEST(much_output_is_sent_as_the_peer_reads)
{
    char *big = calloc(1, 3000000);
    pthread_t thread;

    received = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, read_everything, NULL), 0);
    ck_assert_int_eq(stream_write(near, span_make(big, 3000000)), OR_OK);
    ck_assert_int_eq(stream_flush(near), OR_OK);
    shutdown(stream_fd(near), SHUT_WR);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(received, 3000000);
    free(big);
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_a_timeout)
{
    char *big = calloc(1, 3000000);
    int64_t before = clock_mono_ms();

    ck_assert_int_eq(stream_write(near, span_make(big, 3000000)), OR_TIMEOUT);
    ck_assert_int_ge(clock_mono_ms() - before, SHORT_MS - 1);
    free(big);
}
END_TEST

START_TEST(waiting_ends_for_each_reason)
{
    int64_t before = clock_mono_ms();

    ck_assert_int_eq(stream_await(near, SHORT_MS), OR_TIMEOUT);
    ck_assert_int_ge(clock_mono_ms() - before, SHORT_MS - 1);
    say("x");
    ck_assert_int_eq(stream_await(near, LONG_MS), OR_OK);
    ck_assert_int_eq(stream_await(near, LONG_MS), OR_OK);
    stream_consume(near, 1);
    hang_up();
    ck_assert_int_eq(stream_await(near, LONG_MS), OR_CLOSED);
}
END_TEST

/* SIGTERM between two requests ends the session; a request that is already here is answered first.
 */
START_TEST(draining_ends_a_session_between_requests)
{
    struct span line;

    say("request\n");
    start_draining();
    ck_assert_int_eq(stream_await(near, LONG_MS), OR_OK);
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_int_eq(stream_write(near, SPAN_LIT("answer\n")), OR_OK);
    ck_assert_int_eq(stream_await(near, LONG_MS), OR_CLOSED);
    ck_assert_str_eq(heard(), "answer\n");
}
END_TEST

/* Inside a request, draining changes nothing. */
START_TEST(draining_leaves_a_request_alone)
{
    struct span line;

    start_draining();
    say("ha");
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_TIMEOUT);
    say("lf\n");
    ck_assert_int_eq(stream_read_line(near, 10, &line), OR_OK);
    ck_assert_span_eq(line, "half");
}
END_TEST

/* A byte now and then keeps every single wait short; the deadline ends it all the same. */
START_TEST(a_deadline_ends_what_timeouts_do_not)
{
    struct span line;
    or_status st;

    stream_set_deadline(near, clock_mono_ms() + 2 * SHORT_MS);
    int64_t before = clock_mono_ms();

    do {
        say("x");
        usleep(10000);
        struct span bytes;

        st = stream_peek_more(near, &bytes);
    } while (st == OR_OK && clock_mono_ms() - before < LONG_MS);
    ck_assert_int_eq(st, OR_TIMEOUT);
    ck_assert_int_eq(stream_read_line(near, 10000, &line), OR_TIMEOUT);
    ck_assert_int_eq(stream_write(near, SPAN_LIT("late")), OR_OK);
    ck_assert_int_eq(stream_flush(near), OR_TIMEOUT);
    stream_set_deadline(near, 0);
    say("\n");
    ck_assert_int_eq(stream_read_line(near, 10000, &line), OR_OK);
}
END_TEST

START_TEST(the_peer_of_a_unix_socket_has_credentials)
{
    const struct stream_peer *peer = stream_get_peer(near);

    ck_assert_int_eq(peer->ip.family, 0);
    ck_assert_int_eq(peer->pid, getpid());
    ck_assert_uint_eq(peer->uid, geteuid());
    ck_assert_uint_eq(peer->gid, getegid());
}
END_TEST

/* A listener on a free port of 127.0.0.1; the address goes into `out`. */
static int
listen_inet(char *out, size_t out_bytes)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &length), 0);
    snprintf(out, out_bytes, "inet:127.0.0.1:%u", ntohs(sin.sin_port));
    return fd;
}

START_TEST(connecting_over_inet)
{
    char address[64];
    struct stream *client, *server;
    struct span line;
    struct err e;
    int fd = listen_inet(address, sizeof(address));

    ck_assert_int_eq(stream_connect(address, LONG_MS, &client, &e), OR_OK);
    server = stream_new(accept(fd, NULL, NULL), -1, LONG_MS);
    ck_assert_int_eq(stream_get_peer(server)->ip.family, AF_INET);
    ck_assert_int_eq(stream_get_peer(server)->ip.bytes[0], 127);
    ck_assert_uint_ne(stream_get_peer(server)->port, 0);
    ck_assert_int_eq(stream_write(client, SPAN_LIT("hello\n")), OR_OK);
    ck_assert_int_eq(stream_flush(client), OR_OK);
    ck_assert_int_eq(stream_read_line(server, 10, &line), OR_OK);
    ck_assert_span_eq(line, "hello");
    stream_free(client);
    stream_free(server);
    close(fd);
    ck_assert_int_eq(stream_connect(address, LONG_MS, &client, &e), OR_TEMPFAIL);
    ck_assert_ptr_nonnull(strstr(e.text, address));
}
END_TEST

START_TEST(connecting_to_a_full_backlog_ends_in_time)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct stream *held[8], *one_more;
    char address[128];
    struct err e;
    size_t n = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(sun.sun_path, sizeof(sun.sun_path), "/tmp/outrider-stream-%d", (int)getpid());
    snprintf(address, sizeof(address), "unix:%s", sun.sun_path);
    ck_assert_int_eq(stream_connect(address, SHORT_MS, &one_more, &e), OR_TEMPFAIL);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    while (n < 8 && stream_connect(address, SHORT_MS, &held[n], &e) == OR_OK)
        n++;
    ck_assert_uint_lt(n, 8);
    ck_assert_int_eq(stream_connect(address, SHORT_MS, &one_more, &e), OR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(e.text, address));
    while (n > 0)
        stream_free(held[--n]);
    close(fd);
    unlink(sun.sun_path);
}
END_TEST

START_TEST(connecting_to_nonsense_says_so)
{
    struct stream *s;
    struct err e;

    ck_assert_int_eq(stream_connect("localhost:25", LONG_MS, &s, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "localhost:25"));
    ck_assert_int_eq(stream_connect("inet:127.0.0.1:1", 0, &s, &e), OR_TIMEOUT);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("stream");
    TCase *t = tcase_create("stream");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, lines_come_whole);
    tcase_add_loop_test(t, a_line_has_a_limit, 0, (int)(sizeof(limits) / sizeof(limits[0])));
    tcase_add_test(t, a_line_may_be_longer_than_the_buffer);
    tcase_add_test(t, nul_bytes_are_bytes);
    tcase_add_test(t, a_peer_that_leaves_mid_line_is_closed);
    tcase_add_test(t, writing_to_a_peer_that_left_is_closed_and_no_signal);
    tcase_add_test(t, peeking_consumes_only_what_is_said);
    tcase_add_test(t, peeking_ends_at_the_buffer);
    tcase_add_test(t, output_goes_out_before_we_wait);
    tcase_add_test(t, much_output_is_sent_as_the_peer_reads);
    tcase_add_test(t, a_peer_that_does_not_read_is_a_timeout);
    tcase_add_test(t, waiting_ends_for_each_reason);
    tcase_add_test(t, draining_ends_a_session_between_requests);
    tcase_add_test(t, draining_leaves_a_request_alone);
    tcase_add_test(t, a_deadline_ends_what_timeouts_do_not);
    tcase_add_test(t, the_peer_of_a_unix_socket_has_credentials);
    tcase_add_test(t, connecting_over_inet);
    tcase_add_test(t, connecting_to_a_full_backlog_ends_in_time);
    tcase_add_test(t, connecting_to_nonsense_says_so);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
