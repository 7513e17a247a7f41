/*
 * check_host() of RFC 7208 4: which identity, which record, which term, what explanation.
 *
 * Recursion happens for "include" only; "redirect" is a loop. Both cost one of the ten terms, so no
 * chain of records is longer than that.
 */
#include "policyd/spf/spf_eval.h"

#include "common/text/addr.h"
#include "common/text/domain.h"
#include "common/text/utf8.h"
#include "policyd/spf/spf_check.h"
#include "policyd/spf/spf_match.h"
#include "policyd/spf/spf_parse.h"

#define NO_MEMORY "not enough memory for this check"
#define EXPLANATION_CEILING 4096 /* before it is cut to SPF_MAX_EXPLANATION_BYTES */

/* What one record (after its redirects) came to. */
struct hit {
    enum spf_result result;
    struct spf_place matched;
    struct spf_place inner;
    struct span explanation; /* the domain-spec of exp=, and whose it is */
    struct span domain;
};

static or_status
check_host(struct spf_check *c, struct span domain, struct hit *hit_out, struct err *e);

/* Puts the place in front of the reason: the term where it happened, and the include in the first
 * record that led there. The steps between would push the reason out. */
static or_status
blame(struct spf_check *c, or_status st, struct span term, struct span domain, struct err *e)
{
    if (c->blamed && c->depth > 0)
        return st;
    c->blamed = true;
    return err_wrap(e, st, "\"%.*s\" in the SPF record of %.*s", SPF_SHORT(term), SPAN_ARG(domain));
}

/* RFC 7208 4.4, 4.5. OR_ABSENT: there is no record. */
static or_status
load_record(struct spf_check *c, struct span domain, struct spf_record *record_out, struct err *e)
{
    const struct dns_answer *answer;
    struct span text;

    or_status st = spf_check_ask(c, DNS_TXT, domain, &answer, e);
    if (st == OR_OK)
        st = spf_parse_select(answer, &text, e);
    if (st == OR_OK)
        st = spf_parse(text, c->query->mem, record_out, e);
    if (st == OR_OK || st == OR_ABSENT)
        return st;
    c->blamed = true;
    return err_wrap(e, st, "the SPF record of %.*s", SPAN_ARG(domain));
}

static or_status
match_all(struct spf_check *c, const struct spf_term *term, struct span name, bool *matched_out,
          struct err *e)
{
    (void)c;
    (void)term;
    (void)name;
    (void)e;
    *matched_out = true;
    return OR_OK;
}

/* RFC 7208 5.2: pass matches; no record is the publisher's mistake; errors are passed on. */
static or_status
match_include(struct spf_check *c, const struct spf_term *term, struct span name, bool *matched_out,
              struct err *e)
{
    struct hit hit;

    (void)term;
    if (c->depth >= SPF_MAX_DEPTH)
        return err_set(e, OR_MALFORMED, "more than %d includes within each other", SPF_MAX_DEPTH);
    c->depth++;
    or_status st = check_host(c, name, &hit, e);
    c->depth--;
    c->term_void = NULL; /* its own terms were counted one by one */
    if (st != OR_OK)
        return st;
    if (hit.result == SPF_NONE)
        return err_set(e, OR_MALFORMED, "no SPF record at %.*s", SPAN_ARG(name));
    *matched_out = hit.result == SPF_PASS;
    c->inner = hit.inner.term.n != 0 ? hit.inner : hit.matched;
    return OR_OK;
}

static const struct {
    spf_match_fn *match;
    bool asks_dns; /* counts against the ten (RFC 7208 4.6.4) */
} mechanisms[] = {
    [SPF_MECH_ALL] = {match_all, false},         [SPF_MECH_INCLUDE] = {match_include, true},
    [SPF_MECH_A] = {spf_match_a, true},          [SPF_MECH_MX] = {spf_match_mx, true},
    [SPF_MECH_PTR] = {spf_match_ptr, true},      [SPF_MECH_IP4] = {spf_match_network, false},
    [SPF_MECH_IP6] = {spf_match_network, false}, [SPF_MECH_EXISTS] = {spf_match_exists, true},
};

/* OR_ABSENT: the term did not match. */
static or_status
try_term(struct spf_check *c, const struct spf_term *term, struct span domain, struct err *e)
{
    struct span name = domain;
    bool matched = false;

    c->term_void = NULL;
    c->inner = (struct spf_place){.term = SPAN_EMPTY, .domain = SPAN_EMPTY};
    if (mechanisms[term->mechanism].asks_dns) {
        or_status st = spf_check_count_term(c, e);
        if (st == OR_OK)
            st = spf_check_target(c, term->target, domain, &name, e);
        if (st != OR_OK)
            return st;
    }
    or_status st = mechanisms[term->mechanism].match(c, term, name, &matched, e);
    if (st != OR_OK || matched)
        return st;
    st = spf_check_count_void(c, term->text, e);
    return st == OR_OK ? OR_ABSENT : st;
}

/* RFC 7208 4.6.2: from left to right, the first that matches decides. OR_ABSENT: none did. */
static or_status
try_terms(struct spf_check *c, const struct spf_record *record, struct hit *hit, struct err *e)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct spf_term *term = &record->terms[i];
        or_status st = try_term(c, term, hit->domain, e);
        if (st == OR_ABSENT)
            continue;
        if (st != OR_OK)
            return blame(c, st, term->text, hit->domain, e);
        hit->result = term->qualifier;
        hit->matched = (struct spf_place){.term = term->text, .domain = hit->domain};
        hit->inner = c->inner;
        return OR_OK;
    }
    return OR_ABSENT;
}

/* RFC 7208 6.1: *domain becomes the new one. OR_ABSENT: there is nothing to follow. */
static or_status
follow_redirect(struct spf_check *c, const struct spf_record *record, struct span *domain,
                struct err *e)
{
    if (record->redirect.n == 0)
        return OR_ABSENT;
    or_status st = spf_check_count_term(c, e);
    if (st == OR_OK)
        st = spf_check_target(c, record->redirect, *domain, domain, e);
    if (st == OR_OK || st == OR_ABSENT)
        return st;
    return blame(c, st, SPAN_LIT("redirect"), *domain, e);
}

/* One record. *more_out: it redirects to hit->domain, start again there. */
static or_status
check_record(struct spf_check *c, const struct spf_record *record, struct hit *hit, bool *more_out,
             struct err *e)
{
    /* RFC 7208 6.2: after a redirect the new record's exp= holds, never the old one's. */
    hit->explanation = record->explanation;
    hit->result = SPF_NEUTRAL; /* RFC 7208 4.7 */
    *more_out = false;
    or_status st = try_terms(c, record, hit, e);
    if (st != OR_ABSENT)
        return st;
    st = follow_redirect(c, record, &hit->domain, e);
    *more_out = st == OR_OK;
    return st == OR_ABSENT ? OR_OK : st;
}

static or_status
check_host(struct spf_check *c, struct span domain, struct hit *hit_out, struct err *e)
{
    struct hit hit = {.result = SPF_NONE, .domain = domain};
    struct spf_record record = {.count = 0};
    bool more = true;

    for (bool redirected = false; more; redirected = true) {
        or_status st = load_record(c, hit.domain, &record, e);
        if (st == OR_ABSENT && redirected) {
            err_set(e, OR_MALFORMED, "no SPF record at %.*s", SPAN_ARG(hit.domain));
            return blame(c, OR_MALFORMED, SPAN_LIT("redirect"), domain, e);
        }
        if (st == OR_ABSENT)
            break;
        domain = hit.domain;
        if (st == OR_OK)
            st = check_record(c, &record, &hit, &more, e);
        if (st != OR_OK)
            return st;
    }
    *hit_out = hit;
    return OR_OK;
}

/* RFC 7208 6.2: any trouble on the way to the domain's text means "as if no exp= was given". Its
 * look-up counts against no limit (4.6.4), but happens once and within the deadline. */
static or_status
fetch_explanation(struct spf_check *c, const struct hit *hit, struct buf *out)
{
    const struct dns_answer *answer;
    struct span name;

    if (hit->explanation.n == 0)
        return OR_ABSENT;
    or_status st = spf_check_target(c, hit->explanation, hit->domain, &name, NULL);
    if (st == OR_OK)
        st = spf_check_ask(c, DNS_TXT, name, &answer, NULL);
    if (st != OR_OK)
        return st;
    if (answer->count != 1)
        return OR_ABSENT;
    return spf_check_explain(c, answer->records[0].txt.joined, hit->domain, out);
}

/* What goes into an SMTP reply: printable ASCII only, whatever the sender's local part or HELO name
 * brought in, and of bounded length. */
static struct span
printable(struct arena *mem, struct span text)
{
    char *copy = arena_strdup(mem, span_slice(text, 0, SPF_MAX_EXPLANATION_BYTES));

    if (copy == NULL)
        return SPAN_EMPTY;
    size_t n = text.n < SPF_MAX_EXPLANATION_BYTES ? text.n : SPF_MAX_EXPLANATION_BYTES;
    for (size_t i = 0; i < n; i++) {
        if (copy[i] < ' ' || copy[i] > '~')
            copy[i] = '?';
    }
    return span_make(copy, n);
}

static void
explain(struct spf_check *c, const struct hit *hit)
{
    struct spf_outcome *o = c->outcome;
    char ip[IP_TEXT_BYTES];
    struct buf text;

    c->decided = true;
    buf_init(&text, EXPLANATION_CEILING);
    o->explanation_is_default = fetch_explanation(c, hit, &text) != OR_OK || text.n == 0;
    if (o->explanation_is_default) {
        ip_format(&c->query->ip, ip);
        buf_reset(&text);
        buf_addf(&text, "%.*s does not allow %s to send its mail", SPAN_ARG(o->domain), ip);
    }
    o->explanation = printable(c->query->mem, buf_span(&text));
    buf_fini(&text);
}

static void
set_reason(struct spf_check *c, const struct err *e)
{
    const char *reason = arena_strdup(c->query->mem, span_cstr(e->text));

    c->outcome->reason = span_cstr(reason != NULL ? reason : NO_MEMORY);
}

/* The one place where a status becomes a verdict: RFC 7208 2.6.6, 2.6.7. */
static enum spf_result
error_result(or_status st)
{
    return st == OR_MALFORMED ? SPF_PERMERROR : SPF_TEMPERROR;
}

/* RFC 7208 4.3: what cannot be a mail domain has no policy. Names that are not host names are
 * refused here, so that nobody prints them into a header (CVE-2020-12272). */
static or_status
accept_domain(struct spf_check *c, struct span name, struct span *domain_out, struct err *e)
{
    struct span domain;

    if (name.n == 0)
        return err_set(e, OR_ABSENT, "there is no domain to check");
    if (name.p[0] == '[')
        return err_set(e, OR_ABSENT, "an address literal has no SPF record");
    or_status st = domain_canonical(name, c->query->mem, &domain, e);
    if (st == OR_MALFORMED)
        return OR_ABSENT;
    if (st != OR_OK)
        return st;
    if (!domain_is_hostname(domain) || domain_label_count(domain) < 2)
        return err_set(e, OR_ABSENT, "not a full domain name");
    *domain_out = domain;
    return OR_OK;
}

/* RFC 8616 4: U-labels become A-labels before a macro sees them. A HELO name that is no domain
 * stays what the client said. */
static struct span
macro_helo(const struct spf_query *q)
{
    struct span canonical;

    if (!utf8_is_ascii(q->helo) && domain_canonical(q->helo, q->mem, &canonical, NULL) == OR_OK)
        return canonical;
    return q->helo;
}

/* RFC 7208 2.4, 4.3: the null path stands for postmaster@HELO; an empty local part is "postmaster".
 * Fills the outcome's scope and domain and the macro values. OR_ABSENT: nothing to check. */
static or_status
identify(struct spf_check *c, struct err *e)
{
    const struct spf_query *q = c->query;
    bool helo = q->scope == SPF_SCOPE_HELO || q->sender.n == 0;
    struct addr sender = addr_split(helo ? SPAN_EMPTY : q->sender);
    struct spf_macro_values *v = &c->values;
    struct buf text;

    c->outcome->scope = helo ? SPF_SCOPE_HELO : SPF_SCOPE_MFROM;
    if (helo)
        sender.domain = q->helo;
    or_status st = accept_domain(c, sender.domain, &c->outcome->domain, e);
    if (st != OR_OK)
        return st;
    v->sender_local = sender.local.n != 0 ? sender.local : SPAN_LIT("postmaster");
    v->sender_domain = c->outcome->domain;
    v->helo = macro_helo(q);
    v->receiver = q->receiver.n != 0 ? q->receiver : SPAN_LIT("unknown");
    v->ip = q->ip;
    v->now = q->now;
    c->local_is_ascii = utf8_is_ascii(v->sender_local);
    buf_init(&text, v->sender_local.n + 1 + v->sender_domain.n);
    buf_add_span(&text, v->sender_local);
    buf_add_char(&text, '@');
    buf_add_span(&text, v->sender_domain);
    st = buf_finish(&text);
    if (st == OR_OK)
        st = arena_copy(q->mem, buf_span(&text), &v->sender);
    buf_fini(&text);
    return st == OR_OK ? OR_OK : err_set(e, st, NO_MEMORY);
}

static or_status
run(struct spf_check *c, struct hit *hit_out, struct err *e)
{
    if (c->query->ip.family == 0)
        return err_set(e, OR_ABSENT, "there is no client address");
    or_status st = identify(c, e);
    if (st == OR_OK)
        st = check_host(c, c->outcome->domain, hit_out, e);
    if (st == OR_OK && hit_out->result == SPF_NONE)
        return err_set(e, OR_ABSENT, "no SPF record at %.*s", SPAN_ARG(c->outcome->domain));
    return st;
}

void
spf_eval(const struct spf_query *query, struct spf_outcome *outcome_out)
{
    struct spf_check c = {.query = query, .outcome = outcome_out};
    struct hit hit = {.result = SPF_NONE};
    struct err e = {.text = ""};

    *outcome_out = (struct spf_outcome){.result = SPF_NONE, .scope = query->scope};
    or_status st = run(&c, &hit, &e);
    if (st != OR_OK) {
        outcome_out->result = st == OR_ABSENT ? SPF_NONE : error_result(st);
        set_reason(&c, &e);
        return;
    }
    outcome_out->result = hit.result;
    outcome_out->matched = hit.matched;
    outcome_out->inner = hit.inner;
    if (hit.result == SPF_FAIL)
        explain(&c, &hit);
}
