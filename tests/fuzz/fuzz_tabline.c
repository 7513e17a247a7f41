/* Dovecot's lines: a parsed line, escaped again, is the line. */
#include "common/text/tabline.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes that have an escape but were sent plain come back escaped; only lines without them compare.
 */
static bool
has_plain_specials(struct span s)
{
    return span_contains_byte(s, '\0') || span_contains_byte(s, '\r') ||
           span_contains_byte(s, '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make((const char *)data, size);
    static struct tabline line;
    struct arena mem;
    struct buf again;
    struct err e;

    arena_init(&mem, 65536);
    buf_init(&again, size * 2 + TABLINE_MAX_FIELDS);
    if (tabline_parse(input, &mem, &line, &e) == OR_OK) {
        for (size_t i = 0; i < line.count; i++) {
            if (i > 0)
                buf_add_char(&again, '\t');
            tabline_escape(&again, line.fields[i]);
        }
        if (!has_plain_specials(input) && !span_equal(buf_span(&again), input))
            abort();
        (void)tabline_get(&line, 1, "user");
    }
    buf_fini(&again);
    arena_fini(&mem);
    return 0;
}
