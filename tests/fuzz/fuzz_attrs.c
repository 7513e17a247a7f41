/* Policy attributes: a parsed block, formatted again, parses to the same. */
#include "common/text/attrs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
format_all(struct buf *out, const struct attrs *a)
{
    for (size_t i = 0; i < a->count; i++) {
        char name[ATTRS_MAX_LINE_BYTES + 1];

        memcpy(name, a->items[i].name.p, a->items[i].name.n);
        name[a->items[i].name.n] = '\0';
        attrs_format(out, name, a->items[i].value);
        (void)attrs_get(a, name);
    }
    attrs_format_end(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct attrs first, second;
    struct buf text;
    struct err e;

    if (memchr(data, '\0', size) != NULL ||
        attrs_parse(span_make((const char *)data, size), &first, &e) != OR_OK)
        return 0;
    buf_init(&text, ATTRS_MAX_BYTES + 2);
    format_all(&text, &first);
    if (text.n <= ATTRS_MAX_BYTES) {
        if (attrs_parse(buf_span(&text), &second, &e) != OR_OK || second.count != first.count)
            abort();
    }
    buf_fini(&text);
    return 0;
}
