/*
 * Which look-up goes to which table. The conversation is common/run/socketmap_server, the tables
 * are map_srs.
 */
#include "policyd/srs_session.h"

#include "common/base/clock.h"
#include "common/run/socketmap_server.h"
#include "policyd/policyd.h"

static const struct {
    const char *name;
    or_status (*find)(const struct map_srs_query *q, struct buf *value, struct err *e);
} tables[] = {
    {"srs-forward", map_srs_forward},
    {"srs-reverse", map_srs_reverse},
    {"forward", map_srs_forward}, /* as PostSRSd 2 calls them: main.cf may stay as it is */
    {"reverse", map_srs_reverse},
};

static or_status
find(const struct socketmap_query *q, struct buf *value, struct err *e)
{
    const struct policyd_built *built = q->snapshot->built;
    const struct map_srs_query query = {
        .srs = built->srs,
        .store = built->state->store,
        .senders = built->state->senders,
        .key = q->key,
        .now = clock_now(),
        .mem = q->mem,
    };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (span_equal_cstr(q->table, tables[i].name))
            return tables[i].find(&query, value, e);
    return err_set(e, OR_CONFIG, "tables are srs-forward, srs-reverse");
}

void
srs_session_run(struct stream *stream, void *context)
{
    socketmap_server_run(stream, context, find);
}
