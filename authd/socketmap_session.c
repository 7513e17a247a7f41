/*
 * Postfix's tables: each look-up goes to its map with the accounts of the moment.
 *
 * Who talks to it: Postfix's smtpd, cleanup and trivial-rewrite, one connection per process.
 *
 * Standards: socketmap_table(5); the conversation is common/run/socketmap_server.
 */
#include "authd/socketmap_session.h"

#include "authd/authd_metrics.h"
#include "authd/socketmap_maps.h"

static or_status
find(const struct socketmap_query *q, struct buf *value, struct err *e)
{
    const struct authd_settings *settings = q->snapshot->settings;
    const struct map *map = socketmap_maps_find(q->table);
    struct map_query query = {
        .settings = settings,
        .accounts = &((struct authd_built *)q->snapshot->built)->accounts,
        .delimiter = settings->recipient_delimiter[0],
        .key = q->key,
        .mem = q->mem,
    };

    if (map == NULL)
        return err_set(e, OR_CONFIG,
                       "tables are mailbox-domains, mailboxes, aliases, senders, "
                       "transports, relay-domains");
    or_status st = map->find(&query, value, e);
    authd_metrics_lookup(map->name, st);
    return st;
}

void
socketmap_session_run(struct stream *stream, struct daemon *d)
{
    socketmap_server_run(stream, d, find);
}
