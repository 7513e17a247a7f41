/*
 * Text -> list of records -> answers. Strict: a mistake in the file is named, not skipped, because
 * a record left out would show as "no key" and be looked for in the wrong place.
 */
#include "common/dns/dns_file.h"

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "common/text/domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FILE_TTL_S 300
#define STRING_MAX_BYTES 65535 /* a whole RDATA; a real character-string has 255 (RFC 1035 3.3) */

struct file_record {
    struct span name; /* canonical */
    bool fails;       /* SERVFAIL */
    enum dns_type type;
    struct dns_record data; /* all but TXT */
    struct span *strings;   /* TXT */
    size_t count;
};

struct dns_file {
    struct dns base;
    struct arena mem; /* what the records point to */
    struct file_record *records;
    size_t count;
    size_t room;
};

/* ---- answers */

static or_status
copy_txt(const struct file_record *r, struct arena *mem, struct dns_record *out)
{
    struct buf joined;
    or_status st = OR_OK;

    out->txt.count = r->count;
    out->txt.strings = arena_alloc_array(mem, r->count, sizeof(*out->txt.strings));
    if (out->txt.strings == NULL)
        return OR_LIMIT;
    buf_init(&joined, DNS_FILE_MAX_BYTES);
    for (size_t i = 0; i < r->count && st == OR_OK; i++) {
        buf_add_span(&joined, r->strings[i]);
        st = arena_copy(mem, r->strings[i], &out->txt.strings[i]);
    }
    if (st == OR_OK)
        st = arena_copy(mem, buf_span(&joined), &out->txt.joined);
    buf_fini(&joined);
    return st;
}

/* Names are copied: an answer must not hang on the file. */
static or_status
copy_record(const struct file_record *r, struct arena *mem, struct dns_record *out)
{
    if (r->type == DNS_TXT)
        return copy_txt(r, mem, out);
    *out = r->data;
    if (r->type == DNS_MX)
        return arena_copy(mem, r->data.mx.host, &out->mx.host);
    return r->type == DNS_PTR ? arena_copy(mem, r->data.name, &out->name) : OR_OK;
}

/* Fills in the answer's records; OR_TEMPFAIL where the file says so. */
static or_status
find(const struct dns_file *f, enum dns_type type, struct span name, struct arena *mem,
     struct dns_answer *answer)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct file_record *r = &f->records[i];

        if (!domain_is_within(r->name, name))
            continue;
        if (answer->result == DNS_NXDOMAIN)
            answer->result = DNS_NODATA;
        if (r->name.n != name.n)
            continue;
        if (r->fails)
            return OR_TEMPFAIL;
        if (type != r->type || answer->count == DNS_MAX_RECORDS)
            continue;
        answer->result = DNS_FOUND;
        or_status st = copy_record(r, mem, &answer->records[answer->count++]);
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

static or_status
file_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
           struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    struct dns_answer *answer = arena_alloc(mem, sizeof(*answer));
    struct span canonical;

    (void)deadline_mono_ms;
    or_status st = domain_canonical(name, mem, &canonical, e);
    if (st != OR_OK)
        return st;
    if (answer == NULL)
        return err_set(e, OR_LIMIT, "no memory left for an answer");
    *answer = (struct dns_answer){.result = DNS_NXDOMAIN, .ttl_s = FILE_TTL_S};
    answer->records = arena_alloc_array(mem, DNS_MAX_RECORDS, sizeof(*answer->records));
    if (answer->records == NULL)
        return err_set(e, OR_LIMIT, "no memory left for an answer");
    st = find((const struct dns_file *)dns, type, canonical, mem, answer);
    if (st != OR_OK)
        return err_set(e, st, "%.*s %s: %s", SPAN_ARG(canonical), dns_type_name(type),
                       st == OR_TEMPFAIL ? "SERVFAIL, says the file" : "no memory left");
    *answer_out = answer;
    return OR_OK;
}

static void
file_free(struct dns *dns)
{
    struct dns_file *f = (struct dns_file *)dns;

    arena_fini(&f->mem);
    free(f->records);
    free(f);
}

/* ---- reading */

enum token { TOKEN_WORD, TOKEN_STRING, TOKEN_LINE_END, TOKEN_FILE_END, TOKEN_BAD };

struct reading {
    struct dns_file *file;
    struct span rest;
    size_t line;
    bool in_parentheses;
    struct span text; /* of a word or string */
    struct err *e;
};

static void
skip_comment(struct reading *r)
{
    r->rest = span_from(r->rest, span_find(r->rest, '\n'));
}

/* A character, or an escape: \DDD is a byte in decimal, \X is X. False at the end of the text. */
static bool
read_escaped(struct reading *r, char *c_out)
{
    uint64_t byte;

    if (r->rest.n == 0 || r->rest.p[0] == '\n')
        return false;
    *c_out = r->rest.p[0];
    r->rest = span_from(r->rest, 1);
    if (*c_out != '\\')
        return true;
    if (r->rest.n >= 3 && span_parse_u64(span_slice(r->rest, 0, 3), 255, &byte) == OR_OK) {
        *c_out = (char)(unsigned char)byte;
        r->rest = span_from(r->rest, 3);
        return true;
    }
    if (r->rest.n == 0 || r->rest.p[0] == '\n')
        return false;
    *c_out = r->rest.p[0];
    r->rest = span_from(r->rest, 1);
    return true;
}

static enum token
read_string(struct reading *r)
{
    struct buf text;
    char c;
    or_status st = OR_MALFORMED;

    buf_init(&text, STRING_MAX_BYTES);
    r->rest = span_from(r->rest, 1);
    while (r->rest.n != 0 && r->rest.p[0] != '"' && read_escaped(r, &c))
        buf_add_char(&text, c);
    if (r->rest.n == 0 || r->rest.p[0] != '"')
        (void)err_set(r->e, OR_MALFORMED, "a closing quote is missing");
    else if (buf_finish(&text) != OR_OK ||
             arena_copy(&r->file->mem, buf_span(&text), &r->text) != OR_OK)
        (void)err_set(r->e, OR_LIMIT, "the string is too long");
    else
        st = OR_OK;
    r->rest = span_from(r->rest, 1);
    buf_fini(&text);
    return st == OR_OK ? TOKEN_STRING : TOKEN_BAD;
}

static enum token
read_word(struct reading *r)
{
    size_t n = 0;

    while (n < r->rest.n && (unsigned char)r->rest.p[n] > ' ' && r->rest.p[n] != ';' &&
           r->rest.p[n] != '"' && r->rest.p[n] != '(' && r->rest.p[n] != ')')
        n++;
    r->text = span_slice(r->rest, 0, n);
    r->rest = span_from(r->rest, n);
    if (n != 0)
        return TOKEN_WORD;
    (void)err_set(r->e, OR_MALFORMED, "unexpected byte");
    return TOKEN_BAD;
}

/* One of the marks that stand for themselves; TOKEN_LINE_END, or TOKEN_WORD: nothing to hand out.
 */
static enum token
read_mark(struct reading *r, char mark)
{
    r->rest = span_from(r->rest, 1);
    if (mark == '(' || mark == ')')
        r->in_parentheses = mark == '(';
    if (mark != '\n')
        return TOKEN_WORD;
    r->line++;
    return r->in_parentheses ? TOKEN_WORD : TOKEN_LINE_END;
}

static enum token
next_token(struct reading *r)
{
    while (r->rest.n != 0) {
        char c = r->rest.p[0];

        if (c == ';' || c == '#')
            skip_comment(r);
        else if (c == '"')
            return read_string(r);
        else if (c != '\n' && c != '(' && c != ')' && c != ' ' && c != '\t' && c != '\r')
            return read_word(r);
        else if (read_mark(r, c) == TOKEN_LINE_END)
            return TOKEN_LINE_END;
    }
    return TOKEN_FILE_END;
}

static bool
is_class_or_ttl(struct span word)
{
    uint64_t ttl;

    return span_equal_nocase_cstr(word, "IN") || span_parse_u64(word, UINT32_MAX, &ttl) == OR_OK;
}

static or_status
add_string(struct reading *r, struct file_record *record, size_t *room)
{
    struct arena *mem = &r->file->mem;

    if (record->count == *room) {
        size_t more = *room == 0 ? 4 : *room * 2;
        struct span *strings = arena_alloc_array(mem, more, sizeof(*strings));

        if (strings == NULL)
            return err_set(r->e, OR_LIMIT, "too many strings");
        for (size_t i = 0; i < record->count; i++)
            strings[i] = record->strings[i];
        record->strings = strings;
        *room = more;
    }
    record->strings[record->count++] = r->text;
    return OR_OK;
}

/* What stands behind the type, and the first token behind that. False: not in the form of the type,
 * or TOKEN_BAD; OR_LIMIT is in r->e already. */
typedef bool read_data(struct reading *r, struct file_record *record, enum token *token_out);

static bool
read_txt(struct reading *r, struct file_record *record, enum token *token_out)
{
    size_t room = 0;

    while ((*token_out = next_token(r)) == TOKEN_STRING)
        if (add_string(r, record, &room) != OR_OK) {
            *token_out = TOKEN_BAD;
            return false;
        }
    return record->count != 0;
}

static bool
read_nothing(struct reading *r, struct file_record *record, enum token *token_out)
{
    record->fails = true;
    *token_out = next_token(r);
    return true;
}

/* A word, and it is in r->text. */
static bool
next_word(struct reading *r, enum token *token_out)
{
    *token_out = next_token(r);
    return *token_out == TOKEN_WORD;
}

static bool
read_address(struct reading *r, struct file_record *record, enum token *token_out)
{
    int family = record->type == DNS_A ? AF_INET : AF_INET6;

    if (!next_word(r, token_out) || ip_parse(r->text, &record->data.ip) != OR_OK ||
        record->data.ip.family != family)
        return false;
    *token_out = next_token(r);
    return true;
}

/* "." is the root: what a null MX points to. */
static bool
read_name(struct reading *r, struct span *name_out, enum token *token_out)
{
    *name_out = SPAN_EMPTY;
    if (!next_word(r, token_out) ||
        (!span_equal_cstr(r->text, ".") &&
         domain_canonical(r->text, &r->file->mem, name_out, NULL) != OR_OK))
        return false;
    *token_out = next_token(r);
    return true;
}

static bool
read_mx(struct reading *r, struct file_record *record, enum token *token_out)
{
    uint64_t preference;

    if (!next_word(r, token_out) || span_parse_u64(r->text, UINT16_MAX, &preference) != OR_OK)
        return false;
    record->data.mx.preference = (uint16_t)preference;
    return read_name(r, &record->data.mx.host, token_out);
}

static bool
read_ptr(struct reading *r, struct file_record *record, enum token *token_out)
{
    return read_name(r, &record->data.name, token_out);
}

static const struct {
    const char *name;
    const char *form; /* what is behind it */
    enum dns_type type;
    read_data *read;
} types[] = {
    {"TXT", " \"string\" (in quotes)", DNS_TXT, read_txt},
    {"A", " 192.0.2.1", DNS_A, read_address},
    {"AAAA", " 2001:db8::1", DNS_AAAA, read_address},
    {"MX", " 10 mx.example.org", DNS_MX, read_mx},
    {"PTR", " host.example.org", DNS_PTR, read_ptr},
    {"SERVFAIL", "", DNS_TXT, read_nothing},
};

/* The type is in r->text. */
static or_status
read_type(struct reading *r, struct file_record *record)
{
    enum token token = TOKEN_WORD;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!span_equal_nocase_cstr(r->text, types[i].name))
            continue;
        record->type = types[i].type;
        bool is_read = types[i].read(r, record, &token);
        if (token == TOKEN_BAD)
            return OR_MALFORMED;
        if (is_read && token != TOKEN_WORD && token != TOKEN_STRING && !r->in_parentheses)
            return OR_OK;
        return err_set(r->e, OR_MALFORMED, "write NAME %s%s", types[i].name, types[i].form);
    }
    return err_set(r->e, OR_MALFORMED, "the type must be TXT, A, AAAA, MX or PTR (or SERVFAIL)");
}

static struct file_record *
add_record(struct dns_file *f)
{
    if (f->count == f->room) {
        f->room = f->room == 0 ? 16 : f->room * 2;
        f->records = xreallocarray(f->records, f->room, sizeof(*f->records));
    }
    f->records[f->count] = (struct file_record){.count = 0};
    return &f->records[f->count++];
}

/* The record whose name is r->text. */
static or_status
read_record(struct reading *r)
{
    if (r->file->count == DNS_FILE_MAX_RECORDS)
        return err_set(r->e, OR_LIMIT, "more than %d records", DNS_FILE_MAX_RECORDS);
    struct file_record *record = add_record(r->file);
    or_status st = domain_canonical(r->text, &r->file->mem, &record->name, r->e);
    if (st != OR_OK)
        return st;
    enum token token = next_token(r);
    while (token == TOKEN_WORD && is_class_or_ttl(r->text))
        token = next_token(r);
    if (token == TOKEN_BAD)
        return OR_MALFORMED;
    return token == TOKEN_WORD ? read_type(r, record)
                               : err_set(r->e, OR_MALFORMED, "the type is missing");
}

static or_status
read_records(struct reading *r)
{
    for (;;) {
        enum token token = next_token(r);
        size_t line = r->line;
        or_status st = OR_OK;

        if (token == TOKEN_FILE_END)
            return OR_OK;
        if (token == TOKEN_BAD)
            st = OR_MALFORMED;
        else if (token == TOKEN_STRING)
            st = err_set(r->e, OR_MALFORMED, "a record begins with a name");
        else if (token == TOKEN_WORD)
            st = read_record(r);
        if (st != OR_OK)
            return err_wrap(r->e, st, "line %zu", line);
    }
}

or_status
dns_file_parse(struct span text, struct dns **dns_out, struct err *e)
{
    static const struct dns_ops ops = {.query = file_query, .free = file_free};

    if (text.n > DNS_FILE_MAX_BYTES)
        return err_set(e, OR_LIMIT, "over %zu bytes", DNS_FILE_MAX_BYTES);
    struct dns_file *f = xcalloc(1, sizeof(*f));
    f->base.ops = &ops;
    arena_init(&f->mem, 16 * DNS_FILE_MAX_BYTES);
    struct reading r = {.file = f, .rest = text, .line = 1, .e = e};
    or_status st = read_records(&r);
    if (st != OR_OK) {
        file_free(&f->base);
        return st;
    }
    *dns_out = &f->base;
    return OR_OK;
}

or_status
dns_file_open(const char *path, struct dns **dns_out, struct err *e)
{
    char chunk[4096];
    struct buf text;
    size_t n;
    FILE *f = fopen(path, "rb");

    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    buf_init(&text, DNS_FILE_MAX_BYTES);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) != 0)
        buf_add(&text, chunk, n);
    or_status st = ferror(f) != 0 ? err_set(e, OR_CONFIG, "%s", os_error_text(errno)) : OR_OK;
    if (st == OR_OK && buf_finish(&text) != OR_OK)
        st = err_set(e, OR_LIMIT, "over %zu bytes", DNS_FILE_MAX_BYTES);
    if (st == OR_OK)
        st = dns_file_parse(buf_span(&text), dns_out, e);
    fclose(f);
    buf_fini(&text);
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s", path);
}
