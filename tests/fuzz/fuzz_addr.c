/* SMTP paths: an address that parses, formatted again, parses to the same. */
#include "common/text/addr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_round_trip(const struct addr *a, struct arena *mem)
{
    struct buf text;
    struct addr again;
    struct err e;

    buf_init(&text, 4 * ADDR_MAX_BYTES);
    buf_add_char(&text, '<');
    addr_format(&text, a);
    buf_add_char(&text, '>');
    or_status st = addr_parse_path(buf_span(&text), false, mem, &again, NULL, &e);
    if (st != OR_LIMIT &&
        (st != OR_OK || !span_equal(a->local, again.local) || !span_equal(a->domain, again.domain)))
        abort();
    buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_make((const char *)data, size), rest, base, detail;
    struct arena mem;
    struct addr a;
    struct buf text;
    struct err e;

    arena_init(&mem, 1u << 20);
    if (addr_parse_path(s, true, &mem, &a, &rest, &e) == OR_OK)
        check_round_trip(&a, &mem);
    a = addr_split(s);
    addr_split_detail(a.local, '+', &base, &detail);
    buf_init(&text, 2 * size + 4);
    addr_format(&text, &a);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ')
            abort();
    buf_fini(&text);
    arena_fini(&mem);
    return 0;
}
