/*
 * User look-ups.
 *
 * What it does: USER (where is this mailbox), PASS (does this account exist), LIST (all accounts),
 * REQUEST (whose login is this; asked once by the process that will serve the user), CACHE-FLUSH
 * (there is no cache).
 *
 * Who talks to it: Dovecot's imap, pop3, lmtp, doveadm; outrider-lmtpd.
 *
 * Security: whoever may open this socket may see every account's home; its mode is the gate. A
 * REQUEST needs the login's cookie, and must come from root and from the process it names
 * (SO_PEERCRED).
 *
 * Standards: Dovecot auth master protocol 1.1.
 */
#include "authd/master_session.h"

#include "authd/auth_proto.h"
#include "authd/authd_host.h"
#include "authd/authd_metrics.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <string.h>

#define REQUEST_ARENA_BYTES 65536
#define REPLY_MAX_BYTES 8192 /* Dovecot's own limit on a line */

struct master_session {
    struct stream *stream;
    struct daemon *daemon;
    const struct daemon_snapshot *snapshot; /* of the line in hand */
    struct arena mem;                       /* of one line */
};

static or_status
send_line(struct master_session *s, struct buf *line)
{
    buf_add_char(line, '\n');
    or_status st = buf_finish(line);

    if (st == OR_OK)
        st = stream_write(s->stream, buf_span(line));
    buf_fini(line);
    return st;
}

static or_status
send_word(struct master_session *s, const char *word, uint32_t id)
{
    return stream_writef(s->stream, "%s\t%u\n", word, id);
}

static or_status
send_failure(struct master_session *s, uint32_t id, const struct err *e)
{
    struct buf line;

    log_warning("look-up failed: %s", e->text);
    buf_init(&line, REPLY_MAX_BYTES);
    buf_addf(&line, "FAIL\t%u", id);
    auth_proto_add(&line, "reason", span_cstr(e->text));
    return send_line(s, &line);
}

/* For Dovecot 2.3 and lmtpd, then in 2.4's words. */
static void
add_quota(struct buf *line, const struct account_quota *quota)
{
    if (quota->bytes > 0 || quota->messages > 0)
        buf_addf(line, "\tquota_rule=*:storage=%" PRId64 "B:messages=%" PRId64, quota->bytes,
                 quota->messages);
    if (quota->bytes > 0)
        buf_addf(line, "\tquota_storage_size=%" PRId64 "B", quota->bytes);
    if (quota->messages > 0)
        buf_addf(line, "\tquota_message_count=%" PRId64, quota->messages);
}

/* As Dovecot's LMTP proxy and lmtpd understand it. A session here would find an empty mailbox. */
static or_status
add_host(struct master_session *s, struct buf *line, const struct account_row *row, bool is_login,
         struct err *e)
{
    struct account_host host;
    or_status st = authd_host_of(s->snapshot->settings, row, &s->mem, &host, e);

    if (st != OR_OK)
        return st == OR_ABSENT ? OR_OK : st;
    if (is_login)
        return err_set(e, OR_TEMPFAIL, "the mailbox is on %.*s", SPAN_ARG(host.host));
    buf_addf(line, "\tproxy\thost=%.*s", SPAN_ARG(host.host));
    if (host.port != 0)
        buf_addf(line, "\tport=%u", host.port);
    return OR_OK;
}

static or_status
send_user(struct master_session *s, uint32_t id, const struct account_row *row,
          const char *mechanism, struct err *e)
{
    struct authd_mailbox mailbox;
    struct buf line;

    if (authd_find_mailbox(s->snapshot, row, &s->mem, &mailbox, e) != OR_OK)
        return send_failure(s, id, e);
    buf_init(&line, REPLY_MAX_BYTES);
    buf_addf(&line, "USER\t%u\t", id);
    tabline_escape(&line, row->address.whole);
    buf_addf(&line, "\tuid=%" PRId64 "\tgid=%" PRId64, mailbox.uid, mailbox.gid);
    auth_proto_add(&line, "home", mailbox.home);
    add_quota(&line, &row->quota);
    if (mechanism != NULL)
        auth_proto_add(&line, "auth_mech", span_cstr(mechanism));
    /* Dovecot's ACLs tell such users from the account's own. */
    if (mechanism != NULL && strcmp(mechanism, "ANONYMOUS") == 0)
        buf_add_cstr(&line, "\tanonymous");
    if (add_host(s, &line, row, mechanism != NULL, e) == OR_OK)
        return send_line(s, &line);
    buf_fini(&line);
    return send_failure(s, id, e);
}

/* Answers for what a look-up came to when that is not OR_OK. */
static or_status
send_not_found(struct master_session *s, uint32_t id, or_status st, const struct err *e)
{
    return st == OR_ABSENT ? send_word(s, "NOTFOUND", id) : send_failure(s, id, e);
}

/* ---- commands */

static or_status
on_version(void *session, const struct auth_line *line, struct err *e)
{
    (void)session;
    return auth_proto_check_version(line, e);
}

static or_status
on_user(void *session, const struct auth_line *line, struct err *e)
{
    struct master_session *s = session;
    struct account_row row;

    if (line->fields.count < 3)
        return err_set(e, OR_MALFORMED, "USER without a name");
    or_status st = authd_find_account(s->snapshot, line->fields.fields[2], &s->mem, &row, e);
    authd_metrics_lookup("userdb", st);
    return st == OR_OK ? send_user(s, line->id, &row, NULL, e) : send_not_found(s, line->id, st, e);
}

static or_status
on_pass(void *session, const struct auth_line *line, struct err *e)
{
    struct master_session *s = session;
    struct account_row row;
    struct buf reply;

    if (line->fields.count < 3)
        return err_set(e, OR_MALFORMED, "PASS without a name");
    or_status st = authd_find_account(s->snapshot, line->fields.fields[2], &s->mem, &row, e);
    authd_metrics_lookup("passdb", st);
    if (st != OR_OK)
        return send_not_found(s, line->id, st, e);
    buf_init(&reply, REPLY_MAX_BYTES);
    buf_addf(&reply, "PASS\t%u", line->id);
    auth_proto_add(&reply, "user", row.address.whole);
    if (add_host(s, &reply, &row, false, e) == OR_OK)
        return send_line(s, &reply);
    buf_fini(&reply);
    return send_failure(s, line->id, e);
}

struct listing {
    struct master_session *session;
    uint32_t id;
    or_status status;
};

static bool
list_account(void *context, const struct account_row *row)
{
    struct listing *listing = context;
    struct buf line;

    buf_init(&line, REPLY_MAX_BYTES);
    buf_addf(&line, "LIST\t%u\t", listing->id);
    tabline_escape(&line, row->address.whole);
    listing->status = send_line(listing->session, &line);
    return listing->status == OR_OK;
}

static or_status
on_list(void *session, const struct auth_line *line, struct err *e)
{
    struct master_session *s = session;
    const struct accounts *accounts = &((struct authd_built *)s->snapshot->built)->accounts;
    struct listing listing = {.session = s, .id = line->id, .status = OR_OK};

    or_status st = accounts_each(accounts, list_account, &listing, e);
    if (listing.status != OR_OK)
        return listing.status;
    if (st != OR_OK)
        log_warning("listing the accounts failed: %s", e->text);
    return stream_writef(s->stream, "DONE\t%u\t%s\n", line->id, st == OR_OK ? "" : "fail");
}

/* The process asking must be the one it says it is. Pid 0: it lives in another pid namespace, which
 * tells nothing; uid 0 must do then. */
static bool
is_trusted_peer(const struct master_session *s, const struct auth_line *line)
{
    const struct stream_peer *peer = stream_get_peer(s->stream);
    struct span session_pid = tabline_get(&line->fields, 5, "session_pid");
    uint64_t pid;

    if (peer->uid != 0)
        return false;
    if (session_pid.p == NULL || peer->pid == 0)
        return true;
    return span_parse_u64(session_pid, UINT32_MAX, &pid) == OR_OK && (pid_t)pid == peer->pid;
}

static or_status
on_request(void *session, const struct auth_line *line, struct err *e)
{
    struct master_session *s = session;
    uint32_t cpid, auth_id;
    struct account_row row;
    struct span user;
    const char *mechanism;

    if (line->fields.count < 5 || auth_proto_number(line, 2, &cpid) != OR_OK ||
        auth_proto_number(line, 3, &auth_id) != OR_OK)
        return err_set(e, OR_MALFORMED, "REQUEST without CPID, id and cookie");
    if (!is_trusted_peer(s, line)) {
        log_warning("REQUEST refused: it is not from root, or not from the process it names");
        return send_word(s, "FAIL", line->id);
    }
    or_status st = auth_requests_take(authd_requests(s->daemon), cpid, auth_id,
                                      line->fields.fields[4], &s->mem, &user, &mechanism);
    authd_metrics_lookup("request", st);
    if (st == OR_ABSENT) {
        log_warning("REQUEST for a login that is not known (any more): cpid=%u id=%u", cpid,
                    auth_id);
        return send_word(s, "FAIL", line->id);
    }
    if (st == OR_OK)
        st = authd_find_account(s->snapshot, user, &s->mem, &row, e);
    return st == OR_OK ? send_user(s, line->id, &row, mechanism, e)
                       : send_not_found(s, line->id, st, e);
}

static or_status
on_cache_flush(void *session, const struct auth_line *line, struct err *e)
{
    struct master_session *s = session;

    (void)e;
    return stream_writef(s->stream, "OK\t%u\t0\n", line->id);
}

static const struct auth_verb commands[] = {
    {"VERSION", on_version}, {"USER", on_user},       {"PASS", on_pass},
    {"LIST", on_list},       {"REQUEST", on_request}, {"CACHE-FLUSH", on_cache_flush},
};

static or_status
serve_line(struct master_session *s, int64_t io_timeout_ms, struct err *e)
{
    struct span line;

    /* A peer that sends a byte at a time gains nothing. */
    stream_set_deadline(s->stream, clock_mono_ms() + io_timeout_ms);
    or_status st = stream_read_line(s->stream, AUTH_PROTO_MAX_LINE_BYTES - 1, &line);
    stream_set_deadline(s->stream, 0);
    if (st != OR_OK)
        return err_set(e, st, "%s", or_status_name(st));
    s->snapshot = daemon_snapshot_take(s->daemon);
    st = auth_proto_dispatch(commands, sizeof(commands) / sizeof(commands[0]), s, line, &s->mem, e);
    daemon_snapshot_drop(s->daemon, s->snapshot);
    s->snapshot = NULL;
    arena_fini(&s->mem);
    return st == OR_OK ? stream_flush(s->stream) : st;
}

void
master_session_run(struct stream *stream, struct daemon *d)
{
    struct master_session s = {.stream = stream, .daemon = d};
    struct err e = {""};
    or_status st =
        stream_writef(stream, "VERSION\t1\t1\nSPID\t%u\n", auth_requests_spid(authd_requests(d)));

    arena_init(&s.mem, REQUEST_ARENA_BYTES);
    while (st == OR_OK) {
        const struct daemon_snapshot *now = daemon_snapshot_take(d);
        const struct conf_common *common = &((const struct authd_settings *)now->settings)->common;
        int64_t idle_ms = common->idle_timeout_ms, io_ms = common->io_timeout_ms;

        daemon_snapshot_drop(d, now);
        st = stream_await(stream, idle_ms);
        if (st == OR_OK)
            st = serve_line(&s, io_ms, &e);
    }
    if (st == OR_MALFORMED || st == OR_LIMIT)
        log_warning("look-up client disconnected: %s", e.text);
    arena_fini(&s.mem);
}
