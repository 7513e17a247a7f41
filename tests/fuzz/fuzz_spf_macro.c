/*
 * A macro string and, after the first line end, the words of sender and client. What the scanner
 * accepts expands without other failure than the ceiling, which holds.
 */
#include "policyd/spf/spf_macro.h"

#include <stdlib.h>
#include <sys/socket.h>

#define CEILING 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expand(struct span text, enum spf_macro_where where, const struct spf_macro_values *values)
{
    struct buf out;
    struct err e;

    or_status checked = spf_macro_check(text, where, NULL);
    buf_init(&out, CEILING);
    or_status st = spf_macro_expand(text, where, values, &out, &e);
    if (out.n > CEILING || (checked == OR_OK && st != OR_OK && st != OR_LIMIT))
        abort();
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span words = span_make((const char *)data, size);
    struct span text = span_slice(words, 0, span_find(words, '\n'));
    struct spf_macro_values values = {.ip = {.family = size % 2 != 0 ? AF_INET : AF_INET6}};

    words = span_from(words, text.n + 1);
    values.sender = values.sender_local = values.sender_domain = values.domain = words;
    values.helo = values.receiver = values.validated = words;
    expand(text, SPF_MACRO_TERM, &values);
    expand(text, SPF_MACRO_MODIFIER, &values);
    expand(text, SPF_MACRO_EXPLANATION, &values);
    (void)spf_macro_uses(text, "lsp");
    return 0;
}
