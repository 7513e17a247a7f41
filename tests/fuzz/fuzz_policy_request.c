/* The first byte chooses: a policy request's fields, or an action made safe for Postfix: one line
 * of valid UTF-8 without control bytes, never empty, closed by an empty line. */
#include "common/text/utf8.h"
#include "policyd/policy_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_request(struct span block)
{
    static struct attrs attrs;
    struct policy_request request;
    struct err e;

    if (attrs_parse(block, &attrs, &e) != OR_OK)
        return;
    policy_request_parse(&attrs, &request);
    if (request.sender.p == NULL || request.sasl_username.p == NULL)
        abort();
}

static void
try_answer(struct span action)
{
    struct buf out;

    buf_init(&out, 65536);
    policy_request_answer(&out, action);
    struct span line = buf_span(&out);
    if (buf_finish(&out) != OR_OK || !span_has_prefix(line, SPAN_LIT("action=")) ||
        !span_has_suffix_nocase(line, SPAN_LIT("\n\n")) || line.n == 9 || !utf8_is_valid(line))
        abort();
    for (size_t i = 0; i + 2 < line.n; i++) {
        if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
            abort();
    }
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_make((const char *)data, size);

    if (size == 0)
        return 0;
    if (data[0] == 'r')
        try_request(all);
    else
        try_answer(span_from(all, 1));
    return 0;
}
