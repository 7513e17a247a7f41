/* Close to how the action would be written in a script, so that it can be read as one. */
#include "lmtp/sieve/sieve_report.h"

const char *
sieve_report_name(enum sieve_action_kind kind)
{
    static const char *const names[] = {
        [SIEVE_KEEP] = "keep",
        [SIEVE_FILEINTO_FOLDER] = "fileinto",
        [SIEVE_REDIRECT_TO] = "redirect",
        [SIEVE_REFUSE] = "reject",
        [SIEVE_ANSWER] = "vacation",
        [SIEVE_NOTIFY] = "notify",
    };

    return names[kind];
}

static void
add_quoted(struct buf *out, struct span text)
{
    buf_add_cstr(out, " \"");
    buf_add_span(out, text);
    buf_add_char(out, '"');
}

static void
add_tag(struct buf *out, const char *tag, struct span value)
{
    if (value.n == 0)
        return;
    buf_addf(out, " :%s", tag);
    add_quoted(out, value);
}

static void
add_fcc(struct buf *out, const struct sieve_fcc *fcc)
{
    add_tag(out, "fcc", fcc->folder);
    add_tag(out, "flags", fcc->flags);
    if (fcc->create)
        buf_add_cstr(out, " :create");
}

static void
add_vacation(struct buf *out, const struct sieve_vacation *v)
{
    buf_addf(out, " :seconds %lld", (long long)v->period_s);
    add_tag(out, "subject", v->subject);
    add_tag(out, "from", v->from);
    for (size_t i = 0; i < v->address_count; i++)
        add_tag(out, "addresses", v->addresses[i]);
    add_tag(out, "handle", v->handle);
    add_fcc(out, &v->fcc);
    if (v->mime)
        buf_add_cstr(out, " :mime");
}

static void
add_notification(struct buf *out, const struct sieve_notification *n)
{
    add_tag(out, "from", n->from);
    add_tag(out, "message", n->message);
    if (n->importance != '2')
        add_tag(out, "importance", span_make(&n->importance, 1));
    add_fcc(out, &n->fcc);
}

void
sieve_report_action(struct buf *out, const struct sieve_action *action)
{
    buf_add_cstr(out, sieve_report_name(action->kind));
    if (action->vacation != NULL)
        add_vacation(out, action->vacation);
    if (action->notification != NULL)
        add_notification(out, action->notification);
    if (action->kind != SIEVE_KEEP)
        add_quoted(out, action->target);
    if (action->create)
        buf_add_cstr(out, " :create");
    if (action->flags.n > 0) {
        buf_add_cstr(out, " :flags");
        add_quoted(out, action->flags);
    }
}
