/*
 * The scripted userdb. Reads byte streams line by line with stdio: good enough for a test's peer,
 * and nothing of the code under test is in it.
 */
#include "tests/support/fake_userdb.h"

#include "common/base/xalloc.h"
#include "tests/support/temp_tree.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct fake_userdb {
    const struct fake_userdb_row *rows;
    const char *handshake;
    char directory[TEMP_TREE_PATH_BYTES];
    char address[TEMP_TREE_PATH_BYTES + 16];
    int listen_fd;
    atomic_int fd; /* of the connection served now, -1: none */
    atomic_uint connections;
    atomic_bool stopping;
    pthread_t thread;
};

static const struct fake_userdb_row *
find_row(const struct fake_userdb *f, const char *user)
{
    const struct fake_userdb_row *row = f->rows;

    while (row->user != NULL && strcmp(row->user, user) != 0)
        row++;
    return row;
}

/* False: hang up. */
static bool
answer(const struct fake_userdb *f, FILE *peer, const char *line)
{
    char id[32], user[512];

    if (strncmp(line, "VERSION\t1\t", 10) == 0)
        return true;
    if (sscanf(line, "USER\t%31[0-9]\t%511[^\t\n]\tservice=lmtp\tprotocol=lmtp", id, user) != 2)
        return false;
    const struct fake_userdb_row *row = find_row(f, user);
    if (row->verb == NULL)
        return false;
    if (row->verb[0] == '\0')
        return true;
    fprintf(peer, "%s\t%s%s%s\n", row->verb, id, row->rest != NULL ? "\t" : "",
            row->rest != NULL ? row->rest : "");
    return fflush(peer) == 0;
}

static void
serve(struct fake_userdb *f, int fd)
{
    int write_fd = dup(fd);
    FILE *in = fdopen(fd, "r"), *out = fdopen(write_fd, "w");
    char line[2048];

    if (in == NULL || out == NULL)
        abort();
    fputs(f->handshake != NULL ? f->handshake : "VERSION\t1\t1\nSPID\t4711\n", out);
    bool goes_on = fflush(out) == 0;
    while (goes_on && fgets(line, sizeof(line), in) != NULL)
        goes_on = answer(f, out, line);
    atomic_store(&f->fd, -1);
    fclose(in);
    fclose(out);
}

static void *
run(void *context)
{
    struct fake_userdb *f = context;
    sigset_t pipe_signal;

    /* A client that hangs up on us is part of the test. */
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    while (!atomic_load(&f->stopping)) {
        int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break;
        atomic_store(&f->fd, fd);
        atomic_fetch_add(&f->connections, 1);
        serve(f, fd);
    }
    return NULL;
}

struct fake_userdb *
fake_userdb_start(const struct fake_userdb_row *rows, const char *handshake)
{
    struct fake_userdb *f = xcalloc(1, sizeof(*f));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    f->rows = rows;
    f->handshake = handshake;
    atomic_init(&f->fd, -1);
    temp_tree_make(f->directory);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/userdb", f->directory);
    snprintf(f->address, sizeof(f->address), "unix:%s/userdb", f->directory);
    f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(f->listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(f->listen_fd, 16) != 0 || pthread_create(&f->thread, NULL, run, f) != 0)
        abort();
    return f;
}

const char *
fake_userdb_address(const struct fake_userdb *f)
{
    return f->address;
}

unsigned
fake_userdb_connections(const struct fake_userdb *f)
{
    return atomic_load(&f->connections);
}

void
fake_userdb_stop(struct fake_userdb *f)
{
    atomic_store(&f->stopping, true);
    shutdown(f->listen_fd, SHUT_RDWR);
    int fd = atomic_load(&f->fd);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    close(f->listen_fd);
    temp_tree_remove(f->directory);
    free(f);
}
