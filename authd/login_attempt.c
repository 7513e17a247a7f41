/*
 * The order of things, and the words for them.
 */
#include "authd/login_attempt.h"

#include "authd/authd_metrics.h"
#include "authd/guard/country.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/run/hook.h"

#define RECORD_BYTES 8192

/* By enum login_result. */
static const struct {
    enum authd_login outcome;
    enum log_level level;
    const char *action;
    const char *reason; /* NULL: none, or the check's */
} words[] = {
    [LOGIN_GOOD] = {AUTHD_LOGIN_ACCEPTED, LOG_LEVEL_INFO, "accept", NULL},
    [LOGIN_WRONG] = {AUTHD_LOGIN_WRONG, LOG_LEVEL_INFO, "refuse", "wrong user or password"},
    [LOGIN_OUT_OF_SCOPE] = {AUTHD_LOGIN_OUT_OF_SCOPE, LOG_LEVEL_INFO, "refuse",
                            "application password for other services"},
    [LOGIN_EXPIRED] = {AUTHD_LOGIN_EXPIRED, LOG_LEVEL_INFO, "refuse",
                       "application password expired"},
    [LOGIN_DISABLED] = {AUTHD_LOGIN_DISABLED, LOG_LEVEL_INFO, "refuse", "account disabled"},
    [LOGIN_OTHER_USER] = {AUTHD_LOGIN_OTHER_USER, LOG_LEVEL_INFO, "refuse",
                          "authorization as another user"},
    [LOGIN_UNKNOWN_NOW] = {AUTHD_LOGIN_TEMPFAIL, LOG_LEVEL_WARNING, "tempfail", NULL},
    /* That it is banned was logged once; a line for each try would be what he wants. */
    [LOGIN_BANNED] = {AUTHD_LOGIN_BANNED, LOG_LEVEL_DEBUG, "refuse", "banned"},
};

struct attempt {
    struct daemon *daemon;
    const struct daemon_snapshot *snapshot;
    const struct authd_settings *settings;
    const struct authd_built *built;
    const struct mech_exchange *x;
    const struct login_origin *origin;
    time_t now;
};

/* ---- the log */

struct event {
    enum log_level level;
    const char *action, *reason;
    struct span user;
};

static void
write_log(const struct attempt *a, const struct event *event, struct buf *record)
{
    struct log_line line;

    log_line_start(&line, event->level, a->origin->session);
    log_line_record(&line, record);
    if (a->origin->client.n != 0)
        log_line_add(&line, "client", a->origin->client);
    log_line_add(&line, "service", a->origin->service);
    log_line_add(&line, "user", event->user);
    log_line_add(&line, "mech", span_cstr(a->x->mech->name));
    if (a->x->trace.n > 0)
        log_line_add(&line, "trace", buf_span(&a->x->trace));
    log_line_add(&line, "action", span_cstr(event->action));
    if (event->reason != NULL)
        log_line_add(&line, "reason", span_cstr(event->reason));
    log_line_end(&line);
}

static void
keep(const struct attempt *a, struct span name, const struct buf *record)
{
    const struct decision decision = {
        .time_ms = (int64_t)a->now * 1000, .queue_id = name, .text = buf_span(record)};

    if (name.n > 0)
        decisions_add(a->built->logins, &decision);
}

/* Under the user's name when that is one of ours, and what was refused also under the client's. */
static void
tell(const struct attempt *a, const struct event *event, struct span account)
{
    struct buf record;

    buf_init(&record, RECORD_BYTES);
    write_log(a, event, a->built->logins != NULL ? &record : NULL);
    if (event->level != LOG_LEVEL_DEBUG && a->built->logins != NULL) {
        keep(a, account, &record);
        if (event->action[0] != 'a')
            keep(a, a->origin->client, &record);
    }
    buf_fini(&record);
}

static void
count(const struct mech_exchange *x, enum authd_login outcome)
{
    metrics_add(AUTHD_METRIC_LOGINS, authd_metrics_mechanism(x->mech->name), outcome, 1);
}

/* ---- the defence */

static struct guard_policy
policy_of(const struct authd_settings *s)
{
    return (struct guard_policy){.threshold = s->ban_threshold,
                                 .ban_s = s->ban_time_ms / 1000,
                                 .ban_max_s = s->ban_time_max_ms / 1000,
                                 .delay_ms = s->failure_delay_ms,
                                 .never = &s->never_ban};
}

/* Program, user, client, country: the login is new there. */
static void
give_notice(const struct attempt *a, struct span user, struct span country, struct arena *mem)
{
    const char *const argv[] = {a->settings->login_notice_hook,        arena_strdup(mem, user),
                                arena_strdup(mem, a->origin->client),  arena_strdup(mem, country),
                                arena_strdup(mem, a->origin->service), NULL};
    struct err e = {""};

    log_info("%.*s logs in from %.*s for the first time", SPAN_ARG(user),
             SPAN_ARG(a->origin->client));
    if (argv[0][0] == '\0' || argv[1] == NULL || argv[2] == NULL || argv[3] == NULL ||
        argv[4] == NULL)
        return;
    if (hook_run(argv, &e) != OR_OK)
        log_error("login-notice-hook: %s", e.text);
}

static struct span
country_of(const struct attempt *a)
{
    struct ip ip;

    if (a->built->countries == NULL || ip_parse(a->origin->client, &ip) != OR_OK)
        return SPAN_EMPTY;
    return country_find(a->built->countries, &ip);
}

static int64_t
learn(const struct attempt *a, const struct guard_attempt *tried,
      const struct login_checked *checked, struct arena *mem)
{
    const struct guard_policy policy = policy_of(a->settings);

    /* Nobody has proved anything: no place becomes one where a user was seen. */
    if (a->x->mech->needs == MECH_KEYS_ANONYMOUS)
        return policy.delay_ms;
    if (checked->result == LOGIN_WRONG) {
        struct guard_outcome outcome =
            guard_bad(a->built->guard, &policy, tried, checked->account.n == 0, a->now);
        return outcome.delay_ms;
    }
    if (checked->result == LOGIN_GOOD) {
        struct span country = country_of(a);

        if (guard_good(a->built->guard, tried, country, a->now))
            give_notice(a, tried->user, country, mem);
    }
    return a->settings->failure_delay_ms;
}

/* ---- the whole */

/* The same person, however he writes his name. */
static struct guard_attempt
attempt_of(const struct attempt *a, struct span who, struct arena *mem)
{
    struct account_address address;
    bool is_address = account_address_parse(who, false, mem, &address, NULL) == OR_OK;

    return (struct guard_attempt){.client = a->origin->client,
                                  .user = is_address ? address.whole : who,
                                  .password = buf_span(&a->x->password)};
}

static void
report(const struct attempt *a, enum login_result result, const char *why, struct span account)
{
    const struct event event = {words[result].level, words[result].action,
                                result == LOGIN_UNKNOWN_NOW ? why : words[result].reason,
                                buf_span(&a->x->authcid)};

    tell(a, &event, account);
    count(a->x, words[result].outcome);
}

static void
decide(const struct attempt *a, struct arena *mem, struct login_answer *answer)
{
    const struct guard_policy policy = policy_of(a->settings);
    const struct guard_attempt tried = attempt_of(a, login_names(a->settings, a->x).who, mem);
    struct guard_verdict verdict = guard_ask(a->built->guard, &policy, &tried, a->now);
    struct login_checked checked = {.result = LOGIN_BANNED};

    if (!verdict.banned) {
        login_check(a->snapshot, a->x, verdict.trusted, mem, &checked);
        answer->delay_ms = learn(a, &tried, &checked, mem);
    }
    answer->result = checked.result;
    answer->user = checked.user;
    report(a, checked.result, checked.err.text, checked.account);
}

static void
begin(struct attempt *a, struct daemon *d, const struct mech_exchange *x,
      const struct login_origin *origin)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);

    *a = (struct attempt){.daemon = d,
                          .snapshot = snapshot,
                          .settings = snapshot->settings,
                          .built = snapshot->built,
                          .x = x,
                          .origin = origin,
                          .now = clock_now()};
}

void
login_attempt(struct daemon *d, const struct mech_exchange *x, const struct login_origin *origin,
              struct arena *mem, struct login_answer *answer_out)
{
    struct attempt a;

    begin(&a, d, x, origin);
    *answer_out = (struct login_answer){.user = SPAN_EMPTY};
    decide(&a, mem, answer_out);
    daemon_snapshot_drop(d, a.snapshot);
}

bool
login_attempt_banned(struct daemon *d, const struct mech_exchange *x,
                     const struct login_origin *origin, struct arena *mem)
{
    struct attempt a;

    begin(&a, d, x, origin);
    /* Whose the token is nobody knows yet. As whom the client says to come decides, as it does with
     * passwords, whether it is let through from where that user was seen. */
    const struct guard_policy policy = policy_of(a.settings);
    const struct guard_attempt tried = attempt_of(&a, buf_span(&x->authzid), mem);
    bool banned = guard_ask(a.built->guard, &policy, &tried, a.now).banned;
    if (banned)
        report(&a, LOGIN_BANNED, NULL, SPAN_EMPTY);
    daemon_snapshot_drop(d, a.snapshot);
    return banned;
}

void
login_attempt_refused(struct daemon *d, const struct mech_exchange *x,
                      const struct login_origin *origin, unsigned outcome, const char *reason)
{
    struct attempt a;

    begin(&a, d, x, origin);
    const struct event event = {LOG_LEVEL_INFO, "refuse", reason, buf_span(&x->authcid)};
    tell(&a, &event, SPAN_EMPTY);
    count(x, (enum authd_login)outcome);
    daemon_snapshot_drop(d, a.snapshot);
}
