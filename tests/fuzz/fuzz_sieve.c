/*
 * Sieve: a script, and after a line with nothing but "%%" the message that it runs over. Without
 * one, a message that has most of what tests look at.
 */
#include "lmtp/sieve/sieve_run.h"

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
