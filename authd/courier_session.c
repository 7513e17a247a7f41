/*
 * What it does: PRE (where is this mailbox), AUTH with the type "login" (is this the password),
 * ENUMERATE (all mailboxes). No password or hash is ever given out; so CRAM types, which would need
 * it on the other side, are FAIL, and PASSWD is not answered, as authdaemond itself does with what
 * it does not know. "Not now" is a connection that closes without a word.
 *
 * Security: whoever may open the socket may try passwords and see every account's home; its mode is
 * the gate.
 */
#include "authd/courier_session.h"

#include "authd/authd_metrics.h"
#include "authd/plain_login.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"

#include <inttypes.h>

#define MAX_LINE_BYTES 1024
#define MAX_AUTH_BYTES 4096
#define REPLY_MAX_BYTES 8192
#define REQUEST_ARENA_BYTES 65536

struct courier_session {
    struct stream *stream;
    struct daemon *daemon;
    struct span client; /* what TCPREMOTEIP said; for the log */
    struct arena mem;
};

static or_status
send_fail(struct courier_session *s)
{
    return stream_write(s->stream, SPAN_LIT("FAIL\n"));
}

static or_status
send_mailbox(struct courier_session *s, const struct account_row *row,
             const struct authd_mailbox *mailbox)
{
    const char *quota = "";

    if (row->quota.bytes > 0 || row->quota.messages > 0)
        quota = arena_printf(&s->mem, "QUOTA=%" PRId64 "S,%" PRId64 "C\n", row->quota.bytes,
                             row->quota.messages);
    return stream_writef(s->stream,
                         "UID=%" PRId64 "\nGID=%" PRId64
                         "\nHOME=%.*s\nADDRESS=%.*s\nNAME=\nMAILDIR=Maildir\n%s.\n",
                         mailbox->uid, mailbox->gid, SPAN_ARG(mailbox->home),
                         SPAN_ARG(row->address.whole), quota != NULL ? quota : "");
}

/* The mailbox of `name`, FAIL when there is none; nothing when that cannot be known now. */
static or_status
answer_mailbox(struct courier_session *s, struct span name, struct err *e)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    struct authd_mailbox mailbox;
    struct account_row row;
    or_status st = authd_find_account(snapshot, name, &s->mem, &row, e);

    authd_metrics_lookup("userdb", st);
    if (st == OR_OK)
        st = authd_find_mailbox(snapshot, &row, &s->mem, &mailbox, e);
    if (st == OR_OK)
        st = send_mailbox(s, &row, &mailbox);
    else if (st == OR_ABSENT)
        st = send_fail(s);
    else
        log_warning("look-up failed: %s", e->text);
    daemon_snapshot_drop(s->daemon, snapshot);
    return st;
}

/* The next part of `rest`; empty at its end. */
static struct span
next_part(struct span *rest, char separator)
{
    struct span part = SPAN_EMPTY;

    (void)span_split(rest, separator, &part);
    return part;
}

/* "PRE . service user": the dot is for "every module". */
static or_status
on_pre(struct courier_session *s, struct span words, struct err *e)
{
    next_part(&words, ' ');
    next_part(&words, ' ');
    if (words.n == 0)
        return err_set(e, OR_MALFORMED, "PRE without a name");
    return answer_mailbox(s, words, e);
}

/* ---- AUTH */

/* Its lines: service, type, then name and password for the type "login". */
struct courier_login {
    struct span service, type, name, password;
};

static or_status
check_login(struct courier_session *s, const struct courier_login *login, struct err *e)
{
    const struct plain_login plain = {.name = login->name,
                                      .password = login->password,
                                      .service = login->service,
                                      .client = s->client};
    struct span user = SPAN_EMPTY;

    if (!span_equal(login->type, SPAN_LIT("login")))
        return send_fail(s);
    enum login_result result = plain_login_check(s->daemon, &plain, &s->mem, &user);
    if (result == LOGIN_UNKNOWN_NOW)
        return OR_OK;
    return result == LOGIN_GOOD ? answer_mailbox(s, user, e) : send_fail(s);
}

static or_status
on_auth(struct courier_session *s, struct span size, struct err *e)
{
    struct courier_login login;
    struct span bytes = SPAN_EMPTY;
    uint64_t n;

    if (span_parse_u64(size, MAX_AUTH_BYTES, &n) != OR_OK)
        return err_set(e, OR_MALFORMED, "AUTH without a size, or over %d bytes", MAX_AUTH_BYTES);
    or_status st = n == 0 ? OR_OK : stream_peek(s->stream, &bytes);
    while (st == OR_OK && bytes.n < n)
        st = stream_peek_more(s->stream, &bytes);
    if (st != OR_OK)
        return st;
    struct span rest = span_slice(bytes, 0, n);
    login.service = next_part(&rest, '\n');
    login.type = next_part(&rest, '\n');
    login.name = next_part(&rest, '\n');
    login.password = next_part(&rest, '\n');
    st = check_login(s, &login, e);
    /* The password must not wait in a freed buffer. It is the stream's, on the heap. */
    crypto_wipe((char *)(uintptr_t)bytes.p, bytes.n);
    return st;
}

/* ---- ENUMERATE */

struct listing {
    struct courier_session *session;
    const struct daemon_snapshot *snapshot;
    or_status status;
};

static bool
list_account(void *context, const struct account_row *row)
{
    struct listing *listing = context;
    struct authd_mailbox mailbox;
    struct arena mem;
    struct err e = {""};

    arena_init(&mem, REQUEST_ARENA_BYTES);
    or_status st = authd_find_mailbox(listing->snapshot, row, &mem, &mailbox, &e);
    if (st == OR_OK)
        st = stream_writef(
            listing->session->stream, "%.*s\t%" PRId64 "\t%" PRId64 "\t%.*s\tMaildir\t\n",
            SPAN_ARG(row->address.whole), mailbox.uid, mailbox.gid, SPAN_ARG(mailbox.home));
    arena_fini(&mem);
    listing->status = st;
    return st == OR_OK;
}

static or_status
on_enumerate(struct courier_session *s, struct span words, struct err *e)
{
    const struct daemon_snapshot *snapshot = daemon_snapshot_take(s->daemon);
    struct listing listing = {.session = s, .snapshot = snapshot, .status = OR_OK};

    (void)words;
    /* A long list takes as long as its reader; each write has its own timeout. */
    stream_set_deadline(s->stream, 0);
    or_status st = accounts_each(&((const struct authd_built *)snapshot->built)->accounts,
                                 list_account, &listing, e);
    daemon_snapshot_drop(s->daemon, snapshot);
    if (st == OR_OK)
        st = listing.status;
    /* Without its end mark a list is taken as broken off. */
    return st == OR_OK ? stream_write(s->stream, SPAN_LIT(".\n")) : st;
}

/* ---- the request */

static const struct {
    const char *word;
    or_status (*run)(struct courier_session *s, struct span rest, struct err *e);
} commands[] = {{"PRE", on_pre}, {"AUTH", on_auth}, {"ENUMERATE", on_enumerate}};

static or_status
run_command(struct courier_session *s, struct span line, struct err *e)
{
    struct span rest = line, word = next_part(&rest, ' ');

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (span_equal(word, span_cstr(commands[i].word)))
            return commands[i].run(s, rest, e);
    return err_set(e, OR_MALFORMED, "\"%.*s\" is no command of ours",
                   (int)(word.n < 20 ? word.n : 20), word.p);
}

/* Into the arena: what is read next overwrites the stream's own. */
static or_status
read_line(struct courier_session *s, struct span *line_out)
{
    struct span line = SPAN_EMPTY;
    or_status st = stream_read_line(s->stream, MAX_LINE_BYTES, &line);

    return st == OR_OK ? arena_copy(&s->mem, line, line_out) : st;
}

/* The client's address may come on a line of its own before the command. */
static or_status
serve(struct courier_session *s, struct err *e)
{
    const struct span mark = SPAN_LIT("TCPREMOTEIP=");
    struct span line = SPAN_EMPTY;
    or_status st = read_line(s, &line);

    if (st == OR_OK && span_has_prefix(line, mark)) {
        s->client = span_from(line, mark.n);
        st = read_line(s, &line);
    }
    return st == OR_OK ? run_command(s, line, e) : st;
}

void
courier_session_run(struct stream *stream, struct daemon *d)
{
    const struct daemon_snapshot *now = daemon_snapshot_take(d);
    int64_t io_ms = ((const struct authd_settings *)now->settings)->common.io_timeout_ms;
    struct courier_session s = {.stream = stream, .daemon = d, .client = SPAN_EMPTY};
    struct err e = {""};

    daemon_snapshot_drop(d, now);
    arena_init(&s.mem, REQUEST_ARENA_BYTES);
    /* One deadline for the request: a peer that sends a byte at a time gains nothing. */
    stream_set_deadline(stream, clock_mono_ms() + io_ms);
    or_status st = serve(&s, &e);
    if (st == OR_OK)
        st = stream_flush(stream);
    if (st == OR_MALFORMED || st == OR_LIMIT)
        log_warning("courier client disconnected: %s",
                    e.text[0] != '\0' ? e.text : or_status_name(st));
    arena_fini(&s.mem);
}
