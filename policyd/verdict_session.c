/*
 * One message, top to bottom: read the question, check SPF of the envelope, find the author,
 * evaluate DMARC, decide, answer, log.
 *
 * Mail of our own (no client address: local submission; internal networks) is not judged: DMARC is
 * about mail that comes in.
 *
 * Security: SPF for DMARC is that of MAIL FROM, never of a HELO name beside it (CVE-2019-20790);
 * domains go into headers and replies only as checked host names (CVE-2020-12272); several authors
 * are evaluated one by one and the strictest policy counts (RFC 9989 11.5).
 *
 * Files: dmarc/ (records, tree walk, alignment), verdict_decide (the site's rules), verdict_text
 * (replies).
 */
#include "policyd/verdict_session.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/text/domain.h"
#include "policyd/dnslist_eval.h"
#include "policyd/policyd_metrics.h"
#include "policyd/spf/spf_eval.h"
#include "policyd/verdict_decide.h"
#include "policyd/verdict_rules.h"
#include "policyd/verdict_sealed.h"
#include "policyd/verdict_text.h"

/* A sender's domain with slow name servers must leave time for the questions about the author's. */
#define SPF_SHARE_PERCENT 60

/* Large, so it lives in the arena. */
struct verdict_case {
    const struct policyd_work *work;
    struct verdict_question question;
    struct ip client; /* family 0: none */
    bool judged;
    struct spf_outcome spf;
    struct dmarc_from from;
    struct dmarc_identity dkim[VERDICT_MAX_SIGNATURES];
    struct dmarc_outcome dmarc; /* of the author that fares worst */
    struct span author;         /* that one; empty: none */
    struct err cause;           /* of a temperror or permerror */
    struct span voucher; /* who vouches: "arc=pass as[1].d=...", "forwarder=..."; empty: nobody */
    struct verdict_facts facts;
    struct verdict_decision decision;
    struct verdict_answer answer;
};

static or_status
start_case(struct verdict_case *c, const struct policyd_work *w, const struct attrs *attrs,
           struct err *e)
{
    const struct policyd_settings *set = w->view->settings;

    c->work = w;
    or_status st = verdict_question_parse(attrs, w->mem, &c->question, e);
    if (st != OR_OK)
        return st;
    if (c->question.client_address.n == 0)
        return OR_OK;
    /* Never "own mail" by mistake: what cannot be told apart is not judged at all, and the milter
     * defers. */
    if (ip_parse(c->question.client_address, &c->client) != OR_OK)
        return err_set(e, OR_MALFORMED, "client_address is not an address");
    /* What a relay of ours passes on is outside mail, whatever the relay's address. */
    c->judged = c->question.spf.result.n > 0 || !policyd_conf_is_internal(set, &c->client);
    return OR_OK;
}

/* As a relay of ours found it: the client that we see is that relay. A word that we do not know is
 * no pass. */
static void
take_envelope(struct verdict_case *c)
{
    const struct verdict_spf *spf = &c->question.spf;

    c->spf = (struct spf_outcome){.result = SPF_NONE, .domain = spf->domain};
    for (int i = SPF_NONE; i <= SPF_PERMERROR; i++)
        if (span_equal_nocase_cstr(spf->result, spf_result_name((enum spf_result)i)))
            c->spf.result = (enum spf_result)i;
    if (span_equal_cstr(spf->scope, spf_scope_name(SPF_SCOPE_HELO)))
        c->spf.scope = SPF_SCOPE_HELO;
    c->facts.spf = c->spf.result;
}

static void
check_envelope(struct verdict_case *c)
{
    const struct policyd_work *w = c->work;

    if (c->question.spf.result.n > 0) {
        take_envelope(c);
        return;
    }
    struct spf_query query =
        policyd_spf_query(w, &c->client, c->question.helo_name, c->question.sender);

    query.deadline_mono_ms =
        w->started_mono_ms + (w->deadline_mono_ms - w->started_mono_ms) * SPF_SHARE_PERCENT / 100;
    spf_eval(&query, &c->spf);
    c->facts.spf = c->spf.result;
}

static enum dmarc_auth
dkim_auth(struct span result)
{
    if (span_equal_nocase_cstr(result, "pass"))
        return DMARC_AUTH_PASSED;
    if (span_equal_nocase_cstr(result, "temperror"))
        return DMARC_AUTH_UNKNOWN;
    return DMARC_AUTH_NOT_PASSED;
}

static enum dmarc_auth
spf_auth(enum spf_result result)
{
    if (result == SPF_PASS)
        return DMARC_AUTH_PASSED;
    return result == SPF_TEMPERROR ? DMARC_AUTH_UNKNOWN : DMARC_AUTH_NOT_PASSED;
}

/* The larger, the worse for the message: with several authors the worst outcome counts. An outcome
 * without a record is worse than a pass, so that an author who proves himself does not vouch for
 * another. */
static int
badness(const struct dmarc_outcome *o)
{
    switch (o->result) {
    case DMARC_PASS:
        return 0;
    case DMARC_NONE:
        return 1;
    case DMARC_PERMERROR:
        return 2;
    case DMARC_TEMPERROR:
        return o->policy_known && o->policy == DMARC_POLICY_NONE ? 3 : 5;
    case DMARC_FAIL:
        return o->policy == DMARC_POLICY_NONE ? 4 : 5 + (int)o->policy;
    }
    return 0;
}

static struct dmarc_lookup
lookup_of(const struct policyd_work *w)
{
    return (struct dmarc_lookup){
        .discovery = (enum dmarc_discovery)w->view->settings->dmarc_discovery,
        .dns = w->view->dns,
        .deadline_mono_ms = w->deadline_mono_ms,
        .mem = w->mem,
    };
}

static void
judge_author(struct verdict_case *c, struct span author)
{
    const struct policyd_work *w = c->work;
    const struct dmarc_lookup lookup = lookup_of(w);
    const struct dmarc_input input = {
        .author = author,
        .spf = {.domain = c->spf.domain, .auth = spf_auth(c->spf.result)},
        .dkim = c->dkim,
        .dkim_count = c->question.dkim_count,
    };
    struct dmarc_outcome outcome;
    struct err cause = {.text = ""};

    dmarc_eval(&lookup, &input, &outcome, &cause);
    if (c->author.n > 0 && badness(&outcome) <= badness(&c->dmarc))
        return;
    c->dmarc = outcome;
    c->author = author;
    c->cause.text[0] = '\0';
    if (outcome.result == DMARC_TEMPERROR || outcome.result == DMARC_PERMERROR)
        c->cause = cause;
}

static void
judge_authors(struct verdict_case *c)
{
    const struct verdict_question *q = &c->question;

    for (size_t i = 0; i < q->dkim_count; i++)
        c->dkim[i] = (struct dmarc_identity){.domain = q->dkim[i].domain,
                                             .auth = dkim_auth(q->dkim[i].result)};
    dmarc_from_extract(q->header_from, q->header_from_count, c->work->mem, &c->from);
    for (size_t i = 0; i < c->from.count; i++)
        judge_author(c, c->from.domains[i]);
}

/* Does the Author Domain's own SPF record name this client? Asked only where the answer counts. */
static void
check_author_spf(struct verdict_case *c)
{
    struct spf_outcome outcome;
    char *sender = arena_printf(c->work->mem, "postmaster@%.*s", SPAN_ARG(c->author));

    if (sender == NULL)
        return;
    struct spf_query query =
        policyd_spf_query(c->work, &c->client, c->question.helo_name, span_cstr(sender));
    spf_eval(&query, &outcome);
    c->facts.from_spf = outcome.result;
}

/* Asked again, not remembered from RCPT: the answers lie in the cache. */
static void
check_dnsbl(struct verdict_case *c)
{
    const struct dnslist_about about = {
        .client = c->client,
        .sender = c->question.sender,
        .helo = c->question.helo_name,
        .client_name = c->question.client_name,
    };
    int64_t bar = c->work->view->settings->dnslist_reject_score;
    struct dnslist_outcome outcome;

    dnslist_eval(c->work, &about, &outcome);
    if (outcome.score > 0)
        c->facts.dnsbl_percent = outcome.score < bar ? outcome.score * 100 / bar : 100;
}

/* One author only: a sealer reports on one From domain. */
static bool
check_seals(struct verdict_case *c)
{
    const struct policyd_work *w = c->work;
    const struct dmarc_lookup lookup = lookup_of(w);

    return c->from.defect == DMARC_FROM_OK && c->from.count == 1 &&
           verdict_sealed_vouches(&w->view->settings->trusted_sealers, &c->question, &lookup,
                                  c->author, &c->voucher);
}

static bool
check_forwarder(struct verdict_case *c)
{
    const char *domain = policyd_spf_forwarder(c->work, &c->client, c->question.helo_name);
    char *text = domain != NULL ? arena_printf(c->work->mem, "forwarder=%s", domain) : NULL;

    if (text != NULL)
        c->voucher = span_cstr(text);
    return domain != NULL;
}

static void
decide(struct verdict_case *c)
{
    const struct policyd_settings *set = c->work->view->settings;
    struct verdict_facts *f = &c->facts;

    f->dmarc = &c->dmarc;
    f->from_defect = c->from.defect;
    f->has_signature = c->question.dkim_count > 0;
    f->has_list_traits = c->question.list_id.n > 0;
    bool relayed = c->question.spf.result.n > 0; /* the client says nothing about the sender */
    f->no_ptr = !relayed && span_equal_nocase_cstr(c->question.client_name, "unknown");
    f->rule = verdict_rules_find(c->work->view->rules, c->author, &c->client, c->question.list_id,
                                 c->work->mem);
    if (verdict_decide_wants_vouching(f))
        f->vouched = check_seals(c) || (!relayed && check_forwarder(c));
    if (!f->vouched && !relayed && verdict_decide_wants_from_spf(set, f))
        check_author_spf(c);
    if (!f->vouched && !relayed && verdict_decide_wants_dnsbl(set, f))
        check_dnsbl(c);
    verdict_decide(set, f, &c->decision);
}

static void
answer_spf(struct verdict_case *c)
{
    c->answer.spf = span_cstr(spf_result_name(c->spf.result));
    c->answer.spf_scope = span_cstr(spf_scope_name(c->spf.scope));
    if (domain_is_hostname(c->spf.domain))
        c->answer.spf_domain = c->spf.domain;
}

static enum dmarc_result
dmarc_result_of(const struct verdict_case *c)
{
    return c->from.defect == DMARC_FROM_OK ? c->dmarc.result : DMARC_PERMERROR;
}

static void
answer_dmarc(struct verdict_case *c)
{
    struct verdict_answer *a = &c->answer;
    const struct verdict_text_facts text = {
        .facts = &c->facts,
        .from_is_reason = c->decision.from_is_reason,
        .author = c->author,
        .spf_domain = c->spf.domain,
        .client = c->client,
        .signatures = c->question.dkim_count,
        .override = c->decision.override,
    };

    a->action = c->decision.action;
    a->dmarc = span_cstr(dmarc_result_name(dmarc_result_of(c)));
    a->dmarc_domain = c->author;
    if (c->dmarc.policy_known)
        a->dmarc_policy = span_cstr(dmarc_policy_name(c->dmarc.policy));
    a->dmarc_override = span_cstr(c->decision.override);
    if (span_equal_cstr(a->dmarc_override, "trusted_forwarder"))
        a->dmarc_comment = c->voucher;
    a->text = verdict_text(&text, a->action, c->work->mem, &a->dsn);
}

/* Why, in a few words: for the log. */
static struct span
reason(const struct verdict_case *c)
{
    if (!c->judged)
        return SPAN_LIT("own mail");
    if (c->from.defect != DMARC_FROM_OK)
        return span_cstr(dmarc_from_defect_text(c->from.defect));
    return span_cstr(c->cause.text);
}

static void
log_signatures(struct log_line *l, const struct verdict_question *q)
{
    const struct verdict_dkim *first = &q->dkim[0];

    if (q->dkim_count == 0) {
        log_line_add(l, "dkim", SPAN_LIT("none"));
        return;
    }
    /* One that passed tells more than the first one. */
    for (size_t i = 0; i < q->dkim_count && dkim_auth(first->result) != DMARC_AUTH_PASSED; i++) {
        if (dkim_auth(q->dkim[i].result) == DMARC_AUTH_PASSED)
            first = &q->dkim[i];
    }
    log_line_add(l, "dkim", first->result);
    log_line_add(l, "signer", first->domain);
    log_line_addf(l, "signatures", "%zu", q->dkim_count);
}

/* The other way of finding it is a cross-check: where they differ, somebody's mail may be judged
 * otherwise elsewhere. */
static void
log_organisation(struct log_line *l, const struct verdict_case *c)
{
    bool by_psl = c->work->view->settings->dmarc_discovery == DMARC_BY_PSL;

    if (c->dmarc.org.n == 0 || by_psl)
        return;
    struct span psl = dmarc_discover_psl_domain(c->author, c->work->mem);
    if (span_equal(psl, c->dmarc.org))
        return;
    log_line_add(l, "org", c->dmarc.org);
    log_line_add(l, "psl-org", psl);
}

static void
log_verdict(const struct verdict_case *c)
{
    const struct verdict_answer *a = &c->answer;
    struct log_line l;
    struct buf record;

    buf_init(&record, DECISIONS_MAX_TEXT_BYTES);
    log_line_start(&l, LOG_LEVEL_INFO, c->question.queue_id);
    log_line_record(&l, c->work->view->decisions != NULL ? &record : NULL);
    log_line_note(&l, "request", SPAN_LIT(VERDICT_REQUEST));
    log_line_add(&l, "client", c->question.client_address);
    log_line_add(&l, "helo", c->question.helo_name);
    log_line_add(&l, "from", c->question.sender);
    log_line_add(&l, "spf", a->spf.n > 0 ? a->spf : SPAN_LIT("none"));
    log_signatures(&l, &c->question);
    log_line_add(&l, "dmarc", a->dmarc);
    log_line_add(&l, "domain", a->dmarc_domain);
    if (a->dmarc_policy.n > 0)
        log_line_add(&l, "policy", a->dmarc_policy);
    log_organisation(&l, c);
    if (c->facts.dnsbl_percent > 0)
        log_line_addf(&l, "dnsbl", "%lld%%", (long long)c->facts.dnsbl_percent);
    if (c->decision.weight > 0)
        log_line_addf(&l, "weight", "%lld", (long long)c->decision.weight);
    if (a->text.n > 0)
        log_line_note(&l, "answer", a->text);
    log_line_add(&l, "action", span_cstr(verdict_action_name(a->action)));
    if (a->dmarc_override.n > 0)
        log_line_add(&l, "override", a->dmarc_override);
    if (a->dmarc_comment.n > 0)
        log_line_add(&l, "voucher", a->dmarc_comment);
    if (c->facts.rule != NULL && c->dmarc.result == DMARC_FAIL)
        log_line_add(&l, "rule", span_cstr(c->facts.rule->head.title));
    if (reason(c).n > 0)
        log_line_add(&l, "reason", reason(c));
    log_line_addf(&l, "ms", "%lld", (long long)(clock_mono_ms() - c->work->started_mono_ms));
    log_line_end(&l);
    policyd_keep_decision(c->work, c->question.queue_id, SPAN_EMPTY, &record);
}

static void
count_verdict(const struct verdict_case *c)
{
    metrics_inc(POLICYD_METRIC_VERDICTS, c->answer.action);
    if (c->judged)
        metrics_add(POLICYD_METRIC_SPF, POLICYD_KIND_MESSAGE, c->spf.result, 1);
    if (c->judged && c->work->view->settings->dmarc != POLICYD_DMARC_OFF)
        metrics_inc(POLICYD_METRIC_DMARC, dmarc_result_of(c));
    metrics_observe(POLICYD_METRIC_SECONDS, POLICYD_KIND_MESSAGE,
                    clock_mono_us() - c->work->started_mono_us);
}

or_status
verdict_session_answer(const struct policyd_work *w, const struct attrs *attrs, struct buf *reply,
                       struct err *e)
{
    struct verdict_case *c = arena_alloc(w->mem, sizeof(*c));

    if (c == NULL)
        return err_set(e, OR_LIMIT, "no memory for a question");
    or_status st = start_case(c, w, attrs, e);
    if (st != OR_OK)
        return st;
    c->answer = (struct verdict_answer){.action = VERDICT_ACCEPT, .dmarc = SPAN_LIT("none")};
    if (c->judged) {
        check_envelope(c);
        answer_spf(c);
        if (w->view->settings->dmarc != POLICYD_DMARC_OFF) {
            judge_authors(c);
            decide(c);
            answer_dmarc(c);
        }
    }
    verdict_answer_format(reply, &c->answer);
    log_verdict(c);
    count_verdict(c);
    return OR_OK;
}
