/* Dovecot's file dovecot-keywords, which the owner of the mailbox may have written himself. */
#include "lmtp/maildir/maildir_keywords.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct maildir_keywords k;

    maildir_keywords_parse(text, &k);
    for (size_t i = 0; i < MAILDIR_MAX_KEYWORDS; i++)
        if (k.names[i].n > MAILDIR_KEYWORD_MAX_BYTES || span_contains_byte(k.names[i], '\n'))
            abort();
    return 0;
}
