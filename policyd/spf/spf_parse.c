/*
 * The grammar of RFC 7208 section 12, one function per rule. Strict where others guessed: a record
 * that two readers could understand differently is a permerror, and the reason says which term to
 * mend.
 */
#include "policyd/spf/spf_parse.h"

#include "policyd/spf/spf_macro.h"

#include <string.h>
#include <sys/socket.h>

#define VERSION SPAN_LIT("v=spf1")

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* toplabel: letters, digits, inner hyphens; not all digits. */
static bool
is_toplabel(struct span label)
{
    bool only_digits = true;

    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!is_alpha(c) && !is_digit(c) && c != '-')
            return false;
        if (!is_digit(c))
            only_digits = false;
    }
    return label.n > 0 && !only_digits && label.p[0] != '-' && label.p[label.n - 1] != '-';
}

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand; `tail` is what follows the last macro. */
static or_status
check_domain_end(struct span spec, struct span tail, struct err *e)
{
    struct ip ip;

    if (tail.n == 0)
        return OR_OK;
    if (ip_parse(spec, &ip) == OR_OK)
        return err_set(e, OR_MALFORMED, "an address where a domain belongs (use ip4: or ip6:)");
    if (tail.p[tail.n - 1] == '.')
        tail.n--;
    size_t dot = span_rfind(tail, '.');
    if (dot == tail.n)
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not a full domain name", SPAN_ARG(spec));
    struct span label = span_from(tail, dot + 1);
    if (!is_toplabel(label))
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not a valid top-level name", SPAN_ARG(label));
    return OR_OK;
}

/* domain-spec = macro-string domain-end */
static or_status
check_domain_spec(struct span spec, struct err *e)
{
    struct spf_macro_token token;
    struct span rest = spec;
    struct span tail = spec;

    if (spec.n == 0)
        return err_set(e, OR_MALFORMED, "the domain is missing");
    while (rest.n > 0) {
        or_status st = spf_macro_next(&rest, SPF_MACRO_TERM, &token, e);
        if (st != OR_OK)
            return st;
        if (token.is_expand)
            tail = rest;
    }
    return check_domain_end(spec, tail, e);
}

/* Takes "/digits" off the end of *arg. OR_ABSENT when there is none. RFC 7208 12: no leading zeros.
 */
static or_status
take_prefix(struct span *arg, unsigned max, uint8_t *prefix_out, struct err *e)
{
    size_t slash = span_rfind(*arg, '/');
    struct span digits = span_from(*arg, slash + 1);
    uint64_t value;

    if (slash == arg->n || digits.n == 0)
        return OR_ABSENT;
    for (size_t i = 0; i < digits.n; i++) {
        if (!is_digit(digits.p[i]))
            return OR_ABSENT;
    }
    if (digits.n > 1 && digits.p[0] == '0')
        return err_set(e, OR_MALFORMED, "prefix length /%.*s has a leading zero", SPAN_ARG(digits));
    if (span_parse_u64(digits, max, &value) != OR_OK)
        return err_set(e, OR_MALFORMED, "prefix length /%.*s is over %u", SPAN_ARG(digits), max);
    *prefix_out = (uint8_t)value;
    *arg = span_slice(*arg, 0, slash);
    return OR_OK;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ] */
static or_status
take_dual_prefix(struct span *arg, struct spf_term *term, struct err *e)
{
    struct span shorter = *arg;
    size_t slash = span_rfind(*arg, '/');

    term->prefix4 = 32;
    term->prefix6 = 128;
    if (slash > 0 && slash < arg->n && arg->p[slash - 1] == '/') {
        or_status st = take_prefix(&shorter, 128, &term->prefix6, e);
        if (st == OR_OK)
            *arg = span_slice(shorter, 0, slash - 1);
        else if (st != OR_ABSENT) /* "//" without a number may be part of the domain-spec */
            return st;
    }
    or_status st = take_prefix(arg, 32, &term->prefix4, e);
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
parse_nothing(struct span arg, struct spf_term *term, struct err *e)
{
    (void)term;
    if (arg.n != 0)
        return err_set(e, OR_MALFORMED, "nothing may follow \"all\"");
    return OR_OK;
}

/* include, exists: ":" domain-spec */
static or_status
parse_domain(struct span arg, struct spf_term *term, struct err *e)
{
    if (arg.n == 0 || arg.p[0] != ':')
        return err_set(e, OR_MALFORMED, "\":\" and a domain must follow");
    term->target = span_from(arg, 1);
    return check_domain_spec(term->target, e);
}

/* ptr: [ ":" domain-spec ] */
static or_status
parse_optional_domain(struct span arg, struct spf_term *term, struct err *e)
{
    return arg.n == 0 ? OR_OK : parse_domain(arg, term, e);
}

/* a, mx: [ ":" domain-spec ] [ dual-cidr-length ] */
static or_status
parse_domain_prefix(struct span arg, struct spf_term *term, struct err *e)
{
    or_status st = take_dual_prefix(&arg, term, e);

    return st != OR_OK ? st : parse_optional_domain(arg, term, e);
}

/* ip4, ip6: ":" network [ "/" prefix ] */
static or_status
parse_network(struct span arg, struct spf_term *term, struct err *e)
{
    bool v4 = term->mechanism == SPF_MECH_IP4;
    uint8_t prefix = v4 ? 32 : 128;

    if (arg.n == 0 || arg.p[0] != ':')
        return err_set(e, OR_MALFORMED, "\":\" and an address must follow");
    arg = span_from(arg, 1);
    or_status st = take_prefix(&arg, prefix, &prefix, e);
    if (st != OR_OK && st != OR_ABSENT)
        return st;
    struct ip *base = &term->network.base;
    if (span_contains_byte(arg, ':') == v4 || ip_parse(arg, base) != OR_OK)
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not an %s address", SPAN_ARG(arg),
                       v4 ? "IPv4" : "IPv6");
    if (!v4 && base->family == AF_INET) {
        /* ip_parse() made a mapped address IPv4; "ip6" must not match IPv4 clients (RFC 7208 5). */
        memcpy(base->bytes + 12, base->bytes, 4);
        memset(base->bytes, 0, 10);
        memset(base->bytes + 10, 0xff, 2);
        base->family = AF_INET6;
    }
    term->network.prefix = prefix;
    return OR_OK;
}

static const struct {
    const char *name;
    enum spf_mechanism mechanism;
    or_status (*parse)(struct span arg, struct spf_term *term, struct err *e);
} mechanisms[] = {
    {"all", SPF_MECH_ALL, parse_nothing},         {"include", SPF_MECH_INCLUDE, parse_domain},
    {"a", SPF_MECH_A, parse_domain_prefix},       {"mx", SPF_MECH_MX, parse_domain_prefix},
    {"ptr", SPF_MECH_PTR, parse_optional_domain}, {"ip4", SPF_MECH_IP4, parse_network},
    {"ip6", SPF_MECH_IP6, parse_network},         {"exists", SPF_MECH_EXISTS, parse_domain},
};

/* qualifier = "+" / "-" / "?" / "~"; takes it off *text. */
static enum spf_result
take_qualifier(struct span *text)
{
    static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_NEUTRAL, SPF_SOFTFAIL};
    struct span signs = SPAN_LIT("+-?~");
    size_t at = text->n > 0 ? span_find(signs, text->p[0]) : signs.n;

    if (at == signs.n)
        return SPF_PASS;
    *text = span_from(*text, 1);
    return results[at];
}

static or_status
parse_directive(struct span text, struct spf_record *record, struct err *e)
{
    struct spf_term term = {.text = text, .target = SPAN_EMPTY};
    size_t n = 0;

    term.qualifier = take_qualifier(&text);
    while (n < text.n && text.p[n] != ':' && text.p[n] != '/')
        n++;
    struct span name = span_slice(text, 0, n);
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (!span_equal_nocase_cstr(name, mechanisms[i].name))
            continue;
        term.mechanism = mechanisms[i].mechanism;
        or_status st = mechanisms[i].parse(span_from(text, n), &term, e);
        if (st == OR_OK)
            record->terms[record->count++] = term;
        return st;
    }
    if (span_equal_nocase_cstr(name, "redirect") || span_equal_nocase_cstr(name, "exp"))
        return err_set(e, OR_MALFORMED, "a modifier is written with \"=\"");
    return err_set(e, OR_MALFORMED, "unknown mechanism");
}

/* RFC 7208 6: redirect= and exp= at most once each. */
static or_status
set_once(struct span value, struct span *field, struct err *e)
{
    if (field->n != 0)
        return err_set(e, OR_MALFORMED, "given twice");
    *field = value;
    return check_domain_spec(value, e);
}

static or_status
parse_modifier(struct span name, struct span value, struct spf_record *record, struct err *e)
{
    if (span_equal_nocase_cstr(name, "redirect"))
        return set_once(value, &record->redirect, e);
    if (span_equal_nocase_cstr(name, "exp"))
        return set_once(value, &record->explanation, e);
    return spf_macro_check(value, SPF_MACRO_MODIFIER, e);
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ): its length when "=" follows, else 0. */
static size_t
modifier_name_length(struct span text)
{
    size_t n = 0;

    if (text.n == 0 || !is_alpha(text.p[0]))
        return 0;
    while (n < text.n && (is_alpha(text.p[n]) || is_digit(text.p[n]) ||
                          span_contains_byte(SPAN_LIT("-_."), text.p[n])))
        n++;
    return n < text.n && text.p[n] == '=' ? n : 0;
}

static or_status
parse_term(struct span text, struct spf_record *record, struct err *e)
{
    size_t n = modifier_name_length(text);
    or_status st = n == 0
                       ? parse_directive(text, record, e)
                       : parse_modifier(span_slice(text, 0, n), span_from(text, n + 1), record, e);

    return st == OR_OK ? OR_OK : err_wrap(e, st, "\"%.*s\"", SPF_SHORT(text));
}

static size_t
count_terms(struct span text)
{
    struct span part;
    size_t count = 0;

    while (span_split(&text, ' ', &part)) {
        if (part.n != 0)
            count++;
    }
    return count;
}

/* version = "v=spf1", then a blank or the end. */
static bool
is_version(struct span text)
{
    return span_has_prefix_nocase(text, VERSION) &&
           (text.n == VERSION.n || text.p[VERSION.n] == ' ');
}

or_status
spf_parse_select(const struct dns_answer *txt, struct span *text_out, struct err *e)
{
    const struct span *found = NULL;

    for (size_t i = 0; i < txt->count; i++) {
        const struct span *text = &txt->records[i].txt.joined;
        if (!is_version(*text))
            continue;
        /* RFC 7208 4.5: two records are an error, never "first one wins". */
        if (found != NULL)
            return err_set(e, OR_MALFORMED, "more than one SPF record");
        found = text;
    }
    if (found == NULL)
        return OR_ABSENT;
    *text_out = *found;
    return OR_OK;
}

or_status
spf_parse(struct span text, struct arena *mem, struct spf_record *record_out, struct err *e)
{
    struct spf_record record = {.redirect = SPAN_EMPTY, .explanation = SPAN_EMPTY};
    struct span part;

    if (!is_version(text))
        return err_set(e, OR_MALFORMED, "the record does not begin with \"v=spf1\"");
    if (text.n > SPF_MAX_RECORD_BYTES)
        return err_set(e, OR_MALFORMED, "the record is longer than %d bytes", SPF_MAX_RECORD_BYTES);
    text = span_from(text, VERSION.n);
    size_t count = count_terms(text);
    if (count > SPF_PARSE_MAX_TERMS)
        return err_set(e, OR_MALFORMED, "the record has more than %d terms", SPF_PARSE_MAX_TERMS);
    record.terms = arena_alloc_array(mem, count, sizeof(*record.terms));
    if (record.terms == NULL)
        return err_set(e, OR_LIMIT, "not enough memory for the record's %zu terms", count);
    while (span_split(&text, ' ', &part)) {
        or_status st = part.n != 0 ? parse_term(part, &record, e) : OR_OK;
        if (st != OR_OK)
            return st;
    }
    *record_out = record;
    return OR_OK;
}
