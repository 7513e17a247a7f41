/*
 * The least that a policy server with a thread per connection can cost: answers DUNNO to whatever
 * it reads: policy_floor SOCKET. For tests/bench/policy.py; ends when it is killed.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_BYTES 8192 /* the generators send one request at a time, and smaller ones */

static void *
serve(void *context)
{
    static const char answer[] = "action=DUNNO\n\n";
    int fd = (int)(intptr_t)context;
    char request[REQUEST_BYTES];

    while (read(fd, request, sizeof(request)) > 0)
        if (write(fd, answer, sizeof(answer) - 1) < 0)
            break;
    close(fd);
    return NULL;
}

int
main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
        fprintf(stderr, "usage: policy_floor SOCKET\n");
        return 64;
    }
    memcpy(address.sun_path, argv[1], strlen(argv[1]));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, SOMAXCONN) != 0) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;

        if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
}
