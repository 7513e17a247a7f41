/*
 * GNU Libidn does the work.
 */
#include "authd/accounts/saslprep.h"

#include "common/base/crypto.h"
#include "common/text/utf8.h"

#include <string.h>
#include <stringprep.h>

or_status
saslprep(struct span text, struct buf *out)
{
    /* NFKC makes 18 characters of one at most; libidn says when that is too much. */
    char room[4 * SASLPREP_MAX_BYTES];
    or_status st = OR_MALFORMED;

    if (text.n == 0 || text.n > SASLPREP_MAX_BYTES || span_contains_byte(text, '\0') ||
        !utf8_is_valid(text))
        return OR_MALFORMED;
    memcpy(room, text.p, text.n);
    room[text.n] = '\0';
    if (stringprep(room, sizeof(room), 0, stringprep_saslprep) == STRINGPREP_OK &&
        room[0] != '\0') {
        buf_add_cstr(out, room);
        st = buf_finish(out);
    }
    crypto_wipe(room, sizeof(room));
    return st;
}
