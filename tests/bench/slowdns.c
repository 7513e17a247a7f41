/*
 * A DNS that answers every question after the same time, with one SPF record: slowdns PORT DELAY_MS
 * TEXT. For tests/bench/policy.py; ends when it is killed.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PACKET_BYTES 1024
#define QUEUE 4096 /* answers on their way; further questions are lost */

struct answer {
    int64_t due_us;
    struct sockaddr_in client;
    unsigned char packet[PACKET_BYTES];
    size_t n;
};

static struct answer queue[QUEUE];
static size_t first, count;

static int64_t
now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The question, and a TXT record for its name behind it. */
static void
make_answer(struct answer *a, const char *text)
{
    static const unsigned char head[] = {0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 0x0e, 0x10, 0};
    size_t end = 12, length = strlen(text);

    while (end < a->n && a->packet[end] != 0)
        end += (size_t)a->packet[end] + 1;
    end += 5;
    if (end + sizeof(head) + 2 + length > PACKET_BYTES || length > 255)
        exit(1);
    memcpy(a->packet + 2, "\x81\x80\0\1\0\1\0\0\0\0", 10);
    memcpy(a->packet + end, head, sizeof(head));
    end += sizeof(head);
    a->packet[end++] = (unsigned char)(length + 1);
    a->packet[end++] = (unsigned char)length;
    memcpy(a->packet + end, text, length);
    a->n = end + length;
}

static void
receive(int fd, int64_t delay_us, const char *text)
{
    struct answer *a = &queue[(first + count) % QUEUE];
    socklen_t size = sizeof(a->client);
    ssize_t n =
        recvfrom(fd, a->packet, PACKET_BYTES, MSG_DONTWAIT, (struct sockaddr *)&a->client, &size);

    if (n < 17 || count == QUEUE)
        return;
    a->n = (size_t)n;
    a->due_us = now_us() + delay_us;
    make_answer(a, text);
    count++;
}

static void
send_due(int fd)
{
    for (; count > 0 && queue[first].due_us <= now_us(); count--) {
        struct answer *a = &queue[first];

        if (sendto(fd, a->packet, a->n, 0, (struct sockaddr *)&a->client, sizeof(a->client)) < 0)
            perror("slowdns");
        first = (first + 1) % QUEUE;
    }
}

int
main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 1 << 22;

    if (argc != 4)
        return 2;
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("slowdns");
        return 1;
    }
    for (;;) {
        int64_t wait_us = count > 0 ? queue[first].due_us - now_us() : 1000000;
        struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (wait_us > 0 && ppoll(&p, 1, &wait, NULL) > 0)
            receive(fd, (int64_t)strtoul(argv[2], NULL, 10) * 1000, argv[3]);
        send_due(fd);
    }
}
