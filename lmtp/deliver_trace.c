/*
 * RFC 5321 4.4, newest on top.
 */
#include "lmtp/deliver_trace.h"

#include "common/base/clock.h"

#include <sys/socket.h>

/* An address inside a comment: what would end the comment is escaped (RFC 5322 3.2.2). */
static void
add_comment_text(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '(' || text.p[i] == ')' || text.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
}

/* The TCP-info of RFC 5321 4.4, where there is any. */
static void
add_client_ip(struct buf *out, const struct ip *ip)
{
    char text[IP_TEXT_BYTES];

    if (ip->family == 0)
        return;
    ip_format(ip, text);
    buf_addf(out, " ([%s%s])", ip->family == AF_INET6 ? "IPv6:" : "", text);
}

void
deliver_trace_received(const struct deliver *d, struct buf *out, const struct recipient *sole)
{
    /* RFC 3848, RFC 6531 4.3 */
    static const char *const protocols[2][2] = {{"LMTP", "LMTPS"}, {"UTF8LMTP", "UTF8LMTPS"}};
    const struct deliver_envelope *env = d->envelope;
    char date[HEADER_DATE_BYTES];

    header_format_date(clock_now(), date);
    buf_addf(out, "Received: from %.*s", SPAN_ARG(env->lhlo));
    add_client_ip(out, &env->client_ip);
    buf_addf(out, "\n\tby %s with %s\n\tid %s\n\t(envelope-from <", d->settings->hostname,
             protocols[env->smtputf8][env->secure], d->id);
    add_comment_text(out, env->sender);
    buf_add_cstr(out, ">)");
    if (sole != NULL)
        buf_addf(out, "\n\tfor <%.*s>", SPAN_ARG(sole->address));
    buf_addf(out, "; %s\n", date);
}

void
deliver_trace_prologue(const struct deliver *d, struct buf *out, const struct recipient *sole)
{
    buf_addf(out, "Return-Path: <%.*s>\n", SPAN_ARG(d->envelope->sender));
    if (sole != NULL)
        buf_addf(out, "Delivered-To: %.*s\n", SPAN_ARG(sole->address));
    deliver_trace_received(d, out, sole);
}
