/*
 * The four canonicalization algorithms of RFC 6376 3.4. Written for speed where mail is big: the
 * simple body passes through in whole chunks; so does the relaxed body as far as there is nothing
 * to change in it, the rest is squeezed line by line.
 */
#include "milter/dkim/dkim_canon.h"

#include <string.h>

#define CRLF_RUN_PAIRS 64u
#define VECTOR_BYTES 16u
#define STEP_BYTES (4 * VECTOR_BYTES)

/* Bytes that are worked on at once; 16 is what every 64-bit processor has instructions for. */
typedef signed char vector __attribute__((vector_size(VECTOR_BYTES)));

static bool
is_wsp(char c)
{
    return c == ' ' || c == '\t';
}

static void
flush_block(struct dkim_canon_body *c)
{
    if (c->used != 0)
        c->sink(c->ctx, c->block, c->used);
    c->used = 0;
}

static void
put(struct dkim_canon_body *c, const char *p, size_t n)
{
    if (n > sizeof(c->block) - c->used)
        flush_block(c);
    if (n > sizeof(c->block)) {
        c->sink(c->ctx, p, n);
        return;
    }
    memcpy(c->block + c->used, p, n);
    c->used += n;
}

/* The line ends held back turn out to be inside the body. */
static void
release_lines(struct dkim_canon_body *c)
{
    static const char run[CRLF_RUN_PAIRS * 2 + 1] =
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

    while (c->blank_lines != 0) {
        size_t pairs = c->blank_lines < CRLF_RUN_PAIRS ? (size_t)c->blank_lines : CRLF_RUN_PAIRS;

        put(c, run, pairs * 2);
        c->blank_lines -= pairs;
    }
}

/* RFC 6376 3.4.3: only the line ends at the very end matter, so hold back the tail of each chunk.
 */
static void
update_simple(struct dkim_canon_body *c, struct span s)
{
    size_t end = s.n;
    uint64_t tail_lines = 0;
    bool tail_cr = end != 0 && s.p[end - 1] == '\r';

    end -= tail_cr;
    while (end >= 2 && s.p[end - 1] == '\n' && s.p[end - 2] == '\r') {
        end -= 2;
        tail_lines++;
    }
    if (end != 0) {
        release_lines(c);
        put(c, s.p, end);
        c->any = true;
    }
    c->blank_lines += tail_lines;
    c->held_cr = tail_cr;
}

/* Copies up to a block of text without CR, runs of white space as one space. A run at the end stays
 * open. Returns the bytes used up. */
static size_t
squeeze(struct dkim_canon_body *c, struct span s)
{
    if (c->used == sizeof(c->block))
        flush_block(c);
    size_t room = sizeof(c->block) - c->used;
    size_t n = s.n < room ? s.n : room;
    char *out = c->block + c->used;
    bool before = false;

    /* Branch-free: every byte is stored, and the next one overwrites it where it is to vanish. */
    for (size_t i = 0; i < n; i++) {
        char byte = s.p[i];
        bool wsp = is_wsp(byte);

        *out = wsp ? ' ' : byte;
        out += !(wsp && before);
        before = wsp;
    }
    c->held_wsp = before;
    c->used = (size_t)(out - c->block) - before;
    return n;
}

static void
text_relaxed(struct dkim_canon_body *c, struct span s)
{
    while (s.n != 0) {
        if (is_wsp(s.p[0])) {
            c->held_wsp = true;
            s = span_from(s, 1);
            continue;
        }
        release_lines(c);
        if (c->held_wsp)
            put(c, " ", 1);
        c->any = true;
        s = span_from(s, squeeze(c, s));
    }
}

static void
end_line(struct dkim_canon_body *c)
{
    c->held_wsp = false; /* RFC 6376 3.4.4: white space at the end of a line is ignored */
    c->blank_lines++;
}

/* Not zero at each of VECTOR_BYTES neighbours that "relaxed" may change: a tab, white space before
 * white space or a line end, an empty line, a bare CR. */
static inline __attribute__((always_inline)) vector
find_changes(const char *p)
{
    vector here, next;

    memcpy(&here, p, sizeof(here));
    memcpy(&next, p + 1, sizeof(next));
    return (here == '\t') | ((here == '\r') & (next != '\n')) | ((here == '\n') & (next == '\r')) |
           ((here == ' ') & ((next == ' ') | (next == '\t') | (next == '\r')));
}

/* The same for STEP_BYTES and the one after them. */
static bool
has_changes(const char *p)
{
    vector found = find_changes(p) | find_changes(p + VECTOR_BYTES) |
                   find_changes(p + 2 * VECTOR_BYTES) | find_changes(p + 3 * VECTOR_BYTES);
    uint64_t words[VECTOR_BYTES / sizeof(uint64_t)];

    memcpy(words, &found, sizeof(words));
    return (words[0] | words[1]) != 0;
}

/* How much of `s` is its own relaxed form, from text to text: white space and line ends at either
 * end are left to those who know what stands beside them. */
static size_t
unchanged_length(struct span s)
{
    size_t n = 0;

    if (is_wsp(s.p[0]) || s.p[0] == '\r')
        return 0;
    while (s.n - n > STEP_BYTES && !has_changes(s.p + n))
        n += STEP_BYTES;
    while (n != 0 && (s.p[n - 1] == ' ' || s.p[n - 1] == '\r' || s.p[n - 1] == '\n'))
        n--;
    return n;
}

static void
pass_unchanged(struct dkim_canon_body *c, struct span s)
{
    release_lines(c);
    if (c->held_wsp)
        put(c, " ", 1);
    c->held_wsp = false;
    c->any = true;
    put(c, s.p, s.n);
}

static void
update_relaxed(struct dkim_canon_body *c, struct span s)
{
    while (s.n != 0) {
        size_t unchanged = unchanged_length(s);

        if (unchanged != 0) {
            pass_unchanged(c, span_slice(s, 0, unchanged));
            s = span_from(s, unchanged);
        }
        size_t cr = span_find(s, '\r');

        text_relaxed(c, span_slice(s, 0, cr));
        s = span_from(s, cr);
        if (s.n == 1) {
            c->held_cr = true;
            return;
        }
        if (s.n >= 2 && s.p[1] == '\n') {
            end_line(c);
            s = span_from(s, 2);
        } else if (s.n >= 2) {
            text_relaxed(c, span_slice(s, 0, 1)); /* a bare CR is text */
            s = span_from(s, 1);
        }
    }
}

static void
release_cr(struct dkim_canon_body *c)
{
    c->held_cr = false;
    if (c->canon == DKIM_RELAXED) {
        text_relaxed(c, SPAN_LIT("\r"));
        return;
    }
    release_lines(c);
    put(c, "\r", 1);
    c->any = true;
}

void
dkim_canon_body_init(struct dkim_canon_body *c, enum dkim_canon canon, dkim_canon_sink sink,
                     void *ctx)
{
    c->canon = canon;
    c->sink = sink;
    c->ctx = ctx;
    c->blank_lines = 0;
    c->held_cr = c->held_wsp = c->any = false;
    c->used = 0;
}

void
dkim_canon_body_update(struct dkim_canon_body *c, struct span chunk)
{
    if (chunk.n == 0)
        return;
    if (c->held_cr && chunk.p[0] == '\n') {
        c->held_cr = false;
        end_line(c);
        chunk = span_from(chunk, 1);
    } else if (c->held_cr) {
        release_cr(c);
    }
    if (chunk.n == 0)
        return;
    if (c->canon == DKIM_SIMPLE)
        update_simple(c, chunk);
    else
        update_relaxed(c, chunk);
}

void
dkim_canon_body_finish(struct dkim_canon_body *c)
{
    if (c->held_cr)
        release_cr(c);
    /* RFC 6376 3.4.3 and 3.4.4: one CRLF at the end; of an empty body "simple" makes a CRLF,
     * "relaxed" nothing at all. */
    if (c->any || c->canon == DKIM_SIMPLE)
        put(c, "\r\n", 2);
    flush_block(c);
}

/* RFC 6376 3.4.2. `out` has room for the whole field. */
static size_t
relax_field(struct span field, char *out)
{
    size_t colon = span_find(field, ':');
    size_t n = 0;
    bool wsp = false;

    for (size_t i = 0; i < colon; i++) {
        char c = field.p[i];

        if (!is_wsp(
                c)) /* none is allowed inside a name, so this drops what stands before the colon */
            out[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[n++] = ':';
    size_t start = n;
    for (size_t i = colon + 1; i < field.n; i++) {
        char c = field.p[i];

        if (c == '\r' && i + 1 < field.n && field.p[i + 1] == '\n') {
            i++;
            continue;
        }
        if (is_wsp(c)) {
            wsp = true;
            continue;
        }
        if (wsp && n != start)
            out[n++] = ' ';
        wsp = false;
        out[n++] = c;
    }
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}

or_status
dkim_canon_field(enum dkim_canon canon, struct span field, struct arena *mem,
                 struct span *canonical_out)
{
    if (canon == DKIM_SIMPLE) {
        *canonical_out = field;
        return OR_OK;
    }
    char *out = arena_alloc(mem, field.n + 3); /* ":" and CRLF, should they be missing */
    if (out == NULL)
        return OR_LIMIT;
    *canonical_out = span_make(out, relax_field(field, out));
    return OR_OK;
}
