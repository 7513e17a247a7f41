/*
 * outrider-policyd: Postfix's policy server, and the judge of whole messages for outrider-milter.
 *
 * The listener `policy` speaks Postfix's policy delegation protocol. Postfix's smtpd asks with
 * request=smtpd_access_policy whether a client may send to a recipient (policy_session.c ->
 * policy_checks.c -> check_spf.c); outrider-milter asks with request=outrider_message what DMARC
 * says of a message (verdict_session.c -> dmarc/ -> verdict_decide.c). The listener `srs` serves
 * Postfix's tables for rewritten senders (srs_session.c -> map_srs.c -> srs/).
 *
 * Security: everything in a request was written by whoever sent the mail. Requests, answers,
 * records and time are bounded; what is printed into replies, headers and logs is checked first.
 * Runs as a user of its own without capabilities; writes
 * only its state store.
 *
 * Standards: RFC 7208 (SPF), 7372 (reply codes), 9989 (DMARC), 8601 (result words).
 *
 * Threads: one per connection; shared are the settings snapshot, the DNS cache and the state
 * store.
 */
#include "policyd/policyd.h"
#include "policyd/policyd_metrics.h"
#include "policyd/srs_session.h"

int
main(int argc, char **argv)
{
    static const struct server_service services[] = {
        {.name = "policy", .run = policyd_serve},
        {.name = "srs", .run = srs_session_run},
    };
    static const struct daemon_spec spec = {
        .name = "outrider-policyd",
        .schema = &policyd_conf_schema,
        .metrics = &policyd_metrics,
        .services = services,
        .service_count = sizeof(services) / sizeof(services[0]),
        .open = policyd_open,
        .close = policyd_close,
        .build = policyd_build,
        .destroy = policyd_destroy,
    };

    return daemon_main(argc, argv, &spec);
}
