/*
 * address and envelope (RFC 5228 5.1, 5.4) with :user and :detail (RFC 5233).
 *
 * A field whose addresses cannot be read without a guess gives its whole text to :all and nothing
 * to the other parts (RFC 5228 2.7.4: parts of what is no address do not exist).
 */
#include "lmtp/sieve/sieve_fields.h"
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_rows.h"

#include "common/base/buf.h"
#include "common/text/addrlist.h"

#define MAX_ADDRESS_BYTES 2048

or_status
tst_address_check(struct sieve_check *c, struct sieve_node *node)
{
    static const char *const fields[] = {
        "From",
        "To",
        "Cc",
        "Bcc",
        "Sender",
        "Reply-To",
        "Resent-From",
        "Resent-To",
        "Resent-Cc",
        "Resent-Bcc",
        "Resent-Sender",
        "Resent-Reply-To",
        "Return-Path",
        "Delivered-To",
        "X-Original-To",
        "Errors-To",
        "Disposition-Notification-To",
        "Envelope-To",
        "Mail-From",
        "Mail-Followup-To",
        "Mail-Reply-To",
        "Approved",
        "Return-Receipt-To",
        "Apparently-To",
    };
    const struct sieve_arg *names = node->positional[0];

    for (size_t i = 0; i < names->count; i++) {
        size_t k = 0;

        /* RFC 5228 5.1: "MUST be restricted to header fields that contain addresses". */
        while (k < sizeof(fields) / sizeof(fields[0]) &&
               !span_equal_nocase_cstr(names->strings[i], fields[k]))
            k++;
        bool variable = (c->required & SIEVE_VARIABLES) != 0 && sieve_vars_has(names->strings[i]);
        if (k == sizeof(fields) / sizeof(fields[0]) && !variable)
            return sieve_check_fail(c, names->pos,
                                    "expected a field that holds addresses, not \"%.*s\"",
                                    SPAN_ARG(names->strings[i]));
    }
    return OR_OK;
}

static enum sieve_part
part_of(const struct sieve_node *node)
{
    const struct sieve_tag *tag = node->given[SIEVE_SLOT_PART].tag;

    return tag != NULL ? (enum sieve_part)tag->choice : SIEVE_PART_ALL;
}

static void
match_whole(struct sieve_match *m, const struct addr *a)
{
    struct buf text;

    buf_init(&text, MAX_ADDRESS_BYTES);
    buf_add_span(&text, a->local);
    if (a->domain.n > 0) {
        buf_add_char(&text, '@');
        buf_add_span(&text, a->domain);
    }
    struct span copy;
    if (buf_finish(&text) == OR_OK && arena_copy(&m->run->mem, buf_span(&text), &copy) == OR_OK)
        sieve_match_value(m, copy);
    buf_fini(&text);
}

static void
match_address(struct sieve_match *m, const struct addr *a)
{
    struct span base = a->local, detail = {0};
    char separator = m->run->message->detail_separator;

    if (separator != '\0')
        addr_split_detail(a->local, separator, &base, &detail);
    switch (part_of(m->node)) {
    case SIEVE_PART_ALL:
        match_whole(m, a);
        break;
    case SIEVE_PART_LOCAL:
        sieve_match_value(m, a->local);
        break;
    case SIEVE_PART_DOMAIN:
        sieve_match_value(m, a->domain);
        break;
    case SIEVE_PART_USER:
        sieve_match_value(m, base);
        break;
    case SIEVE_PART_DETAIL: /* RFC 5233 4: without separator there is no detail */
        if (detail.p != NULL)
            sieve_match_value(m, detail);
        break;
    }
}

static or_status
match_field(struct sieve_match *m, const struct header_field *f)
{
    struct addrlist list;
    struct span text;
    or_status st = sieve_fields_text(m->run, f, false, &text);

    if (st != OR_OK)
        return st;
    if (addrlist_parse(text, &m->run->mem, &list, NULL) != OR_OK) {
        if (part_of(m->node) == SIEVE_PART_ALL)
            sieve_match_value(m, text);
        return OR_OK;
    }
    for (size_t i = 0; i < list.count && !m->matched; i++)
        match_address(m, &list.items[i]);
    return OR_OK;
}

or_status
tst_address(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_match m = {.run = r, .node = node};
    struct span *names;
    size_t count;
    or_status st = sieve_vars_strings(r, node->positional[0], &names, &count);

    if (st == OR_OK)
        st = sieve_match_begin(&m, r, node);
    for (size_t i = 0; st == OR_OK && i < count; i++) {
        struct sieve_fields fields;
        const struct header_field *f;

        st = sieve_fields_begin(&fields, r, node, names[i]);
        while (st == OR_OK && !m.matched && (f = sieve_fields_next(&fields)) != NULL)
            st = match_field(&m, f);
    }
    return st == OR_OK ? sieve_match_end(&m, out) : st;
}

/* RFC 5228 5.4: unknown parts of the envelope are errors; "auth" is not ours to know. */
or_status
tst_envelope_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *names = node->positional[0];

    for (size_t i = 0; i < names->count; i++)
        if (!span_equal_nocase_cstr(names->strings[i], "from") &&
            !span_equal_nocase_cstr(names->strings[i], "to"))
            return sieve_check_fail(c, names->pos, "expected \"from\" or \"to\"");
    return OR_OK;
}

or_status
tst_envelope(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    const struct sieve_arg *names = node->positional[0];
    struct sieve_match m;
    or_status st = sieve_match_begin(&m, r, node);

    if (st != OR_OK)
        return st;
    for (size_t i = 0; i < names->count && !m.matched; i++) {
        bool from = span_equal_nocase_cstr(names->strings[i], "from");
        struct addr a = addr_split(from ? r->message->sender : r->message->recipient);

        /* RFC 5228 5.4: the null path is the empty string, whatever part is asked for. */
        if (addr_is_null(&a))
            sieve_match_value(&m, SPAN_EMPTY);
        else
            match_address(&m, &a);
    }
    return sieve_match_end(&m, out);
}
