/* A record of postgrey's databases: key, a newline, value. */
#include "policyd/postgrey.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span value = span_make((const char *)data, size), key;
    struct postgrey_record r;

    if (!span_split(&value, '\n', &key))
        return 0;
    if (postgrey_parse_triplet(key, value, &r) == OR_OK &&
        (r.recipient.n == 0 || r.sender.n + r.recipient.n >= key.n || r.past.first < 0))
        abort();
    if (postgrey_parse_client(key, value, &r) == OR_OK && r.past.times < 0)
        abort();
    return 0;
}
