/*
 * maildirsize, which the mailbox's owner may fill with anything.
 */
#include "lmtp/maildir/maildir_size.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct maildir_size_content content;

    if (maildir_size_parse(span_make((const char *)data, size), &content) != OR_OK)
        return 0;
    if (size > MAILDIR_SIZE_MAX_BYTES || content.sum.bytes < 0 || content.sum.messages < 0 ||
        content.changes > size)
        abort();
    return 0;
}
