/*
 * outrider-milter: DKIM for Postfix. What a session does: milter_session.c; with a whole message:
 * milter_eom.c; with options: milter_conf.c.
 */
#include "common/run/daemon.h"
#include "milter/milter_build.h"
#include "milter/milter_conf.h"
#include "milter/milter_metrics.h"
#include "milter/milter_session.h"

int
main(int argc, char **argv)
{
    static const struct daemon_spec spec = {
        .name = "outrider-milter",
        .schema = &milter_schema,
        .metrics = &milter_metrics,
        .build = milter_build,
        .destroy = milter_destroy,
        .serve = milter_session_serve,
        .stop = milter_session_stop,
    };

    return daemon_main(argc, argv, &spec);
}
