/*
 * Composed by the list of RFC 5436 2.7.
 */
#include "lmtp/notification.h"

#include "common/text/addrlist.h"
#include "common/text/encoded_word.h"
#include "common/text/utf8.h"

bool
notification_is_suppressed(const struct header_block *header)
{
    for (size_t i = 0; i < header->count; i++)
        if (own_message_is_automatic(&header->fields[i]))
            return true;
    return false;
}

struct span
notification_sender(const struct notification *n, struct span sender, struct arena *mem)
{
    struct span from = n->how->from.n > 0 ? n->how->from : n->recipient->address, copy;
    struct addrlist list;
    struct buf text;
    struct err why;

    if (sender.n == 0 || addrlist_parse(from, mem, &list, &why) != OR_OK || list.count != 1)
        return SPAN_EMPTY;
    buf_init(&text, ADDR_MAX_BYTES);
    addr_format(&text, &list.items[0]);
    or_status st = buf_finish(&text);
    if (st == OR_OK)
        st = arena_copy(mem, buf_span(&text), &copy);
    buf_fini(&text);
    return st == OR_OK ? copy : SPAN_EMPTY;
}

/* One address on each line. */
static void
add_recipients(struct buf *out, const struct notification *n, enum sieve_notified_as as,
               const char *field)
{
    bool has_one = false;

    for (size_t i = 0; i < n->how->count; i++) {
        if (n->how->to[i].as != as)
            continue;
        buf_addf(out, has_one ? ",\n " : "%s: ", field);
        buf_add_span(out, n->how->to[i].address);
        has_one = true;
    }
    if (has_one)
        buf_add_char(out, '\n');
}

static or_status
add_subject(struct buf *out, const struct notification *n, struct arena *mem)
{
    const struct header_field *f = header_find(n->header, "Subject");
    struct span text = n->how->message.n > 0 ? n->how->message : n->how->subject;
    or_status st = OR_OK;

    if (text.n == 0 && f != NULL) {
        st = header_unfold(f->value, mem, &text);
        if (st == OR_OK)
            st = encoded_word_decode(text, mem, &text);
    }
    if (st == OR_OK)
        own_message_subject(out, text.n > 0 ? text : SPAN_LIT("New message"));
    return st;
}

/* RFC 5436 2.7.1: whom to ask about it, as a quoted string. */
static void
add_owner(struct buf *out, struct span account)
{
    buf_add_cstr(out, "Auto-Submitted: auto-notified; owner-email=\"");
    for (size_t i = 0; i < account.n; i++) {
        if (account.p[i] == '"' || account.p[i] == '\\')
            buf_add_char(out, '\\');
        own_message_name(out, span_slice(account, i, i + 1));
    }
    buf_add_cstr(out, "\"\n");
}

or_status
notification_format(const struct notification *n, const struct maildir_name *name,
                    const struct lmtp_settings *settings, struct arena *mem, struct buf *out)
{
    const struct sieve_notification *how = n->how;

    add_owner(out, n->recipient->account_name);
    own_message_begin(out, name, "notify", settings);
    own_message_from(out, how->from.n > 0 ? how->from : n->recipient->address);
    add_recipients(out, n, SIEVE_NOTIFIED_TO, "To");
    add_recipients(out, n, SIEVE_NOTIFIED_CC, "Cc");
    or_status st = add_subject(out, n, mem);
    if (st == OR_OK)
        st = own_message_thread(out, n->header, mem);
    if (how->importance != '2')
        buf_addf(out, "Importance: %s\n", how->importance == '1' ? "high" : "low");
    own_message_text(out, how->body.n > 0 ? how->body : SPAN_LIT("A message has come.\n"));
    return st == OR_OK ? buf_finish(out) : st;
}
