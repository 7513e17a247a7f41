/* Address lists: what comes out is a list of addresses that can be written and compared safely. */
#include "common/text/addrlist.h"

#include "common/text/domain.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_address(const struct addr *a)
{
    bool is_literal = a->domain.n > 2 && a->domain.p[0] == '[';

    if (!is_literal && !domain_is_hostname(a->domain))
        abort();
    for (size_t i = 0; i < a->local.n; i++)
        if ((unsigned char)a->local.p[i] < ' ' && a->local.p[i] != '\t')
            abort();
}

/* The address alone, written as a From field, must be read as itself. */
static void
check_round_trip(const struct addr *a, struct arena *mem)
{
    struct addrlist again;
    struct buf text;
    struct err e;

    buf_init(&text, 1u << 20);
    addr_format(&text, a);
    or_status st = addrlist_parse(buf_span(&text), mem, &again, &e);
    if (st == OR_OK && (again.count != 1 || !span_equal(again.items[0].domain, a->domain)))
        abort();
    if (st == OR_MALFORMED)
        abort();
    buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct addrlist list;
    struct arena mem;
    struct err e;

    arena_init(&mem, 1u << 20);
    if (addrlist_parse(span_make((const char *)data, size), &mem, &list, &e) == OR_OK) {
        if (list.count > ADDRLIST_MAX)
            abort();
        for (size_t i = 0; i < list.count; i++) {
            check_address(&list.items[i]);
            check_round_trip(&list.items[i], &mem);
        }
    }
    arena_fini(&mem);
    return 0;
}
