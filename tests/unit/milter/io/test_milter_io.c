/* The sockets below libmilter, called in the order in which libmilter 1.0.1 calls them. */
#include "milter/io/milter_io.h"

#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LONG_BYTES 200000u

static int ours, peer;

static void
connect_pair(void)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours = fds[0];
    peer = fds[1];
}

static void
close_pair(void)
{
    milter_io_close(ours);
    close(peer);
}

static bool
is_readable_within(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int found = milter_io_poll(&one, 1, timeout_ms);

    ck_assert_int_ge(found, 0);
    return found == 1 && (one.revents & POLLIN) != 0;
}

static bool
is_readable(int fd)
{
    return is_readable_within(fd, 0);
}

static void
peer_sends(const char *text)
{
    ck_assert_int_eq(send(peer, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void
we_read(size_t want, const char *text)
{
    char got[64] = "";

    ck_assert_int_eq(milter_io_read(ours, got, want), (ssize_t)strlen(text));
    ck_assert_str_eq(got, text);
}

static void
we_write(int fd, const char *head, const char *tail)
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    struct iovec parts[] = {{(void *)(uintptr_t)head, strlen(head)},
                            {(void *)(uintptr_t)tail, strlen(tail)}};

    ck_assert_int_eq(milter_io_poll(&one, 1, 50), 1);
    ck_assert_int_eq(one.revents, POLLOUT);
    ck_assert_int_eq(milter_io_writev(fd, parts, 2), (ssize_t)(strlen(head) + strlen(tail)));
}

static void
peer_has(const char *text)
{
    char got[64] = "";
    ssize_t n = recv(peer, got, sizeof(got) - 1, MSG_DONTWAIT);

    ck_assert_int_eq(n < 0 ? 0 : n, (ssize_t)strlen(text));
    ck_assert_str_eq(got, text);
}

START_TEST(commands_sent_at_once_come_one_by_one)
{
    ck_assert(!is_readable(ours));
    peer_sends("LEN1Cone LEN2Dtwo ");
    ck_assert(is_readable(ours));
    we_read(5, "LEN1C");
    ck_assert(is_readable(ours));
    we_read(4, "one ");
    peer_sends("LEN3");
    we_read(5, "LEN2D");
    we_read(4, "two ");
    ck_assert(is_readable(ours));
    we_read(5, "LEN3"); /* libmilter asks again for the rest */
    ck_assert(!is_readable(ours));
    close(peer);
    ck_assert(is_readable(ours));
    we_read(5, "");
}
END_TEST

/* mi_engine() asks with a timeout of 1 ms, then mi_rd_cmd() waits with its own. */
START_TEST(the_wait_after_a_question_has_its_answer)
{
    ck_assert(!is_readable_within(ours, 1));
    peer_sends("LEN1C");
    ck_assert(is_readable_within(ours, 1));
    ck_assert_int_eq(recv(ours, (char[8]){0}, 8, 0), 5);
    ck_assert(is_readable_within(ours, 7200000));
    ck_assert(!is_readable(ours));
}
END_TEST

/* The listener polls and accepts, without a read in between. */
START_TEST(any_other_poll_is_asked_anew)
{
    peer_sends("x");
    ck_assert(is_readable_within(ours, 5000));
    ck_assert_int_eq(recv(ours, (char[8]){0}, 8, 0), 1);
    ck_assert(!is_readable_within(ours, 20));
}
END_TEST

START_TEST(large_reads_follow_what_was_read_ahead)
{
    char *sent = malloc(LONG_BYTES), *got = malloc(LONG_BYTES);
    size_t n = 0, filled = 0;

    for (size_t i = 0; i < LONG_BYTES; i++)
        sent[i] = (char)(i * 7 + i / 251);
    while (n < LONG_BYTES) {
        ssize_t more =
            filled < LONG_BYTES ? send(peer, sent + filled, LONG_BYTES - filled, MSG_DONTWAIT) : 0;

        filled += more > 0 ? (size_t)more : 0;
        ck_assert(is_readable(ours));
        size_t want = n % 3 == 0 ? 5 : LONG_BYTES - n;
        ssize_t r = milter_io_read(ours, got + n, want < LONG_BYTES - n ? want : LONG_BYTES - n);
        ck_assert_int_gt(r, 0);
        n += (size_t)r;
    }
    ck_assert_mem_eq(sent, got, LONG_BYTES);
    free(sent);
    free(got);
}
END_TEST

START_TEST(replies_wait_for_the_next_read)
{
    we_write(ours, "edit", "one");
    we_write(ours, "edit", "two");
    we_write(ours, "", "done");
    peer_has("");
    ck_assert(!is_readable(ours));
    peer_has("editoneedittwodone");
    ck_assert(!is_readable(ours));
    peer_has("");
}
END_TEST

START_TEST(replies_go_out_before_a_close_and_before_another_socket)
{
    int first = ours, first_peer = peer;

    we_write(first, "last", "words");
    connect_pair();
    we_write(ours, "other", "session");
    int second_peer = peer;
    peer = first_peer;
    peer_has("lastwords");
    peer = second_peer;
    peer_has("");
    milter_io_close(ours);
    peer_has("othersession");
    close(peer);
    ours = first;
    peer = first_peer;
}
END_TEST

START_TEST(a_reply_without_room_is_sent_at_once)
{
    char *text = malloc(LONG_BYTES);
    struct iovec parts[] = {{text, 20000}, {text, 0}};

    memset(text, 'x', LONG_BYTES);
    we_write(ours, "first", "");
    ck_assert_int_eq(milter_io_writev(ours, parts, 2), 20000);
    ck_assert_int_eq(recv(peer, text, LONG_BYTES, MSG_DONTWAIT), 20005);
    ck_assert_mem_eq(text, "firstxx", 7);
    free(text);
}
END_TEST

/* The peer reads nothing: after libmilter's timeout the reply is given up. */
START_TEST(a_peer_that_does_not_read_holds_nobody_up)
{
    while (send(ours, "xxxxxxxxxxxxxxxx", 16, MSG_DONTWAIT) == 16) {
    }
    we_write(ours, "reply", "");
    ck_assert(is_readable(ours));
    we_read(5, "");
}
END_TEST

START_TEST(progress_is_told_at_once)
{
    struct iovec part = {(void *)(uintptr_t) "LEN1p", 5};

    we_write(ours, "edit", "one");
    ck_assert_int_eq(milter_io_writev(ours, &part, 1), 5);
    peer_has("editoneLEN1p");
}
END_TEST

START_TEST(a_peer_that_has_gone_is_seen_when_reading)
{
    close(peer);
    we_write(ours, "reply", "");
    ck_assert(is_readable(ours));
    we_read(5, "");
    peer = -1;
}
END_TEST

START_TEST(bytes_of_a_closed_session_are_not_those_of_the_next)
{
    int fd = ours, old_peer = peer;

    peer_sends("LEN1Qleft over");
    ck_assert(is_readable(ours));
    we_read(5, "LEN1Q");
    milter_io_close(ours);
    close(old_peer);
    connect_pair();
    if (ours != fd) {
        ck_assert_int_eq(dup2(ours, fd), fd);
        close(ours);
        ours = fd;
    }
    ck_assert(!is_readable(ours));
    peer_sends("new");
    ck_assert(is_readable(ours));
    we_read(5, "new");
}
END_TEST

START_TEST(many_sockets_are_polled_as_they_are)
{
    struct pollfd fds[] = {{.fd = ours, .events = POLLIN}, {.fd = peer, .events = POLLIN}};

    ck_assert_int_eq(milter_io_poll(fds, 2, 0), 0);
    peer_sends("x");
    ck_assert_int_eq(milter_io_poll(fds, 2, 0), 1);
    ck_assert_int_eq(fds[0].revents, POLLIN);
    we_read(5, "x");
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("milter_io");
    TCase *tc = tcase_create("milter_io");

    tcase_add_checked_fixture(tc, connect_pair, close_pair);
    tcase_add_test(tc, commands_sent_at_once_come_one_by_one);
    tcase_add_test(tc, the_wait_after_a_question_has_its_answer);
    tcase_add_test(tc, any_other_poll_is_asked_anew);
    tcase_add_test(tc, large_reads_follow_what_was_read_ahead);
    tcase_add_test(tc, replies_wait_for_the_next_read);
    tcase_add_test(tc, replies_go_out_before_a_close_and_before_another_socket);
    tcase_add_test(tc, a_reply_without_room_is_sent_at_once);
    tcase_add_test(tc, a_peer_that_does_not_read_holds_nobody_up);
    tcase_add_test(tc, progress_is_told_at_once);
    tcase_add_test(tc, a_peer_that_has_gone_is_seen_when_reading);
    tcase_add_test(tc, bytes_of_a_closed_session_are_not_those_of_the_next);
    tcase_add_test(tc, many_sockets_are_polled_as_they_are);
    suite_add_tcase(s, tc);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
