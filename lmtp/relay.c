/*
 * One command and one reply at a time; the message goes out as it comes in. Bytes are stuffed and
 * get their CRs back here: what is relayed has no bare CR or LF in it (lmtp_data.h), so nothing can
 * be smuggled to the other server.
 */
#include "lmtp/relay.h"

#define MAX_REPLY_LINES 64
#define MAX_LINE_BYTES 4096

static const struct lmtp_reply lost = {451, "4.4.2", "the mailbox's server was lost"};
static const struct lmtp_reply no_connection = {451, "4.4.1", "the mailbox's server is not there"};

static void
fail(struct relay *r, const struct lmtp_reply *result, or_status st, const char *what)
{
    if (r->result.code != 0)
        return;
    r->result = *result;
    err_set(&r->err, st, "%s: %s: %s", r->address, what, or_status_name(st));
}

/* The last line of the next reply; of the others it is only seen whether they offer 8BITMIME. */
static bool
read_reply(struct relay *r, struct lmtp_reply *reply_out)
{
    struct span line;
    bool more = true;
    or_status st = OR_OK;

    for (int i = 0; i < MAX_REPLY_LINES && more && st == OR_OK; i++) {
        st = stream_read_line(r->stream, MAX_LINE_BYTES, &line);
        if (st == OR_OK)
            st = lmtp_reply_parse(line, r->mem, reply_out, &more);
        if (st == OR_OK && span_has_prefix_nocase(span_from(line, 4), SPAN_LIT("8BITMIME")))
            r->eight_bit = true;
    }
    if (st == OR_OK && more)
        st = OR_LIMIT;
    if (st != OR_OK)
        fail(r, &lost, st, "reading a reply");
    return st == OR_OK;
}

/* Reads a reply that must be of the class `code`, 2 or 3; any other is the result for everybody. */
static bool
expect(struct relay *r, unsigned class)
{
    struct lmtp_reply reply;

    if (r->result.code != 0 || !read_reply(r, &reply))
        return false;
    if (reply.code / 100 == class)
        return true;
    /* A 2xx where 354 should be is no success of anybody's. */
    fail(r, reply.code >= 400 ? &reply : &lost, OR_TEMPFAIL, reply.text);
    return false;
}

static void
send_text(struct relay *r, struct span text)
{
    if (r->result.code != 0)
        return;
    or_status st = stream_write(r->stream, text);
    if (st != OR_OK)
        fail(r, &lost, st, "writing");
}

static void
say(struct relay *r, const char *command, struct span argument, const char *rest)
{
    send_text(r, span_cstr(command));
    send_text(r, argument);
    send_text(r, span_cstr(rest));
}

void
relay_open(struct relay *r, const char *address, const struct relay_envelope *envelope,
           struct arena *mem)
{
    struct err e;

    *r = (struct relay){.address = address, .mem = mem};
    or_status st = stream_connect(address, envelope->timeout_ms, &r->stream, &e);
    if (st != OR_OK) {
        r->result = no_connection;
        r->err = e;
        return;
    }
    if (!expect(r, 2))
        return;
    say(r, envelope->smtp ? "EHLO " : "LHLO ", span_cstr(envelope->hostname), "\r\n");
    r->eight_bit = false;
    if (!expect(r, 2))
        return;
    say(r, "MAIL FROM:<", envelope->sender, ">");
    say(r, r->eight_bit ? " BODY=8BITMIME" : "", SPAN_EMPTY, envelope->smtputf8 ? " SMTPUTF8" : "");
    send_text(r, SPAN_LIT("\r\n"));
    expect(r, 2);
}

struct lmtp_reply
relay_rcpt(struct relay *r, struct span address)
{
    struct lmtp_reply reply;

    say(r, "RCPT TO:<", address, ">\r\n");
    if (r->result.code != 0 || !read_reply(r, &reply))
        return r->result;
    if (reply.code / 100 == 3) /* no answer to RCPT */
        return lost;
    r->accepted += reply.code < 300;
    return reply;
}

void
relay_data(struct relay *r)
{
    send_text(r, SPAN_LIT("DATA\r\n"));
    expect(r, 3);
}

void
relay_write(struct relay *r, struct span bytes)
{
    while (bytes.n > 0 && r->result.code == 0) {
        size_t lf = span_find(bytes, '\n');

        if (!r->in_line && bytes.p[0] == '.')
            send_text(r, SPAN_LIT("."));
        send_text(r, span_slice(bytes, 0, lf));
        r->in_line = lf == bytes.n;
        if (r->in_line)
            return;
        send_text(r, SPAN_LIT("\r\n"));
        bytes = span_from(bytes, lf + 1);
    }
}

void
relay_finish(struct relay *r)
{
    send_text(r, r->in_line ? SPAN_LIT("\r\n.\r\n") : SPAN_LIT(".\r\n"));
}

struct lmtp_reply
relay_result(struct relay *r)
{
    struct lmtp_reply reply;

    if (r->result.code != 0 || !read_reply(r, &reply))
        return r->result;
    return reply.code < 300 || reply.code >= 400 ? reply : lost;
}

void
relay_close(struct relay *r)
{
    stream_free(r->stream);
    r->stream = NULL;
}
