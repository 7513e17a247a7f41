/* The texts. Every outside word in them is a checked host name, an address we formatted, or a
 * number. */
#include "policyd/verdict_text.h"

#include "common/text/domain.h"

/* "SPF fail (bank.example does not name 192.0.2.9)" */
static void
add_spf(struct buf *out, const struct verdict_text_facts *t)
{
    struct span domain =
        domain_is_hostname(t->spf_domain) ? t->spf_domain : SPAN_LIT("the sender's domain");
    char client[IP_TEXT_BYTES];

    ip_format(&t->client, client);
    if (t->facts->spf == SPF_PASS)
        buf_addf(out, "SPF pass, but for %.*s, which is not aligned", SPAN_ARG(domain));
    else if (t->facts->spf == SPF_FAIL || t->facts->spf == SPF_SOFTFAIL)
        buf_addf(out, "SPF %s (%.*s does not name %s)", spf_result_name(t->facts->spf),
                 SPAN_ARG(domain), client);
    else
        buf_addf(out, "SPF %s for %.*s", spf_result_name(t->facts->spf), SPAN_ARG(domain));
}

static void
add_dkim(struct buf *out, const struct verdict_text_facts *t)
{
    if (t->signatures == 0)
        buf_add_cstr(out, "no DKIM signature");
    else if (t->facts->dmarc->dkim_related)
        buf_addf(out, "its DKIM signature is not valid");
    else
        buf_addf(out, "no DKIM signature of that domain among %zu", t->signatures);
}

/* Whose wish it is. */
static void
add_claim(struct buf *out, const struct verdict_text_facts *t)
{
    buf_addf(out, "DMARC: mail from %.*s must prove its origin (", SPAN_ARG(t->author));
    if (t->facts->rule != NULL)
        buf_add_cstr(out, "rule of this server");
    else
        buf_addf(out, "policy %s", dmarc_policy_name(t->facts->dmarc->policy));
    buf_add_cstr(out, ") and this one does not: ");
}

static void
add_dmarc_reject(struct buf *out, const struct verdict_text_facts *t)
{
    char client[IP_TEXT_BYTES];

    ip_format(&t->client, client);
    add_claim(out, t);
    add_spf(out, t);
    buf_add_cstr(out, "; ");
    add_dkim(out, t);
    buf_addf(
        out,
        ". Senders: use the mail server of that domain. Its admin: sign with DKIM d=%.*s, or name "
        "%s in its SPF record",
        SPAN_ARG(t->author), client);
}

static void
add_from_reject(struct buf *out, const struct verdict_text_facts *t)
{
    buf_addf(out,
             "This message %s; it must have exactly one, with the address of its author (RFC 5322 "
             "3.6.2). Senders: mend the program that wrote it",
             dmarc_from_defect_text(t->facts->from_defect));
}

static void
add_tempfail(struct buf *out, const struct verdict_text_facts *t)
{
    buf_addf(
        out,
        "DMARC: DNS did not tell whether this mail from %.*s is genuine; it will be taken once DNS "
        "answers. Admins: check the name servers of that domain",
        SPAN_ARG(t->author));
}

/* Why it is in Junk, for the mailbox's owner and the log. */
static void
add_quarantine(struct buf *out, const struct verdict_text_facts *t)
{
    if (t->facts->from_defect != DMARC_FROM_OK) {
        buf_addf(out, "This message %s", dmarc_from_defect_text(t->facts->from_defect));
        return;
    }
    add_claim(out, t);
    add_spf(out, t);
    buf_add_cstr(out, "; ");
    add_dkim(out, t);
    if (t->override != NULL && t->override[0] != '\0' && t->facts->rule == NULL)
        buf_addf(out, ". Not refused: %s",
                 verdict_decide_is_list_copy(t->facts) ? "it looks like a mailing list's copy"
                                                       : "nothing else speaks against it");
}

struct span
verdict_text(const struct verdict_text_facts *t, enum verdict_action action, struct arena *mem,
             struct span *dsn_out)
{
    struct span text = SPAN_EMPTY;
    struct buf out;

    *dsn_out = SPAN_EMPTY;
    buf_init(&out, 4 * VERDICT_TEXT_MAX_BYTES);
    if (action == VERDICT_TEMPFAIL) {
        *dsn_out = SPAN_LIT("4.4.3");
        add_tempfail(&out, t);
    } else if (action == VERDICT_REJECT && t->from_is_reason) {
        *dsn_out = SPAN_LIT("5.7.1");
        add_from_reject(&out, t);
    } else if (action == VERDICT_REJECT) {
        *dsn_out = SPAN_LIT("5.7.26");
        add_dmarc_reject(&out, t);
    } else if (action == VERDICT_QUARANTINE) {
        add_quarantine(&out, t);
    }
    if (arena_copy(mem, span_slice(buf_span(&out), 0, VERDICT_TEXT_MAX_BYTES), &text) != OR_OK)
        text = SPAN_EMPTY;
    buf_fini(&out);
    return text;
}
