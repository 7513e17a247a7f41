/*
 * Lines to rows. The text is copied once; rows are views into the copy but for their canonical
 * addresses.
 */
#include "authd/accounts/passwd_file.h"
#include "authd/accounts/passwd_line.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#include <stdlib.h>

#define ARENA_FACTOR                                                                               \
    4 /* canonical names may be longer than the line's (A-labels), never that much */
#define ARENA_SLACK 65536
#define MAX_WARNINGS 20 /* a file of another kind must not fill the log */
#define FIRST_ROOM 64

/* A row, and where it stood. */
struct entry {
    struct account_row row;
    size_t line;
};

struct passwd_table {
    struct arena mem;
    struct entry *rows;
    size_t count, room;
    struct span *domains; /* sorted, each once */
    size_t domain_count;
    size_t line, warnings; /* while it is read */
};

static void
add_row(struct passwd_table *t, const struct account_row *row)
{
    if (t->count == t->room) {
        t->room = t->room == 0 ? FIRST_ROOM : 2 * t->room;
        t->rows = xreallocarray(t->rows, t->room, sizeof(*t->rows));
    }
    t->rows[t->count++] = (struct entry){*row, t->line};
}

static int
by_address(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = span_compare(x->row.address.whole, y->row.address.whole);

    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Of those with one name the first stays. */
static void
drop_doubles(struct passwd_table *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++)
        if (kept == 0 ||
            !span_equal(t->rows[kept - 1].row.address.whole, t->rows[i].row.address.whole))
            t->rows[kept++] = t->rows[i];
    t->count = kept;
}

static int
compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void
gather_domains(struct passwd_table *t)
{
    size_t kept = 0;

    t->domains = xcalloc(t->count + 1, sizeof(*t->domains));
    for (size_t i = 0; i < t->count; i++)
        t->domains[i] = t->rows[i].row.address.domain;
    qsort(t->domains, t->count, sizeof(*t->domains), compare_spans);
    for (size_t i = 0; i < t->count; i++)
        if (kept == 0 || !span_equal(t->domains[kept - 1], t->domains[i]))
            t->domains[kept++] = t->domains[i];
    t->domain_count = kept;
}

struct passwd_table *
passwd_table_parse(struct span text, const char *path)
{
    struct passwd_table *t = xcalloc(1, sizeof(*t));
    struct span rest = SPAN_EMPTY, line = SPAN_EMPTY;

    arena_init(&t->mem, ARENA_FACTOR * text.n + ARENA_SLACK);
    if (arena_copy(&t->mem, text, &rest) != OR_OK)
        return t; /* no room for the text itself: cannot happen */
    while (span_split(&rest, '\n', &line)) {
        struct account_row row;
        struct err e = {""};
        or_status st = passwd_line_parse(line, &t->mem, &row, &e);

        t->line++;
        if (st == OR_OK)
            add_row(t, &row);
        else if (st != OR_ABSENT && ++t->warnings <= MAX_WARNINGS)
            log_warning("%s:%zu: %s; line left out", path, t->line, e.text);
    }
    if (t->count > 0)
        qsort(t->rows, t->count, sizeof(*t->rows), by_address);
    drop_doubles(t);
    gather_domains(t);
    return t;
}

void
passwd_table_free(struct passwd_table *t)
{
    if (t == NULL)
        return;
    arena_fini(&t->mem);
    free(t->rows);
    free(t->domains);
    free(t);
}

size_t
passwd_table_count(const struct passwd_table *t)
{
    return t->count;
}

/* The first row whose address is not below `address`. */
static size_t
lower_bound(const struct passwd_table *t, struct span address)
{
    size_t from = 0, to = t->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (span_compare(t->rows[middle].row.address.whole, address) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

or_status
passwd_table_find(const struct passwd_table *t, struct span address, struct account_row *row_out)
{
    size_t at = lower_bound(t, address);

    if (at == t->count || !span_equal(t->rows[at].row.address.whole, address))
        return OR_ABSENT;
    *row_out = t->rows[at].row;
    return OR_OK;
}

or_status
passwd_table_next(const struct passwd_table *t, struct span address, struct account_row *row_out)
{
    size_t at = lower_bound(t, address);

    if (at < t->count && span_equal(t->rows[at].row.address.whole, address))
        at++;
    if (at == t->count)
        return OR_ABSENT;
    *row_out = t->rows[at].row;
    return OR_OK;
}

bool
passwd_table_has_domain(const struct passwd_table *t, struct span domain)
{
    return t->domain_count > 0 && bsearch(&domain, t->domains, t->domain_count, sizeof(*t->domains),
                                          compare_spans) != NULL;
}
