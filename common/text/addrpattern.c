/* The form decides what is compared. */
#include "common/text/addrpattern.h"

#include "common/text/domain.h"

static or_status
parse_domain(struct span text, struct arena *mem, struct addrpattern *p, struct err *e)
{
    if (domain_canonical(text, mem, &p->domain, e) == OR_OK)
        return OR_OK;
    return err_wrap(e, OR_MALFORMED, "\"%.*s\" is no address, domain or .domain", SPAN_ARG(text));
}

or_status
addrpattern_parse(struct span text, struct arena *mem, struct addrpattern *pattern_out,
                  struct err *e)
{
    struct addrpattern p = {.kind = ADDRPATTERN_ADDRESS};
    size_t at = span_rfind(text, '@');
    or_status st = OR_OK;

    if (span_equal_cstr(text, "*")) {
        p.kind = ADDRPATTERN_ANY;
    } else if (span_equal_cstr(text, "<>")) {
        p.kind = ADDRPATTERN_NULL;
    } else if (at == text.n) {
        bool dotted = text.n > 0 && text.p[0] == '.';

        p.kind = dotted ? ADDRPATTERN_SUBDOMAINS : ADDRPATTERN_DOMAIN;
        st = parse_domain(span_from(text, dotted), mem, &p, e);
    } else if (at == 0) {
        st = err_set(e, OR_MALFORMED, "\"%.*s\" names nobody before the @", SPAN_ARG(text));
    } else {
        st = arena_copy(mem, span_slice(text, 0, at), &p.local);
        p.kind = at + 1 == text.n ? ADDRPATTERN_LOCAL : ADDRPATTERN_ADDRESS;
        if (st == OR_OK && p.kind == ADDRPATTERN_ADDRESS)
            st = parse_domain(span_from(text, at + 1), mem, &p, e);
    }
    if (st == OR_OK)
        *pattern_out = p;
    return st;
}

bool
addrpattern_matches(const struct addrpattern *p, struct span local, struct span domain)
{
    switch (p->kind) {
    case ADDRPATTERN_ADDRESS:
        return span_equal_nocase(p->local, local) && span_equal(p->domain, domain);
    case ADDRPATTERN_LOCAL:
        return span_equal_nocase(p->local, local);
    case ADDRPATTERN_DOMAIN:
        return span_equal(p->domain, domain);
    case ADDRPATTERN_SUBDOMAINS:
        return domain_is_within(domain, p->domain) && !span_equal(domain, p->domain);
    case ADDRPATTERN_ANY:
        return true;
    case ADDRPATTERN_NULL:
        return local.n == 0 && domain.n == 0;
    }
    return false;
}
