/*
 * The data reader: the first byte says into how large pieces the rest is cut. Whatever the pieces,
 * the result must be that of the whole, and the message must end where a plain search says it ends;
 * the same bytes as BDAT chunks, and with bare line ends repaired.
 */
#include "lmtp/lmtp_data.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static size_t
feed(struct lmtp_data *d, struct span in, size_t chunk, struct buf *out)
{
    size_t taken = 0;

    while (taken < in.n && d->state != LMTP_DATA_END) {
        struct span piece = span_slice(in, taken, taken + chunk);
        size_t before = out->n, n = lmtp_data_feed(d, piece, out);

        require(n == piece.n || d->state == LMTP_DATA_END);
        require(out->n - before <= piece.n + 1);
        taken += n;
    }
    return taken;
}

/* CRLF "." CRLF, or "." CRLF at the very front, and nothing else. */
static size_t
end_of(struct span in)
{
    static const char end[] = "\r\n.\r\n";

    if (in.n >= 3 && memcmp(in.p, end + 2, 3) == 0)
        return 3;
    for (size_t i = 0; i + 5 <= in.n; i++)
        if (memcmp(in.p + i, end, 5) == 0)
            return i + 5;
    return in.n;
}

/* Any cut into chunks gives the same bytes, none are lost, and only binary ones keep a CR. */
static void
check_chunks(struct span in, size_t chunk, struct lmtp_data how)
{
    struct lmtp_data whole = how, cut = how;
    struct buf whole_out, cut_out;

    buf_init(&whole_out, 2 * in.n + 16);
    buf_init(&cut_out, 2 * in.n + 16);
    require(feed(&whole, in, in.n, &whole_out) == in.n);
    require(feed(&cut, in, chunk, &cut_out) == in.n);
    lmtp_data_finish(&whole, &whole_out);
    lmtp_data_finish(&cut, &cut_out);
    require(whole.state == LMTP_DATA_END && cut.state == LMTP_DATA_END);
    require(whole.bare == cut.bare && !(how.repair && whole.bare));
    require(whole.wire_bytes == in.n && cut.wire_bytes == in.n);
    require(span_equal(buf_span(&whole_out), buf_span(&cut_out)));
    require(how.binary || whole.bare || !span_contains_byte(buf_span(&whole_out), '\r'));
    buf_fini(&whole_out);
    buf_fini(&cut_out);
}

/* After DATA: repaired or not, the message ends at the same byte. */
static void
check_dotted(struct span in, size_t chunk, struct lmtp_data how)
{
    struct lmtp_data whole = how, cut = how;
    struct buf whole_out, cut_out;

    buf_init(&whole_out, 2 * in.n + 16);
    buf_init(&cut_out, 2 * in.n + 16);
    size_t taken = feed(&whole, in, in.n, &whole_out);
    require(taken == end_of(in));
    require(feed(&cut, in, chunk, &cut_out) == taken);
    require(whole.state == cut.state && whole.bare == cut.bare && !(how.repair && whole.bare));
    require(whole.wire_bytes == cut.wire_bytes);
    require(span_equal(buf_span(&whole_out), buf_span(&cut_out)));
    require(whole.bare || !span_contains_byte(buf_span(&whole_out), '\r'));
    buf_fini(&whole_out);
    buf_fini(&cut_out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span in = span_make((const char *)data + 1, size - 1);
    size_t chunk = 1u + data[0];

    for (int repair = 0; repair < 2; repair++) {
        check_dotted(in, chunk, (struct lmtp_data){.repair = repair != 0});
        check_chunks(in, chunk, (struct lmtp_data){.chunked = true, .repair = repair != 0});
        check_chunks(in, chunk,
                     (struct lmtp_data){.chunked = true, .binary = true, .repair = repair != 0});
    }
    return 0;
}
