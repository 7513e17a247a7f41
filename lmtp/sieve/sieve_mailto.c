/* What a URI may hold is looked at before anything is decoded. */
#include "lmtp/sieve/sieve_mailto.h"

#include "common/text/addrlist.h"
#include "common/text/utf8.h"

#include <string.h>

struct mailto {
    struct sieve_notification *out;
    struct arena *mem;
    struct err *e;
};

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.3, and of the delimiters those in `also`. Everything else is to be percent-encoded. */
static bool
is_allowed(char c, const char *also)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL) || (c != '\0' && strchr(also, c) != NULL);
}

static or_status
decode(const struct mailto *m, struct span text, const char *also, struct span *out)
{
    char *to = arena_alloc(m->mem, text.n + 1);
    size_t n = 0;

    if (to == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < text.n; i++) {
        int high = text.p[i] == '%' && i + 2 < text.n ? hex_digit(text.p[i + 1]) : -1,
            low = high >= 0 ? hex_digit(text.p[i + 2]) : -1;

        if (low >= 0) {
            to[n++] = (char)(high << 4 | low);
            i += 2;
        } else if (is_allowed(text.p[i], also)) {
            to[n++] = text.p[i];
        } else {
            return err_set(m->e, OR_MALFORMED, "mailto: byte 0x%02x must be percent-encoded",
                           (unsigned)(unsigned char)text.p[i]);
        }
    }
    *out = span_make(to, n);
    return utf8_is_valid(*out) ? OR_OK : err_set(m->e, OR_MALFORMED, "mailto: not UTF-8");
}

static or_status
add_address(const struct mailto *m, enum sieve_notified_as as, const struct addr *address)
{
    struct buf text;
    struct span kept;

    if (m->out->count == SIEVE_MAX_NOTIFIED)
        return err_set(m->e, OR_LIMIT, "mailto: more than %d addresses", SIEVE_MAX_NOTIFIED);
    if (address->local.n == 0 || address->domain.n == 0)
        return err_set(m->e, OR_MALFORMED, "mailto: expected an address \"user@domain\"");
    buf_init(&text, ADDR_MAX_BYTES);
    addr_format(&text, address);
    or_status st = buf_finish(&text);
    if (st == OR_OK)
        st = arena_copy(m->mem, buf_span(&text), &kept);
    buf_fini(&text);
    if (st == OR_OK)
        m->out->to[m->out->count++] = (struct sieve_notified){.address = kept, .as = as};
    return st;
}

static or_status
add_addresses(const struct mailto *m, enum sieve_notified_as as, struct span list)
{
    struct addrlist addresses;
    or_status st = addrlist_parse(list, m->mem, &addresses, m->e);

    if (st != OR_OK)
        return err_wrap(m->e, st, "mailto");
    for (size_t i = 0; i < addresses.count && st == OR_OK; i++)
        st = add_address(m, as, &addresses.items[i]);
    return st;
}

/* RFC 5322 2.2: printable, and no colon. */
static bool
is_field_name(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || (unsigned char)name.p[i] >= 0x7f || name.p[i] == ':')
            return false;
    return name.n > 0;
}

static or_status
take_field(const struct mailto *m, struct span name, struct span value)
{
    static const struct {
        const char *name;
        enum sieve_notified_as as;
    } lists[] = {{"to", SIEVE_NOTIFIED_TO}, {"cc", SIEVE_NOTIFIED_CC}, {"bcc", SIEVE_NOTIFIED_BCC}};

    if (!is_field_name(name))
        return err_set(m->e, OR_MALFORMED, "mailto: \"%.*s\" is no name of a header field",
                       SPAN_ARG(name));
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (span_equal_nocase_cstr(name, lists[i].name))
            return span_trim(value).n > 0 ? add_addresses(m, lists[i].as, value) : OR_OK;
    if (span_equal_nocase_cstr(name, "subject"))
        m->out->subject = value;
    if (span_equal_nocase_cstr(name, "body"))
        m->out->body = value;
    return OR_OK;
}

static or_status
take_fields(const struct mailto *m, struct span query)
{
    struct span field, name = SPAN_EMPTY, value = SPAN_EMPTY;
    or_status st = OR_OK;

    while (st == OR_OK && span_split(&query, '&', &field)) {
        size_t equals = span_find(field, '=');

        if (equals == field.n)
            return err_set(m->e, OR_MALFORMED, "mailto: expected \"name=value\" behind '?'");
        st = decode(m, span_slice(field, 0, equals), "!$'()*+,;:@", &name);
        if (st == OR_OK)
            st = decode(m, span_from(field, equals + 1), "!$'()*+,;:@/?", &value);
        if (st == OR_OK)
            st = take_field(m, name, value);
    }
    return st;
}

or_status
sieve_mailto_parse(struct span uri, struct arena *mem, struct sieve_notification *out,
                   struct err *e)
{
    const struct mailto m = {.out = out, .mem = mem, .e = e};
    struct span rest, list = SPAN_EMPTY;

    *out = (struct sieve_notification){
        .subject = SPAN_EMPTY, .body = SPAN_EMPTY, .from = SPAN_EMPTY, .message = SPAN_EMPTY};
    if (!span_has_prefix_nocase(uri, SPAN_LIT("mailto:")))
        return err_set(e, OR_MALFORMED, "expected a \"mailto:\" URI");
    rest = span_from(uri, strlen("mailto:"));
    size_t question = span_find(rest, '?');
    or_status st = decode(&m, span_slice(rest, 0, question), "!$'*+,:@", &list);
    if (st == OR_OK && list.n > 0)
        st = add_addresses(&m, SIEVE_NOTIFIED_TO, list);
    if (st == OR_OK && question < rest.n)
        st = take_fields(&m, span_from(rest, question + 1));
    if (st == OR_OK && out->count == 0)
        st = err_set(e, OR_MALFORMED, "mailto: expected an address \"user@domain\"");
    return st;
}
