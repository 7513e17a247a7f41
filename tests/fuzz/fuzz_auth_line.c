/*
 * Lines of Dovecot's auth protocols from whoever can open the sockets, and the base64 in them.
 */
#include "authd/auth_proto.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    struct auth_line line;
    struct arena mem;
    struct buf out;

    arena_init(&mem, 65536);
    buf_init(&out, 12288);
    if (auth_proto_parse(bytes, &mem, &line, NULL) == OR_OK) {
        uint32_t number;

        if (line.fields.count == 0)
            abort();
        if (auth_proto_number(&line, 1, &number) == OR_OK && number != line.id && line.id != 0)
            abort();
        if (auth_proto_check_version(&line, NULL) == OR_OK && line.fields.count < 2)
            abort();
        struct span response = tabline_get(&line.fields, 3, "resp");
        if (response.p != NULL && auth_proto_response(response, &out) != OR_OK && out.n != 0)
            abort();
    }
    buf_fini(&out);
    arena_fini(&mem);
    return 0;
}
