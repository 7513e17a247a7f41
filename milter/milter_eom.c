/*
 * The end of a message. Ours: one DKIM-Signature per key of the From domain. Theirs: results,
 * policyd's verdict, one Authentication-Results field, an ARC set where that is wanted, and the
 * verdict carried out. Forged fields go in both cases.
 *
 * Edits come first and the answer last: an edit that fails turns the answer into a tempfail. With
 * mode = observe the same steps are taken, but nothing is edited, and the answer is for the log
 * only.
 */
#include "milter/milter_eom.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "milter/authres/authres_format.h"
#include "milter/authres/authres_parse.h"
#include "milter/milter_action.h"
#include "milter/milter_metrics.h"
#include "milter/milter_results.h"

#include <assert.h>
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLY_TEXT_BYTES 900 /* smfi_setreply() takes 980; a percent sign needs two */
#define TOO_LARGE_TEXT "message header larger than this server takes"

/* How the message ends: what goes into the log, and what the SMTP client hears. */
struct ending {
    enum verdict_action action;
    const char *code; /* "550"; for reject and tempfail */
    struct span dsn;  /* "5.7.26" */
    struct span text; /* for the client; why it was quarantined */
};

/* ---- edits; all return false when Postfix or libmilter refuses, and do nothing without a ctx
 * (mode = observe) */

static bool
delete_field(SMFICTX *ctx, const char *name, int occurrence)
{
    return ctx == NULL ||
           smfi_chgheader(ctx, (char *)(uintptr_t)name, occurrence, NULL) == MI_SUCCESS;
}

/* On top of the header, above Postfix's own Received. */
static bool
insert_field(SMFICTX *ctx, const char *name, struct span value)
{
    if (ctx == NULL)
        return true;
    char *text = xmemdup0(value.p, value.n);
    int rc = smfi_insheader(ctx, 0, (char *)(uintptr_t)name, text);

    free(text);
    return rc == MI_SUCCESS;
}

/* Deletes those fields of a name that `is_ours` picks. Occurrences count from 1 and are renumbered
 * by each deletion, so the lowest in the message goes first (CVE-2022-48521 was the other order).
 */
static bool
delete_fields(const struct milter_message *m, SMFICTX *ctx, const char *name,
              bool (*is_ours)(const struct milter_message *m, size_t field), size_t *count_io)
{
    int occurrence = 0;

    for (size_t i = 0; i < m->dkim.field_count; i++)
        occurrence += span_equal_nocase_cstr(m->dkim.fields[i].name, name);
    for (size_t i = m->dkim.field_count; i-- > 0;) {
        if (!span_equal_nocase_cstr(m->dkim.fields[i].name, name))
            continue;
        if (is_ours(m, i)) {
            if (!delete_field(ctx, name, occurrence))
                return false;
            ++*count_io;
        }
        occurrence--;
    }
    return true;
}

static bool
claims_our_id(const struct milter_message *m, size_t field)
{
    return authres_claims_id(m->dkim.fields[field].value, span_cstr(m->built->authserv_id)) ||
           milter_relayed_is_forged(&m->relayed, m->settings, &m->dkim, field);
}

static bool
is_any(const struct milter_message *m, size_t field)
{
    (void)m, (void)field;
    return true;
}

static bool
delete_forged(const struct milter_message *m, SMFICTX *ctx, struct log_line *line)
{
    size_t count = 0;
    bool good = delete_fields(m, ctx, "Authentication-Results", claims_our_id, &count) &&
                delete_fields(m, ctx, m->settings->quarantine_header, is_any, &count);

    metrics_add(MILTER_METRIC_FORGED, 0, 0, (int64_t)count);
    if (count != 0)
        log_line_addf(line, "removed", "%zu", count);
    return good;
}

/* ---- ours */

static bool
add_signature(struct milter_message *m, SMFICTX *ctx, const struct dkim_keytable_row *row,
              struct buf *signed_with)
{
    struct span value;
    struct err e;
    or_status st = dkim_sign_value(m->sign, row->key, span_cstr(row->domain),
                                   span_cstr(row->selector), &value, &e);

    metrics_inc(MILTER_METRIC_SIGNATURES,
                st == OR_OK ? MILTER_SIGNATURE_MADE : MILTER_SIGNATURE_FAILED);
    if (st != OR_OK) {
        log_error("%.*s: cannot sign with %s/%s.pem: %s", SPAN_ARG(m->queue_id), row->domain,
                  row->selector, e.text);
        return true; /* a broken key is left out, the others sign on */
    }
    buf_addf(signed_with, "%sd=%s s=%s a=%s", signed_with->n != 0 ? "; " : "", row->domain,
             row->selector,
             dkim_private_type(row->key) == DKIM_KEY_RSA ? "rsa-sha256" : "ed25519-sha256");
    return insert_field(ctx, "DKIM-Signature", value);
}

static bool
sign_message(struct milter_message *m, SMFICTX *ctx, struct log_line *line)
{
    struct buf signed_with;
    bool good = true;

    if (m->sign == NULL) {
        log_line_add(line, "not-signed", span_cstr(m->not_signed.text));
        return true;
    }
    buf_init(&signed_with, 4096);
    dkim_message_finish_body(&m->dkim);
    for (size_t i = 0; i < m->keys.count && good; i++)
        good = add_signature(m, ctx, m->keys.rows[i], &signed_with);
    log_line_add(line, "signed", buf_span(&signed_with));
    buf_fini(&signed_with);
    return good;
}

/* ---- theirs */

/* policyd's answer, or what policyd-failure puts in its place; NULL when nobody is to be asked. */
static const struct verdict_answer *
ask_policyd(struct milter_message *m, struct verdict_answer *answer)
{
    const struct milter_settings *settings = m->settings;
    struct verdict_question question;
    struct err e = {""};

    if (settings->policyd == NULL || settings->policyd[0] == '\0')
        return NULL;
    or_status st = milter_results_question(m, &question);
    if (st == OR_OK)
        st = verdict_ask(settings->policyd, settings->policyd_timeout_ms, &question, &m->mem,
                         answer, &e);
    if (st == OR_OK)
        return answer;
    metrics_inc(MILTER_METRIC_POLICYD_FAILURES, 0);
    log_error("%.*s: no verdict from policyd: %s", SPAN_ARG(m->queue_id), e.text);
    *answer = (struct verdict_answer){
        .action =
            settings->policyd_failure == MILTER_POLICYD_ACCEPT ? VERDICT_ACCEPT : VERDICT_TEMPFAIL,
        .dmarc = SPAN_LIT("temperror"),
        .dsn = SPAN_LIT("4.7.1"),
        .text = SPAN_LIT("the policy service is not available, try again later"),
    };
    return answer;
}

/* A set of ours, with the results that stand in our Authentication-Results field. */
static bool
add_seal(struct milter_message *m, SMFICTX *ctx, struct span results, struct log_line *line)
{
    const struct dkim_keytable_row *row = m->seal_key;
    struct arc_seal_set set;
    struct err e;
    bool good = true;

    if (m->not_sealed.text[0] != '\0')
        log_line_add(line, "not-sealed", span_cstr(m->not_sealed.text));
    if (m->seal == NULL)
        return true;
    assert(m->arc != NULL); /* milter_build.c: no sealing without arc-verify */
    if (arc_seal_values(m->seal, m->arc->result, results, &set, &e) != OR_OK) {
        log_error("%.*s: cannot seal with %s/%s.pem: %s", SPAN_ARG(m->queue_id), row->domain,
                  row->selector, e.text);
        return true;
    }
    for (int i = 0; i < ARC_FIELDS && good; i++)
        good = insert_field(ctx, arc_field_name((enum arc_field)i), set.values[i]);
    log_line_addf(line, "sealed", "i=%u cv=%s d=%s s=%s", m->arc->chain.count + 1,
                  arc_result_name(m->arc->result), row->domain, row->selector);
    return good;
}

static bool
add_results(struct milter_message *m, SMFICTX *ctx, const struct verdict_answer *answer,
            struct log_line *line)
{
    struct buf value;

    buf_init(&value, AUTHRES_MAX_BYTES);
    milter_results_format(&value, m, answer);
    bool good = buf_finish(&value) == OR_OK &&
                insert_field(ctx, "Authentication-Results", buf_span(&value)) &&
                add_seal(m, ctx, buf_span(&value), line);
    buf_fini(&value);
    return good;
}

static bool
add_quarantine_mark(const struct milter_message *m, SMFICTX *ctx, struct span reason)
{
    struct buf value;

    buf_init(&value, 1024);
    buf_add_char(&value, ' ');
    buf_add_span(&value, span_slice(reason, 0, REPLY_TEXT_BYTES));
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || (unsigned char)value.p[i] >= 0x7f)
            value.p[i] = '?';
    bool good = insert_field(ctx, m->settings->quarantine_header, buf_span(&value));
    buf_fini(&value);
    return good;
}

static void
log_signatures(const struct milter_message *m, struct log_line *line)
{
    struct buf words;

    buf_init(&words, 4096);
    for (size_t i = 0; i < m->verify.count; i++) {
        const struct dkim_verify_item *item = &m->verify.items[i];

        buf_addf(&words, "%s%s d=%.*s s=%.*s", i != 0 ? "; " : "", dkim_result_name(item->result),
                 SPAN_ARG(item->sig.domain), SPAN_ARG(item->sig.selector));
        if (item->reason != DKIM_OK)
            buf_addf(&words, " (%s)", dkim_reason_name(item->reason));
    }
    if (m->verify.ignored_count != 0)
        buf_addf(&words, "; %zu more ignored", m->verify.ignored_count);
    log_line_add(line, "dkim", m->verify.count != 0 ? buf_span(&words) : SPAN_LIT("none"));
    buf_fini(&words);
}

static void
log_arc(const struct milter_message *m, struct log_line *line)
{
    struct buf words;

    if (m->arc == NULL)
        return;
    buf_init(&words, 1024);
    buf_add_cstr(&words, arc_result_name(m->arc->result));
    if (m->arc->instance != 0)
        buf_addf(&words, " i=%u", m->arc->instance);
    if (m->arc->result == ARC_FAIL)
        buf_addf(&words, " (%s)", arc_reason_name(m->arc->reason));
    log_line_add(line, "arc", buf_span(&words));
    buf_fini(&words);
}

static void
log_answer(const struct verdict_answer *v, struct log_line *line)
{
    log_line_add(line, "spf", v->spf);
    log_line_add(line, "dmarc", v->dmarc);
    log_line_add(line, "author", v->dmarc_domain);
    log_line_add(line, "policy", v->dmarc_policy);
    if (v->dmarc_override.n != 0)
        log_line_add(line, "override", v->dmarc_override);
    if (v->dmarc_comment.n != 0)
        log_line_add(line, "sealers", v->dmarc_comment);
}

static void
end_with(struct ending *end, enum verdict_action action, struct span dsn, struct span text)
{
    *end = (struct ending){
        .action = action,
        .code = action == VERDICT_REJECT ? "550" : "451",
        .dsn = dsn,
        .text = text,
    };
}

static bool
judge_message(struct milter_message *m, SMFICTX *ctx, struct log_line *line, struct ending *end)
{
    struct verdict_answer storage;

    dkim_message_finish_body(&m->dkim);
    milter_message_check_keys(m);
    dkim_verify_body(&m->verify, &m->dkim, &m->verify_settings);
    if (m->arc != NULL)
        arc_verify_body(m->arc, &m->dkim);
    if (m->relayed.id.n != 0)
        log_line_add(line, "relay", m->relayed.id);
    log_signatures(m, line);
    log_arc(m, line);
    const struct verdict_answer *answer = ask_policyd(m, &storage);
    milter_metrics_judged(m, answer);
    if (answer != NULL) {
        log_answer(answer, line);
        end_with(end, answer->action, answer->dsn, answer->text);
    }
    const struct milter_action own = milter_action_of(m);
    if (milter_action_is_stricter(own.action, end->action))
        end_with(end, own.action, own.dsn, own.text);
    if (end->action == VERDICT_REJECT || end->action == VERDICT_TEMPFAIL)
        return true; /* nobody will see the header */
    if (end->action == VERDICT_QUARANTINE && !add_quarantine_mark(m, ctx, end->text))
        return false;
    return add_results(m, ctx, answer, line);
}

/* ---- the answer */

/* smfi_setreply() formats its text: a percent sign of the sender's must not be one. */
static void
set_reply(SMFICTX *ctx, const struct ending *end)
{
    char dsn[16] = "", text[2 * REPLY_TEXT_BYTES + 1];
    size_t n = 0;

    for (size_t i = 0; i < end->text.n && n + 2 < REPLY_TEXT_BYTES; i++) {
        unsigned char c = (unsigned char)end->text.p[i];

        text[n++] = c < ' ' || c == 0x7f ? '?' : (char)c;
        if (c == '%')
            text[n++] = '%';
    }
    text[n] = '\0';
    snprintf(dsn, sizeof(dsn), "%.*s", SPAN_ARG(end->dsn));
    if (smfi_setreply(ctx, (char *)(uintptr_t)end->code, dsn, text) != MI_SUCCESS)
        log_warning("libmilter refuses the reply \"%s %s %s\"", end->code, dsn, text);
}

static sfsistat
answer_of(SMFICTX *ctx, const struct ending *end)
{
    switch (end->action) {
    case VERDICT_REJECT:
        set_reply(ctx, end);
        return SMFIS_REJECT;
    case VERDICT_TEMPFAIL:
        set_reply(ctx, end);
        return SMFIS_TEMPFAIL;
    case VERDICT_ACCEPT:
    case VERDICT_QUARANTINE:
        break;
    }
    return SMFIS_CONTINUE;
}

static void
log_identity(const struct milter_message *m, struct log_line *line)
{
    char address[IP_TEXT_BYTES] = "unknown";

    if (m->client->ip.family != 0)
        ip_format(&m->client->ip, address);
    log_line_start(line, LOG_LEVEL_INFO, m->queue_id);
    log_line_add(line, "client", span_cstr(address));
    log_line_add(line, "helo", m->client->helo);
    log_line_add(line, "from", m->sender);
    if (m->login.n != 0)
        log_line_add(line, "user", m->login);
    if (m->settings->mode == MILTER_OBSERVE)
        log_line_add(line, "mode", SPAN_LIT("observe"));
}

int
milter_eom_run(struct milter_message *m, struct smfi_str *ctx)
{
    int64_t began_us = clock_mono_us();
    bool observe = m->settings->mode == MILTER_OBSERVE;
    SMFICTX *editable = observe ? NULL : ctx;
    struct ending end = {.action = VERDICT_ACCEPT};
    struct log_line line;
    bool good;

    log_identity(m, &line);
    if (m->too_large) {
        end = (struct ending){VERDICT_REJECT, "552", SPAN_LIT("5.3.4"), SPAN_LIT(TOO_LARGE_TEXT)};
        good = true;
    } else if (m->no_senders) {
        end = (struct ending){VERDICT_TEMPFAIL, "451", SPAN_LIT("4.3.0"),
                              SPAN_LIT("the table of senders is not available, try again later")};
        good = true;
    } else {
        good = delete_forged(m, editable, &line);
        good = good && (m->originating ? sign_message(m, editable, &line)
                                       : judge_message(m, editable, &line, &end));
    }
    if (!good)
        end = (struct ending){VERDICT_TEMPFAIL, "451", SPAN_LIT("4.3.0"),
                              SPAN_LIT("the header could not be changed, try again later")};
    log_line_add(&line, "action", span_cstr(verdict_action_name(end.action)));
    if (end.text.n != 0)
        log_line_add(&line, "reason", end.text);
    log_line_addf(&line, "ms", "%lld", (long long)(clock_mono_ms() - m->began_mono_ms));
    log_line_end(&line);
    milter_metrics_ended(m, end.action, began_us);
    return observe ? SMFIS_CONTINUE : answer_of(ctx, &end);
}
