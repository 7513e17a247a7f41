/*
 * Lines of the dict protocol, from whoever can open the socket.
 */
#include "authd/dict/dict_line.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_field(const struct dict_line *line, size_t at, struct arena *mem)
{
    struct span field = dict_line_field(line, at), name;
    int64_t number;

    if (span_contains_byte(field, '\0'))
        abort();
    if (dict_line_number(line, at, 0, &number) == OR_OK && (number < 0 || field.n == 0))
        abort();
    if (dict_line_number(line, at, INT64_MIN, &number) == OR_OK && field.n == 0)
        abort();
    if (dict_line_unescape_name(field, mem, &name) == OR_OK && name.n > field.n)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dict_line line;
    struct arena mem;

    arena_init(&mem, 262144);
    if (dict_line_parse(span_make((const char *)data, size), &mem, &line, NULL) == OR_OK)
        for (size_t i = 0; i <= line.fields.count; i++)
            check_field(&line, i, &mem);
    arena_fini(&mem);
    return 0;
}
