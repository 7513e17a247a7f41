/* Walks by hand: a header has at most HEADER_MAX_FIELDS fields. */
#include "lmtp/sieve/sieve_fields.h"

#include "common/text/encoded_word.h"

#define FIELD_WORK 8 /* a name is compared; in bytes of sieve_run_charge() */

or_status
sieve_fields_begin(struct sieve_fields *f, struct sieve_run *r, const struct sieve_node *node,
                   struct span name)
{
    const struct sieve_arg *index = node->given[SIEVE_SLOT_INDEX].arg;

    *f = (struct sieve_fields){
        .block = r->header,
        .name = name,
        .only = index != NULL ? index->number : 0,
        .from_end = index != NULL && node->given[SIEVE_SLOT_LAST].tag != NULL,
    };
    return sieve_run_charge(r, FIELD_WORK * r->header->count);
}

const struct header_field *
sieve_fields_next(struct sieve_fields *f)
{
    while (f->at < f->block->count) {
        size_t i = f->from_end ? f->block->count - 1 - f->at : f->at;
        const struct header_field *field = &f->block->fields[i];

        f->at++;
        if (!span_equal_nocase(field->name, f->name))
            continue;
        f->seen++;
        if (f->only == 0 || f->seen == f->only)
            return field;
    }
    return NULL;
}

or_status
sieve_fields_text(struct sieve_run *r, const struct header_field *field, bool decode,
                  struct span *text_out)
{
    or_status st = sieve_run_charge(r, field->value.n);

    if (st == OR_OK)
        st = header_unfold(field->value, &r->mem, text_out);
    if (st == OR_OK && decode)
        st = encoded_word_decode(*text_out, &r->mem, text_out);
    return st;
}
