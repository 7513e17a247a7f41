/*
 * outrider-policyd: Postfix's policy server, and the judge of whole messages for outrider-milter.
 *
 * One listener, `policy`, speaks Postfix's policy delegation protocol. Postfix's smtpd asks with
 * request=smtpd_access_policy whether a client may send to a recipient (policy_session.c ->
 * policy_checks.c -> check_spf.c); outrider-milter asks with request=outrider_message what DMARC
 * says of a message (verdict_session.c -> dmarc/ -> verdict_decide.c).
 *
 * Security: everything in a request was written by whoever sent the mail. Requests, answers,
 * records and time are bounded; what is printed into replies, headers and logs is checked first.
 * Runs as a user of its own without capabilities; writes no files.
 *
 * Standards: RFC 7208 (SPF), 7372 (reply codes), 9989 (DMARC), 8601 (result words).
 *
 * Threads: one per connection; shared are the settings snapshot and the DNS cache.
 */
#include "policyd/policyd.h"
#include "policyd/policyd_metrics.h"

int
main(int argc, char **argv)
{
    static const struct server_service services[] = {
        {.name = "policy", .run = policyd_serve},
    };
    static const struct daemon_spec spec = {
        .name = "outrider-policyd",
        .schema = &policyd_conf_schema,
        .metrics = &policyd_metrics,
        .services = services,
        .service_count = sizeof(services) / sizeof(services[0]),
        .build = policyd_build,
        .destroy = policyd_destroy,
    };

    return daemon_main(argc, argv, &spec);
}
