/*
 * Sieve: a script, and after a line with nothing but "%%" the message that it runs over. Without
 * one, a message that has most of what tests look at.
 */
#include "lmtp/notification.h"
#include "lmtp/sieve/sieve_action.h"
#include "lmtp/sieve/sieve_run.h"
#include "lmtp/vacation.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sample[] =
    "From: \"A\" <a+b@example.org>\nTo: c@example.net, d <e@f.test>\n"
    "Date: Fri, 29 Dec 2006 12:00:00 -0800\nSubject: =?utf-8?Q?caf=C3=A9?= [list] 42\n\nbody\n";

static struct span
split(struct span input, struct span *message_out)
{
    for (size_t i = 0; i + 4 <= input.n; i++) {
        if (!span_equal(span_slice(input, i, i + 4), SPAN_LIT("\n%%\n")))
            continue;
        *message_out = span_from(input, i + 4);
        return span_slice(input, 0, i);
    }
    *message_out = SPAN_LIT(sample);
    return input;
}

/* Lines that can be sent, and no field that the script or the sender has made up. */
static void
check_letter(or_status st, struct span text)
{
    struct span line;
    bool in_header = true;

    while (st == OR_OK && span_split(&text, '\n', &line)) {
        if (line.n > 998 || span_contains_byte(line, '\0') || span_contains_byte(line, '\r'))
            abort();
        in_header = in_header && line.n > 0;
        if (in_header && span_has_prefix_nocase(line, SPAN_LIT("Bcc:")))
            abort();
    }
}

/* What scripts write. */
static void
write_letter(const struct sieve_action *found, const struct sieve_message *m)
{
    static const struct recipient owner = {.address = SPAN_INIT("a+b@example.org"),
                                           .account_name = SPAN_INIT("a@example.org")};
    static char host[] = "mx.test";
    const struct lmtp_settings settings = {.hostname = host};
    const struct maildir_name name = {.sequence = 1};
    struct sieve_action action;
    struct arena mem;
    struct buf text;

    arena_init(&mem, (size_t)4 << 20);
    buf_init(&text, OWN_MESSAGE_MAX_BYTES);
    or_status st = sieve_action_copy(found, &mem, &action);
    const struct vacation v = {m->header, m->sender, &owner, &action, '+'};
    const struct notification n = {m->header, &owner, action.notification};
    struct span self = SPAN_EMPTY;
    if (st == OR_OK && action.kind == SIEVE_ANSWER && vacation_refusal(&v, &mem, &self) == NULL)
        check_letter(vacation_format(&v, self, &name, &settings, &mem, &text), buf_span(&text));
    if (st == OR_OK && action.kind == SIEVE_NOTIFY)
        check_letter(notification_format(&n, &name, &settings, &mem, &text), buf_span(&text));
    buf_fini(&text);
    arena_fini(&mem);
}

/* Whatever happens there is an outcome within the ceilings, and a failure keeps the message. */
static void
run(const struct sieve_script *script, struct span text, struct arena *mem)
{
    struct header_block header;
    struct sieve_message message = {.header = &header,
                                    .size_bytes = text.n,
                                    .sender = SPAN_LIT("a@b.test"),
                                    .recipient = SPAN_LIT("c+d@e.test"),
                                    .detail_separator = '+'};
    struct sieve_run r;
    struct err e = {""};

    if (header_parse(text, mem, &header, &e) != OR_OK)
        return;
    sieve_run_init(&r, script, &message);
    or_status st = sieve_run_execute(&r, &e);
    if (st != OR_OK &&
        (r.actions.count != 1 || r.actions.items[0].kind != SIEVE_KEEP || e.text[0] == '\0'))
        abort();
    if (r.redirects > SIEVE_MAX_REDIRECTS && st == OR_OK)
        abort();
    for (size_t i = 0; i < r.actions.count; i++)
        write_letter(&r.actions.items[i], &message);
    sieve_run_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message;
    struct span text = split(span_make((const char *)data, size), &message);
    struct sieve_script *script = NULL;
    struct arena mem;
    struct err e = {""};

    if (sieve_script_compile("fuzz", text, NULL, &script, &e) != OR_OK) {
        if (!span_has_prefix(span_cstr(e.text), SPAN_LIT("fuzz:")))
            abort();
        return 0;
    }
    arena_init(&mem, (size_t)8 << 20);
    run(script, message, &mem);
    arena_fini(&mem);
    sieve_script_free(script);
    return 0;
}
