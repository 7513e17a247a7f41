/*
 * Changes by the command line (`listen control`): see the page on top of control_session.c.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_AUTHD_CONTROL_SESSION_H
#define OUTRIDER_AUTHD_CONTROL_SESSION_H

#include "authd/authd.h"

/* Serves one connection until it is over. */
void control_session_run(struct stream *stream, struct daemon *d);

#endif
