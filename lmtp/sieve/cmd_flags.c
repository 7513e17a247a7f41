/*
 * imap4flags (RFC 5232): sets of flags, kept as text with one blank between them, each once
 * whatever the case. The internal variable is r->flags; named ones are variables like any other.
 */
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_rows.h"

#include "common/base/buf.h"

or_status
cmd_flags_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *names = node->positional[0];

    for (size_t i = 0; names != NULL && i < names->count; i++) {
        or_status st =
            sieve_check_required(c, SIEVE_VARIABLES, names->pos, SPAN_LIT("a variable for flags"));

        if (st != OR_OK)
            return st;
        if (!sieve_vars_is_name(names->strings[i]))
            return sieve_check_fail(c, names->pos, "expected the name of a variable");
    }
    return OR_OK;
}

/* RFC 3501 9: system flags begin with a backslash; a keyword is an atom. */
static bool
is_flag(struct span flag)
{
    struct span atom = span_from(flag, flag.n > 0 && flag.p[0] == '\\' ? 1 : 0);

    for (size_t i = 0; i < atom.n; i++)
        if ((unsigned char)atom.p[i] <= ' ' || (unsigned char)atom.p[i] >= 0x7f ||
            span_contains_byte(SPAN_LIT("(){%*\"\\]"), atom.p[i]))
            return false;
    return atom.n > 0;
}

static bool
has_flag(struct span set, struct span flag)
{
    struct span part;

    while (span_split(&set, ' ', &part))
        if (span_equal_nocase(part, flag))
            return true;
    return false;
}

static void
add_flag(struct buf *set, struct span flag)
{
    /* RFC 5232 2: what is no flag is ignored. */
    if (!is_flag(flag) || has_flag(buf_span(set), flag))
        return;
    if (set->n > 0)
        buf_add_char(set, ' ');
    buf_add_span(set, flag);
}

/* RFC 5232 2: a string may hold several flags. */
static void
add_flags(struct buf *set, struct span flags)
{
    struct span part;

    while (span_split(&flags, ' ', &part))
        add_flag(set, part);
}

static or_status
keep_set(struct sieve_run *r, struct buf *set, struct span *out)
{
    or_status st = buf_finish(set);

    if (st == OR_OK)
        st = arena_copy(&r->mem, buf_span(set), out);
    else
        (void)err_set(r->e, st, "the script sets too many flags");
    buf_fini(set);
    return st;
}

/* `before` and all strings of `arg`. */
static or_status
join_flags(struct sieve_run *r, struct span before, const struct sieve_arg *arg, struct span *out)
{
    struct span *strings;
    struct buf set;
    size_t count;
    or_status st = sieve_vars_strings(r, arg, &strings, &count);

    /* Each flag is looked for among those before it. */
    size_t looked_at = before.n;
    for (size_t i = 0; st == OR_OK && i < count; i++) {
        looked_at += strings[i].n;
        st = sieve_run_charge(
            r,
            strings[i].n * (looked_at < SIEVE_MAX_FLAGS_BYTES ? looked_at : SIEVE_MAX_FLAGS_BYTES));
    }
    if (st != OR_OK)
        return st;
    buf_init(&set, SIEVE_MAX_FLAGS_BYTES);
    add_flags(&set, before);
    for (size_t i = 0; i < count; i++)
        add_flags(&set, strings[i]);
    return keep_set(r, &set, out);
}

static or_status
store(struct sieve_run *r, const struct sieve_node *node, struct span flags)
{
    if (node->positional[0] != NULL)
        return sieve_vars_set(r, node->positional[0]->strings[0], flags);
    r->flags = flags;
    return OR_OK;
}

static struct span
load(struct sieve_run *r, const struct sieve_node *node)
{
    return node->positional[0] != NULL ? sieve_vars_get(r, node->positional[0]->strings[0])
                                       : r->flags;
}

or_status
cmd_setflag(struct sieve_run *r, const struct sieve_node *node)
{
    struct span flags;
    or_status st = join_flags(r, SPAN_EMPTY, node->positional[1], &flags);

    return st == OR_OK ? store(r, node, flags) : st;
}

or_status
cmd_addflag(struct sieve_run *r, const struct sieve_node *node)
{
    struct span flags;
    or_status st = join_flags(r, load(r, node), node->positional[1], &flags);

    return st == OR_OK ? store(r, node, flags) : st;
}

or_status
cmd_removeflag(struct sieve_run *r, const struct sieve_node *node)
{
    struct span gone, part, before = load(r, node), flags;
    struct buf set;
    or_status st = join_flags(r, SPAN_EMPTY, node->positional[1], &gone);

    if (st == OR_OK)
        st = sieve_run_charge(r, before.n * (before.n + gone.n));
    if (st != OR_OK)
        return st;
    buf_init(&set, SIEVE_MAX_FLAGS_BYTES);
    while (span_split(&before, ' ', &part))
        if (!has_flag(gone, part))
            add_flag(&set, part);
    st = keep_set(r, &set, &flags);
    return st == OR_OK ? store(r, node, flags) : st;
}

or_status
cmd_flags_of(struct sieve_run *r, const struct sieve_node *node, struct span *out)
{
    const struct sieve_arg *given = node->given[SIEVE_SLOT_FLAGS].arg;

    *out = r->flags;
    return given != NULL ? join_flags(r, SPAN_EMPTY, given, out) : OR_OK;
}

static void
match_flags(struct sieve_match *m, struct span set)
{
    struct span part;

    while (span_split(&set, ' ', &part))
        if (is_flag(part))
            sieve_match_value(m, part);
}

/* RFC 5232 4: every flag of every variable named is a value. */
or_status
tst_hasflag(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    const struct sieve_arg *names = node->positional[0];
    struct sieve_match m;
    or_status st = sieve_match_begin(&m, r, node);

    if (st != OR_OK)
        return st;
    if (names == NULL)
        match_flags(&m, r->flags);
    for (size_t i = 0; names != NULL && i < names->count; i++)
        match_flags(&m, sieve_vars_get(r, names->strings[i]));
    return sieve_match_end(&m, out);
}
