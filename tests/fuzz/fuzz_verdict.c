/* The message question and answer: what was parsed, formatted and parsed again is the same. */
#include "common/run/verdict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEM_BYTES ((size_t)1 << 20)

static void
must(bool holds)
{
    if (!holds)
        abort();
}

/* Parses what `text` holds; it must, for we wrote it. */
static void
parse_own(struct buf *text, struct attrs *attrs)
{
    struct err e;

    must(buf_finish(text) == OR_OK);
    must(attrs_parse(buf_span(text), attrs, &e) == OR_OK);
}

static void
try_question(const struct attrs *attrs, struct arena *mem)
{
    static struct attrs again;
    struct verdict_question q, back;
    struct buf text;
    struct err e;

    if (verdict_question_parse(attrs, mem, &q, &e) != OR_OK)
        return;
    buf_init(&text, ATTRS_MAX_BYTES);
    verdict_question_format(&text, &q);
    parse_own(&text, &again);
    must(verdict_question_parse(&again, mem, &back, &e) == OR_OK);
    must(back.dkim_count == q.dkim_count && back.header_from_count == q.header_from_count);
    for (size_t i = 0; i < q.dkim_count; i++) {
        /* Longer names come back as something that is no name. */
        must(span_equal(back.dkim[i].domain, q.dkim[i].domain) ||
             span_contains_byte(back.dkim[i].domain, '?'));
    }
    must(back.seal_count == q.seal_count);
    for (size_t i = 0; i < q.seal_count; i++) {
        must(span_equal(back.seals[i].domain, q.seals[i].domain) ||
             span_contains_byte(back.seals[i].domain, '?'));
        must(back.seals[i].dkim_count <= q.seals[i].dkim_count);
    }
    buf_fini(&text);
}

static void
try_answer(const struct attrs *attrs, struct arena *mem)
{
    static struct attrs again;
    struct verdict_answer v, back;
    struct buf text;
    struct err e;

    if (verdict_answer_parse(attrs, mem, &v, &e) != OR_OK)
        return;
    buf_init(&text, ATTRS_MAX_BYTES);
    verdict_answer_format(&text, &v);
    parse_own(&text, &again);
    must(verdict_answer_parse(&again, mem, &back, &e) == OR_OK);
    must(back.action == v.action && (back.text.n == v.text.n || v.text.n > 1024));
    buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct attrs attrs;
    struct arena mem;
    struct err e;

    if (attrs_parse(span_make((const char *)data, size), &attrs, &e) != OR_OK)
        return 0;
    arena_init(&mem, MEM_BYTES);
    try_question(&attrs, &mem);
    try_answer(&attrs, &mem);
    arena_fini(&mem);
    return 0;
}
