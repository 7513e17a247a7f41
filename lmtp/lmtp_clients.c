/*
 * A doubly linked list under a lock.
 */
#include "lmtp/lmtp_clients.h"

void
lmtp_clients_init(struct lmtp_clients *clients)
{
    lock_init(&clients->lock, LOCK_LMTP_CLIENTS);
    clients->first = NULL;
}

void
lmtp_clients_fini(struct lmtp_clients *clients)
{
    lock_fini(&clients->lock);
}

static size_t
count(const struct lmtp_clients *clients, const struct ip *ip)
{
    size_t n = 0;

    for (const struct lmtp_client *c = clients->first; c != NULL; c = c->next)
        n += ip_equal(&c->ip, ip);
    return n;
}

bool
lmtp_clients_enter(struct lmtp_clients *clients, struct lmtp_client *client, const struct ip *ip,
                   size_t max)
{
    lock_take(&clients->lock);
    bool fits = count(clients, ip) < max;
    if (fits) {
        *client = (struct lmtp_client){.ip = *ip, .next = clients->first, .listed = true};
        if (client->next != NULL)
            client->next->previous = client;
        clients->first = client;
    }
    lock_drop(&clients->lock);
    return fits;
}

void
lmtp_clients_leave(struct lmtp_clients *clients, struct lmtp_client *client)
{
    if (!client->listed)
        return;
    lock_take(&clients->lock);
    if (client->next != NULL)
        client->next->previous = client->previous;
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        clients->first = client->next;
    client->listed = false;
    lock_drop(&clients->lock);
}
