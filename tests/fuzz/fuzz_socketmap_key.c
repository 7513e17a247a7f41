/*
 * Keys of Postfix's tables: whatever SMTP lets through. What becomes an address is canonical,
 * parses to itself, and leaves no directory.
 */
#include "authd/mail_home.h"
#include "authd/socketmap_maps.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool promise)
{
    if (!promise)
        abort();
}

static void
check_address(const struct account_address *a, struct arena *mem)
{
    struct account_address again;
    struct span home;

    must(a->local.n > 0 && a->domain.n > 0 && a->whole.n == a->local.n + 1 + a->domain.n);
    must(!span_contains_byte(a->whole, '/') && !span_contains_byte(a->whole, '\0'));
    must(!span_contains_byte(a->whole, ',') && !span_contains_byte(a->whole, '\n'));
    must(a->local.p[0] != '.' && a->domain.p[0] != '.');
    must(account_address_parse(a->whole, false, mem, &again, NULL) == OR_OK);
    must(span_equal(again.whole, a->whole));
    if (mail_home_expand("/m/%d/%n", a, mem, &home) == OR_OK)
        must(span_rfind(home, '/') == 3 + a->domain.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct account_address address, base;
    struct arena mem;
    struct span detail;

    arena_init(&mem, (size_t)1 << 20);
    /* As socketmap_session.c takes a request apart. */
    struct span request = span_make((const char *)data, size);
    size_t blank = span_find(request, ' ');
    struct map_query q = {.delimiter = '+', .key = span_from(request, blank + 1), .mem = &mem};

    (void)socketmap_maps_find(span_slice(request, 0, blank));
    or_status st = socketmap_maps_address(&q, &address);
    must(st == OR_OK || st == OR_ABSENT || st == OR_LIMIT);
    if (st == OR_OK) {
        check_address(&address, &mem);
        if (socketmap_maps_base(&q, &address, &base, &detail) == OR_OK) {
            check_address(&base, &mem);
            must(base.local.n + 1 + detail.n == address.local.n);
        }
    }
    arena_fini(&mem);
    return 0;
}
