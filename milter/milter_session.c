/*
 * outrider-milter's sessions.
 *
 * What it does: Postfix calls for every SMTP session and every message in it. A message of our own
 * users (authenticated, from internal-networks, marked by a macro, or over the socket for
 * submission, which a process of its own serves) is signed; any other is verified, and policyd is
 * asked what DMARC makes of it. The work is done while the message arrives (keys are fetched at the
 * end of the header, the body is hashed in passing); what is left for the end is in milter_eom.c.
 *
 * Who talks to it: Postfix's smtpd and cleanup, as smtpd_milters and non_smtpd_milters.
 *
 * Security: everything libmilter hands over is the sender's choice, header values and envelope
 * included. It goes into one arena per message, bounded by max-header-size.
 *
 * Standards: milter protocol 6; RFC 6376, 8301, 8463 (DKIM), RFC 8601 (Authentication-Results).
 */
#include "milter/milter_session.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "milter/milter_eom.h"
#include "milter/milter_message.h"
#include "milter/milter_metrics.h"
#include "milter/milter_rotation.h"

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define SESSION_ARENA_BYTES 16384 /* client name, HELO, login: each at most a line of SMTP */
#define BACKLOG 512
#define MACRO_NAME_BYTES 64
#define DRAIN_STEP_MS 20

struct milter_session {
    struct arena mem;
    struct milter_client client;
    struct milter_message message;
    bool is_admitted; /* within max-connections */
    bool in_message;
};

/* libmilter's callbacks have no argument for their user, so this is the one file-scope state
 * outside of common/: set before smfi_main(), then only counted. */
static struct {
    struct daemon *daemon;
    bool all_originating; /* this process serves the port for submission */
    struct milter_prefetch *prefetch;
    atomic_long sessions; /* connected */
    atomic_long messages; /* between MAIL and their end */
    atomic_bool draining;
} milter;

static struct milter_session *
session_of(SMFICTX *ctx)
{
    return smfi_getpriv(ctx);
}

/* A macro's value, copied: libmilter's pointer ends with the callback. */
static struct span
macro(SMFICTX *ctx, const char *name, struct arena *mem)
{
    const char *value = smfi_getsymval(ctx, (char *)(uintptr_t)name);
    struct span copy = SPAN_EMPTY;

    if (value == NULL || arena_copy(mem, span_cstr(value), &copy) != OR_OK)
        return SPAN_EMPTY;
    return copy;
}

/* Whether Postfix's configuration marks this session as one of our own users'. */
static bool
has_originating_macro(SMFICTX *ctx, const struct milter_settings *settings)
{
    const struct conf_list *macros = &settings->originating_macros;
    char name[MACRO_NAME_BYTES];
    struct span wanted, value;

    for (size_t i = 0; i < macros->count; i++) {
        if (milter_conf_macro(macros->items[i], &wanted, &value) != OR_OK ||
            wanted.n >= sizeof(name))
            continue;
        snprintf(name, sizeof(name), "%.*s", SPAN_ARG(wanted));
        const char *said = smfi_getsymval(ctx, name);
        if (said != NULL && span_equal_cstr(value, said))
            return true;
    }
    return false;
}

static struct ip
client_ip(const _SOCK_ADDR *address)
{
    struct ip ip = {0};
    char text[INET6_ADDRSTRLEN];

    if (address == NULL)
        return ip;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
    } else {
        return ip;
    }
    if (ip_parse(span_cstr(text), &ip) != OR_OK)
        ip.family = 0;
    return ip;
}

/* Whether this session is one of the first max-connections. One that was let in stays in: those
 * that come too late must not put off the others. */
static bool
admit(struct milter_session *s)
{
    if (s->is_admitted)
        return true;
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(milter.daemon);
    int64_t most = ((const struct conf_common *)snapshot->settings)->max_connections;

    daemon_snapshot_drop(milter.daemon, snapshot);
    s->is_admitted = atomic_load(&milter.sessions) <= most;
    return s->is_admitted;
}

/* What a message gets that cannot be worked on: a milter that only observes is in nobody's way. */
static sfsistat
give_up(void)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(milter.daemon);
    bool observe = ((const struct milter_settings *)snapshot->settings)->mode == MILTER_OBSERVE;

    daemon_snapshot_drop(milter.daemon, snapshot);
    return observe ? SMFIS_ACCEPT : SMFIS_TEMPFAIL;
}

static void
end_message(struct milter_session *s)
{
    if (!s->in_message)
        return;
    milter_message_end(&s->message, milter.daemon);
    s->in_message = false;
    atomic_fetch_sub(&milter.messages, 1);
}

static bool
wants_recipients(void)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(milter.daemon);
    const struct milter_settings *s = snapshot->settings;
    bool wanted = s->arc_seal == MILTER_ARC_SEAL_FORWARDED ||
                  (s->arc_seal != MILTER_ARC_SEAL_NEVER && s->seals.count != 0);

    daemon_snapshot_drop(milter.daemon, snapshot);
    return wanted;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long unused2,
             unsigned long unused3, unsigned long *actions_out, unsigned long *steps_out,
             unsigned long *unused2_out, unsigned long *unused3_out)
{
    const unsigned long needed = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
    /* Replies that carry no decision are left out where the MTA can do without: each saves a round
     * trip. So none of these callbacks may refuse: the MTA would not hear it, and libmilter would
     * then drop the rest of the message, its end included, without an answer, on which Postfix
     * waits for minutes. What cannot be worked on is refused at the end of the message. They return
     * SMFIS_NOREPLY (for anything else libmilter writes an error to syslog each time); libmilter
     * answers for them where an MTA insists. */
    const unsigned long wanted = (wants_recipients() ? SMFIP_NR_RCPT : SMFIP_NORCPT) |
                                 SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_HDR_LEADSPC |
                                 SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR |
                                 SMFIP_NR_EOH | SMFIP_NR_BODY;

    (void)ctx, (void)unused2, (void)unused3;
    if ((actions & needed) != needed || (steps & SMFIP_HDR_LEADSPC) == 0) {
        log_error("the MTA cannot change headers or strips their leading space; "
                  "Postfix 2.6 or later with milter_protocol = 6 can do both");
        return SMFIS_REJECT;
    }
    *actions_out = needed;
    *steps_out = wanted & steps;
    *unused2_out = *unused3_out = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    struct milter_session *s = xcalloc(1, sizeof(*s));

    arena_init(&s->mem, SESSION_ARENA_BYTES);
    s->client.ip = client_ip(address);
    /* An address in brackets is a client whose name was not confirmed. */
    if (host == NULL || host[0] == '[' || host[0] == '\0')
        s->client.name = SPAN_LIT("unknown");
    else if (arena_copy(&s->mem, span_cstr(host), &s->client.name) != OR_OK)
        s->client.name = SPAN_EMPTY;
    if (smfi_setpriv(ctx, s) != MI_SUCCESS) {
        arena_fini(&s->mem);
        free(s);
        return SMFIS_NOREPLY;
    }
    atomic_fetch_add(&milter.sessions, 1);
    metrics_add(METRICS_CONNECTIONS, 0, 0, 1);
    metrics_inc(METRICS_CONNECTIONS_TOTAL, 0);
    (void)admit(s);
    return SMFIS_NOREPLY;
}

static sfsistat
on_helo(SMFICTX *ctx, char *helo)
{
    struct milter_session *s = session_of(ctx);

    /* A client may repeat HELO for ever: the name is kept within a ceiling, the last that fits
     * counts. */
    if (s != NULL && helo != NULL && !span_equal(s->client.helo, span_cstr(helo)) &&
        arena_copy(&s->mem, span_cstr(helo), &s->client.helo) != OR_OK)
        log_warning("a client repeats HELO without end: its last name is not looked at");
    return SMFIS_NOREPLY;
}

static sfsistat
on_mail(SMFICTX *ctx, char **words)
{
    struct milter_session *s = session_of(ctx);

    if (s == NULL)
        return SMFIS_NOREPLY;
    end_message(s);
    if (!admit(s) || atomic_load(&milter.draining)) {
        metrics_inc(MILTER_METRIC_OVERLOADS, 0);
        return SMFIS_NOREPLY; /* there is no message then: see the end of it */
    }
    atomic_fetch_add(&milter.messages, 1);
    milter_message_begin(&s->message, milter.daemon, &s->client);
    s->in_message = true;
    struct milter_message *m = &s->message;
    m->login = macro(ctx, "{auth_authen}", &m->mem);
    m->originating = milter.all_originating || has_originating_macro(ctx, m->settings);
    if (milter_message_set_sender(m, span_cstr(words[0])) != OR_OK)
        m->too_large = true;
    return SMFIS_NOREPLY;
}

static sfsistat
on_recipient(SMFICTX *ctx, char **words)
{
    struct milter_session *s = session_of(ctx);

    if (s == NULL || !s->in_message)
        return SMFIS_NOREPLY;
    milter_message_add_recipient(&s->message, span_cstr(words[0]));
    return SMFIS_NOREPLY;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
    struct milter_session *s = session_of(ctx);

    if (s == NULL || !s->in_message)
        return SMFIS_NOREPLY;
    milter_message_add_field(&s->message, span_cstr(name), span_cstr(value));
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_header(SMFICTX *ctx)
{
    struct milter_session *s = session_of(ctx);

    if (s == NULL || !s->in_message)
        return SMFIS_NOREPLY;
    s->message.queue_id = macro(ctx, "i", &s->message.mem);
    milter_message_end_of_header(&s->message, milter.prefetch);
    return SMFIS_NOREPLY;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *bytes, size_t n)
{
    struct milter_session *s = session_of(ctx);

    if (s == NULL || !s->in_message)
        return SMFIS_NOREPLY;
    milter_message_body(&s->message, span_make((const char *)bytes, n));
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_message(SMFICTX *ctx)
{
    struct milter_session *s = session_of(ctx);

    if (s == NULL || !s->in_message) {
        log_warning("a message is put off: more sessions than max-connections, or stopping");
        return give_up();
    }
    if (s->message.queue_id.n == 0)
        s->message.queue_id = macro(ctx, "i", &s->message.mem);
    sfsistat answer = milter_eom_run(&s->message, ctx);
    end_message(s);
    return answer;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
    struct milter_session *s = session_of(ctx);

    if (s != NULL)
        end_message(s);
    return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
    struct milter_session *s = session_of(ctx);

    if (s == NULL) /* the session never reached connect */
        return SMFIS_CONTINUE;
    end_message(s);
    atomic_fetch_sub(&milter.sessions, 1);
    metrics_add(METRICS_CONNECTIONS, 0, 0, -1);
    arena_fini(&s->mem);
    free(s);
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

static const struct smfiDesc milter_callbacks = {
    .xxfi_name = (char *)(uintptr_t) "outrider-milter",
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
    .xxfi_connect = on_connect,
    .xxfi_helo = on_helo,
    .xxfi_envfrom = on_mail,
    .xxfi_envrcpt = on_recipient,
    .xxfi_header = on_header,
    .xxfi_eoh = on_end_of_header,
    .xxfi_body = on_body,
    .xxfi_eom = on_end_of_message,
    .xxfi_abort = on_abort,
    .xxfi_close = on_close,
    .xxfi_negotiate = on_negotiate,
};

/* libmilter has one timeout, in seconds, for every wait. */
static int
peer_timeout_s(struct daemon *d)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
    const struct conf_common *conf = snapshot->settings;
    int64_t ms =
        conf->idle_timeout_ms > conf->io_timeout_ms ? conf->idle_timeout_ms : conf->io_timeout_ms;

    daemon_snapshot_drop(d, snapshot);
    return ms / 1000 < INT_MAX ? (int)(ms / 1000) + 1 : INT_MAX;
}

int
milter_session_serve(struct daemon *d)
{
    char address[32];

    milter.daemon = d;
    milter.all_originating = strcmp(daemon_listener_service(d), "submission") == 0;
    /* Debian's libmilter takes an open listener as "fd:N": ours has owner, group and mode set, or
     * comes from systemd. */
    snprintf(address, sizeof(address), "fd:%d", daemon_listener_fd(d));
    if (smfi_setconn(address) != MI_SUCCESS || smfi_register(milter_callbacks) != MI_SUCCESS ||
        smfi_settimeout(peer_timeout_s(d)) != MI_SUCCESS ||
        smfi_setbacklog(BACKLOG) != MI_SUCCESS) {
        log_error("libmilter refuses its settings: is it as Debian builds it (with \"fd:\")?");
        return EX_SOFTWARE;
    }
    struct milter_rotation *rotation = milter_rotation_start(d);
    if (milter.prefetch == NULL)
        milter.prefetch = milter_prefetch_new();
    milter_prefetch_start(milter.prefetch, d);
    int status = smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
    milter_rotation_stop(rotation);
    milter_prefetch_stop(milter.prefetch);
    return status;
}

/* libmilter's listener holds the lock that smfi_stop() needs while it waits for clients, for five
 * seconds at a time: be that client until it lets go. */
struct waker {
    struct sockaddr_storage address;
    socklen_t length;
    atomic_bool done;
};

static void *
wake_listener(void *arg)
{
    struct waker *w = arg;

    while (!atomic_load(&w->done)) {
        int fd = socket(w->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd >= 0) {
            (void)connect(fd, (const struct sockaddr *)&w->address, w->length);
            close(fd);
        }
        nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_MS * 1000000L}, NULL);
    }
    return NULL;
}

static void
stop_libmilter(int listener_fd)
{
    struct waker w = {.length = sizeof(w.address)};
    pthread_t thread;
    bool woken = getsockname(listener_fd, (struct sockaddr *)&w.address, &w.length) == 0 &&
                 pthread_create(&thread, NULL, wake_listener, &w) == 0;

    smfi_stop();
    atomic_store(&w.done, true);
    if (woken)
        pthread_join(thread, NULL);
}

void
milter_session_stop(struct daemon *d)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
    int64_t until =
        clock_mono_ms() + ((const struct conf_common *)snapshot->settings)->drain_timeout_ms;

    daemon_snapshot_drop(d, snapshot);
    /* smfi_stop() cuts sessions off in the middle of a message: let those end first. */
    atomic_store(&milter.draining, true);
    while (atomic_load(&milter.messages) > 0 && clock_mono_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_MS * 1000000L}, NULL);
    stop_libmilter(daemon_listener_fd(d));
}
