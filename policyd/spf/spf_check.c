/*
 * Limits, target names and questions of one check. What a record can make us do is bounded here,
 * whatever its macros expand to.
 */
#include "policyd/spf/spf_check.h"

#include "common/text/domain.h"

#include <string.h>
#include <sys/socket.h>

#define MAX_EXPANSION_BYTES 8192 /* before it is cut to a domain name */

or_status
spf_check_count_term(struct spf_check *c, struct err *e)
{
    unsigned max = c->query->limits.max_terms;

    if (c->outcome->terms >= max)
        return err_set(e, OR_MALFORMED,
                       "more than %u terms that need DNS look-ups (RFC 7208 4.6.4)", max);
    c->outcome->terms++;
    return OR_OK;
}

or_status
spf_check_count_void(struct spf_check *c, struct span term, struct err *e)
{
    struct spf_outcome *o = c->outcome;
    unsigned max = c->query->limits.max_voids;

    if (c->term_void == NULL)
        return OR_OK;
    o->voids++;
    char *names = arena_printf(c->query->mem, "%.*s%s%.*s (%s)", SPAN_ARG(o->void_names),
                               o->void_names.n != 0 ? ", " : "", SPF_SHORT(term), c->term_void);
    if (names == NULL)
        return err_set(e, OR_LIMIT, "not enough memory for this check");
    o->void_names = span_cstr(names);
    if (o->voids <= max)
        return OR_OK;
    return err_set(e, OR_MALFORMED,
                   "more than %u terms point to what does not exist (RFC 7208 4.6.4): %s", max,
                   names);
}

/* RFC 1035 2.3.4: labels of 1 to 63 bytes. */
static bool
is_askable(struct span name)
{
    struct span label;

    if (name.n == 0)
        return false;
    while (span_split(&name, '.', &label)) {
        if (label.n == 0 || label.n > DOMAIN_MAX_LABEL_BYTES)
            return false;
    }
    return true;
}

or_status
spf_check_ask(struct spf_check *c, enum dns_type type, struct span name,
              const struct dns_answer **answer_out, struct err *e)
{
    const struct spf_query *q = c->query;

    if (name.n == 0)
        return OR_ABSENT;
    or_status st = dns_query(q->dns, type, name, q->deadline_mono_ms, q->mem, answer_out, e);
    if (st == OR_MALFORMED)
        return OR_ABSENT;
    if (st == OR_OK && (*answer_out)->result != DNS_FOUND && c->term_void == NULL)
        c->term_void = dns_result_name((*answer_out)->result);
    return st;
}

/* RFC 7208 7.3: "%{p}" prefers the domain itself, then a name below it, then any. */
static struct span
validated_name(struct spf_check *c, struct span domain)
{
    struct span best = SPAN_LIT("unknown");
    unsigned best_rank = 0;

    spf_check_find_names(c);
    for (size_t i = 0; i < c->name_count; i++) {
        unsigned rank = domain_equal(c->names[i], domain)       ? 3
                        : domain_is_within(c->names[i], domain) ? 2
                                                                : 1;
        if (rank > best_rank) {
            best = c->names[i];
            best_rank = rank;
        }
    }
    return best;
}

static or_status
expand(struct spf_check *c, struct span text, enum spf_macro_where where, struct span domain,
       struct buf *out)
{
    struct spf_macro_values values = c->values;

    values.domain = domain;
    if (spf_macro_uses(text, "p"))
        values.validated = validated_name(c, domain);
    return spf_macro_expand(text, where, &values, out, NULL);
}

or_status
spf_check_explain(struct spf_check *c, struct span text, struct span domain, struct buf *out)
{
    return expand(c, text, SPF_MACRO_EXPLANATION, domain, out);
}

/* RFC 7208 7.3: whole labels go from the left until the name fits. */
static struct span
cut_name(struct span name)
{
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    while (name.n > DOMAIN_MAX_BYTES)
        name = span_from(name, span_find(name, '.') + 1);
    return name;
}

/* The text form that dns.h takes: lower case; a backslash or an unprintable byte, which only a
 * sender's or a client's own words can bring in, is escaped. A name that cannot be asked for comes
 * out empty. */
static void
add_name(struct buf *out, struct span name)
{
    if (!is_askable(name))
        return;
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];
        if (ch >= 'A' && ch <= 'Z')
            buf_add_char(out, (char)(ch - 'A' + 'a'));
        else if (ch < ' ' || ch > '~' || ch == '\\')
            buf_addf(out, "\\%03u", (unsigned char)ch);
        else
            buf_add_char(out, ch);
    }
}

/* RFC 7208 4.6.4: a "%{p}" costs one of the ten, the first time it makes us ask for the client's
 * name. */
static or_status
admit_macros(struct spf_check *c, struct span spec, struct err *e)
{
    if (!c->local_is_ascii && spf_macro_uses(spec, "ls"))
        return OR_ABSENT;
    if (!c->decided && !c->names_known && spf_macro_uses(spec, "p"))
        return spf_check_count_term(c, e);
    return OR_OK;
}

or_status
spf_check_target(struct spf_check *c, struct span spec, struct span domain, struct span *name_out,
                 struct err *e)
{
    struct buf text, name;

    if (spec.n == 0) {
        *name_out = domain;
        return OR_OK;
    }
    or_status st = admit_macros(c, spec, e);
    if (st != OR_OK)
        return st;
    buf_init(&text, MAX_EXPANSION_BYTES);
    buf_init(&name, (size_t)DOMAIN_MAX_BYTES * 4);
    st = expand(c, spec, SPF_MACRO_TERM, domain, &text);
    if (st != OR_OK) {
        st = err_set(e, OR_MALFORMED, "expands to more than %d bytes", MAX_EXPANSION_BYTES);
    } else {
        add_name(&name, cut_name(buf_span(&text)));
        st = arena_copy(c->query->mem, buf_span(&name), name_out);
        if (st != OR_OK)
            err_set(e, st, "not enough memory for this check");
    }
    buf_fini(&text);
    buf_fini(&name);
    return st;
}

/* RFC 7208 5.5: a name counts when one of its addresses is the client's. */
static bool
is_validated(struct spf_check *c, struct span name)
{
    const struct spf_query *q = c->query;
    const struct dns_answer *answer;
    enum dns_type type = q->ip.family == AF_INET ? DNS_A : DNS_AAAA;

    if (name.n == 0) /* a PTR to the root */
        return false;
    if (dns_query(q->dns, type, name, q->deadline_mono_ms, q->mem, &answer, NULL) != OR_OK)
        return false;
    for (size_t i = 0; i < answer->count; i++) {
        if (ip_equal(&answer->records[i].ip, &q->ip))
            return true;
    }
    return false;
}

void
spf_check_find_names(struct spf_check *c)
{
    const struct spf_query *q = c->query;
    const struct dns_answer *answer;
    char reverse[IP_REVERSE_BYTES];

    if (c->names_known)
        return;
    c->names_known = true;
    ip_reverse(&q->ip, reverse);
    char *name =
        arena_printf(q->mem, "%s.%s.arpa", reverse, q->ip.family == AF_INET ? "in-addr" : "ip6");
    if (name == NULL || dns_query(q->dns, DNS_PTR, span_cstr(name), q->deadline_mono_ms, q->mem,
                                  &answer, NULL) != OR_OK)
        return;
    if (answer->result != DNS_FOUND)
        c->names_void = dns_result_name(answer->result);
    /* RFC 7208 4.6.4: names after the tenth are ignored: the client chose them, not the domain. */
    for (size_t i = 0; i < answer->count && i < SPF_MAX_NAMES; i++) {
        if (is_validated(c, answer->records[i].name))
            c->names[c->name_count++] = answer->records[i].name;
    }
}
