/*
 * The command line's way to the accounts while authd runs.
 *
 * What it does: reads one command a line (control/control_line.h), runs it (control/control.h) over
 * a connection to the database of its own, and answers once it is on the disk: what was
 * acknowledged survives whatever ends the process. Look-ups and logins read the database, so that a
 * change takes effect at once; the login cache goes by what is stored and needs no telling.
 *
 * Security: who asks is what the kernel says of the other end (SO_PEERCRED), so that only unix
 * sockets are served. Root and authd's own user may do everything, others what they have
 * roles for (control/control_roles.c), which is looked up with each command. Lines, nesting
 * and lists are bounded before anything is parsed. No password comes this way, only hashes; a new
 * application password goes out once and is wiped.
 */
#include "authd/control_session.h"

#include "authd/control/control.h"
#include "authd/control/control_line.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UID_TEXT_BYTES 16

struct control_session {
    struct stream *stream;
    struct daemon *daemon;
    struct account_db *db;
    int64_t io_timeout_ms, idle_timeout_ms;
    or_status sent; /* why rows could not be sent */
    struct arena mem;
};

/* The object and a line feed; frees it. */
static or_status
send_object(struct control_session *s, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
    or_status st = text == NULL ? OR_BUG : stream_write(s->stream, span_cstr(text));

    json_decref(object);
    if (text != NULL)
        crypto_wipe(text, strlen(text));
    free(text);
    return st == OR_OK ? stream_write(s->stream, SPAN_LIT("\n")) : st;
}

static bool
send_row(void *session, json_t *row)
{
    struct control_session *s = session;

    s->sent = send_object(s, json_pack("{s:O}", "row", row));
    return s->sent == OR_OK;
}

/* Frees `answer`, to which it adds how it ended. */
static or_status
send_answer(struct control_session *s, json_t *answer, or_status st, const struct err *e)
{
    /* What is quoted from elsewhere may be no UTF-8. */
    json_t *why = json_string(e->text);

    json_object_set_new(answer, "status", json_string(or_status_name(st)));
    if (st == OR_OK)
        json_decref(why);
    else
        json_object_set_new(answer, "error", why != NULL ? why : json_string("(not UTF-8)"));
    st = send_object(s, answer);
    return st == OR_OK ? stream_flush(s->stream) : st;
}

/* As the configuration in force has it; the snapshot must outlive the call. Over the network (from
 * systemd, say) the kernel names nobody: stream_peer's uid is then none that can have a role. */
static struct control_caller
find_caller(const struct stream_peer *peer, const struct authd_settings *settings)
{
    return (struct control_caller){
        .is_system = peer->uid == 0 || peer->uid == geteuid(),
        .uid = peer->uid,
        .masters = (const char *const *)settings->master_users.items,
        .master_count = settings->master_users.count,
    };
}

static void
tell(const struct control_session *s, const struct control_call *call, or_status st)
{
    const struct stream_peer *peer = stream_get_peer(s->stream);
    const char *command = json_string_value(json_object_get(call->request, "command"));
    char uid[UID_TEXT_BYTES];
    struct log_line line;

    if (st == OR_OK && !control_is_change(command))
        return;
    snprintf(uid, sizeof(uid), "%" PRIu32, (uint32_t)peer->uid);
    log_line_start(&line, LOG_LEVEL_INFO, SPAN_EMPTY);
    log_line_add(&line, "control", span_cstr(command != NULL ? command : "?"));
    log_line_add(&line, "uid", span_cstr(uid));
    if (call->address.whole.n != 0)
        log_line_add(&line, "user", call->address.whole);
    else if (call->domain.n != 0)
        log_line_add(&line, "domain", call->domain);
    log_line_add(&line, "action", span_cstr(st == OR_OK ? "done" : "refuse"));
    if (st != OR_OK)
        log_line_add(&line, "reason", span_cstr(call->e->text));
    log_line_end(&line);
}

static or_status
serve_request(struct control_session *s, const json_t *request)
{
    const struct stream_peer *peer = stream_get_peer(s->stream);
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    struct err e = {""};
    struct control_call call = {.db = s->db,
                                .caller = find_caller(peer, snapshot->settings),
                                .request = request,
                                .show = send_row,
                                .context = s,
                                .answer = json_object(),
                                .mem = &s->mem,
                                .e = &e};
    or_status st = control_run(&call);

    daemon_snapshot_drop(s->daemon, snapshot);
    tell(s, &call, st);
    st = send_answer(s, call.answer, st, &e);
    return s->sent == OR_OK ? st : s->sent;
}

static or_status
serve_line(struct control_session *s, struct err *e)
{
    json_t *request = NULL;
    struct span line;

    /* A peer that sends a byte at a time gains nothing. */
    stream_set_deadline(s->stream, clock_mono_ms() + s->io_timeout_ms);
    or_status st = stream_read_line(s->stream, CONTROL_MAX_LINE_BYTES, &line);
    stream_set_deadline(s->stream, 0);
    if (st == OR_OK)
        st = control_line_parse(line, &request, e);
    if (st == OR_OK)
        st = serve_request(s, request);
    json_decref(request);
    arena_reset(&s->mem);
    return st;
}

/* The limits now in force, and the database: opened once for the connection. */
static or_status
take_settings(struct control_session *s, struct err *e)
{
    const struct daemon_snapshot *now = daemon_snapshot_take(s->daemon);
    const struct authd_settings *settings = now->settings;
    or_status st = OR_OK;

    s->io_timeout_ms = settings->common.io_timeout_ms;
    s->idle_timeout_ms = settings->common.idle_timeout_ms;
    if (s->db == NULL && access(settings->database, F_OK) != 0)
        st = err_set(e, OR_CONFIG, "%s: there is no accounts database", settings->database);
    else if (s->db == NULL)
        st = account_db_open(settings->database, true, &s->db, e);
    daemon_snapshot_drop(s->daemon, now);
    return st;
}

void
control_session_run(struct stream *stream, struct daemon *d)
{
    struct control_session s = {.stream = stream, .daemon = d, .sent = OR_OK};
    struct err e = {""};
    or_status st = OR_OK;

    arena_init(&s.mem, CONTROL_ARENA_BYTES);
    while (st == OR_OK) {
        st = take_settings(&s, &e);
        if (st == OR_OK)
            st = stream_await(stream, s.idle_timeout_ms);
        if (st == OR_OK)
            st = serve_line(&s, &e);
    }
    if (st != OR_CLOSED && st != OR_TIMEOUT)
        log_warning("control client disconnected: %s",
                    e.text[0] != '\0' ? e.text : or_status_name(st));
    account_db_close(s.db);
    arena_fini(&s.mem);
}
