/*
 * Header fields, bodies and files of our own messages.
 */
#include "lmtp/own_message.h"

#include "common/text/addr.h"
#include "common/text/encoded_word.h"
#include "common/text/utf8.h"
#include "lmtp/spool.h"

#define MAX_LINE_BYTES 998 /* RFC 5322 2.1.1 */
#define MAX_ID_BYTES 250   /* of one Message-ID in References */
#define MAX_REFERENCES 20

void
own_message_begin(struct buf *out, const struct maildir_name *name, const char *kind,
                  const struct lmtp_settings *settings)
{
    char date[HEADER_DATE_BYTES];

    header_format_date(name->when.tv_sec, date);
    buf_addf(out, "Date: %s\nMessage-ID: <%lld.%ld.%llu.%s@%s>\n", date,
             (long long)name->when.tv_sec, (long)name->pid, (unsigned long long)name->sequence,
             kind, settings->hostname);
}

void
own_message_subject(struct buf *out, struct span subject)
{
    struct span rest = subject;
    uint32_t character;
    struct buf line;
    size_t n = 0;

    for (; rest.n > 0 && n < OWN_MESSAGE_SUBJECT_CHARACTERS; n++)
        if (utf8_next(&rest, &character) != OR_OK)
            rest = span_from(rest, 1); /* an account's name may be anything */
    buf_init(&line, subject.n);
    buf_add_span(&line, span_slice(subject, 0, subject.n - rest.n));
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' || line.p[i] == '\x7f')
            line.p[i] = ' ';
    buf_add_cstr(out, "Subject: ");
    encoded_word_encode(out, buf_span(&line));
    buf_add_char(out, '\n');
    buf_fini(&line);
}

/* A mailbox that was found well-formed: its display name may hold what a header cannot. */
void
own_message_from(struct buf *out, struct span from)
{
    size_t open = span_rfind(from, '<');
    struct span name = span_trim(span_slice(from, 0, open));

    buf_add_cstr(out, "From: ");
    if (open < from.n && !utf8_is_ascii(name)) {
        if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
            name = span_slice(name, 1, name.n - 1);
        encoded_word_encode(out, name);
        buf_add_cstr(out, "\n ");
        from = span_from(from, open);
    }
    own_message_name(out, span_trim(from));
    buf_add_char(out, '\n');
}

static bool
is_id(struct span id)
{
    if (id.n < 3 || id.n > MAX_ID_BYTES || id.p[0] != '<' || id.p[id.n - 1] != '>')
        return false;
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] <= ' ' || (unsigned char)id.p[i] >= 0x7f)
            return false;
    return true;
}

static void
add_references(struct buf *out, struct span text)
{
    struct span id;
    size_t n = 0;

    while (n < MAX_REFERENCES && span_split(&text, ' ', &id))
        if (is_id(id)) {
            buf_addf(out, "\n %.*s", SPAN_ARG(id));
            n++;
        }
}

or_status
own_message_thread(struct buf *out, const struct header_block *header, struct arena *mem)
{
    const struct header_field *id = header_find(header, "Message-ID"),
                              *references = header_find(header, "References");
    struct span text;

    if (references == NULL)
        references = header_find(header, "In-Reply-To");
    if (id == NULL || !is_id(span_trim(id->value)))
        return OR_OK;
    buf_addf(out, "In-Reply-To: %.*s\nReferences:", SPAN_ARG(span_trim(id->value)));
    if (references != NULL) {
        or_status st = header_unfold(references->value, mem, &text);

        if (st != OR_OK)
            return st;
        add_references(out, text);
    }
    buf_addf(out, "\n %.*s\n", SPAN_ARG(span_trim(id->value)));
    return OR_OK;
}

/* A line that is too long is cut, but not within a character. */
static void
add_line(struct buf *out, struct span line)
{
    while (line.n > MAX_LINE_BYTES) {
        size_t n = MAX_LINE_BYTES;

        while (n > MAX_LINE_BYTES - 4 && ((unsigned char)line.p[n] & 0xc0) == 0x80)
            n--;
        buf_add_span(out, span_slice(line, 0, n));
        buf_add_char(out, '\n');
        line = span_from(line, n);
    }
    buf_add_span(out, line);
    buf_add_char(out, '\n');
}

void
own_message_lines(struct buf *out, struct span text)
{
    struct span rest, line;
    struct buf clean;

    buf_init(&clean, text.n);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\0' && text.p[i] != '\r')
            buf_add_char(&clean, text.p[i]);
    rest = buf_span(&clean);
    if (rest.n > 0 && rest.p[rest.n - 1] == '\n')
        rest.n--;
    while (span_split(&rest, '\n', &line))
        add_line(out, line);
    buf_fini(&clean);
}

void
own_message_text(struct buf *out, struct span text)
{
    buf_addf(out,
             "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
             "Content-Transfer-Encoding: %s\n\n",
             utf8_is_ascii(text) ? "7bit" : "8bit");
    own_message_lines(out, text);
}

void
own_message_name(struct buf *out, struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        buf_add_char(out, (unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f ? '?' : name.p[i]);
}

void
own_message_notice(struct buf *out, const struct own_notice *notice,
                   const struct maildir_name *name, const struct lmtp_settings *settings)
{
    struct buf account;

    buf_init(&account, OWN_MESSAGE_MAX_BYTES);
    own_message_name(&account, notice->account);
    const struct addr owner = addr_split(buf_span(&account));
    const struct span domain = owner.domain.n > 0 ? owner.domain : span_cstr(settings->hostname);
    buf_addf(out, "Return-Path: <>\nDelivered-To: %.*s\n", SPAN_ARG(buf_span(&account)));
    own_message_begin(out, name, notice->kind, settings);
    buf_addf(out, "From: Mail system <postmaster@%.*s>\nTo: ", SPAN_ARG(domain));
    addr_format(out, &owner);
    buf_add_cstr(out, "\nAuto-Submitted: auto-generated\n");
    own_message_subject(out, notice->subject);
    own_message_text(out, notice->text);
    buf_fini(&account);
}

/* RFC 3834 5: "no", perhaps with parameters or a comment behind it, is a person's mail. */
bool
own_message_is_automatic(const struct header_field *f)
{
    struct span rest = f->value;

    if (!span_equal_nocase_cstr(f->name, "Auto-Submitted"))
        return false;
    if (header_skip_cfws(&rest) != OR_OK || !span_has_prefix_nocase(rest, SPAN_LIT("no")))
        return true;
    rest = span_from(rest, 2);
    return rest.n > 0 && !span_contains_byte(SPAN_LIT(" \t\r\n;("), rest.p[0]);
}

or_status
own_message_put(struct maildir *box, const struct maildir_name *name, struct span text,
                const struct lmtp_settings *settings, int64_t *counted_out, struct maildir_fault *f)
{
    struct spool s = {.fd = -1};

    spool_open(&s, box, name);
    spool_write(&s, text);
    spool_sync(&s);
    or_status st = spool_publish(&s, box, name, true, f);
    if (st == OR_OK)
        st = spool_confirm(&s, box, name, f);
    if (st == OR_OK)
        *counted_out = (int64_t)(s.file_bytes + (settings->quota_virtual_sizes ? s.line_ends : 0));
    spool_close(&s);
    return st;
}
