/*
 * outrider-authd: knows the accounts and proves who is who.
 *
 * Four listeners: `sasl` for Postfix's smtpd and `dovecot-login` for Dovecot's login processes
 * (auth_session.c), `dovecot-master` for look-ups (master_session.c), `maps` for Postfix's tables
 * (socketmap_session.c). Where configured: `saslauthd` (saslauthd_session.c), `courier`
 * (courier_session.c), `dict` (dict_session.c), `control` for the command line (control_session.c).
 * Accounts: accounts/account_db.h.
 */
#include "authd/auth_session.h"
#include "authd/authd.h"
#include "authd/authd_metrics.h"
#include "authd/control_session.h"
#include "authd/courier_session.h"
#include "authd/dict_session.h"
#include "authd/master_session.h"
#include "authd/saslauthd_session.h"
#include "authd/socketmap_session.h"

static void
serve_sasl(struct stream *stream, void *context)
{
    auth_session_run(stream, context, AUTH_PEER_POSTFIX);
}

static void
serve_login(struct stream *stream, void *context)
{
    auth_session_run(stream, context, AUTH_PEER_DOVECOT);
}

static void
serve_master(struct stream *stream, void *context)
{
    master_session_run(stream, context);
}

static void
serve_maps(struct stream *stream, void *context)
{
    socketmap_session_run(stream, context);
}

static void
serve_saslauthd(struct stream *stream, void *context)
{
    saslauthd_session_run(stream, context);
}

static void
serve_courier(struct stream *stream, void *context)
{
    courier_session_run(stream, context);
}

static void
serve_dict(struct stream *stream, void *context)
{
    dict_session_run(stream, context);
}

static void
serve_control(struct stream *stream, void *context)
{
    control_session_run(stream, context);
}

int
main(int argc, char **argv)
{
    static const struct server_service services[] = {
        {"sasl", serve_sasl}, {"dovecot-login", serve_login}, {"dovecot-master", serve_master},
        {"maps", serve_maps}, {"saslauthd", serve_saslauthd}, {"courier", serve_courier},
        {"dict", serve_dict}, {"control", serve_control},
    };
    static const struct daemon_spec spec = {
        .name = "outrider-authd",
        .schema = &authd_schema,
        .metrics = &authd_metrics,
        .services = services,
        .service_count = sizeof(services) / sizeof(services[0]),
        .open = authd_open,
        .close = authd_close,
        .build = authd_build,
        .destroy = authd_destroy,
    };

    return daemon_main(argc, argv, &spec);
}
