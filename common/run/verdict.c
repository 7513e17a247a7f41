/*
 * One table per direction: an attribute name and the span it fills. What repeats (header_from,
 * dkim, arc_set) is written out below the table.
 *
 * Peers are our own daemons, but the values in a question were written by whoever sent the message:
 * nothing in them can end an attribute (attrs_format), split a dkim line, or make a request too
 * long to be read.
 */
#include "common/run/verdict.h"

#include "common/base/clock.h"
#include "common/run/attrs_stream.h"

/* With these the largest question (63 KiB) stays below ATTRS_MAX_BYTES. */
#define VALUE_MAX_BYTES 1024 /* more than an SMTP path or a header line may have */
#define FROM_MAX_BYTES 2048
#define DKIM_NAME_MAX_BYTES 255
#define DKIM_WORD_MAX_BYTES 32 /* results, algorithms, instances */

/* Stands for a From field that is too long to be sent: no parser takes it for an address. */
#define FROM_TOO_LONG "<a From field that is too long>"

struct span_field {
    const char *name;
    size_t offset;
};

static const struct span_field question_fields[] = {
    {"queue_id", offsetof(struct verdict_question, queue_id)},
    {"client_address", offsetof(struct verdict_question, client_address)},
    {"client_name", offsetof(struct verdict_question, client_name)},
    {"helo_name", offsetof(struct verdict_question, helo_name)},
    {"sender", offsetof(struct verdict_question, sender)},
    {"list_id", offsetof(struct verdict_question, list_id)},
    {"arc", offsetof(struct verdict_question, arc)},
};

static const struct span_field seal_fields[] = {
    {"d", offsetof(struct verdict_seal, domain)},
    {"dmarc", offsetof(struct verdict_seal, dmarc)},
    {"from", offsetof(struct verdict_seal, from)},
    {"spf", offsetof(struct verdict_seal, spf)},
};

static const struct span_field answer_fields[] = {
    {"spf", offsetof(struct verdict_answer, spf)},
    {"spf_domain", offsetof(struct verdict_answer, spf_domain)},
    {"spf_scope", offsetof(struct verdict_answer, spf_scope)},
    {"dmarc", offsetof(struct verdict_answer, dmarc)},
    {"dmarc_domain", offsetof(struct verdict_answer, dmarc_domain)},
    {"dmarc_policy", offsetof(struct verdict_answer, dmarc_policy)},
    {"dmarc_override", offsetof(struct verdict_answer, dmarc_override)},
    {"dmarc_comment", offsetof(struct verdict_answer, dmarc_comment)},
    {"dsn", offsetof(struct verdict_answer, dsn)},
    {"text", offsetof(struct verdict_answer, text)},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const action_names[] = {
    [VERDICT_ACCEPT] = "accept",
    [VERDICT_REJECT] = "reject",
    [VERDICT_QUARANTINE] = "quarantine",
    [VERDICT_TEMPFAIL] = "tempfail",
};

const char *
verdict_action_name(enum verdict_action action)
{
    return action_names[action];
}

static void
format_fields(struct buf *out, const struct span_field *fields, size_t count, const void *base)
{
    for (size_t i = 0; i < count; i++) {
        const struct span *value =
            (const struct span *)(const void *)((const char *)base + fields[i].offset);
        if (value->n > 0)
            attrs_format(out, fields[i].name, span_slice(*value, 0, VALUE_MAX_BYTES));
    }
}

static or_status
parse_fields(const struct attrs *a, const struct span_field *fields, size_t count,
             struct arena *mem, void *base)
{
    for (size_t i = 0; i < count; i++) {
        struct span *value = (struct span *)(void *)((char *)base + fields[i].offset);
        or_status st = arena_copy(mem, attrs_get(a, fields[i].name), value);
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

/* One word of a dkim or arc_set line. Bytes that would split it become '?', which no name holds: a
 * name is never turned into another one that could be trusted. */
static void
add_word(struct buf *out, struct span word, size_t max_bytes)
{
    for (size_t i = 0; i < word.n && i < max_bytes; i++) {
        unsigned char c = (unsigned char)word.p[i];
        buf_add_char(out, c <= ' ' || c == 0x7f ? '?' : (char)c);
    }
    if (word.n > max_bytes)
        buf_add_char(out, '?');
}

/* dkim=pass d=example.org s=2026 a=rsa-sha256 */
static void
format_dkim(struct buf *out, const struct verdict_dkim *dkim)
{
    buf_add_cstr(out, "dkim=");
    add_word(out, dkim->result, DKIM_WORD_MAX_BYTES);
    buf_add_cstr(out, " d=");
    add_word(out, dkim->domain, DKIM_NAME_MAX_BYTES);
    buf_add_cstr(out, " s=");
    add_word(out, dkim->selector, DKIM_NAME_MAX_BYTES);
    buf_add_cstr(out, " a=");
    add_word(out, dkim->algorithm, DKIM_WORD_MAX_BYTES);
    buf_add_char(out, '\n');
}

/* relayed_spf=pass mfrom example.org */
static void
format_spf(struct buf *out, const struct verdict_spf *spf)
{
    if (spf->result.n == 0)
        return;
    buf_add_cstr(out, "relayed_spf=");
    add_word(out, spf->result, DKIM_WORD_MAX_BYTES);
    buf_add_char(out, ' ');
    add_word(out, spf->scope, DKIM_WORD_MAX_BYTES);
    buf_add_char(out, ' ');
    add_word(out, spf->domain, DKIM_NAME_MAX_BYTES);
    buf_add_char(out, '\n');
}

static void
add_named(struct buf *out, const char *name, struct span word)
{
    if (word.n == 0)
        return;
    buf_addf(out, " %s=", name);
    add_word(out, word, DKIM_NAME_MAX_BYTES);
}

/* arc_set=1 d=list.example dmarc=pass from=example.org spf=example.org dkim=example.org */
static void
format_seal(struct buf *out, const struct verdict_seal *seal)
{
    buf_add_cstr(out, "arc_set=");
    add_word(out, seal->instance, DKIM_WORD_MAX_BYTES);
    add_named(out, "d", seal->domain);
    add_named(out, "dmarc", span_slice(seal->dmarc, 0, DKIM_WORD_MAX_BYTES));
    add_named(out, "from", seal->from);
    add_named(out, "spf", seal->spf);
    for (size_t i = 0; i < seal->dkim_count && i < VERDICT_MAX_SEAL_DKIM; i++)
        add_named(out, "dkim", seal->dkim[i]);
    buf_add_char(out, '\n');
}

void
verdict_question_format(struct buf *out, const struct verdict_question *q)
{
    attrs_format(out, "request", SPAN_LIT(VERDICT_REQUEST));
    format_fields(out, question_fields, COUNT(question_fields), q);
    for (size_t i = 0; i < q->header_from_count && i < VERDICT_MAX_FROM; i++) {
        struct span from = q->header_from[i];
        attrs_format(out, "header_from", from.n > FROM_MAX_BYTES ? SPAN_LIT(FROM_TOO_LONG) : from);
    }
    for (size_t i = 0; i < q->dkim_count && i < VERDICT_MAX_SIGNATURES; i++)
        format_dkim(out, &q->dkim[i]);
    format_spf(out, &q->spf);
    for (size_t i = 0; i < q->seal_count && i < VERDICT_MAX_SEALS; i++)
        format_seal(out, &q->seals[i]);
    attrs_format_end(out);
}

static or_status
parse_dkim(struct span line, struct arena *mem, struct verdict_dkim *dkim_out, struct err *e)
{
    struct verdict_dkim dkim = {.result = SPAN_EMPTY,
                                .domain = SPAN_EMPTY,
                                .selector = SPAN_EMPTY,
                                .algorithm = SPAN_EMPTY};
    struct span rest = line, word;

    if (!span_split(&rest, ' ', &word) || word.n == 0)
        return err_set(e, OR_MALFORMED, "dkim= without a result");
    if (arena_copy(mem, word, &dkim.result) != OR_OK)
        return OR_LIMIT;
    while (span_split(&rest, ' ', &word)) {
        struct span *field = span_has_prefix(word, SPAN_LIT("d="))   ? &dkim.domain
                             : span_has_prefix(word, SPAN_LIT("s=")) ? &dkim.selector
                             : span_has_prefix(word, SPAN_LIT("a=")) ? &dkim.algorithm
                                                                     : NULL;
        if (field != NULL && arena_copy(mem, span_from(word, 2), field) != OR_OK)
            return OR_LIMIT;
    }
    if (dkim.domain.n == 0)
        return err_set(e, OR_MALFORMED, "dkim= without d=");
    *dkim_out = dkim;
    return OR_OK;
}

static or_status
parse_signatures(const struct attrs *a, struct arena *mem, struct verdict_question *q,
                 struct err *e)
{
    struct span line;
    size_t at = 0;

    while (q->dkim_count < VERDICT_MAX_SIGNATURES && attrs_next(a, "dkim", &at, &line)) {
        or_status st = parse_dkim(line, mem, &q->dkim[q->dkim_count], e);
        if (st != OR_OK)
            return st;
        q->dkim_count++;
    }
    return OR_OK;
}

static or_status
parse_spf(const struct attrs *a, struct arena *mem, struct verdict_spf *spf)
{
    struct span *const words[] = {&spf->result, &spf->scope, &spf->domain};
    struct span rest = attrs_get(a, "relayed_spf"), word;

    *spf = (struct verdict_spf){SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY};
    for (size_t i = 0; i < COUNT(words) && rest.n != 0 && span_split(&rest, ' ', &word); i++)
        if (arena_copy(mem, word, words[i]) != OR_OK)
            return OR_LIMIT;
    return OR_OK;
}

/* Where a word of an arc_set line goes; NULL: nowhere. */
static struct span *
seal_field(struct verdict_seal *seal, struct span name)
{
    if (span_equal_cstr(name, "dkim"))
        return seal->dkim_count < VERDICT_MAX_SEAL_DKIM ? &seal->dkim[seal->dkim_count++] : NULL;
    for (size_t i = 0; i < COUNT(seal_fields); i++)
        if (span_equal_cstr(name, seal_fields[i].name))
            return (struct span *)(void *)((char *)seal + seal_fields[i].offset);
    return NULL;
}

static or_status
parse_seal(struct span line, struct arena *mem, struct verdict_seal *seal_out, struct err *e)
{
    struct verdict_seal seal = {.dkim_count = 0};
    struct span rest = line, word;

    for (size_t i = 0; i < COUNT(seal_fields); i++)
        *(struct span *)(void *)((char *)&seal + seal_fields[i].offset) = SPAN_EMPTY;
    if (!span_split(&rest, ' ', &word) || arena_copy(mem, word, &seal.instance) != OR_OK)
        return err_set(e, OR_MALFORMED, "arc_set= without an instance");
    while (span_split(&rest, ' ', &word)) {
        size_t end = span_find(word, '=');
        struct span *field = seal_field(&seal, span_slice(word, 0, end));

        if (field != NULL && arena_copy(mem, span_from(word, end + 1), field) != OR_OK)
            return OR_LIMIT;
    }
    if (seal.domain.n == 0)
        return err_set(e, OR_MALFORMED, "arc_set= without d=");
    *seal_out = seal;
    return OR_OK;
}

static or_status
parse_seals(const struct attrs *a, struct arena *mem, struct verdict_question *q, struct err *e)
{
    struct span line;
    size_t at = 0;

    while (q->seal_count < VERDICT_MAX_SEALS && attrs_next(a, "arc_set", &at, &line)) {
        or_status st = parse_seal(line, mem, &q->seals[q->seal_count], e);
        if (st != OR_OK)
            return st;
        q->seal_count++;
    }
    return OR_OK;
}

or_status
verdict_question_parse(const struct attrs *a, struct arena *mem, struct verdict_question *q_out,
                       struct err *e)
{
    struct span from;
    size_t at = 0;

    q_out->header_from_count = 0;
    q_out->dkim_count = 0;
    q_out->seal_count = 0;
    or_status st = parse_fields(a, question_fields, COUNT(question_fields), mem, q_out);
    while (st == OR_OK && q_out->header_from_count < VERDICT_MAX_FROM &&
           attrs_next(a, "header_from", &at, &from))
        st = arena_copy(mem, from, &q_out->header_from[q_out->header_from_count++]);
    if (st == OR_OK)
        st = parse_signatures(a, mem, q_out, e);
    if (st == OR_OK)
        st = parse_seals(a, mem, q_out, e);
    if (st == OR_OK)
        st = parse_spf(a, mem, &q_out->spf);
    return st == OR_LIMIT ? err_set(e, st, "the question is too large") : st;
}

void
verdict_answer_format(struct buf *out, const struct verdict_answer *v)
{
    attrs_format(out, "action", span_cstr(verdict_action_name(v->action)));
    format_fields(out, answer_fields, COUNT(answer_fields), v);
    attrs_format_end(out);
}

or_status
verdict_answer_parse(const struct attrs *a, struct arena *mem, struct verdict_answer *v_out,
                     struct err *e)
{
    struct span action = attrs_get(a, "action");
    size_t i = 0;

    while (i < COUNT(action_names) && !span_equal_cstr(action, action_names[i]))
        i++;
    if (i == COUNT(action_names))
        return err_set(e, OR_MALFORMED, "no known action in the answer");
    v_out->action = (enum verdict_action)i;
    if (parse_fields(a, answer_fields, COUNT(answer_fields), mem, v_out) != OR_OK)
        return err_set(e, OR_LIMIT, "the answer is too large");
    return OR_OK;
}

static or_status
send_question(struct stream *s, const struct verdict_question *q, struct err *e)
{
    struct buf request;

    buf_init(&request, ATTRS_MAX_BYTES);
    verdict_question_format(&request, q);
    or_status st = buf_finish(&request);
    if (st != OR_OK)
        st = err_set(e, OR_MALFORMED, "the question is too large");
    else if ((st = stream_write(s, buf_span(&request))) != OR_OK || (st = stream_flush(s)) != OR_OK)
        st = err_set(e, st, "the question could not be sent (%s)", or_status_name(st));
    buf_fini(&request);
    return st;
}

/* What verdict_ask() promises: the caller only has to know "later", "too slow" and "nonsense". */
static or_status
public_status(or_status st)
{
    switch (st) {
    case OR_OK:
    case OR_TIMEOUT:
    case OR_MALFORMED:
        return st;
    case OR_LIMIT:
        return OR_MALFORMED;
    default:
        return OR_TEMPFAIL;
    }
}

or_status
verdict_ask(const char *address, int64_t timeout_ms, const struct verdict_question *q,
            struct arena *mem, struct verdict_answer *v_out, struct err *e)
{
    int64_t deadline = clock_mono_ms() + timeout_ms;
    struct attrs *attrs = arena_alloc(mem, sizeof(*attrs));
    struct stream *s = NULL;

    if (attrs == NULL)
        return err_set(e, OR_TEMPFAIL, "policyd at %s: out of memory for this message", address);
    or_status st = stream_connect(address, timeout_ms, &s, e);
    if (st != OR_OK)
        return public_status(st);
    stream_set_deadline(s, deadline);
    st = send_question(s, q, e);
    if (st == OR_OK)
        st = attrs_stream_read(s, mem, attrs, e);
    if (st == OR_OK)
        st = verdict_answer_parse(attrs, mem, v_out, e);
    stream_free(s);
    if (st != OR_OK)
        return err_wrap(e, public_status(st), "policyd at %s", address);
    return OR_OK;
}
