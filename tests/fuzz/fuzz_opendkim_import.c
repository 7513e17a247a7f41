/* An OpenDKIM configuration and its tables: parts of the input, divided by a line "==", are the
 * files opendkim.conf, /1, /2, /3. */
#include "milter/import/opendkim_import.h"

#include <stdlib.h>
#include <string.h>

#define FILES 4
#define SEPARATOR "\n==\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static or_status
read_part(void *context, const char *path, struct span *text_out, struct err *e)
{
    const struct span *parts = context;
    size_t at = path != NULL && path[0] == '/' ? (size_t)(unsigned char)path[1] - '0' : 0;

    if (at >= FILES)
        return err_set(e, OR_CONFIG, "no such file");
    *text_out = parts[at];
    return OR_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span parts[FILES] = {SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY};
    struct span rest = span_make((const char *)data, size);
    struct opendkim_reader reader = {.read = read_part, .context = parts};
    struct arena mem;
    struct err e;

    for (size_t i = 0; i < FILES; i++) {
        const char *end = memmem(rest.p, rest.n, SEPARATOR, strlen(SEPARATOR));
        size_t n = end != NULL ? (size_t)(end - rest.p) : rest.n;

        parts[i] = span_slice(rest, 0, n);
        rest = span_from(rest, n + strlen(SEPARATOR));
    }
    arena_init(&mem, 8 << 20);
    struct opendkim_import import = {
        .mem = &mem, .reader = &reader, .observe = size % 2 == 0, .key_directory = "/keys"};
    if (opendkim_import(&import, "opendkim.conf", &e) == OR_OK)
        for (size_t i = 0; i < import.rules.count; i++)
            if (memchr(import.rules.items[i].domain.p, '/', import.rules.items[i].domain.n) !=
                    NULL ||
                memchr(import.rules.items[i].selector.p, '/', import.rules.items[i].selector.n) !=
                    NULL)
                abort(); /* both become parts of a path */
    opendkim_import_fini(&import);
    arena_fini(&mem);
    return 0;
}
