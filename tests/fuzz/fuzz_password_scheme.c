/*
 * Stored passwords from databases and files of others: looked at, not computed.
 */
#include "authd/accounts/password_scheme.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span stored = span_make((const char *)data, size), text = SPAN_EMPTY;
    struct err e = {""};
    const struct password_kind *kind = password_scheme_find(stored, &text, &e);

    if (kind == NULL && e.text[0] == '\0')
        abort();
    if (kind != NULL && text.n > size)
        abort();
    if (kind != NULL && kind->check != NULL && kind->check(text, &e) != OR_OK && e.text[0] == '\0')
        abort();
    return 0;
}
