/*
 * duplicate (RFC 7352). What was seen is remembered by the delivery once the message is delivered:
 * a message that comes again because delivering it failed is no duplicate.
 */
#include "lmtp/sieve/sieve_fields.h"
#include "lmtp/sieve/sieve_rows.h"

#include "common/base/buf.h"

/* The field's text, as every other test sees it. OR_ABSENT: the message has none. */
static or_status
read_field(struct sieve_run *r, const struct sieve_node *node, struct span name, struct span *out)
{
    struct sieve_fields fields;
    or_status st = sieve_fields_begin(&fields, r, node, name);

    if (st != OR_OK)
        return st;
    const struct header_field *f = sieve_fields_next(&fields);
    return f != NULL ? sieve_fields_text(r, f, true, out) : OR_ABSENT;
}

/* RFC 7352 3.1 */
static or_status
read_id(struct sieve_run *r, const struct sieve_node *node, struct span *out)
{
    const struct sieve_given *given = &node->given[SIEVE_SLOT_ID];
    struct span text = SPAN_LIT("Message-ID");

    or_status st = given->tag != NULL ? sieve_vars_expand(r, given->arg->strings[0], &text) : OR_OK;
    if (st != OR_OK || (given->tag != NULL && given->tag->choice == SIEVE_ID_GIVEN)) {
        *out = text;
        return st;
    }
    return read_field(r, node, text, out);
}

/* RFC 7352 3.2: one list for each handle, and one for none. */
static or_status
read_key(struct sieve_run *r, const struct sieve_node *node, struct span *out)
{
    const struct sieve_arg *handle = node->given[SIEVE_SLOT_HANDLE].arg;
    struct span name = SPAN_EMPTY, id = SPAN_EMPTY;
    struct buf key;

    or_status st = read_id(r, node, &id);
    if (st == OR_OK && handle != NULL)
        st = sieve_vars_expand(r, handle->strings[0], &name);
    if (st != OR_OK)
        return st;
    buf_init(&key, 4 * SIEVE_MAX_STRING_BYTES);
    if (handle != NULL)
        buf_addf(&key, "%zu", name.n);
    buf_add_char(&key, ':');
    buf_add_span(&key, name);
    buf_add_span(&key, id);
    st = buf_finish(&key);
    if (st == OR_OK)
        st = arena_copy(&r->mem, buf_span(&key), out);
    buf_fini(&key);
    return st;
}

/* RFC 7352 3.3 */
static int64_t
period_of(const struct sieve_node *node)
{
    const struct sieve_arg *seconds = node->given[SIEVE_SLOT_PERIOD].arg;

    if (seconds == NULL)
        return SIEVE_DUPLICATE_S;
    return seconds->number < SIEVE_DUPLICATE_MAX_S ? (int64_t)seconds->number
                                                   : SIEVE_DUPLICATE_MAX_S;
}

/* RFC 7352 3: the same question has the same answer throughout a run. */
static or_status
find_mark(struct sieve_run *r, struct span key, struct sieve_mark **mark_out)
{
    const struct sieve_message *m = r->message;

    for (size_t i = 0; i < r->mark_count; i++)
        if (span_equal(r->marks[i].id, key)) {
            *mark_out = &r->marks[i];
            return OR_OK;
        }
    if (r->mark_count == SIEVE_MAX_MARKS)
        return err_set(r->e, OR_LIMIT, "the script looks for duplicates in more than %d ways",
                       SIEVE_MAX_MARKS);
    *mark_out = &r->marks[r->mark_count++];
    **mark_out = (struct sieve_mark){
        .id = key, .was_seen = m->was_seen != NULL && m->was_seen(m->context, key)};
    return OR_OK;
}

or_status
tst_duplicate(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_mark *mark = NULL;
    struct span key = SPAN_EMPTY;
    int64_t period_s = period_of(node);
    or_status st = read_key(r, node, &key);

    *out = false;
    if (st == OR_ABSENT || (st == OR_OK && period_s == 0))
        return OR_OK;
    if (st == OR_OK)
        st = find_mark(r, key, &mark);
    if (st != OR_OK)
        return st;
    mark->period_s = period_s;
    mark->renews = node->given[SIEVE_SLOT_LAST].tag != NULL;
    *out = mark->was_seen;
    return OR_OK;
}
