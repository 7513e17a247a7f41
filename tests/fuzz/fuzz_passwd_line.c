/*
 * A line of a passwd-file. What is accepted has an address, no root and an absolute home.
 */
#include "authd/accounts/passwd_line.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct account_row row;
    struct arena mem;
    struct err e;

    arena_init(&mem, 65536);
    if (passwd_line_parse(span_make((const char *)data, size), &mem, &row, &e) == OR_OK &&
        (row.address.local.n == 0 || row.uid == 0 || row.gid == 0 ||
         (row.home.n != 0 && row.home.p[0] != '/')))
        abort();
    arena_fini(&mem);
    return 0;
}
