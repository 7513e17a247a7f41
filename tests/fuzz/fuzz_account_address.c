/* Account addresses: what is taken is canonical, and harmless in a path or a line. */
#include "authd/accounts/account_db.h"
#include "common/text/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_harmless(const struct account_address *a)
{
    if (a->local.n > ACCOUNT_MAX_LOCAL_BYTES || !utf8_is_valid(a->whole) ||
        (a->local.n > 0 && a->local.p[0] == '.') || a->domain.n == 0 || a->domain.p[0] == '.')
        abort();
    for (size_t i = 0; i < a->whole.n; i++) {
        unsigned char c = (unsigned char)a->whole.p[i];

        if (c <= ' ' || c == 0x7f || c == '/' || c == ',' || c == '"' || (c >= 'A' && c <= 'Z'))
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct arena mem;
    struct account_address a, again;
    struct err e;

    arena_init(&mem, 1u << 20);
    if (account_address_parse(text, true, &mem, &a, &e) == OR_OK) {
        check_harmless(&a);
        if (account_address_parse(a.whole, true, &mem, &again, &e) != OR_OK ||
            !span_equal(a.whole, again.whole))
            abort();
    }
    arena_fini(&mem);
    return 0;
}
