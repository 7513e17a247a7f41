/*
 * The client's half of LMTP, as far as RCPT.
 */
#include "policyd/quota_probe.h"

#include "common/base/clock.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"
#include "common/run/stream.h"
#include "common/text/utf8.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MAX_IDLE 4             /* connections kept; Dovecot has a process for each */
#define IDLE_MS 30000          /* older ones are not used again */
#define REST_MS 5000           /* after a failure */
#define WARN_EVERY_MS 60000    /* about failures */
#define MAX_REPLY_LINES 100    /* of one reply */
#define MAX_REPLY_BYTES 2048   /* of a line */
#define MAX_COMMAND_BYTES 4096 /* an address may be all quotes */

/* A connection past LHLO. */
struct line {
    struct stream *stream;
    bool pipelining, size, smtputf8; /* what the server offers */
    int64_t since_mono_ms;           /* idle */
};

struct quota_probe {
    const char *address, *hostname;
    struct lock lock; /* idle, idle_count */
    struct line idle[MAX_IDLE];
    size_t idle_count;
    atomic_int_least64_t rest_until_mono_ms, warned_mono_ms;
};

struct quota_probe *
quota_probe_new(const char *address, const char *hostname)
{
    struct quota_probe *p = xcalloc(1, sizeof(*p));

    p->address = address;
    p->hostname = hostname;
    lock_init(&p->lock, LOCK_QUOTA_PROBE);
    atomic_init(&p->warned_mono_ms, INT64_MIN / 2);
    return p;
}

void
quota_probe_free(struct quota_probe *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->idle_count; i++)
        stream_free(p->idle[i].stream);
    lock_fini(&p->lock);
    free(p);
}

/* ---- replies */

struct reply {
    unsigned code;
    struct span last; /* line of it; the stream's, until the next read */
};

/* A line "250-text", "250 text" or "250". */
static or_status
parse_line(struct span line, struct reply *reply, bool *more_out, struct err *e)
{
    uint64_t code;

    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (span_parse_u64(span_slice(line, 0, 3), 599, &code) != OR_OK || code < 200 ||
        (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
        return err_set(e, OR_TEMPFAIL, "what it says is no LMTP");
    reply->code = (unsigned)code;
    reply->last = line;
    *more_out = line.n > 3 && line.p[3] == '-';
    return OR_OK;
}

static void
note_offer(struct line *l, struct span line)
{
    struct span word = span_from(line, 4);

    word = span_slice(word, 0, span_find(word, ' '));
    l->pipelining |= span_equal_nocase_cstr(word, "PIPELINING");
    l->size |= span_equal_nocase_cstr(word, "SIZE");
    l->smtputf8 |= span_equal_nocase_cstr(word, "SMTPUTF8");
}

static or_status
read_reply(struct line *l, struct reply *reply, bool offers, struct err *e)
{
    bool more = true;

    for (size_t i = 0; more; i++) {
        struct span line = SPAN_EMPTY;
        or_status st =
            i < MAX_REPLY_LINES ? stream_read_line(l->stream, MAX_REPLY_BYTES, &line) : OR_LIMIT;

        if (st != OR_OK)
            return err_set(e, st == OR_CLOSED ? OR_CLOSED : OR_TEMPFAIL, "it %s",
                           st == OR_CLOSED ? "hung up" : "did not answer in time or too much");
        st = parse_line(line, reply, &more, e);
        if (st != OR_OK)
            return st;
        if (offers)
            note_offer(l, reply->last);
    }
    return OR_OK;
}

static or_status
expect(struct line *l, unsigned code, bool offers, struct err *e)
{
    struct reply reply = {0, SPAN_EMPTY};
    or_status st = read_reply(l, &reply, offers, e);

    if (st == OR_OK && reply.code != code)
        return err_set(e, OR_TEMPFAIL, "it said \"%.*s\"",
                       SPAN_ARG(span_slice(reply.last, 0, 100)));
    return st;
}

/* ---- connections */

static or_status
greet(const struct quota_probe *p, struct line *l, struct err *e)
{
    or_status st = expect(l, 220, false, e);

    if (st == OR_OK && (stream_writef(l->stream, "LHLO %s\r\n", p->hostname) != OR_OK ||
                        stream_flush(l->stream) != OR_OK))
        st = err_set(e, OR_TEMPFAIL, "it hung up");
    return st == OR_OK ? expect(l, 250, true, e) : st;
}

static or_status
connect_line(const struct quota_probe *p, int64_t deadline_mono_ms, struct line *l_out,
             struct err *e)
{
    struct line l = {.stream = NULL};
    int64_t left_ms = deadline_mono_ms - clock_mono_ms();
    or_status st = left_ms > 0 ? stream_connect(p->address, left_ms, &l.stream, e)
                               : err_set(e, OR_TEMPFAIL, "no time left");

    if (st != OR_OK)
        return st;
    stream_set_deadline(l.stream, deadline_mono_ms);
    st = greet(p, &l, e);
    if (st != OR_OK) {
        stream_free(l.stream);
        return err_wrap(e, st, "%s", p->address);
    }
    *l_out = l;
    return OR_OK;
}

/* One that was kept; `stream` is NULL when there is none. */
static struct line
take_idle(struct quota_probe *p)
{
    int64_t oldest = clock_mono_ms() - IDLE_MS;
    struct line l = {.stream = NULL}, stale[MAX_IDLE];
    size_t stale_count = 0;

    lock_take(&p->lock);
    while (l.stream == NULL && p->idle_count > 0) {
        struct line last = p->idle[--p->idle_count];

        if (last.since_mono_ms < oldest)
            stale[stale_count++] = last;
        else
            l = last;
    }
    lock_drop(&p->lock);
    for (size_t i = 0; i < stale_count; i++)
        stream_free(stale[i].stream);
    return l;
}

static void
keep_idle(struct quota_probe *p, struct line *l)
{
    stream_set_deadline(l->stream, 0);
    l->since_mono_ms = clock_mono_ms();
    lock_take(&p->lock);
    bool room = p->idle_count < MAX_IDLE;
    if (room)
        p->idle[p->idle_count++] = *l;
    lock_drop(&p->lock);
    if (!room)
        stream_free(l->stream);
}

/* ---- one question */

enum { MAIL, RCPT, RSET, COMMANDS };

/* OR_LIMIT: no command is that long. */
static or_status
make_command(const struct line *l, const struct quota_question *q, int which, struct buf *out)
{
    bool utf8 = !utf8_is_ascii(q->recipient.local);

    if (which == RSET) {
        buf_add_cstr(out, "RSET");
    } else if (which == MAIL) {
        buf_add_cstr(out, "MAIL FROM:<>");
        if (l->size && q->size_bytes > 0)
            buf_addf(out, " SIZE=%" PRIu64, q->size_bytes);
        if (utf8)
            buf_add_cstr(out, " SMTPUTF8");
    } else {
        buf_add_cstr(out, "RCPT TO:<");
        addr_format(out, &q->recipient);
        buf_add_char(out, '>');
    }
    buf_add_cstr(out, "\r\n");
    return buf_finish(out);
}

static or_status
send_command(struct line *l, const struct quota_question *q, int which, struct err *e)
{
    struct buf text;

    buf_init(&text, MAX_COMMAND_BYTES);
    or_status st = make_command(l, q, which, &text);
    if (st == OR_OK)
        st = stream_write(l->stream, buf_span(&text));
    if (st == OR_OK && (!l->pipelining || which == COMMANDS - 1))
        st = stream_flush(l->stream);
    buf_fini(&text);
    return st == OR_OK ? OR_OK : err_set(e, OR_CLOSED, "it hung up");
}

/* RFC 3463 3.3: x.2.2, the mailbox has exceeded its limit. */
static bool
is_full(const struct reply *r)
{
    struct span status = span_from(r->last, 4);

    status = span_slice(status, 0, span_find(status, ' '));
    return r->code >= 400 && (span_equal_cstr(status, "4.2.2") || span_equal_cstr(status, "5.2.2"));
}

/* OR_CLOSED: the connection was over; with one that was kept that says nothing about the server. */
static or_status
converse(struct line *l, const struct quota_question *q, struct arena *mem, struct span *reply_out,
         struct err *e)
{
    bool full = false;
    or_status st = OR_OK;

    for (int i = 0; st == OR_OK && l->pipelining && i < COMMANDS; i++)
        st = send_command(l, q, i, e);
    for (int i = 0; st == OR_OK && i < COMMANDS; i++) {
        struct reply reply = {0, SPAN_EMPTY};

        if (!l->pipelining)
            st = send_command(l, q, i, e);
        if (st == OR_OK)
            st = read_reply(l, &reply, false, e);
        if (st == OR_OK && i == RCPT && is_full(&reply)) {
            full = true;
            st = arena_copy(mem, reply.last, reply_out);
        }
    }
    return st == OR_OK && full ? OR_LIMIT : st;
}

static or_status
ask(struct quota_probe *p, const struct quota_question *q, struct arena *mem,
    struct span *reply_out, struct err *e)
{
    struct line l = take_idle(p);
    bool kept = l.stream != NULL;
    or_status st = OR_OK;

    if (kept)
        stream_set_deadline(l.stream, q->deadline_mono_ms);
    else
        st = connect_line(p, q->deadline_mono_ms, &l, e);
    if (st != OR_OK)
        return OR_TEMPFAIL;
    /* Nobody can be said to have room whom the server cannot be asked about. */
    if (!utf8_is_ascii(q->recipient.local) && !l.smtputf8) {
        keep_idle(p, &l);
        return OR_OK;
    }
    st = converse(&l, q, mem, reply_out, e);
    if (st == OR_OK || st == OR_LIMIT) {
        keep_idle(p, &l);
        return st;
    }
    stream_free(l.stream);
    return st == OR_CLOSED && kept ? ask(p, q, mem, reply_out, e)
                                   : err_wrap(e, OR_TEMPFAIL, "%s", p->address);
}

/* At most one in a minute may say why. */
static bool
may_warn(struct quota_probe *p)
{
    int64_t now = clock_mono_ms(), before = atomic_load(&p->warned_mono_ms);

    return now - before >= WARN_EVERY_MS &&
           atomic_compare_exchange_strong(&p->warned_mono_ms, &before, now);
}

or_status
quota_probe_ask(struct quota_probe *p, const struct quota_question *q, struct arena *mem,
                struct span *reply_out, struct err *e)
{
    if (clock_mono_ms() < atomic_load(&p->rest_until_mono_ms)) {
        *e = (struct err){""};
        return OR_TEMPFAIL;
    }
    or_status st = ask(p, q, mem, reply_out, e);
    if (st != OR_TEMPFAIL)
        return st;
    atomic_store(&p->rest_until_mono_ms, clock_mono_ms() + REST_MS);
    if (!may_warn(p))
        *e = (struct err){""};
    return OR_TEMPFAIL;
}
