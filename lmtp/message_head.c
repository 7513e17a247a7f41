/*
 * Reads trace fields with an eye on who wrote them: only the topmost Received field is Postfix's
 * for certain, and its id goes into the log, nowhere else.
 */
#include "lmtp/message_head.h"

#define MAX_QUEUE_ID_BYTES 64

bool
message_head_is_complete(struct span bytes, size_t from)
{
    if (bytes.n > 0 && bytes.p[0] == '\n')
        return true;
    /* The first of two line ends may have come with the previous piece. */
    for (size_t i = from > 0 ? from - 1 : 0; i + 1 < bytes.n; i++) {
        i += span_find(span_from(bytes, i), '\n');
        if (i + 1 < bytes.n && bytes.p[i + 1] == '\n')
            return true;
    }
    return false;
}

/* The next word: comments and blanks are skipped, ';' is a word of its own. False at the end. */
static bool
next_word(struct span *s, struct span *word_out)
{
    size_t n = 0;

    if (header_skip_cfws(s) != OR_OK || s->n == 0)
        return false;
    while (n < s->n && s->p[n] > ' ' && s->p[n] != '(' && s->p[n] != ';')
        n++;
    if (n == 0)
        n = 1;
    *word_out = span_slice(*s, 0, n);
    *s = span_from(*s, n);
    return true;
}

static bool
is_queue_id(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '-' || c == '.' || c == '_'))
            return false;
    }
    return s.n > 0 && s.n <= MAX_QUEUE_ID_BYTES;
}

/* RFC 5321 4.4: "from x by y with z id QUEUEID for ...; date". */
static struct span
find_queue_id(const struct header_block *block)
{
    const struct header_field *received = header_find(block, "Received");
    struct span rest = received != NULL ? received->value : SPAN_EMPTY, word;

    while (next_word(&rest, &word) && !span_equal_cstr(word, ";"))
        if (span_equal_nocase_cstr(word, "id") && next_word(&rest, &word) && is_queue_id(word))
            return word;
    return SPAN_EMPTY;
}

or_status
message_head_parse(struct span bytes, const char *quarantine_header, struct arena *mem,
                   struct message_head *head_out, struct err *e)
{
    struct message_head head = {.bytes = bytes};
    or_status st = header_parse(bytes, mem, &head.block, e);

    if (st != OR_OK)
        return st;
    head.received_count = header_count(&head.block, "Received");
    head.quarantined = header_find(&head.block, quarantine_header) != NULL;
    head.queue_id = find_queue_id(&head.block);
    *head_out = head;
    return OR_OK;
}

bool
message_head_was_delivered_to(const struct message_head *head, struct span address)
{
    for (size_t i = 0; i < head->block.count; i++) {
        const struct header_field *f = &head->block.fields[i];

        if (span_equal_nocase_cstr(f->name, "Delivered-To") &&
            span_equal_nocase(span_trim(f->value), address))
            return true;
    }
    return false;
}

/* The first Return-Path field at or behind `cursor`; NULL when there is none. */
static const struct header_field *
next_return_path(const struct message_head *head, size_t cursor)
{
    for (size_t i = 0; i < head->block.count; i++) {
        const struct header_field *f = &head->block.fields[i];

        if ((size_t)(f->raw.p - head->bytes.p) >= cursor &&
            span_equal_nocase_cstr(f->name, "Return-Path"))
            return f;
    }
    return NULL;
}

bool
message_head_next_piece(const struct message_head *head, size_t *cursor, struct span *piece_out)
{
    while (*cursor < head->bytes.n) {
        const struct header_field *skip = next_return_path(head, *cursor);
        size_t from = *cursor;
        size_t to = skip != NULL ? (size_t)(skip->raw.p - head->bytes.p) : head->bytes.n;

        *cursor = skip != NULL ? to + skip->raw.n + 1 : to; /* and its line end */
        *piece_out = span_slice(head->bytes, from, to);
        if (piece_out->n > 0)
            return true;
    }
    return false;
}

size_t
message_head_kept_bytes(const struct message_head *head)
{
    size_t cursor = 0, kept = 0;
    struct span piece;

    while (message_head_next_piece(head, &cursor, &piece))
        kept += piece.n;
    return kept - (head->bytes.n - head->block.body_offset);
}

bool
message_head_needs_separator(const struct message_head *head)
{
    return head->block.count == 0 && head->bytes.n > 0 && head->bytes.p[0] != '\n';
}
