/*
 * Whole conversations with authd: the first byte picks the protocol, the rest is what the client
 * says before it hangs up. One daemon, with its databases, answers all inputs: what one of them
 * left behind the next one finds.
 */
#include "authd/auth_session.h"
#include "authd/courier_session.h"
#include "authd/dict_session.h"
#include "authd/master_session.h"
#include "authd/saslauthd_session.h"
#include "authd/socketmap_session.h"
#include "tests/support/authd_talk.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SAID_MAX_BYTES 2048 /* what is answered must have room in the socket */
#define IO_TIMEOUT_MS 1000

static const char options[] =
    "mechanisms = {\"PLAIN\", \"LOGIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-256-PLUS\", \"CRAM-MD5\", "
    "\"EXTERNAL\", \"ANONYMOUS\"}\n"
    "anonymous-user = \"own@home.test\"\n"
    "master-users = {\"eve@home.test\"}\n"
    "listen dict { address = {\"unix:/nowhere/dict\"} }\n"
    "ban-threshold = 0\nallow-weak-schemes = yes\n";

static struct authd_talk talk;

static void
postfix_session(struct stream *stream, struct daemon *d)
{
    auth_session_run(stream, d, AUTH_PEER_POSTFIX);
}

static void
dovecot_session(struct stream *stream, struct daemon *d)
{
    auth_session_run(stream, d, AUTH_PEER_DOVECOT);
}

/* ---- what may come back */

/* What a field held must not end a line, or the next one would be the client's to write. */
static void
check_lines(struct span answer)
{
    if (answer.n > 0 && (answer.p[answer.n - 1] != '\n' || span_contains_byte(answer, '\0')))
        abort();
}

/* Nobody is let in as an account that is off, has no password, or is not there. */
static void
check_login(struct span line)
{
    static const char *const users[] = {"user=bob@home.test", "user=eve@home.test",
                                        "user=own@home.test"};
    struct span id, word = SPAN_EMPTY;

    if (!span_split(&line, '\t', &word) || !span_equal_cstr(word, "OK"))
        return;
    if (!span_split(&line, '\t', &id) || !span_split(&line, '\t', &word))
        abort();
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
        if (span_equal_cstr(word, users[i]))
            return;
    abort();
}

static void
check_logins(struct span answer)
{
    struct span line;

    check_lines(answer);
    while (answer.n > 0 && span_split(&answer, '\n', &line))
        check_login(line);
}

/* One counted string, of one of two kinds; or nothing: not now. */
static void
check_saslauthd(struct span answer)
{
    if (answer.n == 0 || span_equal(answer, SPAN_LIT("\0\2OK")))
        return;
    if (answer.n < 5 || answer.p[0] != 0 || (size_t)answer.p[1] != answer.n - 2 ||
        !span_has_prefix(span_from(answer, 2), SPAN_LIT("NO ")))
        abort();
}

static void
check_nothing(struct span answer)
{
    (void)answer;
}

static const struct {
    authd_talk_session run;
    void (*check)(struct span answer);
} protocols[] = {
    {postfix_session, check_logins},        {dovecot_session, check_logins},
    {master_session_run, check_lines},      {dict_session_run, check_nothing},
    {courier_session_run, check_lines},     {saslauthd_session_run, check_saslauthd},
    {socketmap_session_run, check_nothing},
};

/* ---- the conversation */

static void
stop(void)
{
    authd_talk_fini(&talk);
}

static void
start_once(void)
{
    static bool started;

    if (started)
        return;
    started = true;
    authd_talk_init(&talk, options);
    atexit(stop);
}

static void
read_answer(int fd, struct buf *answer)
{
    char bytes[4096];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        buf_add(answer, bytes, (size_t)n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf answer;
    int pair[2];

    start_once();
    if (size == 0 || size > SAID_MAX_BYTES)
        return 0;
    size_t which = data[0] % (sizeof(protocols) / sizeof(protocols[0]));
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 ||
        send(pair[0], data + 1, size - 1, MSG_NOSIGNAL) != (ssize_t)size - 1 ||
        shutdown(pair[0], SHUT_WR) != 0)
        abort();
    struct stream *stream = stream_new(pair[1], -1, IO_TIMEOUT_MS);
    protocols[which].run(stream, &talk.daemon);
    stream_free(stream); /* and its socket: the answer has an end */
    buf_init(&answer, 1u << 20);
    read_answer(pair[0], &answer);
    protocols[which].check(buf_span(&answer));
    buf_fini(&answer);
    close(pair[0]);
    return 0;
}
