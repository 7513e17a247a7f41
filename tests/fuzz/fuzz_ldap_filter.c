/*
 * Names in LDAP filters: nothing that is typed may leave its place.
 */
#include "authd/ldap/ldap_filter.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span name = span_make((const char *)data, size);
    const struct account_address address = {.local = name, .domain = name, .whole = name};
    struct buf out;

    buf_init(&out, LDAP_FILTER_MAX_BYTES);
    if (ldap_filter_expand("(=%u)", &address, &out) == OR_OK) {
        struct span value = span_slice(buf_span(&out), 2, out.n - 1);

        for (size_t i = 0; i < value.n; i++)
            if (value.p[i] == '(' || value.p[i] == ')' || value.p[i] == '*' || value.p[i] == '\0')
                abort();
    }
    buf_fini(&out);
    return 0;
}
