/*
 * outrider-lmtpd: takes mail over LMTP and puts it into Maildirs.
 *
 * Who talks to it: Postfix's lmtp(8), see lmtp_session.c. Whom it asks: outrider-authd or stock
 * Dovecot, over the userdb protocol (common/run/account.h), where a recipient's mailbox is.
 *
 * Security: does not run as root. When mailboxes have several owners it keeps CAP_SETUID and
 * CAP_SETGID, and each thread works as the mailbox's owner while it touches the mailbox (owner.h).
 *
 * Standards: RFC 2033 and what lmtp_session.c lists; Maildir, Maildir++.
 * Files: lmtpd.conf; the Maildirs. Threads: one per connection.
 */
#include "common/run/daemon.h"
#include "lmtp/lmtp_metrics.h"
#include "lmtp/lmtp_session.h"

static void
serve_connection(struct stream *stream, void *context)
{
    struct daemon *daemon = context;
    struct lmtp_session *session = lmtp_session_new(stream, daemon_state(daemon));
    int64_t idle_timeout_ms;
    bool goes_on;

    do {
        const struct daemon_snapshot *snapshot = daemon_snapshot_take(daemon);
        const struct lmtp_settings *settings = snapshot->settings;

        idle_timeout_ms = settings->common.idle_timeout_ms;
        lmtp_session_offer_tls(session, snapshot->built);
        goes_on = lmtp_session_serve(session, settings);
        daemon_snapshot_drop(daemon, snapshot);
    } while (goes_on && lmtp_session_await(session, idle_timeout_ms));
    lmtp_session_free(session);
}

/* What outlives reloads. */
static or_status
open_state(const void *settings, void **state_out, struct err *e)
{
    const struct lmtp_settings *s = settings;
    const struct kvstore_settings store = {.address = s->store,
                                           .password_file = s->store_password_file,
                                           .timeout_ms = s->store_timeout_ms};
    struct lmtp_shared *shared = lmtp_shared_new();

    if (s->store[0] != '\0' && kvstore_open(&store, &shared->delivery.store, e) != OR_OK) {
        lmtp_shared_free(shared);
        return err_wrap(e, OR_CONFIG, "store");
    }
    *state_out = shared;
    return OR_OK;
}

static void
close_state(void *state)
{
    lmtp_shared_free(state);
}

/* The certificate, when there is one. */
static or_status
build(void *state, const void *settings, bool check_only, void **built_out, struct err *e)
{
    const struct lmtp_settings *s = settings;
    struct stream_tls_server *tls = NULL;

    (void)state;
    (void)check_only;
    or_status st = s->tls_certificate != NULL
                       ? stream_tls_server_new(s->tls_certificate, s->tls_key, &tls, e)
                       : OR_OK;
    if (st == OR_OK)
        *built_out = tls;
    return st;
}

static void
destroy(void *built)
{
    stream_tls_server_free(built);
}

static const struct server_service services[] = {{.name = "lmtp", .run = serve_connection}};

int
main(int argc, char **argv)
{
    static const struct daemon_spec spec = {
        .name = "outrider-lmtpd",
        .schema = &lmtp_schema,
        .metrics = &lmtp_metrics,
        .services = services,
        .service_count = sizeof(services) / sizeof(services[0]),
        .open = open_state,
        .close = close_state,
        .build = build,
        .destroy = destroy,
        .keep_caps = "cap_setuid,cap_setgid=ep",
    };

    return daemon_main(argc, argv, &spec);
}
