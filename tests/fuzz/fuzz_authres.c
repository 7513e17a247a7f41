/*
 * Authentication-Results values of strangers; and: what is formatted with our id always claims our
 * id.
 */
#include "milter/authres/authres_format.h"
#include "milter/authres/authres_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    struct buf out;

    (void)authres_claims_id(bytes, SPAN_LIT("mx.example.org"));
    buf_init(&out, AUTHRES_MAX_BYTES);
    authres_format_start(&out, SPAN_LIT("mx.example.org"));
    authres_format_method(&out, "dkim", SPAN_LIT("pass"));
    authres_format_reason(&out, bytes);
    authres_format_domain(&out, "header.d", bytes);
    authres_format_address(&out, "smtp.mailfrom", bytes);
    authres_format_word(&out, "header.b", bytes);
    if (!authres_claims_id(buf_span(&out), SPAN_LIT("mx.example.org")))
        abort();
    for (size_t i = 0; i + 1 < out.n; i++)
        if (out.p[i] == '\n' && out.p[i + 1] != '\t')
            abort();
    buf_fini(&out);
    return 0;
}
