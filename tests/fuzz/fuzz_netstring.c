/* Netstrings: what parses is, formatted again, the bytes that were consumed. */
#include "common/text/netstring.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make((const char *)data, size), payload;
    size_t consumed;
    struct buf again;

    buf_init(&again, size + 32);
    while (netstring_parse(input, 4096, &payload, &consumed) == OR_OK) {
        buf_reset(&again);
        netstring_format(&again, payload);
        if (!span_equal(buf_span(&again), span_slice(input, 0, consumed)))
            abort();
        input = span_from(input, consumed);
    }
    buf_fini(&again);
    return 0;
}
