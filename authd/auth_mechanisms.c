/*
 * What is not offered is not there, however a client came by its name.
 */
#include "authd/auth_mechanisms.h"

static const struct conf_list *
offered(const struct daemon_snapshot *snapshot)
{
    return &((const struct authd_settings *)snapshot->settings)->mechanisms;
}

const struct mech *
auth_mechanisms_find(struct daemon *d, struct span name)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
    const struct conf_list *list = offered(snapshot);
    const struct mech *mech = NULL;

    for (size_t i = 0; i < list->count && mech == NULL; i++)
        if (span_equal_nocase_cstr(name, list->items[i]))
            mech = mech_find(name);
    daemon_snapshot_drop(d, snapshot);
    return mech;
}

void
auth_mechanisms_list(struct daemon *d, bool binds, struct buf *out)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
    const struct conf_list *list = offered(snapshot);

    /* The configuration's check knows that each is there. */
    for (size_t i = 0; i < list->count; i++) {
        const struct mech *mech = mech_find(span_cstr(list->items[i]));

        if (binds || !mech->binds)
            buf_addf(out, "MECH\t%s%s%s\n", mech->name, mech->flags[0] != '\0' ? "\t" : "",
                     mech->flags);
    }
    daemon_snapshot_drop(d, snapshot);
}

bool
auth_mechanisms_bind(struct daemon *d)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
    const struct conf_list *list = offered(snapshot);
    bool binds = false;

    for (size_t i = 0; i < list->count; i++)
        binds |= mech_find(span_cstr(list->items[i]))->binds;
    daemon_snapshot_drop(d, snapshot);
    return binds;
}
