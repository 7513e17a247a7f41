/*
 * One array of atomic cells. A counter or gauge has one cell per combination of label words; a
 * histogram has one per bucket and the sum of its values, so that its count, being the sum of the
 * buckets, always agrees with them.
 */
#include "common/run/metrics.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define US_PER_S 1000000

/* Upper bounds of the buckets in microseconds: from a signature in cache to the longest timeouts.
 */
static const int64_t bounds_us[] = {1000,    2500,    5000,     10000,    25000,
                                    50000,   100000,  250000,   500000,   1000000,
                                    2500000, 5000000, 10000000, 30000000, 60000000};

#define BOUNDS (sizeof(bounds_us) / sizeof(bounds_us[0]))
#define HISTOGRAM_CELLS (BOUNDS + 2) /* and what is above the last bound, and the sum */

/* Where a metric's cells are. */
struct place {
    const struct metrics_row *row;
    size_t first;                       /* cell */
    unsigned words[METRICS_MAX_LABELS]; /* how many; 1 without that label */
    size_t cells_each;                  /* of one series */
};

/* One per daemon, as the log: set before the first thread. The cells are shared with the processes
 * that are forked later (daemon_children.h): whoever counts, one of them serves the sums. */
static struct {
    struct place *places; /* NULL: not started */
    size_t count;
    atomic_int_fast64_t *cells;
    size_t cells_bytes;
} registry;

static unsigned
count_words(const struct metrics_label *label)
{
    unsigned n = 0;

    if (label->name == NULL)
        return 1;
    while (label->words[n] != NULL)
        n++;
    return n;
}

/* The row with that number; NULL for one that this daemon does not have. */
static const struct metrics_row *
row_at(const struct metrics_schema *schema, bool uses_dns, size_t id)
{
    bool is_dns = id >= METRICS_DNS_QUESTIONS && id < METRICS_FIRST;

    if (id >= METRICS_FIRST)
        return &schema->rows[id - METRICS_FIRST];
    return is_dns && !uses_dns ? NULL : &metrics_common_rows[id];
}

static size_t
row_count(const struct metrics_schema *schema)
{
    return METRICS_FIRST + (schema == NULL ? 0 : schema->count);
}

void
metrics_start(const struct metrics_schema *schema, bool uses_dns)
{
    size_t cells = 0;

    metrics_stop();
    registry.count = row_count(schema);
    registry.places = xcalloc(registry.count, sizeof(*registry.places));
    for (size_t i = 0; i < registry.count; i++) {
        struct place *p = &registry.places[i];

        p->row = row_at(schema, uses_dns, i);
        p->first = cells;
        if (p->row == NULL)
            continue;
        p->cells_each = p->row->type == METRICS_HISTOGRAM ? HISTOGRAM_CELLS : 1;
        for (size_t k = 0; k < METRICS_MAX_LABELS; k++)
            p->words[k] = count_words(&p->row->labels[k]);
        cells += p->cells_each * p->words[0] * p->words[1];
    }
    registry.cells_bytes = cells * sizeof(*registry.cells);
    registry.cells =
        mmap(NULL, registry.cells_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (registry.cells == MAP_FAILED)
        abort();
    metrics_set(METRICS_BUILD_INFO, 1);
    metrics_set(METRICS_START_TIME, (int64_t)clock_now());
}

void
metrics_stop(void)
{
    free(registry.places);
    if (registry.cells != NULL)
        munmap(registry.cells, registry.cells_bytes);
    registry.places = NULL;
    registry.cells = NULL;
    registry.count = 0;
}

/* ---- counting */

/* The first cell of a series; NULL: there is none. */
static atomic_int_fast64_t *
find_series(unsigned id, unsigned first, unsigned second)
{
    if (id >= registry.count)
        return NULL;
    const struct place *p = &registry.places[id];

    if (p->row == NULL || first >= p->words[0] || second >= p->words[1])
        return NULL;
    return &registry.cells[p->first + ((size_t)first * p->words[1] + second) * p->cells_each];
}

void
metrics_add(unsigned id, unsigned first, unsigned second, int64_t n)
{
    atomic_int_fast64_t *cell = find_series(id, first, second);

    /* Relaxed: nobody draws conclusions from one about another. */
    if (cell != NULL)
        atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

void
metrics_inc(unsigned id, unsigned first)
{
    metrics_add(id, first, 0, 1);
}

void
metrics_set(unsigned id, int64_t value)
{
    atomic_int_fast64_t *cell = find_series(id, 0, 0);

    if (cell != NULL)
        atomic_store_explicit(cell, value, memory_order_relaxed);
}

void
metrics_observe(unsigned id, unsigned first, int64_t us)
{
    atomic_int_fast64_t *cells = find_series(id, first, 0);
    size_t bucket = 0;

    if (cells == NULL)
        return;
    while (bucket < BOUNDS && us > bounds_us[bucket])
        bucket++;
    atomic_fetch_add_explicit(&cells[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cells[BOUNDS + 1], us, memory_order_relaxed);
}

unsigned
metrics_word(const char *const *words, struct span text)
{
    unsigned i = 0;

    while (words[i + 1] != NULL && !span_equal_cstr(text, words[i]))
        i++;
    return i;
}

/* ---- the text */

static const char *const type_names[] = {
    [METRICS_COUNTER] = "counter",
    [METRICS_GAUGE] = "gauge",
    [METRICS_HISTOGRAM] = "histogram",
};

/* Backslash and line feed are escaped everywhere, quotes in label values. */
static void
add_escaped(struct buf *out, const char *text, bool is_label)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_add_cstr(out, "\\n");
        else if (*text == '\\' || (*text == '"' && is_label))
            buf_addf(out, "\\%c", *text);
        else
            buf_add_char(out, *text);
    }
}

/* Which words a series has. */
struct series {
    const struct place *place;
    unsigned words[METRICS_MAX_LABELS];
    const atomic_int_fast64_t *cells;
};

/* "{label="word",le="0.5"}", or nothing without labels. */
static void
add_labels(struct buf *out, const struct series *s, const char *le)
{
    char before = '{';

    for (size_t k = 0; k < METRICS_MAX_LABELS; k++) {
        const struct metrics_label *label = &s->place->row->labels[k];

        if (label->name == NULL)
            break;
        buf_addf(out, "%c%s=\"", before, label->name);
        add_escaped(out, label->words[s->words[k]], true);
        buf_add_char(out, '"');
        before = ',';
    }
    if (le != NULL)
        buf_addf(out, "%cle=\"%s\"", before, le);
    if (before == ',' || le != NULL)
        buf_add_char(out, '}');
}

static void
add_sample(struct buf *out, const struct series *s, const char *suffix, const char *le,
           int64_t value)
{
    buf_add_cstr(out, s->place->row->name);
    buf_add_cstr(out, suffix);
    add_labels(out, s, le);
    buf_addf(out, " %" PRId64 "\n", value);
}

/* Buckets are cumulative in the text. */
static void
add_histogram(struct buf *out, const struct series *s)
{
    int64_t count = 0;
    char le[32];

    for (size_t i = 0; i < BOUNDS; i++) {
        count += atomic_load_explicit(&s->cells[i], memory_order_relaxed);
        snprintf(le, sizeof(le), "%g", (double)bounds_us[i] / US_PER_S);
        add_sample(out, s, "_bucket", le, count);
    }
    count += atomic_load_explicit(&s->cells[BOUNDS], memory_order_relaxed);
    add_sample(out, s, "_bucket", "+Inf", count);
    buf_addf(out, "%s_sum", s->place->row->name);
    add_labels(out, s, NULL);
    int64_t sum_us = atomic_load_explicit(&s->cells[BOUNDS + 1], memory_order_relaxed);
    buf_addf(out, " %.6f\n", (double)sum_us / US_PER_S);
    add_sample(out, s, "_count", NULL, count);
}

static void
add_series(struct buf *out, const struct series *s)
{
    const struct metrics_row *row = s->place->row;

    if (row->read != NULL)
        buf_addf(out, "%s %.15g\n", row->name, row->read());
    else if (row->type == METRICS_HISTOGRAM)
        add_histogram(out, s);
    else
        add_sample(out, s, "", NULL, atomic_load_explicit(s->cells, memory_order_relaxed));
}

static void
add_metric(struct buf *out, const struct place *p)
{
    struct series s = {.place = p, .cells = &registry.cells[p->first]};

    buf_addf(out, "# HELP %s ", p->row->name);
    add_escaped(out, p->row->help, false);
    buf_addf(out, "\n# TYPE %s %s\n", p->row->name, type_names[p->row->type]);
    for (s.words[0] = 0; s.words[0] < p->words[0]; s.words[0]++) {
        for (s.words[1] = 0; s.words[1] < p->words[1]; s.words[1]++) {
            add_series(out, &s);
            s.cells += p->cells_each;
        }
    }
}

void
metrics_format(struct buf *out)
{
    for (size_t i = 0; i < registry.count; i++)
        if (registry.places[i].row != NULL)
            add_metric(out, &registry.places[i]);
}

void
metrics_print(const struct metrics_schema *schema, bool uses_dns)
{
    for (size_t i = 0; i < row_count(schema); i++) {
        const struct metrics_row *row = row_at(schema, uses_dns, i);

        if (row == NULL)
            continue;
        printf("%s %s", row->name, type_names[row->type]);
        for (size_t k = 0; k < METRICS_MAX_LABELS && row->labels[k].name != NULL; k++)
            printf(" %s", row->labels[k].name);
        printf("\n");
    }
}
