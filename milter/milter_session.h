/*
 * The milter's conversation with Postfix: libmilter's callbacks in SMTP order.
 *
 * Threads: libmilter calls from its own pool; callbacks of one session never overlap but come from
 * different threads, so all state hangs on smfi_setpriv() and nothing is thread-local.
 */
#ifndef OUTRIDER_MILTER_MILTER_SESSION_H
#define OUTRIDER_MILTER_MILTER_SESSION_H

#include "common/run/daemon.h"

/* Runs libmilter on the daemon's `milter` listener until milter_session_stop(). Returns an exit
 * status; the daemon skeleton's `serve` and `stop`. */
int milter_session_serve(struct daemon *d);
void milter_session_stop(struct daemon *d);

#endif
