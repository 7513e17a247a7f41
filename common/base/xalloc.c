/*
 * Memory that is there or the process is not: running on without it would need paths nobody tests.
 */
#include "common/base/xalloc.h"

#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

static void *
checked(void *p, size_t n)
{
    if (p == NULL) {
        log_error("out of memory allocating %zu bytes", n);
        abort();
    }
    return p;
}

void *
xmalloc(size_t n)
{
    return checked(malloc(n != 0 ? n : 1), n);
}

void *
xcalloc(size_t count, size_t size)
{
    return checked(calloc(count != 0 ? count : 1, size != 0 ? size : 1), count);
}

void *
xreallocarray(void *p, size_t count, size_t size)
{
    return checked(reallocarray(p, count != 0 ? count : 1, size != 0 ? size : 1), count);
}

char *
xstrdup(const char *s)
{
    return xmemdup0(s, strlen(s));
}

char *
xmemdup0(const void *p, size_t n)
{
    char *copy = xmalloc(n + 1);

    if (n != 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}
