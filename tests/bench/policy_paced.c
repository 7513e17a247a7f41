/*
 * Policy requests at a steady rate, however fast the answers come: policy_paced SOCKET LIST
 * CONNECTIONS REQUESTS-PER-SECOND SECONDS. The time of a request counts from when it was due, so
 * that a server that stalls is seen to. LIST: "address helo sender" per line. Prints
 * "REQUESTS P50-US P99-US MAX-US".
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define MAX_CLIENTS 100000
#define REQUEST_BYTES 2048
#define ANSWER_BYTES 2048
#define NS_PER_S 1000000000

struct client {
    char address[64], helo[256], sender[256];
};

struct connection {
    pthread_t thread;
    int fd;
    size_t number, count; /* its own number; of requests */
    int64_t first_due_ns, gap_ns;
    int64_t *took_ns;
};

static struct client *clients;
static size_t client_count, connection_count;

static int64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
read_clients(const char *path)
{
    FILE *in = fopen(path, "r");

    clients = calloc(MAX_CLIENTS, sizeof(*clients));
    if (in == NULL || clients == NULL)
        die(path);
    for (struct client *c = clients; client_count < MAX_CLIENTS; c++, client_count++)
        if (fscanf(in, "%63s %255s %255s%*[^\n]", c->address, c->helo, c->sender) != 3)
            break;
    fclose(in);
    if (client_count == 0)
        die("no client in the list");
}

static int
dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        die("socket path too long");
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die(path);
    return fd;
}

static void
ask(struct connection *c, size_t i)
{
    const struct client *client = &clients[(c->number + i * connection_count) % client_count];
    char text[REQUEST_BYTES], answer[ANSWER_BYTES];
    size_t got = 0;
    int n = snprintf(text, sizeof(text),
                     "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
                     "client_address=%s\nclient_name=unknown\nreverse_client_name=unknown\n"
                     "helo_name=%s\nsender=%s\nrecipient=r@home.test\nrecipient_count=0\n"
                     "queue_id=\ninstance=%zx.%zx.0\nsize=4096\nsasl_username=\n\n",
                     client->address, client->helo, client->sender, c->number, i);

    if (write(c->fd, text, (size_t)n) != n)
        die("write");
    while (got < 2 || memcmp(answer + got - 2, "\n\n", 2) != 0) {
        ssize_t more = read(c->fd, answer + got, sizeof(answer) - got);

        if (more <= 0)
            die("read");
        got += (size_t)more;
    }
}

static void *
run(void *context)
{
    struct connection *c = context;

    prctl(PR_SET_TIMERSLACK,
          1UL); /* else each sleep is up to 50 us too long, which is not the server's */
    for (size_t i = 0; i < c->count; i++) {
        int64_t due = c->first_due_ns + (int64_t)i * c->gap_ns;
        struct timespec until = {.tv_sec = due / NS_PER_S, .tv_nsec = due % NS_PER_S};

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        ask(c, i);
        c->took_ns[i] = now_ns() - due;
    }
    return NULL;
}

static int
ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    static struct connection connections[MAX_CONNECTIONS];

    if (argc != 6) {
        fprintf(stderr,
                "usage: policy_paced SOCKET LIST CONNECTIONS REQUESTS-PER-SECOND SECONDS\n");
        return 64;
    }
    read_clients(argv[2]);
    connection_count = strtoul(argv[3], NULL, 10);
    size_t rate = strtoul(argv[4], NULL, 10), seconds = strtoul(argv[5], NULL, 10);
    size_t each = connection_count == 0 ? 0 : rate * seconds / connection_count;
    if (connection_count > MAX_CONNECTIONS || each == 0)
        die("CONNECTIONS or REQUESTS-PER-SECOND");
    int64_t *took = calloc(each * connection_count, sizeof(*took));
    int64_t gap = (int64_t)(NS_PER_S * connection_count / rate), start = now_ns() + NS_PER_S / 10;

    for (size_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];

        *c = (struct connection){.fd = dial(argv[1]), .number = i, .count = each, .gap_ns = gap};
        c->took_ns = took + i * each;
        c->first_due_ns = start + (int64_t)i * gap / (int64_t)connection_count;
        if (pthread_create(&c->thread, NULL, run, c) != 0)
            die("thread");
    }
    for (size_t i = 0; i < connection_count; i++)
        pthread_join(connections[i].thread, NULL);
    size_t n = each * connection_count;
    qsort(took, n, sizeof(*took), ascending);
    printf("%zu %.0f %.0f %.0f\n", n, (double)took[n / 2] / 1e3, (double)took[n * 99 / 100] / 1e3,
           (double)took[n - 1] / 1e3);
    return 0;
}
