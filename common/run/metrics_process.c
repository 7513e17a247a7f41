/*
 * From /proc and getrusage(2). A process that left root may still read its own /proc/self.
 */
#include "common/run/metrics_process.h"

#include "common/base/span.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* proc(5): /proc/self/statm is "size resident shared ...", in pages. */
static double
statm_bytes(size_t field)
{
    char text[256];
    uint64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text));

    if (fd >= 0)
        close(fd);
    struct span rest = span_make(text, got > 0 ? (size_t)got : 0);

    for (; field > 0; field--)
        rest = span_from(rest, span_find(rest, ' ') + 1);
    if (span_parse_u64(span_slice(rest, 0, span_find(rest, ' ')), UINT64_MAX, &pages) != OR_OK)
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

double
metrics_process_virtual_bytes(void)
{
    return statm_bytes(0);
}

double
metrics_process_resident_bytes(void)
{
    return statm_bytes(1);
}

static double
seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

double
metrics_process_cpu_seconds(void)
{
    struct rusage used;

    if (getrusage(RUSAGE_SELF, &used) != 0)
        return 0;
    return seconds(&used.ru_utime) + seconds(&used.ru_stime);
}

double
metrics_process_open_fds(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (dir == NULL)
        return 0;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;)
        count += d->d_name[0] != '.';
    closedir(dir);
    return (double)count - 1; /* the directory's own */
}

double
metrics_process_max_fds(void)
{
    struct rlimit files;

    return getrlimit(RLIMIT_NOFILE, &files) == 0 ? (double)files.rlim_cur : 0;
}
