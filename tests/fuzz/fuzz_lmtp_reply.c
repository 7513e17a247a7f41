/* A reply line of another LMTP server: what is passed on to our client must be clean. */
#include "lmtp/lmtp_reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lmtp_reply r;
    struct arena mem;
    bool more;

    arena_init(&mem, 65536);
    if (lmtp_reply_parse(span_make((const char *)data, size), &mem, &r, &more) == OR_OK) {
        if (r.code < 200 || r.code > 599 || r.enhanced[0] != (char)('0' + r.code / 100))
            abort();
        if (strlen(r.enhanced) < 5 || strlen(r.enhanced) > 9 ||
            strlen(r.text) > LMTP_REPLY_MAX_TEXT_BYTES)
            abort();
        for (const char *p = r.text; *p != '\0'; p++)
            if (*p < ' ' || *p >= 0x7f)
                abort();
    }
    arena_fini(&mem);
    return 0;
}
