/* From the daemon skeleton's snapshots to the views that sessions work with. */
#include "policyd/policyd.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/text/suffix.h"
#include "policyd/access_file.h"
#include "policyd/dnslist.h"
#include "policyd/policy_plan.h"
#include "policyd/policy_session.h"
#include "policyd/policyd_metrics.h"
#include "policyd/quota_probe.h"
#include "policyd/ratelimit.h"
#include "policyd/spf/spf_eval.h"
#include "policyd/verdict_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void
free_state(struct policyd_state *s)
{
    kvstore_close(s->store);
    decisions_close(s->decisions);
    recent_senders_free(s->senders);
    free(s);
}

/* Decisions are for looking back: where they cannot be kept mail goes on. */
static struct decisions *
open_decisions(const struct policyd_settings *set)
{
    const struct decisions_settings settings = {.path = set->decisions,
                                                .keep_s = set->decisions_keep_ms / 1000,
                                                .max_bytes = set->decisions_max_bytes,
                                                .metric = POLICYD_METRIC_DECISIONS};
    struct decisions *decisions = NULL;
    struct err e;

    if (set->decisions[0] != '\0' && decisions_open(&settings, &decisions, &e) != OR_OK)
        log_warning("decisions are not kept: %s", e.text);
    return decisions;
}

or_status
policyd_open(const void *settings, void **state_out, struct err *e)
{
    const struct policyd_settings *set = settings;
    const struct kvstore_settings store = {.address = set->store,
                                           .password_file = set->store_password_file,
                                           .timeout_ms = set->store_timeout_ms};
    struct policyd_state *state = xcalloc(1, sizeof(*state));

    if (set->public_suffix_list[0] != '\0' && suffix_load(set->public_suffix_list, e) != OR_OK) {
        free_state(state);
        return err_wrap(e, OR_CONFIG, "public-suffix-list");
    }
    state->senders = recent_senders_new();
    if (set->store[0] != '\0' && kvstore_open(&store, &state->store, e) != OR_OK) {
        free_state(state);
        return err_wrap(e, OR_CONFIG, "store");
    }
    state->decisions = open_decisions(set);
    *state_out = state;
    return OR_OK;
}

void
policyd_close(void *state)
{
    free_state(state);
}

static or_status
find_hostname(const struct policyd_settings *settings, char **hostname_out, struct err *e)
{
    char name[256];

    if (settings->hostname != NULL) {
        *hostname_out = xstrdup(settings->hostname);
        return OR_OK;
    }
    if (gethostname(name, sizeof(name)) != 0)
        return err_set(e, OR_CONFIG, "the system has no usable host name (%s): set \"hostname\"",
                       os_error_text(errno));
    name[sizeof(name) - 1] = '\0';
    *hostname_out = xstrdup(name);
    return OR_OK;
}

or_status
policyd_build(void *state, const void *settings, bool check_only, void **built_out, struct err *e)
{
    const struct policyd_settings *set = settings;
    struct policyd_built *built = xcalloc(1, sizeof(*built));

    (void)check_only; /* nothing here leaves a trace */
    built->state = state;
    built->plan = xcalloc(1, sizeof(*built->plan));
    built->limits = xcalloc(1, sizeof(*built->limits));
    built->rules = xcalloc(1, sizeof(*built->rules));
    built->lists = xcalloc(1, sizeof(*built->lists));
    or_status st = find_hostname(set, &built->hostname, e);
    if (st == OR_OK)
        st = map_srs_new(set, &built->srs, e);
    if (st == OR_OK && set->access_file[0] != '\0')
        st = access_file_open(set->access_file, &built->access, e);
    if (st == OR_OK)
        st = policy_plan_init(built->plan, set, e);
    if (st == OR_OK)
        st = ratelimit_init(built->limits, set, e);
    if (st == OR_OK)
        st = verdict_rules_init(built->rules, set, e);
    if (st == OR_OK)
        st = dnslist_init(built->lists, set, e);
    if (st == OR_OK)
        st = daemon_dns_new(&set->common, &built->dns, e);
    if (st == OR_OK && set->quota_lmtp[0] != '\0')
        built->quota = quota_probe_new(set->quota_lmtp, built->hostname);
    if (st != OR_OK) {
        policyd_destroy(built);
        return st;
    }
    *built_out = built;
    return OR_OK;
}

void
policyd_destroy(void *built)
{
    struct policyd_built *b = built;

    if (b == NULL)
        return;
    dns_free(b->dns);
    map_srs_free(b->srs);
    access_file_close(b->access);
    policy_plan_fini(b->plan);
    free(b->plan);
    ratelimit_fini(b->limits);
    free(b->limits);
    verdict_rules_fini(b->rules);
    free(b->rules);
    quota_probe_free(b->quota);
    dnslist_fini(b->lists);
    free(b->lists);
    free(b->hostname);
    free(b);
}

void
policyd_view_init(struct policyd_view *view, const struct policyd_settings *settings,
                  const struct policyd_built *built)
{
    *view = (struct policyd_view){
        .settings = settings,
        .dns = built->dns,
        .hostname = built->hostname,
        .access = built->access,
        .plan = built->plan,
        .limits = built->limits,
        .rules = built->rules,
        .lists = built->lists,
        .quota = built->quota,
        .store = built->state->store,
        .senders = built->state->senders,
        .decisions = built->state->decisions,
    };
}

static void
take_snapshot(void *context, struct policyd_view *view_out)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(context);

    policyd_view_init(view_out, snapshot->settings, snapshot->built);
    view_out->handle = snapshot;
}

static void
drop_snapshot(void *context, const struct policyd_view *view)
{
    daemon_snapshot_drop(context, view->handle);
}

void
policyd_serve(struct stream *stream, void *context)
{
    const struct policyd_host host = {
        .take = take_snapshot,
        .drop = drop_snapshot,
        .context = context,
    };

    policy_session_run(stream, &host);
}

void
policyd_keep_decision(const struct policyd_work *w, struct span queue_id, struct span instance,
                      struct buf *record)
{
    struct timespec now = clock_now_precise();
    const struct decision decision = {.time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
                                      .queue_id = queue_id,
                                      .instance = instance,
                                      .text = buf_span(record)};

    decisions_add(w->view->decisions, &decision);
    buf_fini(record);
}

struct spf_query
policyd_spf_query(const struct policyd_work *w, const struct ip *client, struct span helo,
                  struct span sender)
{
    return (struct spf_query){
        .scope = SPF_SCOPE_MFROM,
        .ip = *client,
        .helo = helo,
        .sender = sender,
        .receiver = span_cstr(w->view->hostname),
        .dns = w->view->dns,
        .mem = w->mem,
        .now = w->now,
        .deadline_mono_ms = w->deadline_mono_ms,
        .limits = {.max_terms = SPF_MAX_TERMS,
                   .max_voids = (unsigned)w->view->settings->spf_max_voids},
    };
}

const char *
policyd_spf_forwarder(const struct policyd_work *w, const struct ip *client, struct span helo)
{
    const struct conf_list *domains = &w->view->settings->trusted_forwarders;

    for (size_t i = 0; i < domains->count; i++) {
        char *sender = arena_printf(w->mem, "postmaster@%s", domains->items[i]);
        struct spf_outcome outcome;

        if (sender == NULL)
            return NULL;
        struct spf_query query = policyd_spf_query(w, client, helo, span_cstr(sender));
        spf_eval(&query, &outcome);
        if (outcome.result == SPF_PASS)
            return domains->items[i];
    }
    return NULL;
}
