/* Private key files: what loads can be written again and loads the same. */
#include "milter/dkim/dkim_crypto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dkim_private *key = NULL, *again = NULL;
    struct err e = {""};
    struct buf pem;

    if (dkim_private_parse(span_make((const char *)data, size), &key, &e) != OR_OK) {
        if (key != NULL || e.text[0] == '\0')
            abort();
        return 0;
    }
    buf_init(&pem, DKIM_PEM_MAX_BYTES);
    if (dkim_private_format(key, &pem) == OR_OK &&
        (dkim_private_parse(buf_span(&pem), &again, &e) != OR_OK ||
         dkim_private_bits(again) != dkim_private_bits(key)))
        abort();
    buf_fini_wiped(&pem);
    dkim_private_free(again);
    dkim_private_free(key);
    return 0;
}
