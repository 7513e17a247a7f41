/* Header blocks: every field lies inside the message, in order; unfolded text has no line ends. */
#include "common/text/header.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_field(const struct header_field *field, struct span message, struct arena *mem)
{
    const char *end = message.p + message.n;
    struct span text;

    if (field->raw.p < message.p || field->raw.p + field->raw.n > end ||
        field->value.p + field->value.n != field->raw.p + field->raw.n || field->name.n == 0)
        abort();
    if (header_unfold(field->value, mem, &text) == OR_OK &&
        (span_contains_byte(text, '\n') || span_contains_byte(text, '\0')))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_make((const char *)data, size), rest = message;
    struct header_block block;
    struct arena mem;
    struct err e;

    arena_init(&mem, 1u << 20);
    if (header_parse(message, &mem, &block, &e) == OR_OK) {
        if (block.body_offset > size || block.count > HEADER_MAX_FIELDS)
            abort();
        for (size_t i = 0; i < block.count; i++)
            check_field(&block.fields[i], message, &mem);
    }
    if (header_skip_cfws(&rest) != OR_OK && rest.n != size)
        abort();
    arena_fini(&mem);
    return 0;
}
