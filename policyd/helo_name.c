/* Literals by address, names by characters, owner and number of labels. */
#include "policyd/helo_name.h"

#include "common/text/domain.h"

/* RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". Brackets around bare IPv6 are common enough
 * to be understood. */
static or_status
parse_literal(struct span name, struct ip *ip_out)
{
    const struct span tag = SPAN_LIT("IPv6:");

    if (name.n < 2 || name.p[name.n - 1] != ']')
        return OR_MALFORMED;
    struct span inner = span_slice(name, 1, name.n - 1);
    return ip_parse(span_has_prefix_nocase(inner, tag) ? span_from(inner, tag.n) : inner, ip_out);
}

static enum helo_finding
judge_literal(const struct helo_facts *f)
{
    struct ip ip;

    if (parse_literal(f->name, &ip) != OR_OK)
        return HELO_INVALID;
    if (ip_equal(&ip, &f->client))
        return HELO_FINE_LITERAL;
    return ip_equal(&ip, &f->server) ? HELO_OUR_NAME : HELO_WRONG_LITERAL;
}

static bool
has_domain(struct span name)
{
    return span_contains_byte(name, '.');
}

static bool
is_ours(const struct helo_facts *f, struct span name)
{
    if (has_domain(span_cstr(f->hostname)) && span_equal_nocase_cstr(name, f->hostname))
        return true;
    for (size_t i = 0; i < f->our_names->count; i++) {
        struct span ours = span_cstr(f->our_names->items[i]);

        if (span_has_prefix(ours, SPAN_LIT(".")) ? span_has_suffix_nocase(name, ours)
                                                 : span_equal_nocase(name, ours))
            return true;
    }
    return false;
}

enum helo_finding
helo_name_judge(const struct helo_facts *f)
{
    struct span name = f->name;
    struct ip ip;

    if (name.n == 0)
        return HELO_NONE;
    if (name.p[0] == '[')
        return judge_literal(f);
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--;
    if (ip_parse(name, &ip) == OR_OK)
        return ip_equal(&ip, &f->server) && !ip_equal(&ip, &f->client) ? HELO_OUR_NAME
                                                                       : HELO_NOT_FQDN;
    if (!domain_is_hostname(name) || name.n > DOMAIN_MAX_BYTES)
        return HELO_INVALID;
    if (is_ours(f, name))
        return HELO_OUR_NAME;
    return has_domain(name) ? HELO_FINE_NAME : HELO_NOT_FQDN;
}
