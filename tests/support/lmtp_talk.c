/*
 * Runs the session in a thread of its own, as the server does.
 */
#include "tests/support/lmtp_talk.h"

#include "common/base/xalloc.h"
#include "tests/support/fake_userdb.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MS 20000
#define MAX_TRANSCRIPT_BYTES (1u << 20)

static char *
account_fields(const char *name, const char *home, uid_t uid, gid_t gid)
{
    char text[256];

    snprintf(text, sizeof(text), "%s@example.org\tuid=%u\tgid=%u\thome=%s/%s", name, (unsigned)uid,
             (unsigned)gid, home, name);
    return xstrdup(text);
}

static void
add_row(struct lmtp_talk *t, size_t i, const char *user, char *rest)
{
    t->rests[i] = rest;
    t->rows[i] = (struct fake_userdb_row){user, "USER", rest};
}

void
lmtp_talk_init(struct lmtp_talk *t)
{
    uid_t uid = temp_tree_uid();
    gid_t gid = temp_tree_gid();

    *t = (struct lmtp_talk){0};
    log_open("test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_ERROR);
    temp_tree_make(t->home);
    t->shared = lmtp_shared_new();
    t->rows = xcalloc(9, sizeof(*t->rows));
    add_row(t, 0, "alice@example.org", account_fields("alice", t->home, uid, gid));
    add_row(t, 1, "bob@example.org", account_fields("bob", t->home, uid, gid));
    add_row(t, 2, "carol@example.org", account_fields("carol", t->home, uid, gid));
    add_row(t, 3, "root@example.org", account_fields("root", t->home, 0, 0));
    add_row(t, 4, "lost@example.org", account_fields("lost", "/proc/nowhere", uid, gid));
    t->rows[5] = (struct fake_userdb_row){"slow@example.org", "", NULL};
    t->rows[6] = (struct fake_userdb_row){"down@example.org", "FAIL", "reason=backend down"};
    t->rows[7] = (struct fake_userdb_row){NULL, "NOTFOUND", NULL};
    t->userdb = fake_userdb_start(t->rows, NULL);
    t->settings = (struct lmtp_settings){
        .common.idle_timeout_ms = IDLE_MS,
        .userdb = xstrdup(fake_userdb_address(t->userdb)),
        .userdb_timeout_ms = 300,
        .hostname = xstrdup("mx.example.org"),
        .max_message_bytes = 1 << 20,
        .max_header_bytes = 65536,
        .max_recipients = 5,
        .max_received = 10,
        .data_timeout_ms = IDLE_MS,
        .first_valid_uid = 1,
        .recipient_delimiter = xstrdup("+"),
        .junk_folder = xstrdup("Junk"),
        .quarantine_header = xstrdup("X-Outrider-Quarantine"),
        .quota_grace = xstrdup("0"),
        .sieve_script = xstrdup("~/.dovecot.sieve"),
        .sieve_relay = xstrdup(""),
        .sieve_directory = xstrdup("~/sieve"),
        .sieve_global_directory = xstrdup(""),
    };
    buf_init(&t->transcript, MAX_TRANSCRIPT_BYTES);
}

void
lmtp_talk_fini(struct lmtp_talk *t)
{
    fake_userdb_stop(t->userdb);
    temp_tree_remove(t->home);
    for (size_t i = 0; i < sizeof(t->rests) / sizeof(t->rests[0]); i++)
        free(t->rests[i]);
    free(t->rows);
    free(t->settings.userdb);
    free(t->settings.hostname);
    free(t->settings.recipient_delimiter);
    free(t->settings.junk_folder);
    free(t->settings.quarantine_header);
    free(t->settings.quota_grace);
    free(t->settings.sieve_script);
    free(t->settings.sieve_relay);
    free(t->settings.sieve_directory);
    free(t->settings.sieve_global_directory);
    buf_fini(&t->transcript);
    lmtp_shared_free(t->shared);
}

struct server {
    struct lmtp_talk *talk;
    int fd;
};

static void *
run_server(void *context)
{
    struct server *server = context;
    struct stream *stream = stream_new(server->fd, -1, IDLE_MS);
    struct lmtp_session *s = lmtp_session_new(stream, server->talk->shared);

    while (lmtp_session_serve(s, &server->talk->settings) && lmtp_session_await(s, IDLE_MS))
        ;
    lmtp_session_free(s);
    stream_free(stream);
    return NULL;
}

struct script {
    int fd;
    struct span bytes;
};

/* Writes while the main thread reads: a script may be larger than the socket's buffers. */
static void *
run_script(void *context)
{
    struct script *script = context;

    while (script->bytes.n > 0) {
        ssize_t n = send(script->fd, script->bytes.p, script->bytes.n, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        script->bytes = span_from(script->bytes, (size_t)n);
    }
    shutdown(script->fd, SHUT_WR);
    return NULL;
}

static bool
is_enhanced(const char *s)
{
    return strlen(s) > 5 && s[1] == '.' && strchr("245", s[0]) != NULL;
}

/* Rewrites the transcript's final lines as words, in place behind it. */
static const char *
summarize(struct buf *transcript)
{
    struct span rest = buf_span(transcript), line;
    struct buf words;
    char text[512];

    buf_init(&words, MAX_TRANSCRIPT_BYTES);
    while (span_split(&rest, '\n', &line)) {
        if (line.n < 4 || line.p[3] == '-')
            continue;
        snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_trim(line)));
        buf_addf(&words, "%s%.3s", words.n > 0 ? " " : "", text);
        if (is_enhanced(text + 4))
            buf_addf(&words, "/%.*s", (int)strcspn(text + 4, " "), text + 4);
    }
    size_t at = transcript->n + 1;
    buf_add_char(transcript, '\0');
    buf_add_span(transcript, buf_span(&words));
    buf_add_char(transcript, '\0');
    buf_fini(&words);
    return transcript->p + at;
}

const char *
lmtp_talk(struct lmtp_talk *t, struct span script)
{
    pthread_t server_thread, script_thread;
    int fds[2];
    char bytes[4096];
    ssize_t n;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        abort();
    struct server server = {t, fds[0]};
    struct script client = {fds[1], script};
    if (pthread_create(&server_thread, NULL, run_server, &server) != 0 ||
        pthread_create(&script_thread, NULL, run_script, &client) != 0)
        abort();
    buf_reset(&t->transcript);
    while ((n = read(fds[1], bytes, sizeof(bytes))) > 0)
        buf_add(&t->transcript, bytes, (size_t)n);
    pthread_join(script_thread, NULL);
    pthread_join(server_thread, NULL);
    close(fds[1]);
    return summarize(&t->transcript);
}

const char *
lmtp_talk_path(const struct lmtp_talk *t, const char *name, const char *below)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s/Maildir/%s", t->home, name, below);
    return path;
}
