/*
 * The one form in which addresses are stored and asked for. What it lets through becomes part of
 * directory names (mail-home), of Postfix's comma-separated map results and of protocol lines, so
 * it takes only local parts that need no quoting anywhere.
 */
#include "authd/accounts/account_db.h"
#include "authd/accounts/saslprep.h"
#include "common/text/domain.h"
#include "common/text/utf8.h"

#include <string.h>

/* RFC 5322 3.2.3 specials but the dot, and the slash of paths. */
#define ADDRESS_SPECIALS "()<>[]:;@\\,\"/"

#define FIRST_PRINTABLE 0x21
#define DELETE 0x7f
#define LAST_C1_CONTROL 0x9f
#define NO_BREAK_SPACE 0xa0
#define LINE_SEPARATOR 0x2028
#define PARAGRAPH_SEPARATOR 0x2029

static bool
is_allowed(uint32_t c)
{
    if (c < DELETE)
        return c >= FIRST_PRINTABLE && strchr(ADDRESS_SPECIALS, (int)c) == NULL;
    return c > LAST_C1_CONTROL && c != NO_BREAK_SPACE && c != LINE_SEPARATOR &&
           c != PARAGRAPH_SEPARATOR;
}

static or_status
check_local(struct span local, struct err *e)
{
    struct span rest = local;
    uint32_t c;
    or_status st;

    if (local.n > ACCOUNT_MAX_LOCAL_BYTES)
        return err_set(e, OR_MALFORMED, "the part before the @ is longer than %d bytes",
                       ACCOUNT_MAX_LOCAL_BYTES);
    /* It names a directory: none that is hidden, "." or "..". */
    if (local.n > 0 && local.p[0] == '.')
        return err_set(e, OR_MALFORMED, "the part before the @ begins with a dot");
    while ((st = utf8_next(&rest, &c)) == OR_OK)
        if (!is_allowed(c))
            return err_set(e, OR_MALFORMED,
                           "the part before the @ holds a character that is not taken: blanks, "
                           "control characters and any of %s",
                           ADDRESS_SPECIALS);
    if (st != OR_ABSENT)
        return err_set(e, OR_MALFORMED, "the part before the @ is not UTF-8");
    return OR_OK;
}

or_status
account_domain_parse(struct span text, struct arena *mem, struct span *domain_out, struct err *e)
{
    struct span canonical = SPAN_EMPTY;
    or_status st = domain_canonical(text, mem, &canonical, e);

    if (st != OR_OK)
        return st;
    /* domain_canonical() lets any printable byte pass; a slash would leave the mail directory. */
    if (!domain_is_hostname(canonical))
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not the name of a domain",
                       SPAN_ARG(canonical));
    *domain_out = canonical;
    return OR_OK;
}

/* local@domain in one piece, ASCII letters of the local part lowered; both parts point into it. */
static or_status
join(struct span local, struct span domain, struct arena *mem, struct account_address *address_out)
{
    size_t bytes = local.n + 1 + domain.n;
    char *whole = arena_alloc(mem, bytes + 1);

    if (whole == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < local.n; i++) {
        char c = local.p[i];

        whole[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    whole[local.n] = '@';
    memcpy(whole + local.n + 1, domain.p, domain.n);
    *address_out = (struct account_address){
        .local = span_make(whole, local.n),
        .domain = span_make(whole + local.n + 1, domain.n),
        .whole = span_make(whole, bytes),
    };
    return OR_OK;
}

static or_status
parse_parts(struct span local, struct span domain, struct arena *mem,
            struct account_address *address_out, struct err *e)
{
    struct span canonical = SPAN_EMPTY;
    or_status st = check_local(local, e);

    if (st == OR_OK)
        st = account_domain_parse(domain, mem, &canonical, e);
    if (st == OR_OK)
        st = join(local, canonical, mem, address_out);
    return st == OR_LIMIT ? err_set(e, OR_LIMIT, "no room for the address") : st;
}

or_status
account_address_parse(struct span text, bool catch_all_ok, struct arena *mem,
                      struct account_address *address_out, struct err *e)
{
    size_t at = span_rfind(text, '@');
    struct span local = span_slice(text, 0, at);
    struct buf prepared;

    if (at == text.n)
        return err_set(e, OR_MALFORMED, "\"%.*s\" has no @", SPAN_ARG(text));
    if (local.n == 0 && !catch_all_ok)
        return err_set(e, OR_MALFORMED, "\"%.*s\" has nothing before the @", SPAN_ARG(text));
    buf_init(&prepared, SASLPREP_MAX_BYTES);
    /* An "ü" is an "ü" in one character or in two. Scripts that run from right to left stay as they
     * came: RFC 4013 would refuse them beside a digit. */
    if (!utf8_is_ascii(local) && saslprep(local, &prepared) == OR_OK)
        local = buf_span(&prepared);
    or_status st = parse_parts(local, span_from(text, at + 1), mem, address_out, e);
    buf_fini(&prepared);
    return st;
}
