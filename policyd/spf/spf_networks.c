/* Two networks either contain one another or have nothing in common, so sorted by address, the
 * wider first, each needs to be compared with the last one kept only. */
#include "policyd/spf/spf_networks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int
compare(const void *a, const void *b)
{
    const struct cidr *x = a, *y = b;
    int order = (x->base.family > y->base.family) - (x->base.family < y->base.family);

    if (order == 0)
        order = memcmp(x->base.bytes, y->base.bytes, sizeof(x->base.bytes));
    return order != 0 ? order : (x->prefix > y->prefix) - (x->prefix < y->prefix);
}

size_t
spf_networks_reduce(struct cidr *networks, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        ip_mask(&networks[i].base, networks[i].prefix);
    if (count != 0)
        qsort(networks, count, sizeof(*networks), compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !cidr_contains(&networks[kept - 1], &networks[i].base))
            networks[kept++] = networks[i];
    return kept;
}

uint64_t
spf_networks_ipv4(const struct cidr *networks, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        if (networks[i].base.family == AF_INET)
            sum += UINT64_C(1) << (32 - networks[i].prefix);
    return sum;
}

double
spf_networks_ipv6_log2(const struct cidr *networks, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        if (networks[i].base.family == AF_INET6)
            sum += ldexp(1, 128 - (int)networks[i].prefix);
    return sum > 0 ? log2(sum) : -1;
}
