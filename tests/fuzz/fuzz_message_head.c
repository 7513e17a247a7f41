/*
 * A message's front with LF line ends: the end of the header is found whatever the pieces, and what
 * is stored is the input without its Return-Path fields.
 */
#include "lmtp/message_head.h"

#include "common/base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static void
check_stored(const struct message_head *h, struct arena *mem, size_t size)
{
    struct message_head again;
    struct span piece;
    struct buf stored;
    size_t cursor = 0;

    buf_init(&stored, size + 1);
    while (message_head_next_piece(h, &cursor, &piece))
        buf_add_span(&stored, piece);
    require(buf_finish(&stored) == OR_OK && stored.n <= size);
    require(header_count(&h->block, "Return-Path") != 0 || stored.n == size);
    require(message_head_parse(buf_span(&stored), "X-Mark", mem, &again, NULL) == OR_OK);
    require(header_count(&again.block, "Return-Path") == 0);
    buf_fini(&stored);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    struct message_head h;
    struct arena mem;
    bool complete = false;

    for (size_t n = 1; n <= size && !complete; n++)
        complete = message_head_is_complete(span_slice(bytes, 0, n), n - 1);
    require(complete == message_head_is_complete(bytes, 0));
    arena_init(&mem, 1 << 20);
    if (message_head_parse(bytes, "X-Mark", &mem, &h, NULL) == OR_OK) {
        require(h.queue_id.n <= 64);
        (void)message_head_was_delivered_to(&h, SPAN_LIT("a@b"));
        check_stored(&h, &mem, size);
    }
    arena_fini(&mem);
    return 0;
}
