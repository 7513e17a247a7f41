/*
 * `metrics-listen`: the metrics over HTTP, GET and HEAD of /metrics and nothing else.
 *
 * Off where the option is empty. A thread of its own serves a few connections at a time, each with
 * a small ceiling on memory and time, so that nobody who gets at the address can hold up mail or
 * make the daemon grow; no request changes anything, no body is read. There is neither TLS nor a
 * password: the address decides who may read.
 *
 * Threads: the main thread; libmicrohttpd starts its own.
 */
#ifndef OUTRIDER_COMMON_RUN_METRICS_HTTP_H
#define OUTRIDER_COMMON_RUN_METRICS_HTTP_H

#include "common/run/conf.h"

struct metrics_http;

/* Listens, while still root. *http_out is NULL where `metrics-listen` is empty. OR_CONFIG names
 * file, option, address and cure. */
or_status metrics_http_open(const struct conf_common *conf, struct metrics_http **http_out,
                            struct err *e) OR_MUST_USE;
/* Serves from now on. NULL is allowed, and OR_OK. OR_CONFIG: no thread, no descriptors. */
or_status metrics_http_start(struct metrics_http *http, struct err *e) OR_MUST_USE;
/* Cuts off connections, removes a unix socket's file. NULL is allowed. */
void metrics_http_close(struct metrics_http *http);

#endif
