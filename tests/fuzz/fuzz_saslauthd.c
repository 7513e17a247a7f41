/*
 * Requests of saslauthd's mux protocol, from whoever can open the socket.
 */
#include "authd/saslauthd_session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of a whole request belongs to one of its strings, or to what comes behind. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size), strings[SASLAUTHD_STRINGS];
    size_t used = 0;

    if (saslauthd_session_parse(bytes, strings, NULL) != OR_OK)
        return 0;
    for (size_t i = 0; i < SASLAUTHD_STRINGS; i++) {
        if (strings[i].n > SASLAUTHD_MAX_STRING_BYTES || strings[i].p != bytes.p + used + 2)
            abort();
        used += 2 + strings[i].n;
    }
    if (used > size)
        abort();
    return 0;
}
