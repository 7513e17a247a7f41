/*
 * What the milter found out about a message, put into the words of policyd's protocol and of RFC
 * 8601.
 */
#include "milter/milter_results.h"

#include "common/text/header.h"
#include "milter/authres/authres_format.h"
#include "milter/milter_sealed.h"

#define REASON_BYTES 300

static void
add_signatures(const struct milter_message *m, struct verdict_question *q)
{
    for (size_t i = 0; i < m->verify.count && q->dkim_count < VERDICT_MAX_SIGNATURES; i++) {
        const struct dkim_verify_item *item = &m->verify.items[i];

        /* One that names no signer says nothing of the author, and policyd takes no such line. */
        if (item->sig.domain.n == 0)
            continue;
        q->dkim[q->dkim_count++] = (struct verdict_dkim){
            .result = span_cstr(dkim_result_name(item->result)),
            .domain = item->sig.domain,
            .selector = item->sig.selector,
            .algorithm = item->sig.algorithm_name,
        };
    }
}

/* RFC 2919 and 2369 fields that list managers add, and the older Precedence. */
static bool
is_list_trait(const struct dkim_field *field)
{
    static const char *const names[] = {"List-Post", "List-Unsubscribe", "List-Help",
                                        "Mailing-List"};

    if (span_equal_nocase_cstr(field->name, "Precedence"))
        return span_equal_nocase_cstr(span_trim(field->value), "list");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_equal_nocase_cstr(field->name, names[i]))
            return true;
    return false;
}

static or_status
add_header_facts(struct milter_message *m, struct verdict_question *q)
{
    for (size_t i = 0; i < m->dkim.field_count; i++) {
        const struct dkim_field *field = &m->dkim.fields[i];
        or_status st = OR_OK;

        if (span_equal_nocase_cstr(field->name, "From")) {
            if (q->header_from_count < VERDICT_MAX_FROM)
                st = header_unfold(field->value, &m->mem, &q->header_from[q->header_from_count++]);
        } else if (span_equal_nocase_cstr(field->name, "List-Id")) {
            st = header_unfold(field->value, &m->mem, &q->list_id);
        } else if (q->list_id.n == 0 && is_list_trait(field)) {
            q->list_id = SPAN_LIT("yes");
        }
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

or_status
milter_results_question(struct milter_message *m, struct verdict_question *q_out)
{
    const struct milter_client *client = m->client;
    /* Not empty, which to policyd is a message of our own host: what it cannot check, it must not
     * let through. */
    char address[IP_TEXT_BYTES] = "unknown";

    *q_out = (struct verdict_question){
        .queue_id = m->queue_id,
        .client_name = client->name,
        .helo_name = client->helo,
        .sender = m->sender,
        .arc = m->arc != NULL ? span_cstr(arc_result_name(m->arc->result)) : SPAN_EMPTY,
    };
    if (client->ip.family != 0)
        ip_format(&client->ip, address);
    or_status st = arena_copy(&m->mem, span_cstr(address), &q_out->client_address);
    if (st == OR_OK)
        st = add_header_facts(m, q_out);
    add_signatures(m, q_out);
    if (m->relayed.from_relay)
        q_out->spf = m->relayed.spf;
    if (m->arc != NULL)
        milter_sealed_list(m->arc, &m->mem, q_out);
    return st;
}

static void
format_dkim(struct buf *out, const struct dkim_verify_item *item)
{
    struct buf reason;

    buf_init(&reason, REASON_BYTES);
    if (item->reason != DKIM_OK)
        dkim_verify_describe(&reason, item);
    authres_format_method(out, "dkim", span_cstr(dkim_result_name(item->result)));
    authres_format_reason(out, buf_span(&reason));
    authres_format_domain(out, "header.d", item->sig.domain);
    authres_format_domain(out, "header.s", item->sig.selector);
    authres_format_word(out, "header.a", item->sig.algorithm_name);
    authres_format_word(out, "header.b", item->sig.b_prefix);
    buf_fini(&reason);
}

static void
format_arc(struct buf *out, const struct arc_verify *arc)
{
    struct buf reason;

    if (arc == NULL)
        return;
    buf_init(&reason, REASON_BYTES);
    if (arc->result == ARC_FAIL)
        arc_verify_describe(&reason, arc);
    authres_format_method(out, "arc", span_cstr(arc_result_name(arc->result)));
    authres_format_reason(out, buf_span(&reason));
    buf_fini(&reason);
}

static void
format_relayed_spf(struct buf *out, const struct milter_relayed *r)
{
    struct buf reason;

    buf_init(&reason, REASON_BYTES);
    buf_addf(&reason, "reported by a relay of ours (%.*s)", SPAN_ARG(r->id));
    authres_format_reason(out, buf_span(&reason));
    buf_fini(&reason);
    if (span_equal_cstr(r->spf.scope, "helo"))
        authres_format_domain(out, "smtp.helo", r->spf_identity);
    else if (span_contains_byte(r->spf_identity, '@'))
        authres_format_address(out, "smtp.mailfrom", r->spf_identity);
    else
        authres_format_domain(out, "smtp.mailfrom", r->spf_identity);
}

static void
format_spf(struct buf *out, const struct milter_message *m, const struct verdict_answer *v)
{
    if (v->spf.n == 0)
        return;
    authres_format_method(out, "spf", v->spf);
    if (m->relayed.spf_identity.n != 0) {
        format_relayed_spf(out, &m->relayed);
        return;
    }
    if (span_equal_cstr(v->spf_scope, "helo"))
        authres_format_domain(out, "smtp.helo", m->client->helo);
    else
        authres_format_address(out, "smtp.mailfrom", m->sender);
}

/* "trusted_forwarder (arc=pass as[1].d=list.example)" */
static void
format_override(struct buf *out, const struct verdict_answer *v)
{
    struct buf reason;

    buf_init(&reason, REASON_BYTES);
    buf_add_span(&reason, v->dmarc_override);
    if (v->dmarc_comment.n != 0)
        buf_addf(&reason, " (%.*s)", SPAN_ARG(v->dmarc_comment));
    authres_format_reason(out,
                          buf_finish(&reason) == OR_OK ? buf_span(&reason) : v->dmarc_override);
    buf_fini(&reason);
}

static void
format_dmarc(struct buf *out, const struct verdict_answer *v)
{
    if (v->dmarc.n == 0)
        return;
    authres_format_method(out, "dmarc", v->dmarc);
    format_override(out, v);
    authres_format_domain(out, "header.from", v->dmarc_domain);
    authres_format_word(out, "policy.dmarc", v->dmarc_policy);
}

void
milter_results_format(struct buf *out, const struct milter_message *m,
                      const struct verdict_answer *answer)
{
    authres_format_start(out, span_cstr(m->built->authserv_id));
    for (size_t i = 0; i < m->verify.count; i++)
        format_dkim(out, &m->verify.items[i]);
    if (m->verify.count == 0)
        authres_format_method(out, "dkim", SPAN_LIT("none"));
    format_arc(out, m->arc);
    if (answer != NULL) {
        format_spf(out, m, answer);
        format_dmarc(out, answer);
    }
}
