/* Domain names: the canonical form is a fixed point and keeps its limits. */
#include "common/text/domain.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_canonical(struct span name, struct arena *mem)
{
    struct span again;
    struct err e;

    if (name.n == 0 || name.n > DOMAIN_MAX_BYTES)
        abort();
    if (domain_canonical(name, mem, &again, &e) != OR_OK || !span_equal(name, again))
        abort();
    if (!domain_is_within(name, name) || domain_label_count(name) == 0)
        abort();
    for (struct span up = name; up.n != 0; up = domain_parent(up))
        if (!domain_is_within(name, up) ||
            !span_equal(domain_rightmost(name, domain_label_count(up)), up))
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_make((const char *)data, size), name;
    struct arena mem;
    struct err e;

    arena_init(&mem, 65536);
    (void)domain_is_hostname(s);
    if (domain_canonical(s, &mem, &name, &e) == OR_OK)
        check_canonical(name, &mem);
    arena_fini(&mem);
    return 0;
}
