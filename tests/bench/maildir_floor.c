/*
 * The least that safe delivery can cost on a disk: threads that create, write, fsync, rename and
 * fsync the directory, nothing else. Prints the number of files a second.
 *
 *     maildir_floor DIRECTORY THREADS FILES BYTES
 *
 * Each file goes into the next of DIRECTORY/0 to DIRECTORY/99 (tmp/ and new/ in each), which it
 * makes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAILBOXES 100
#define MAX_THREADS 64

static const char *directory;
static long files;
static size_t bytes;
static char *content;
static atomic_long next;

static void
require(int result, const char *what)
{
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

static void
deliver(long number)
{
    char tmp[512], new[512], box[512];

    snprintf(box, sizeof(box), "%.400s/%ld/new", directory, number % MAILBOXES);
    snprintf(tmp, sizeof(tmp), "%.400s/%ld/tmp/%ld", directory, number % MAILBOXES, number);
    snprintf(new, sizeof(new), "%.400s/%ld/new/%ld", directory, number % MAILBOXES, number);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    require(fd, tmp);
    require(write(fd, content, bytes) == (ssize_t)bytes ? 0 : -1, "write");
    require(fsync(fd), "fsync");
    close(fd);
    require(rename(tmp, new), "rename");
    fd = open(box, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(fd, box);
    require(fsync(fd), "fsync");
    close(fd);
}

static void *
work(void *context)
{
    long number;

    (void)context;
    while ((number = atomic_fetch_add(&next, 1)) < files)
        deliver(number);
    return NULL;
}

static void
make_mailboxes(void)
{
    char path[512];

    for (int i = 0; i < MAILBOXES; i++) {
        static const char *const parts[] = {"", "/tmp", "/new"};

        for (size_t k = 0; k < 3; k++) {
            snprintf(path, sizeof(path), "%.400s/%d%s", directory, i, parts[k]);
            require(mkdir(path, 0700), path);
        }
    }
    sync();
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    pthread_t threads[MAX_THREADS];

    if (argc != 5) {
        fprintf(stderr, "usage: maildir_floor DIRECTORY THREADS FILES BYTES\n");
        return 2;
    }
    directory = argv[1];
    long count = strtol(argv[2], NULL, 10);
    files = strtol(argv[3], NULL, 10);
    bytes = (size_t)strtol(argv[4], NULL, 10);
    content = calloc(1, bytes);
    if (count < 1 || count > MAX_THREADS || content == NULL)
        return 2;
    make_mailboxes();
    double begun = now();
    for (long i = 0; i < count; i++)
        require(-pthread_create(&threads[i], NULL, work, NULL), "pthread_create");
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%.0f\n", (double)files / (now() - begun));
    free(content);
    return 0;
}
