/*
 * What the files of policyd share: what a request may see of the daemon, and the daemon's build
 * step.
 *
 * Threads: immutable (a view); a work belongs to one request.
 */
#ifndef OUTRIDER_POLICYD_POLICYD_H
#define OUTRIDER_POLICYD_POLICYD_H

#include "common/run/daemon.h"
#include "common/run/decisions.h"
#include "common/run/kvstore.h"
#include "policyd/map_srs.h"
#include "policyd/policyd_conf.h"
#include "policyd/recent_senders.h"
#include "policyd/spf/spf.h"

#include <time.h>

/* Everything that one request allocates, DNS answers included. Beyond it checks see temporary
 * errors. */
#define POLICYD_REQUEST_MAX_BYTES (4 * 1024 * 1024)

/* What outlives reloads. */
struct policyd_state {
    struct kvstore *store; /* NULL: store = "" */
    struct recent_senders *senders;
    struct decisions *decisions; /* NULL: none are kept */
};

struct access_file;
struct dnslist_set;
struct policy_plan;
struct quota_probe;
struct ratelimit;
struct verdict_rules;

/* What is made anew at each reload. */
struct policyd_built {
    struct policyd_state *state;
    struct dns *dns;
    char *hostname;
    struct map_srs *srs;        /* NULL: srs-domain is not set */
    struct access_file *access; /* NULL: access-file = "" */
    struct policy_plan *plan;
    struct ratelimit *limits;
    struct verdict_rules *rules;
    struct dnslist_set *lists;
    struct quota_probe *quota; /* NULL: quota-lmtp = "" */
};

/* The daemon as one request sees it, from its beginning to its end, whatever a reload does
 * meanwhile. */
struct policyd_view {
    const struct policyd_settings *settings;
    struct dns *dns;
    const char *hostname;
    struct access_file *access; /* NULL: there is none */
    const struct policy_plan *plan;
    const struct ratelimit *limits;
    const struct verdict_rules *rules;
    struct dnslist_set *lists;      /* NULL: none */
    struct quota_probe *quota;      /* NULL: none */
    struct kvstore *store;          /* NULL: there is none */
    struct recent_senders *senders; /* NULL: nobody wants to know */
    struct decisions *decisions;    /* NULL: none are kept */
    const void *handle;             /* for `drop` */
};

/* Where a session gets its views: the daemon, or a test. */
struct policyd_host {
    void (*take)(void *context, struct policyd_view *view_out);
    void (*drop)(void *context, const struct policyd_view *view);
    void *context;
};

/* One request's means. */
struct policyd_work {
    const struct policyd_view *view;
    struct arena *mem;
    time_t now;
    int64_t started_mono_ms, started_mono_us; /* the same moment */
    int64_t deadline_mono_ms;                 /* for all DNS questions together */
};

/* The hooks of struct daemon_spec. */
or_status policyd_open(const void *settings, void **state_out, struct err *e) OR_MUST_USE;
void policyd_close(void *state);
or_status policyd_build(void *state, const void *settings, bool check_only, void **built_out,
                        struct err *e) OR_MUST_USE;
void policyd_destroy(void *built);
/* What requests see of that; without a handle. */
void policyd_view_init(struct policyd_view *view, const struct policyd_settings *settings,
                       const struct policyd_built *built);
/* Serves one connection to the policy socket; context is the struct daemon. */
void policyd_serve(struct stream *stream, void *context);

/* Keeps a decision for `outrider policy explain`; `record` is from log_line_record(), and is freed.
 */
void policyd_keep_decision(const struct policyd_work *w, struct span queue_id, struct span instance,
                           struct buf *record);

/* An SPF question by the daemon's limits, about MAIL FROM (for <>: about postmaster@HELO); ends at
 * the request's deadline. */
struct spf_query policyd_spf_query(const struct policyd_work *w, const struct ip *client,
                                   struct span helo, struct span sender);

/* The first of trusted-forwarders whose own SPF record names the client; NULL: none does. */
const char *
policyd_spf_forwarder(const struct policyd_work *w, const struct ip *client, struct span helo);

#endif
