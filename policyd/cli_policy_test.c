/*
 * outrider policy test: the daemon's checks in this process, with its configuration and store. The
 * store is only read: no triplet is made, no limit is charged.
 */
#include "common/base/clock.h"
#include "common/cli/cli_dns.h"
#include "common/text/suffix.h"
#include "policyd/cli_policy.h"
#include "policyd/cli_policy_request.h"
#include "policyd/cli_policyd.h"
#include "policyd/policy_checks.h"
#include "policyd/policy_plan.h"

#include <stdio.h>

#define LABEL_WIDTH 12
#define TEXT_MAX_BYTES 4096

const char *const cli_policy_test_options[] = {"dns=ADDRESS", "dns-file=FILE", NULL};

/* One test; everything is ended by end(). */
struct testing {
    const struct cli *cli;
    struct policyd_settings *settings;
    struct policyd_state state;
    struct policyd_built *built;
    struct dns *dns; /* of --dns and --dns-file; NULL: the configuration's */
    struct policyd_view view;
    struct policyd_work work;
    struct arena mem;
    struct policy_memory memory;
    struct policy_request request;
    struct policy_question question;
    struct policy_action action;
    struct err store_error; /* why there is no store */
    struct err e;
};

static or_status
open_store(struct testing *t)
{
    or_status st = cli_policyd_open_store(t->settings, true, &t->state.store, &t->store_error);

    if (st == OR_OK || st == OR_ABSENT) /* a host before its first mail */
        return OR_OK;
    return err_set(&t->e, st, "store: %s", t->store_error.text);
}

static or_status
open_daemon(struct testing *t)
{
    const char *suffixes = t->settings->public_suffix_list;
    bool own_dns = cli_option(t->cli, "dns") != NULL || cli_option(t->cli, "dns-file") != NULL;
    void *built = NULL;
    or_status st = own_dns ? cli_dns_open(t->cli, &t->dns, &t->e) : OR_OK;

    if (st == OR_OK && suffixes[0] != '\0')
        st = suffix_load(suffixes, &t->e);
    if (st == OR_OK)
        st = open_store(t);
    if (st == OR_OK)
        st = policyd_build(&t->state, t->settings, true, &built, &t->e);
    if (st != OR_OK)
        return st;
    t->built = built;
    policyd_view_init(&t->view, t->settings, t->built);
    if (t->dns != NULL)
        t->view.dns = t->dns;
    return OR_OK;
}

static void
end(struct testing *t)
{
    policyd_destroy(t->built);
    kvstore_close(t->state.store);
    dns_free(t->dns);
    cli_policyd_free(t->settings);
    arena_fini(&t->mem);
}

static void
ask(struct testing *t)
{
    int64_t now_us = clock_mono_us();

    t->work = (struct policyd_work){
        .view = &t->view,
        .mem = &t->mem,
        .now = clock_now(),
        .started_mono_us = now_us,
        .started_mono_ms = now_us / 1000,
        .deadline_mono_ms = now_us / 1000 + t->settings->request_timeout_ms,
    };
    t->question =
        (struct policy_question){.work = &t->work, .request = &t->request, .memory = &t->memory};
    policy_checks_prepare(&t->question);
    policy_checks_run(&t->question, &t->action);
}

/* ---- what is printed of one check */

/* "spf=fail (mfrom of example.org, matched -all, 3 look-ups)" */
static void
describe_spf(const struct spf_outcome *spf, struct buf *out)
{
    buf_addf(out, "%s (%s of %.*s", spf_result_name(spf->result), spf_scope_name(spf->scope),
             SPAN_ARG(spf->domain));
    if (spf->matched.term.n > 0)
        buf_addf(out, ", matched %.*s", SPAN_ARG(spf->matched.term));
    if (spf->reason.n > 0)
        buf_addf(out, ", %.*s", SPAN_ARG(spf->reason));
    buf_addf(out, ", %u look-ups)", spf->terms);
}

/* Each word that a check left, as `name=text`. */
static void
describe_words(const struct testing *t, const struct policy_trace *trace, struct buf *out)
{
    const struct policy_question *q = &t->question;

    if (q->spf != NULL && span_equal_cstr(SPAN_LIT("spf"), trace->check)) {
        buf_add_cstr(out, "spf=");
        describe_spf(q->spf, out);
    }
    for (size_t i = trace->word_from; i < trace->word_end; i++)
        buf_addf(out, "%s%s=%s", out->n > 0 ? " " : "", q->words[i].check, q->words[i].text);
}

static void
print_line(struct testing *t, const char *label, struct span text)
{
    struct span shown = cli_printable(&t->mem, text);

    printf("%-*s %.*s\n", LABEL_WIDTH, label, SPAN_ARG(shown));
}

static void
print_check(struct testing *t, const struct policy_trace *trace)
{
    struct buf text;

    buf_init(&text, TEXT_MAX_BYTES);
    policy_checks_describe(trace, &text);
    print_line(t, "check", buf_span(&text));
    buf_reset(&text);
    describe_words(t, trace, &text);
    if (text.n > 0)
        print_line(t, "", buf_span(&text));
    buf_fini(&text);
}

static json_t *
json_check(struct testing *t, const struct policy_trace *trace)
{
    struct buf words;

    buf_init(&words, TEXT_MAX_BYTES);
    describe_words(t, trace, &words);
    json_t *check = json_pack(
        "{s:s, s:s, s:b, s:o, s:o, s:o}", "check", trace->check, "mode",
        trace->shadow ? "shadow" : "enforce", "asked", (int)(trace->skipped_by == NULL),
        "skipped_by", cli_json_text(&t->mem, span_cstr(trace->skipped_by)), "said",
        cli_json_text(&t->mem, buf_span(&words)), "answer", cli_json_text(&t->mem, trace->value));
    buf_fini(&words);
    return check;
}

/* ---- the whole */

static void
print_store(struct testing *t)
{
    struct buf text;

    buf_init(&text, TEXT_MAX_BYTES);
    if (t->state.store != NULL)
        buf_addf(&text, "%s (only read: this test leaves no trace)", t->settings->store);
    else
        buf_addf(&text, "none, checks that need it have no objection: %s", t->store_error.text);
    print_line(t, "store", buf_span(&text));
    buf_fini(&text);
}

static void
print_request(struct testing *t)
{
    const struct policy_request *r = &t->request;
    struct buf text;

    buf_init(&text, TEXT_MAX_BYTES);
    buf_addf(&text, "%.*s client=%.*s helo=%.*s from=<%.*s> rcpt=<%.*s>",
             SPAN_ARG(r->protocol_state), SPAN_ARG(r->client_address), SPAN_ARG(r->helo_name),
             SPAN_ARG(r->sender), SPAN_ARG(r->recipient));
    print_line(t, "request", buf_span(&text));
    buf_fini(&text);
    if (t->question.client.family == 0)
        print_line(t, "", SPAN_LIT("no client_address: what depends on it is not checked"));
    else if (t->question.trusted)
        print_line(t, "", SPAN_LIT("authenticated, or from internal-networks"));
}

static void
print_people(struct testing *t)
{
    const struct policy_plan *plan = t->built->plan;
    const struct policy_question *q = &t->question;

    print_request(t);
    print_store(t);
    for (size_t i = 0; i < q->trace_count; i++)
        print_check(t, &q->trace[i]);
    for (size_t i = q->trace_count; i < plan->count; i++)
        printf("%-*s %s: not asked, the check before decided\n", LABEL_WIDTH, "check",
               policy_checks_name(plan->steps[i].check));
    print_line(t, "action", t->action.value);
}

static void
print_json(struct testing *t)
{
    json_t *checks = json_array();

    for (size_t i = 0; i < t->question.trace_count; i++)
        json_array_append_new(checks, json_check(t, &t->question.trace[i]));
    cli_print_json(json_pack("{s:o, s:b, s:s, s:b, s:o, s:o}", "state",
                             cli_json_text(&t->mem, t->request.protocol_state), "trusted",
                             (int)t->question.trusted, "store",
                             t->state.store != NULL ? t->settings->store : "", "store_only_read", 1,
                             "checks", checks, "action", cli_json_text(&t->mem, t->action.value)));
}

/* What Postfix would do with the mail: access(5). */
static int
exit_status(struct span action)
{
    static const struct {
        const char *prefix;
        int status;
    } rows[] = {
        {"4", CLI_TEMPFAIL}, {"DEFER", CLI_TEMPFAIL}, {"5", CLI_NO},
        {"REJECT", CLI_NO},  {"HOLD", CLI_NO},        {"DISCARD", CLI_NO},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (span_has_prefix_nocase(action, span_cstr(rows[i].prefix)))
            return rows[i].status;
    return CLI_YES;
}

int
cli_policy_test(struct cli *cli)
{
    struct testing t = {.cli = cli};

    arena_init(&t.mem, POLICYD_REQUEST_MAX_BYTES);
    int status = cli_policy_request_read(cli, &t.mem, &t.request);
    if (status == CLI_YES)
        status = cli_policyd_load(cli, &t.settings);
    if (status == CLI_YES) {
        or_status st = open_daemon(&t);

        status = st == OR_OK ? CLI_YES : cli_fail_status(cli, st, &t.e);
    }
    if (status == CLI_YES) {
        ask(&t);
        if (cli->json)
            print_json(&t);
        else
            print_people(&t);
        status = exit_status(t.action.value);
    }
    end(&t);
    return status;
}
