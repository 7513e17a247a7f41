/*
 * The rules of RFC 3834 and RFC 5230, and the answer as a message.
 */
#include "lmtp/vacation.h"

#include "common/text/addrlist.h"
#include "common/text/encoded_word.h"
#include "common/text/utf8.h"

/* ---- who gets none */

/* RFC 5230 4.6: programs that send mail. */
static bool
is_program(struct span local)
{
    static const char *const names[] = {"mailer-daemon", "listserv", "majordomo"};
    static const struct span ends[] = {SPAN_INIT("-request"), SPAN_INIT("-owner"),
                                       SPAN_INIT("-bounces")};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_equal_nocase_cstr(local, names[i]))
            return true;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (span_has_suffix_nocase(local, ends[i]))
            return true;
    return span_has_prefix_nocase(local, SPAN_LIT("owner-"));
}

/* What senders wrote long before RFC 3834. */
static bool
is_bulk(struct span value)
{
    static const char *const words[] = {"bulk", "junk", "list"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_equal_nocase_cstr(span_trim(value), words[i]))
            return true;
    return false;
}

/* [MS-OXCMAIL] 2.1.3.2.20: "All", or a list with "OOF" in it. */
static bool
suppresses_answers(struct span value)
{
    struct span word;

    while (span_split(&value, ',', &word))
        if (span_equal_nocase_cstr(span_trim(word), "all") ||
            span_equal_nocase_cstr(span_trim(word), "oof"))
            return true;
    return false;
}

static const char *
field_refusal(const struct header_field *f)
{
    if (span_has_prefix_nocase(f->name, SPAN_LIT("List-")))
        return "it came over a mailing list";
    if (own_message_is_automatic(f))
        return "it is an automatic message";
    if (span_equal_nocase_cstr(f->name, "Precedence") && is_bulk(f->value))
        return "it is bulk mail";
    if (span_equal_nocase_cstr(f->name, "X-Auto-Response-Suppress") && suppresses_answers(f->value))
        return "its sender asks for no answer";
    return NULL;
}

static bool
is_same(const struct addr *a, const struct addr *b)
{
    return span_equal_nocase(a->local, b->local) && span_equal_nocase(a->domain, b->domain);
}

/* RFC 5230 4.5: the owner's addresses, with and without detail. */
static bool
is_own(const struct vacation *v, const struct addr *address)
{
    const struct sieve_vacation *how = v->action->vacation;
    struct addr own = addr_split(v->recipient->address), account;
    struct span detail;

    if (is_same(address, &own))
        return true;
    if (v->detail_separator != '\0')
        addr_split_detail(own.local, v->detail_separator, &own.local, &detail);
    account = addr_split(v->recipient->account_name);
    if (is_same(address, &own) || is_same(address, &account))
        return true;
    for (size_t i = 0; i < how->address_count; i++) {
        own = addr_split(span_trim(how->addresses[i]));
        if (is_same(address, &own))
            return true;
    }
    return false;
}

static bool
names_people(struct span name)
{
    static const char *const names[] = {"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_equal_nocase_cstr(name, names[i]))
            return true;
    return false;
}

static bool
find_in_list(const struct vacation *v, struct span value, struct arena *mem, struct span *self_out)
{
    struct addrlist list;
    struct buf text;
    struct err why;

    if (addrlist_parse(value, mem, &list, &why) != OR_OK)
        return false;
    for (size_t i = 0; i < list.count; i++) {
        if (!is_own(v, &list.items[i]))
            continue;
        buf_init(&text, ADDR_MAX_BYTES);
        addr_format(&text, &list.items[i]);
        or_status st = buf_finish(&text);
        if (st == OR_OK)
            st = arena_copy(mem, buf_span(&text), self_out);
        buf_fini(&text);
        return st == OR_OK;
    }
    return false;
}

const char *
vacation_refusal(const struct vacation *v, struct arena *mem, struct span *self_out)
{
    const struct addr sender = addr_split(v->sender);
    bool is_named = false;

    if (sender.local.n == 0 || sender.domain.n == 0)
        return "its sender is <>";
    if (is_program(sender.local))
        return "its sender is a program";
    if (is_own(v, &sender))
        return "its sender is the owner";
    for (size_t i = 0; i < v->header->count; i++) {
        const struct header_field *f = &v->header->fields[i];
        const char *refusal = field_refusal(f);

        if (refusal != NULL)
            return refusal;
        if (!is_named && names_people(f->name))
            is_named = find_in_list(v, f->value, mem, self_out);
    }
    return is_named ? NULL : "it does not name the owner";
}

/* ---- memory */

void
vacation_key(const struct vacation *v, char out[SCRIPT_MEMORY_KEY_BYTES])
{
    const struct sieve_vacation *how = v->action->vacation;
    bool has_handle = how->handle.n > 0;
    struct buf sender;

    buf_init(&sender, SIZE_MAX);
    buf_add_span(&sender, v->sender);
    for (size_t i = 0; i < sender.n; i++) /* people write addresses in either case */
        if (sender.p[i] >= 'A' && sender.p[i] <= 'Z')
            sender.p[i] = (char)(sender.p[i] | 0x20);
    const struct span parts[] = {
        v->recipient->account_name,
        buf_span(&sender),
        how->handle,
        has_handle ? SPAN_EMPTY : how->subject,
        has_handle ? SPAN_EMPTY : how->from,
        has_handle ? SPAN_EMPTY : v->action->target,
        how->mime && !has_handle ? SPAN_LIT("mime") : SPAN_EMPTY,
    };
    script_memory_key("vacation", parts, sizeof(parts) / sizeof(parts[0]), out);
    buf_fini(&sender);
}

/* ---- the answer */

/* RFC 5230 4.4: "Auto: " and the subject that is answered. */
static or_status
add_subject(struct buf *out, const struct vacation *v, struct arena *mem)
{
    const struct header_field *f = header_find(v->header, "Subject");
    struct span text = v->action->vacation->subject;
    struct buf automatic;
    or_status st = OR_OK;

    buf_init(&automatic, SIZE_MAX);
    if (text.n == 0 && f != NULL) {
        st = header_unfold(f->value, mem, &text);
        if (st == OR_OK)
            st = encoded_word_decode(text, mem, &text);
        buf_add_cstr(&automatic, "Auto: ");
        buf_add_span(&automatic, text);
        text = buf_span(&automatic);
    }
    if (st == OR_OK)
        own_message_subject(out, text.n > 0 ? text : SPAN_LIT("Automated reply"));
    buf_fini(&automatic);
    return st;
}

/* RFC 5230 4.1 :mime. Other fields than those that describe the body are ours to write. */
static or_status
add_entity(struct buf *out, struct span entity, struct arena *mem)
{
    struct header_block block;
    struct err why;
    or_status st = header_parse(entity, mem, &block, &why);

    if (st != OR_OK)
        return st;
    buf_add_cstr(out, "MIME-Version: 1.0\n");
    for (size_t i = 0; i < block.count; i++)
        if (span_has_prefix_nocase(block.fields[i].name, SPAN_LIT("Content-")))
            own_message_lines(out, block.fields[i].raw);
    buf_add_char(out, '\n');
    own_message_lines(out, span_from(entity, block.body_offset));
    return OR_OK;
}

or_status
vacation_format(const struct vacation *v, struct span self, const struct maildir_name *name,
                const struct lmtp_settings *settings, struct arena *mem, struct buf *out)
{
    const struct sieve_vacation *how = v->action->vacation;

    own_message_begin(out, name, "vacation", settings);
    own_message_from(out, how->from.n > 0 ? how->from : self);
    buf_addf(out, "To: %.*s\n", SPAN_ARG(v->sender));
    or_status st = add_subject(out, v, mem);
    if (st == OR_OK)
        st = own_message_thread(out, v->header, mem);
    /* RFC 3834 3.1.7; Precedence is for programs that know nothing newer. */
    buf_add_cstr(out, "Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk\n");
    if (st == OR_OK && how->mime)
        st = add_entity(out, v->action->target, mem);
    else
        own_message_text(out, v->action->target);
    return st == OR_OK ? buf_finish(out) : st;
}
