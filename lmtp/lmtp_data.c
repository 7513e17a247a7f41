/*
 * The state machine of RFC 5321 4.1.1.4 and 4.5.2. Runs of ordinary text are copied at once; the
 * states are walked only around CR, LF and a line's first byte.
 */
#include "lmtp/lmtp_data.h"

static void
emit(struct lmtp_data *d, struct buf *out, struct span text)
{
    buf_add_span(out, text);
    d->wire_bytes += text.n;
}

static void
emit_line_end(struct lmtp_data *d, struct buf *out)
{
    bool was_empty = d->state == LMTP_DATA_EMPTY;

    buf_add_char(out, '\n');
    d->wire_bytes += 2;
    d->state = d->binary && was_empty ? LMTP_DATA_BINARY : LMTP_DATA_LINE_START;
}

/* A byte like any other: the size stays right, and the message will be refused or has a space. */
static void
emit_bare(struct lmtp_data *d, struct buf *out, const char *byte)
{
    d->bare |= !d->repair;
    emit(d, out, d->repair ? SPAN_LIT(" ") : span_make(byte, 1));
    d->state = LMTP_DATA_TEXT;
}

/* A byte in the middle of a line or at its start. */
static void
step_text(struct lmtp_data *d, const char *byte, struct buf *out)
{
    if (*byte == '\r') {
        d->state = LMTP_DATA_CR;
    } else if (*byte == '\n') {
        emit_bare(d, out, byte);
    } else {
        emit(d, out, span_make(byte, 1));
        d->state = LMTP_DATA_TEXT;
    }
}

static void
step(struct lmtp_data *d, const char *byte, struct buf *out)
{
    switch (d->state) {
    case LMTP_DATA_LINE_START:
        if (*byte == '.' && !d->chunked)
            d->state = LMTP_DATA_DOT;
        else
            step_text(d, byte, out);
        if (d->state == LMTP_DATA_CR)
            d->state = LMTP_DATA_EMPTY;
        break;
    case LMTP_DATA_DOT: /* the dot itself is dropped: stuffed, or the end */
        step_text(d, byte, out);
        if (d->state == LMTP_DATA_CR)
            d->state = LMTP_DATA_DOT_CR;
        break;
    case LMTP_DATA_CR:
    case LMTP_DATA_EMPTY:
    case LMTP_DATA_DOT_CR:
        if (*byte != '\n') {
            emit_bare(d, out, "\r");
            step_text(d, byte, out);
        } else if (d->state == LMTP_DATA_DOT_CR) {
            d->state = LMTP_DATA_END;
        } else {
            emit_line_end(d, out);
        }
        break;
    case LMTP_DATA_TEXT:
        step_text(d, byte, out);
        break;
    case LMTP_DATA_BINARY:
    case LMTP_DATA_END:
        break;
    }
}

/* How many bytes at the front are neither CR nor LF. */
static size_t
plain_run(struct span s)
{
    size_t to_cr = span_find(s, '\r');

    return span_find(span_slice(s, 0, to_cr), '\n');
}

size_t
lmtp_data_feed(struct lmtp_data *d, struct span in, struct buf *out)
{
    size_t i = 0;

    while (i < in.n && d->state != LMTP_DATA_END) {
        size_t run = 0;

        if (d->state == LMTP_DATA_TEXT)
            run = plain_run(span_from(in, i));
        else if (d->state == LMTP_DATA_BINARY)
            run = in.n - i;
        if (run > 0) {
            emit(d, out, span_slice(in, i, i + run));
            i += run;
        } else {
            step(d, in.p + i, out);
            i++;
        }
    }
    return i;
}

void
lmtp_data_finish(struct lmtp_data *d, struct buf *out)
{
    if (d->state == LMTP_DATA_CR || d->state == LMTP_DATA_EMPTY)
        emit_bare(d, out, "\r");
    d->state = LMTP_DATA_END;
}
