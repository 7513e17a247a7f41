/*
 * Script tests: conform_sieve FILE... Each file holds tests in plain text, so that a rule of an RFC
 * and the script that proves it stand together. A line that begins with '%' is a directive:
 *
 *     %% RFC 5228 5.7: what is proved          a new test
 *     %from a@b   %to a@b                      the envelope, for this test and those that follow
 *     %message                                 so is the message, up to the next directive
 *     %script                                  the script
 *     %personal NAME   %global NAME            further ones that it may include
 *     %actions                                 what it must come to, one action on each line
 *     %error 3:7: text                         or: where and how compiling it must fail
 *     %fails text                              or: how running it must fail
 */
#include "common/base/buf.h"
#include "lmtp/sieve/sieve_report.h"
#include "lmtp/sieve/sieve_run.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES ((size_t)1 << 20)

#define MAX_LIBRARY 16

/* A script that the tests can include. */
struct book {
    enum sieve_place place;
    struct span name, text;
    struct sieve_script *script; /* once it was asked for */
};

struct test {
    struct span title;
    struct span from, to, message;
    struct span script, actions, error, fails;
    struct book library[MAX_LIBRARY];
    size_t library_count;
};

static unsigned tests_run, tests_failed;

static void
complain(const struct test *t, const char *what, struct span found)
{
    tests_failed++;
    fprintf(stderr, "FAILED: %.*s\n  %s\n%.*s\n", SPAN_ARG(t->title), what, SPAN_ARG(found));
}

static bool
folder_is_there(void *context, struct span folder)
{
    (void)context;
    return span_equal_cstr(folder, "There");
}

static bool
was_seen(void *context, struct span id)
{
    (void)context;
    for (size_t i = 0; i < id.n; i++)
        if (span_has_prefix(span_from(id, i), SPAN_LIT("seen")))
            return true;
    return false;
}

static or_status
load(void *context, enum sieve_place place, struct span name,
     const struct sieve_script **script_out, struct err *e)
{
    struct test *t = context;
    or_status st = OR_OK;

    for (size_t i = 0; i < t->library_count; i++) {
        struct book *book = &t->library[i];

        if (book->place != place || !span_equal(book->name, name))
            continue;
        if (book->script == NULL)
            st = sieve_script_compile("included", book->text, NULL, &book->script, e);
        *script_out = book->script;
        return st;
    }
    return OR_ABSENT;
}

static void
check_failure(const struct test *t, or_status st, struct span wanted, const struct err *e)
{
    if (st == OR_OK || wanted.n == 0 || !span_equal_cstr(wanted, e->text))
        complain(t, "failed otherwise than expected:", span_cstr(e->text));
}

static void
check_actions(const struct test *t, const struct sieve_actions *actions)
{
    struct buf out;

    buf_init(&out, FILE_MAX_BYTES);
    for (size_t i = 0; i < actions->count; i++) {
        sieve_report_action(&out, &actions->items[i]);
        buf_add_char(&out, '\n');
    }
    if (t->fails.n > 0 || t->error.n > 0)
        complain(t, "ought to fail, but comes to:", buf_span(&out));
    else if (!span_equal(span_trim(buf_span(&out)), span_trim(t->actions)))
        complain(t, "comes to:", buf_span(&out));
    buf_fini(&out);
}

static void
run_script(struct test *t, const struct sieve_script *script)
{
    struct header_block header;
    struct arena mem;
    struct sieve_run run;
    struct err e = {""};
    struct sieve_message message = {
        .header = &header,
        .size_bytes = t->message.n,
        .sender = t->from,
        .recipient = t->to,
        .now = 1172750400, /* Thu, 01 Mar 2007 12:00:00 +0000 */
        .host = SPAN_LIT("mail.example.org"),
        .remote_ip = SPAN_LIT("192.0.2.7"),
        .detail_separator = '+',
        .mailbox_exists = folder_is_there,
        .was_seen = was_seen,
        .load = load,
        .context = t,
    };

    arena_init(&mem, 4 * FILE_MAX_BYTES);
    or_status st = header_parse(t->message, &mem, &header, &e);
    sieve_run_init(&run, script, &message);
    if (st == OR_OK)
        st = sieve_run_execute(&run, &e);
    if (st != OR_OK)
        check_failure(t, st, t->fails, &e);
    else
        check_actions(t, &run.actions);
    sieve_run_fini(&run);
    arena_fini(&mem);
}

static void
close_library(struct test *t)
{
    for (size_t i = 0; i < t->library_count; i++) {
        sieve_script_free(t->library[i].script);
        t->library[i].script = NULL;
    }
}

static void
run_test(struct test *t)
{
    struct sieve_script *script = NULL;
    struct err e = {""};

    if (t->title.n == 0)
        return;
    tests_run++;
    or_status st = sieve_script_compile("script", t->script, NULL, &script, &e);
    if (st == OR_OK) {
        run_script(t, script);
        sieve_script_free(script);
        close_library(t);
        return;
    }
    /* "script:3:7: text" */
    struct span text = span_cstr(e.text);
    struct span located = span_from(text, span_find(text, ':') + 1);
    if (t->error.n == 0 || !span_equal(t->error, located))
        complain(t, "does not compile:", located);
}

static bool
add_book(struct test *t, enum sieve_place place, struct span name, struct span text)
{
    if (t->library_count == MAX_LIBRARY)
        return false;
    t->library[t->library_count++] = (struct book){.place = place, .name = name, .text = text};
    return true;
}

/* The parts that a directive begins or sets; the value of one that begins a part is the lines below
 * it. */
static bool
take_directive(struct test *t, struct span line, struct span below)
{
    struct {
        const char *name;
        struct span *value;
        bool is_part;
    } const directives[] = {
        {"%from", &t->from, false},      {"%to", &t->to, false},
        {"%message", &t->message, true}, {"%script", &t->script, true},
        {"%actions", &t->actions, true}, {"%error", &t->error, false},
        {"%fails", &t->fails, false},
    };
    size_t n = span_find(line, ' ');

    if (span_has_prefix(line, SPAN_LIT("%personal ")))
        return add_book(t, SIEVE_PERSONAL, span_trim(span_from(line, n)), below);
    if (span_has_prefix(line, SPAN_LIT("%global ")))
        return add_book(t, SIEVE_GLOBAL, span_trim(span_from(line, n)), below);
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        if (!span_equal_cstr(span_slice(line, 0, n), directives[i].name))
            continue;
        *directives[i].value = directives[i].is_part ? below : span_trim(span_from(line, n));
        return true;
    }
    return false;
}

/* Up to the next line that begins with '%'. */
static struct span
lines_below(struct span rest)
{
    struct span at = rest;

    while (at.n > 0 && at.p[0] != '%') {
        size_t n = span_find(at, '\n');

        at = span_from(at, n < at.n ? n + 1 : n);
    }
    return span_slice(rest, 0, rest.n - at.n);
}

static void
run_text(struct span text)
{
    struct test t = {0};
    struct span line = SPAN_EMPTY, rest = text;

    while (span_split(&rest, '\n', &line)) {
        if (span_has_prefix(line, SPAN_LIT("%%"))) {
            run_test(&t);
            t.title = span_trim(span_from(line, 2));
            t.script = t.actions = t.error = t.fails = SPAN_EMPTY;
        } else if (line.n > 0 && line.p[0] == '%' && !take_directive(&t, line, lines_below(rest))) {
            complain(&t, "unknown directive:", line);
        }
    }
    run_test(&t);
}

static bool
run_file(const char *path)
{
    char chunk[4096];
    struct buf text;
    size_t n;
    FILE *f = fopen(path, "rb");

    if (f == NULL)
        return false;
    buf_init(&text, FILE_MAX_BYTES);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) != 0)
        buf_add(&text, chunk, n);
    (void)fclose(f);
    bool ok = buf_finish(&text) == OR_OK;
    if (ok)
        run_text(buf_span(&text));
    buf_fini(&text);
    return ok;
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (run_file(argv[i]))
            continue;
        fprintf(stderr, "%s cannot be read\n", argv[i]);
        return 2;
    }
    printf("%u passed, %u failed\n", tests_run - tests_failed, tests_failed);
    return tests_failed != 0 || tests_run == 0;
}
