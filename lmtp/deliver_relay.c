/*
 * Groups recipients by server; a server that is lost is its recipients' misfortune alone.
 */
#include "lmtp/deliver_relay.h"

#include <string.h>

static struct relay *
relay_for(struct deliver *d, const char *address)
{
    for (size_t i = 0; i < d->relay_count; i++)
        if (strcmp(d->relays[i].address, address) == 0)
            return &d->relays[i];
    struct relay *r = &d->relays[d->relay_count++];
    const struct relay_envelope envelope = {
        .hostname = d->settings->hostname,
        .sender = d->envelope->sender,
        .smtputf8 = d->envelope->smtputf8,
        .timeout_ms = d->settings->proxy_timeout_ms,
    };

    relay_open(r, address, &envelope, d->mem);
    return r;
}

static void
name_recipient(struct deliver *d, struct deliver_target *t)
{
    if (d->envelope->binary) {
        t->reply = lmtp_reply_about(554, "5.6.1", t->recipient->address,
                                    "a binary message cannot be passed on", d->mem);
        return;
    }
    struct relay *r = relay_for(d, t->recipient->proxy);
    struct lmtp_reply reply = relay_rcpt(r, t->recipient->address);

    if (reply.code < 300) {
        t->relay = r;
        return;
    }
    t->reply = reply;
    t->reason = r->err;
}

void
deliver_relay_open(struct deliver *d)
{
    for (size_t i = 0; i < d->envelope->recipient_count; i++)
        if (d->targets[i].recipient->proxy != NULL && d->targets[i].reply.code == 0)
            name_recipient(d, &d->targets[i]);
    for (size_t i = 0; i < d->relay_count; i++)
        if (d->relays[i].accepted > 0)
            relay_data(&d->relays[i]);
}

void
deliver_relay_write(struct deliver *d, struct span bytes)
{
    for (size_t i = 0; i < d->relay_count; i++)
        if (d->relays[i].accepted > 0)
            relay_write(&d->relays[i], bytes);
}

void
deliver_relay_finish(struct deliver *d)
{
    for (size_t i = 0; i < d->relay_count; i++)
        if (d->relays[i].accepted > 0)
            relay_finish(&d->relays[i]);
    for (size_t i = 0; i < d->envelope->recipient_count; i++) {
        struct deliver_target *t = &d->targets[i];

        if (t->relay == NULL)
            continue;
        t->reply = relay_result(t->relay);
        t->reason = t->relay->err;
    }
}

void
deliver_relay_close(struct deliver *d)
{
    for (size_t i = 0; i < d->relay_count; i++)
        relay_close(&d->relays[i]);
    d->relay_count = 0;
}
