/* Base64: the strict decoder takes exactly what the encoder writes. */
#include "common/text/base64.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span s = span_make((const char *)data, size);
    struct buf bytes, text;

    buf_init(&bytes, size + 4);
    buf_init(&text, size * 2 + 4);
    if (base64_decode(s, BASE64_STRICT, &bytes) == OR_OK) {
        base64_encode(&text, buf_span(&bytes));
        if (!span_equal(buf_span(&text), s))
            abort();
    } else if (bytes.n != 0) {
        abort();
    }
    buf_reset(&bytes);
    if (base64_decode(s, BASE64_SKIP_FWS, &bytes) != OR_OK && bytes.n != 0)
        abort();
    buf_reset(&bytes);
    buf_reset(&text);
    base64_encode(&text, s);
    if (base64_decode(buf_span(&text), BASE64_STRICT, &bytes) != OR_OK ||
        !span_equal(buf_span(&bytes), s))
        abort();
    buf_fini(&text);
    buf_fini(&bytes);
    return 0;
}
