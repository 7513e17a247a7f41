/*
 * The transport: which server is asked when, over what, and how long. Packets are dns_packet.c's.
 *
 * A random source port per query comes from a fresh socket per query (the kernel chooses it); the
 * socket is connected, so only the asked server's datagrams are received (RFC 5452).
 */
#include "common/dns/dns_ldns.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/xalloc.h"
#include "common/dns/dns_packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STRAYS 64 /* datagrams with other ids or questions that one try puts up with */

struct dns_ldns {
    struct dns base;
    struct dns_ldns_settings settings;
    atomic_uint next; /* which server the next question begins with after a failure */
};

/* One question on its way. */
struct question {
    struct dns_ldns *dns;
    enum dns_type type;
    char name[DNS_PACKET_NAME_BYTES];
    int64_t deadline_mono_ms;
    struct arena *mem;
    struct dns_packet_reply reply;
    unsigned aliases;
    uint32_t alias_ttl_s;
    bool authenticated; /* every packet on the way was */
};

static socklen_t
server_address(const struct dns_ldns *d, unsigned server, struct sockaddr_storage *out)
{
    const struct ip *ip = &d->settings.servers[server].ip;
    uint16_t port = htons(d->settings.servers[server].port);

    memset(out, 0, sizeof(*out));
    if (ip->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;

        in->sin_family = AF_INET;
        in->sin_port = port;
        memcpy(&in->sin_addr, ip->bytes, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = port;
    memcpy(&in6->sin6_addr, ip->bytes, 16);
    return sizeof(*in6);
}

/* OR_OK when the descriptor is ready for `events`; OR_TIMEOUT past the time. */
static or_status
wait_for(int fd, short events, int64_t until_mono_ms)
{
    for (;;) {
        int64_t left = until_mono_ms - clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = events};

        if (left <= 0)
            return OR_TIMEOUT;
        int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0)
            return OR_OK;
        if (n < 0 && errno != EINTR)
            return OR_TEMPFAIL;
    }
}

static or_status
open_socket(const struct dns_ldns *d, unsigned server, int kind, int *fd_out, struct err *e)
{
    struct sockaddr_storage address;
    socklen_t size = server_address(d, server, &address);
    int fd = socket(address.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_set(e, OR_TEMPFAIL, "socket: %s", os_error_text(errno));
    if (connect(fd, (struct sockaddr *)&address, size) != 0 && errno != EINPROGRESS) {
        or_status st = err_set(e, OR_TEMPFAIL, "connect: %s", os_error_text(errno));
        close(fd);
        return st;
    }
    *fd_out = fd;
    return OR_OK;
}

/* Reads one reply into the question. OR_OK with the verdict; OR_LIMIT past the arena. */
static or_status
read_reply(struct question *q, struct span bytes, uint16_t id, enum dns_packet_verdict *verdict_out,
           struct err *e)
{
    or_status st = dns_packet_read(bytes, id, q->type, q->name, q->mem, verdict_out, &q->reply);

    return st == OR_OK ? OR_OK : err_set(e, st, "%s: no memory left for this request", q->name);
}

static or_status
ask_udp(struct question *q, int fd, struct span query, uint16_t id, int64_t until_mono_ms,
        enum dns_packet_verdict *verdict_out, struct err *e)
{
    char bytes[4096]; /* more than EDNS allows the server */

    if (send(fd, query.p, query.n, MSG_NOSIGNAL) != (ssize_t)query.n)
        return err_set(e, OR_TEMPFAIL, "send: %s", os_error_text(errno));
    for (unsigned strays = 0; strays < MAX_STRAYS; strays++) {
        or_status st = wait_for(fd, POLLIN, until_mono_ms);
        if (st != OR_OK)
            return err_set(e, st, "no answer");
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return err_set(e, OR_TEMPFAIL, "%s", os_error_text(errno));
        st = read_reply(q, span_make(bytes, (size_t)n), id, verdict_out, e);
        if (st != OR_OK || *verdict_out != DNS_PACKET_NOT_OURS)
            return st;
    }
    return err_set(e, OR_TEMPFAIL, "flooded with answers to other questions");
}

/* All of `n` bytes, in or out. */
static or_status
transfer(int fd, char *p, size_t n, bool out, int64_t until_mono_ms)
{
    while (n > 0) {
        or_status st = wait_for(fd, out ? POLLOUT : POLLIN, until_mono_ms);
        if (st != OR_OK)
            return st;
        ssize_t done = out ? send(fd, p, n, MSG_NOSIGNAL) : recv(fd, p, n, 0);
        if (done == 0 && !out)
            return OR_CLOSED;
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return OR_CLOSED;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return OR_OK;
}

static or_status
exchange_tcp(int fd, struct span query, int64_t until_mono_ms, char **bytes_out, size_t *n_out)
{
    unsigned char head[2] = {(unsigned char)(query.n >> 8), (unsigned char)query.n};
    char *frame = xmalloc(query.n + 2);

    memcpy(frame, head, 2);
    memcpy(frame + 2, query.p, query.n);
    or_status st = transfer(fd, frame, query.n + 2, true, until_mono_ms);
    free(frame);
    if (st == OR_OK)
        st = transfer(fd, (char *)head, 2, false, until_mono_ms);
    if (st != OR_OK)
        return st;
    size_t n = (size_t)head[0] << 8 | head[1];
    char *bytes = xmalloc(n);
    st = transfer(fd, bytes, n, false, until_mono_ms);
    if (st != OR_OK) {
        free(bytes);
        return st;
    }
    *bytes_out = bytes;
    *n_out = n;
    return OR_OK;
}

static or_status
ask_tcp(struct question *q, int fd, struct span query, uint16_t id, int64_t until_mono_ms,
        enum dns_packet_verdict *verdict_out, struct err *e)
{
    char *bytes = NULL;
    size_t n = 0;
    or_status st = exchange_tcp(fd, query, until_mono_ms, &bytes, &n);

    if (st != OR_OK)
        return err_set(e, st == OR_CLOSED ? OR_TEMPFAIL : st, "over TCP: %s", or_status_name(st));
    st = read_reply(q, span_make(bytes, n), id, verdict_out, e);
    free(bytes);
    return st;
}

/* One query by one transport to one server, with an id and a source port of its own. */
static or_status
ask_once(struct question *q, unsigned server, int kind, bool edns, int64_t until_mono_ms,
         enum dns_packet_verdict *verdict_out, struct err *e)
{
    uint16_t id;
    struct buf query;
    int fd = -1;

    crypto_random(&id, sizeof(id));
    buf_init(&query, 1024);
    or_status st = dns_packet_query(&query, id, q->type, q->name, edns, e);
    if (st == OR_OK)
        st = open_socket(q->dns, server, kind, &fd, e);
    if (st == OR_OK)
        st = (kind == SOCK_STREAM ? ask_tcp : ask_udp)(q, fd, buf_span(&query), id, until_mono_ms,
                                                       verdict_out, e);
    if (fd >= 0)
        close(fd);
    buf_fini(&query);
    return st;
}

/* One try at one server: UDP with EDNS, without it where the server does not know it, TCP after
 * truncation. */
static or_status
ask_server(struct question *q, unsigned server, enum dns_packet_verdict *verdict_out, struct err *e)
{
    int64_t until = clock_mono_ms() + q->dns->settings.try_timeout_ms;
    bool edns = true;
    int kind = SOCK_DGRAM;

    if (until > q->deadline_mono_ms)
        until = q->deadline_mono_ms;
    for (int step = 0; step < 3; step++) {
        or_status st = ask_once(q, server, kind, edns, until, verdict_out, e);
        if (st != OR_OK)
            return st;
        if (*verdict_out == DNS_PACKET_NO_EDNS && edns)
            edns = false;
        else if (*verdict_out == DNS_PACKET_TRUNCATED && kind == SOCK_DGRAM)
            kind = SOCK_STREAM;
        else
            break;
    }
    if (*verdict_out == DNS_PACKET_ANSWER || *verdict_out == DNS_PACKET_ALIAS)
        return OR_OK;
    return err_set(e, OR_TEMPFAIL, "%s", q->reply.failure);
}

static or_status
server_failed(const struct question *q, unsigned server, or_status st, struct err *e)
{
    char ip[IP_TEXT_BYTES];

    ip_format(&q->dns->settings.servers[server].ip, ip);
    return err_wrap(e, st, "%s %s at %s:%u", q->name, dns_type_name(q->type), ip,
                    q->dns->settings.servers[server].port);
}

/* All servers in turn, `attempts` rounds, until one answers. */
static or_status
ask_servers(struct question *q, enum dns_packet_verdict *verdict_out, struct err *e)
{
    struct dns_ldns *d = q->dns;
    unsigned count = (unsigned)d->settings.server_count;
    unsigned start = atomic_load_explicit(&d->next, memory_order_relaxed);
    or_status st = err_set(e, OR_TIMEOUT, "%s %s: no time left", q->name, dns_type_name(q->type));

    for (unsigned i = 0; i < count * d->settings.attempts; i++) {
        unsigned server = (start + i) % count;

        if (clock_mono_ms() >= q->deadline_mono_ms)
            return st;
        st = ask_server(q, server, verdict_out, e);
        if (st == OR_OK || st == OR_LIMIT)
            return st;
        st = server_failed(q, server, st, e);
        /* Who is silent now is asked last next time. */
        atomic_store_explicit(&d->next, (server + 1) % count, memory_order_relaxed);
    }
    return st;
}

/* Asks on along CNAMEs that a server left open. */
static or_status
ask_along_aliases(struct question *q, struct err *e)
{
    enum dns_packet_verdict verdict = DNS_PACKET_FAILED;

    for (;;) {
        or_status st = ask_servers(q, &verdict, e);
        if (st != OR_OK)
            return st;
        q->aliases += q->reply.alias_hops;
        q->authenticated = q->authenticated && q->reply.answer->authenticated;
        if (q->aliases > DNS_MAX_CNAMES)
            return err_set(e, OR_TEMPFAIL, "%s: more than %d CNAMEs", q->name, DNS_MAX_CNAMES);
        if (verdict == DNS_PACKET_ANSWER)
            return OR_OK;
        if (q->reply.alias_ttl_s < q->alias_ttl_s)
            q->alias_ttl_s = q->reply.alias_ttl_s;
        memcpy(q->name, q->reply.alias, sizeof(q->name));
    }
}

static or_status
ldns_query(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
           struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    struct question q = {
        .dns = (struct dns_ldns *)dns,
        .type = type,
        .deadline_mono_ms = deadline_mono_ms,
        .mem = mem,
        .alias_ttl_s = UINT32_MAX,
        .authenticated = true,
    };

    or_status st = dns_packet_name(name, q.name, e);
    if (st == OR_OK)
        st = ask_along_aliases(&q, e);
    if (st != OR_OK)
        return st;
    if (q.alias_ttl_s < q.reply.answer->ttl_s)
        q.reply.answer->ttl_s = q.alias_ttl_s;
    q.reply.answer->authenticated = q.authenticated;
    *answer_out = q.reply.answer;
    return OR_OK;
}

static void
ldns_free(struct dns *dns)
{
    free(dns);
}

struct dns *
dns_ldns_new(const struct dns_ldns_settings *settings)
{
    static const struct dns_ops ops = {.query = ldns_query, .free = ldns_free};
    struct dns_ldns *d = xcalloc(1, sizeof(*d));

    d->base.ops = &ops;
    d->settings = *settings;
    return &d->base;
}
