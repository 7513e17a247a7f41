/*
 * Runs a session of authd in a thread of its own, as the server does.
 */
#include "tests/support/authd_talk.h"

#include "common/base/locks.h"
#include "common/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 30 /* sanitizers on a busy machine */
#define MAX_GOT_BYTES (1u << 20)

/* SHA-512 with a thousand rounds: the sessions are tested here, not the hashes. */
#define HASH_PW_WORD                                                                               \
    "{SHA512-CRYPT}$6$rounds=1000$saltsalt$"                                                       \
    "59ZJV46Utt6TAXG.UvVN3d6UNVWXppYDcdiFmEKGxm17o/DvWLdAJNZRcNwwqjt5FkF0.mfqVWJJPy0ILNGYk/"
#define HASH_OTHER                                                                                 \
    "{SHA512-CRYPT}$6$rounds=1000$saltsalt$"                                                       \
    "lefO3JZN6VjRq2buzt8mM.jfa5vNKOZbApxIpnO4f72Z/OJ4CfMKDvzZjAITsKwzOl7Op/POqF8.WuZBkm70i."

static const struct {
    const char *address;
    const char *password;
    bool disabled;
    int64_t uid, gid;
    const char *home;
} rows[] = {
    {"bob@home.test", HASH_PW_WORD, false, -1, -1, ""},
    {"eve@home.test", HASH_OTHER, false, -1, -1, ""},
    {"off@home.test", HASH_PW_WORD, true, -1, -1, ""},
    {"bare@home.test", "", false, -1, -1, ""},
    {"own@home.test", HASH_PW_WORD, false, 2001, 2002, "/srv/own"},
};

static void
must(or_status st, const struct err *e)
{
    if (st == OR_OK)
        return;
    fprintf(stderr, "authd_talk: %s\n", e->text);
    abort();
}

static struct account_address
parse(const char *text, struct arena *mem)
{
    struct account_address a = {.whole = SPAN_EMPTY};
    struct err e = {""};

    must(account_address_parse(span_cstr(text), true, mem, &a, &e), &e);
    return a;
}

static void
add_alias(struct authd_talk *t, struct arena *mem, const char *alias, const char *target)
{
    struct account_address from = parse(alias, mem), to = parse(target, mem);
    struct err e = {""};

    must(account_db_add_alias(t->accounts, &from, &to.whole, 1, &e), &e);
}

static void
fill(struct authd_talk *t)
{
    struct arena mem;
    struct err e = {""};

    arena_init(&mem, 65536);
    must(account_db_add_domain(t->accounts, SPAN_LIT("home.test"), &e), &e);
    must(account_db_add_domain(t->accounts, SPAN_LIT("catch.test"), &e), &e);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct account_row row = {.address = parse(rows[i].address, &mem),
                                  .password = span_cstr(rows[i].password),
                                  .enabled = !rows[i].disabled,
                                  .uid = rows[i].uid,
                                  .gid = rows[i].gid,
                                  .home = span_cstr(rows[i].home)};

        must(account_db_add(t->accounts, &row, &e), &e);
    }
    add_alias(t, &mem, "team@home.test", "bob@home.test");
    add_alias(t, &mem, "team@home.test", "eve+lists@home.test");
    add_alias(t, &mem, "@catch.test", "bob@home.test");
    arena_fini(&mem);
}

static void
write_conf(struct authd_talk *t, const char *options)
{
    FILE *f = fopen(t->conf_path, "w");

    if (f == NULL)
        abort();
    fprintf(f,
            "database = \"%s/accounts.sqlite\"\ndict-database = \"%s/dict.sqlite\"\nmail-uid = "
            "5000\nmail-gid = 5001\n"
            "mail-home = \"/srv/mail/%%d/%%n\"\nidle-timeout = 30s\nio-timeout = 10s\nstore = "
            "\"sqlite:%s/state.sqlite\"\nlogins = \"%s/logins.sqlite\"\n%s%s%s\n",
            t->directory, t->directory, t->directory, t->directory,
            strstr(options, "failure-delay") != NULL ? "" : "failure-delay = 0s\n",
            strstr(options, "rehash") != NULL ? "" : "rehash = no\n", options);
    fclose(f);
}

void
authd_talk_init(struct authd_talk *t, const char *options)
{
    static const struct daemon_spec spec = {
        .schema = &authd_schema, .build = authd_build, .destroy = authd_destroy};
    char database[TEMP_TREE_PATH_BYTES + 32];
    struct err e = {""};
    void *settings = NULL;

    log_open("test", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_ERROR);
    *t = (struct authd_talk){.fd = -1, .daemon = {.spec = &spec, .config = t->conf_path}};
    temp_tree_make(t->directory);
    snprintf(t->conf_path, sizeof(t->conf_path), "%s/authd.conf", t->directory);
    snprintf(database, sizeof(database), "%s/accounts.sqlite", t->directory);
    buf_init(&t->got, MAX_GOT_BYTES);
    must(account_db_open(database, true, &t->accounts, &e), &e);
    fill(t);
    write_conf(t, options);
    lock_init(&t->daemon.lock, LOCK_SETTINGS);
    must(conf_load(&authd_schema, t->conf_path, &settings, &e), &e);
    must(authd_open(settings, &t->daemon.state, &e), &e);
    conf_free(&authd_schema, settings);
    must(daemon_snapshot_load(&t->daemon, &settings, &e), &e);
    must(daemon_snapshot_install(&t->daemon, settings, &e), &e);
}

void
authd_talk_fini(struct authd_talk *t)
{
    if (t->fd >= 0)
        authd_talk_end(t);
    daemon_snapshot_clear(&t->daemon);
    authd_close(t->daemon.state);
    lock_fini(&t->daemon.lock);
    account_db_close(t->accounts);
    buf_fini(&t->got);
    temp_tree_remove(t->directory);
}

static void *
serve(void *context)
{
    struct authd_talk *t = context;

    t->session(t->stream, &t->daemon);
    stream_free(t->stream);
    return NULL;
}

void
authd_talk_start(struct authd_talk *t, authd_talk_session session)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int pair[2];

    buf_reset(&t->got);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 ||
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
        abort();
    t->fd = pair[0];
    t->stream = stream_new(pair[1], -1, PATIENCE_S * 1000);
    t->session = session;
    if (pthread_create(&t->thread, NULL, serve, t) != 0)
        abort();
}

void
authd_talk_say(struct authd_talk *t, struct span bytes)
{
    while (bytes.n > 0) {
        /* The session may have hung up: what it said before is what the test looks at. */
        ssize_t n = send(t->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        bytes = span_from(bytes, (size_t)n);
    }
}

/* More of what the session says; false when it hung up or says nothing. */
static bool
receive(struct authd_talk *t)
{
    char bytes[4096];
    ssize_t n = recv(t->fd, bytes, sizeof(bytes), 0);

    if (n > 0)
        buf_add(&t->got, bytes, (size_t)n);
    return n > 0;
}

const char *
authd_talk_line(struct authd_talk *t)
{
    static char line[16384];
    size_t lf;

    while ((lf = span_find(buf_span(&t->got), '\n')) == t->got.n)
        if (!receive(t))
            return "";
    snprintf(line, sizeof(line), "%.*s", (int)lf, t->got.p);
    buf_consume(&t->got, lf + 1);
    return line;
}

struct span
authd_talk_bytes(struct authd_talk *t, size_t n)
{
    static char bytes[16384];

    while (t->got.n < n && receive(t))
        continue;
    if (n > t->got.n)
        n = t->got.n;
    if (n > sizeof(bytes))
        abort();
    if (n > 0)
        memcpy(bytes, t->got.p, n);
    buf_consume(&t->got, n);
    return span_make(bytes, n);
}

void
authd_talk_end(struct authd_talk *t)
{
    close(t->fd);
    t->fd = -1;
    pthread_join(t->thread, NULL);
}
