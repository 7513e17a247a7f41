/*
 * The Received-SPF field (RFC 7208 9.1).
 *
 * Everything in it may come from the other side. Values are quoted where the grammar wants it,
 * other bytes than printable ASCII become '?', each value has a ceiling: nothing can end the field,
 * begin another, or make a line that Postfix would break.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_SPF_SPF_HEADER_H
#define OUTRIDER_POLICYD_SPF_SPF_HEADER_H

#include "policyd/spf/spf.h"

/* RFC 5322 2.1.1, less the name, colon and blank. */
#define SPF_HEADER_MAX_BYTES (998 - 14)

/* Appends the value, one line without the field's name:
 *     pass (mx.example.net: domain of example.org designates 192.0.2.1 as permitted sender)
 *     receiver=mx.example.net; identity=mailfrom; client-ip=192.0.2.1; ...
 * At most SPF_HEADER_MAX_BYTES. */
void spf_header_format(const struct spf_query *query, const struct spf_outcome *outcome,
                       struct buf *out);

#endif
