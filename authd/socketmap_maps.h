/*
 * The tables that Postfix asks for over socketmap, and what they need.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_AUTHD_SOCKETMAP_MAPS_H
#define OUTRIDER_AUTHD_SOCKETMAP_MAPS_H

#include "authd/authd.h"
#include "common/run/socketmap_server.h"

/* One look-up: everything in `mem` goes with the request. */
struct map_query {
    const struct authd_settings *settings;
    const struct accounts *accounts;
    char delimiter; /* of user+detail; NUL: none */
    struct span key;
    struct arena *mem;
};

/* A table. OR_OK: the value was appended; OR_ABSENT: there is none; OR_LIMIT: the value does not
 * fit; any other: not known now. */
struct map {
    const char *name;
    or_status (*find)(const struct map_query *q, struct buf *value, struct err *e);
};

or_status
map_mailbox_domains_find(const struct map_query *q, struct buf *value, struct err *e) OR_MUST_USE;
or_status
map_mailboxes_find(const struct map_query *q, struct buf *value, struct err *e) OR_MUST_USE;
or_status map_aliases_find(const struct map_query *q, struct buf *value, struct err *e) OR_MUST_USE;
or_status map_senders_find(const struct map_query *q, struct buf *value, struct err *e) OR_MUST_USE;
or_status
map_transports_find(const struct map_query *q, struct buf *value, struct err *e) OR_MUST_USE;
or_status
map_relay_domains_find(const struct map_query *q, struct buf *value, struct err *e) OR_MUST_USE;

/* NULL when there is no such table. */
const struct map *socketmap_maps_find(struct span name);

/* A key as Postfix sends it (local part quoted where it must be) in canonical form. OR_ABSENT: no
 * address of ours can look like this (bare domain, "<>", odd local part). */
or_status
socketmap_maps_address(const struct map_query *q, struct account_address *address_out) OR_MUST_USE;

/* The address without its detail. OR_ABSENT: it has none. */
or_status
socketmap_maps_base(const struct map_query *q, const struct account_address *address,
                    struct account_address *base_out, struct span *detail_out) OR_MUST_USE;

#endif
