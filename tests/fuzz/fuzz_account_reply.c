/*
 * The userdb's reply to USER with id 7. What is accepted has a name and owners that the kernel does
 * not take for "no change".
 */
#include "common/run/account.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct account a;
    struct arena mem;
    struct err e;

    arena_init(&mem, 1 << 20);
    or_status st = account_parse_reply(span_make((const char *)data, size), 7, &mem, &a, &e);
    if (st == OR_OK && (a.name.n == 0 || a.uid == (uid_t)-1 || a.gid == (gid_t)-1))
        abort();
    arena_fini(&mem);
    return 0;
}
