/*
 * A SASL exchange that is over before it began.
 */
#include "authd/plain_login.h"

#include "authd/authd_metrics.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <time.h>

/* By enum login_result. */
static const struct {
    enum authd_login outcome;
    const char *action;
    const char *reason;
} outcomes[] = {
    [LOGIN_GOOD] = {AUTHD_LOGIN_ACCEPTED, "accept", NULL},
    [LOGIN_WRONG] = {AUTHD_LOGIN_WRONG, "refuse", "wrong user or password"},
    [LOGIN_OUT_OF_SCOPE] = {AUTHD_LOGIN_OUT_OF_SCOPE, "refuse",
                            "application password for other services"},
    [LOGIN_EXPIRED] = {AUTHD_LOGIN_EXPIRED, "refuse", "application password expired"},
    [LOGIN_DISABLED] = {AUTHD_LOGIN_DISABLED, "refuse", "account disabled"},
    [LOGIN_OTHER_USER] = {AUTHD_LOGIN_OTHER_USER, "refuse", "authorization as another user"},
    [LOGIN_UNKNOWN_NOW] = {AUTHD_LOGIN_TEMPFAIL, "tempfail", NULL},
};

static void
tell(const struct plain_login *l, enum login_result result, const struct err *e)
{
    struct log_line line;

    log_line_start(&line, result == LOGIN_UNKNOWN_NOW ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
                   SPAN_EMPTY);
    if (l->client.n != 0)
        log_line_add(&line, "client", l->client);
    log_line_add(&line, "service", l->service);
    log_line_add(&line, "user", l->name);
    log_line_add(&line, "mech", SPAN_LIT("PLAIN"));
    log_line_add(&line, "action", span_cstr(outcomes[result].action));
    if (result == LOGIN_UNKNOWN_NOW)
        log_line_add(&line, "reason", span_cstr(e->text));
    else if (outcomes[result].reason != NULL)
        log_line_add(&line, "reason", span_cstr(outcomes[result].reason));
    log_line_end(&line);
    metrics_add(AUTHD_METRIC_LOGINS, authd_metrics_mechanism("PLAIN"), outcomes[result].outcome, 1);
}

static void
sleep_until(int64_t due_mono_ms)
{
    int64_t ms = due_mono_ms - clock_mono_ms();
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (ms > 0)
        nanosleep(&rest, NULL);
}

enum login_result
plain_login_check(struct daemon *d, const struct plain_login *l, struct arena *mem,
                  struct span *user_out)
{
    int64_t came = clock_mono_ms();
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
    int64_t delay_ms = ((const struct authd_settings *)snapshot->settings)->failure_delay_ms;
    struct mech_exchange x;
    struct err e = {""};

    mech_exchange_init(&x, mech_find(SPAN_LIT("PLAIN")));
    buf_add_span(&x.authcid, l->name);
    buf_add_span(&x.password, l->password);
    x.service = l->service;
    enum login_result result = login_check(snapshot, &x, mem, user_out, &e);
    mech_exchange_fini(&x);
    daemon_snapshot_drop(d, snapshot);
    tell(l, result, &e);
    if (result != LOGIN_GOOD && result != LOGIN_UNKNOWN_NOW)
        sleep_until(came + delay_ms);
    return result;
}
