/* header, exists, size (RFC 5228 5.5, 5.7, 5.9), string (RFC 5229 5), mailboxexists (RFC 5490 3.1).
 */
#include "lmtp/sieve/sieve_fields.h"
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_rows.h"

static or_status
match_fields(struct sieve_match *m, struct span name)
{
    struct sieve_fields fields;
    const struct header_field *f;

    or_status st = sieve_fields_begin(&fields, m->run, m->node, name);
    while (st == OR_OK && !m->matched && (f = sieve_fields_next(&fields)) != NULL) {
        struct span text;

        st = sieve_fields_text(m->run, f, true, &text);
        if (st == OR_OK)
            sieve_match_value(m, text);
    }
    return st;
}

or_status
tst_header(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_match m;
    struct span *names;
    size_t count;
    or_status st = sieve_vars_strings(r, node->positional[0], &names, &count);

    if (st == OR_OK)
        st = sieve_match_begin(&m, r, node);
    for (size_t i = 0; st == OR_OK && i < count && !m.matched; i++)
        st = match_fields(&m, names[i]);
    return st == OR_OK ? sieve_match_end(&m, out) : st;
}

or_status
tst_exists(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct span *names;
    size_t count;
    bool all = true;
    or_status st = sieve_vars_strings(r, node->positional[0], &names, &count);

    for (size_t i = 0; st == OR_OK && all && i < count; i++) {
        struct sieve_fields fields;

        st = sieve_fields_begin(&fields, r, node, names[i]);
        all = st == OR_OK && sieve_fields_next(&fields) != NULL;
    }
    *out = all;
    return st;
}

or_status
tst_size_check(struct sieve_check *c, struct sieve_node *node)
{
    if (node->given[SIEVE_SLOT_LIMIT].tag == NULL)
        return sieve_check_fail(c, node->pos, "expected \":over\" or \":under\" behind \"size\"");
    return OR_OK;
}

/* RFC 5228 5.9: a message of just that size is neither over nor under. */
or_status
tst_size(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    uint64_t limit = node->positional[0]->number, size = r->message->size_bytes;

    *out = node->given[SIEVE_SLOT_LIMIT].tag->choice == SIEVE_OVER ? size > limit : size < limit;
    return OR_OK;
}

/* RFC 5229 5: for :count an empty string does not count. */
or_status
tst_string(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_match m;
    struct span *values;
    size_t count;
    or_status st = sieve_vars_strings(r, node->positional[0], &values, &count);

    if (st == OR_OK)
        st = sieve_match_begin(&m, r, node);
    for (size_t i = 0; st == OR_OK && i < count && !m.matched; i++)
        if (m.type != SIEVE_COUNT || values[i].n > 0)
            sieve_match_value(&m, values[i]);
    return st == OR_OK ? sieve_match_end(&m, out) : st;
}

or_status
tst_mailboxexists(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    const struct sieve_message *msg = r->message;
    struct span *names;
    size_t count;
    bool all = msg->mailbox_exists != NULL;
    or_status st = sieve_vars_strings(r, node->positional[0], &names, &count);

    for (size_t i = 0; st == OR_OK && all && i < count; i++) {
        st = sieve_run_charge(r, SIEVE_MAX_WORK / 1000); /* it costs a look at the disk */
        all = msg->mailbox_exists(msg->context, names[i]);
    }
    *out = all;
    return st;
}
