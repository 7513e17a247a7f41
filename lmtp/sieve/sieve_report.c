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

void
sieve_report_action(struct buf *out, const struct sieve_action *action)
{
    buf_add_cstr(out, sieve_report_name(action->kind));
    if (action->kind != SIEVE_KEEP)
        add_quoted(out, action->target);
    if (action->create)
        buf_add_cstr(out, " :create");
    if (action->flags.n > 0) {
        buf_add_cstr(out, " :flags");
        add_quoted(out, action->flags);
    }
}
