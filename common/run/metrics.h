/*
 * Counters, gauges and histograms, and their text for Prometheus.
 *
 * What is counted stands in tables of rows: those that all daemons share (metrics_common.c) and the
 * daemon's own. A metric's number is its place: enum metrics_common, then the daemon's enum, which
 * begins at METRICS_FIRST. Label values are words of the row, chosen by index: nothing that a peer
 * sent can become a series, so that their number is fixed at start.
 *
 * Counting is one relaxed atomic addition. Before metrics_start() (the command line, unit tests) it
 * does nothing.
 *
 * Threads: locked without a lock (atomic cells); metrics_start() and metrics_stop() while there is
 * one thread.
 */
#ifndef OUTRIDER_COMMON_RUN_METRICS_H
#define OUTRIDER_COMMON_RUN_METRICS_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define METRICS_MAX_LABELS 2
/* Ceiling of the whole text. Ours are about 20 KiB. */
#define METRICS_MAX_TEXT_BYTES (256 * 1024)

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics_label {
    const char *name;         /* NULL: no (more) label */
    const char *const *words; /* its values, NULL-terminated */
};

struct metrics_row {
    const char *name; /* ends in _total for a counter, in _seconds for a histogram */
    enum metrics_type type;
    struct metrics_label labels[METRICS_MAX_LABELS];
    double (*read)(void); /* asked at every scrape instead of a cell; NULL: counted. No labels. */
    const char *help;     /* one line */
};

/* What every daemon counts; the words of their labels are in this order too. */
enum metrics_common {
    METRICS_BUILD_INFO,
    METRICS_START_TIME,
    METRICS_RESIDENT_BYTES,
    METRICS_VIRTUAL_BYTES,
    METRICS_CPU_SECONDS,
    METRICS_OPEN_FDS,
    METRICS_MAX_FDS,
    METRICS_CONNECTIONS,
    METRICS_CONNECTIONS_TOTAL,
    METRICS_ACCEPT_PAUSES, /* enum metrics_pause */
    METRICS_RELOADS,       /* enum metrics_reload */
    METRICS_RELOAD_GOOD,
    METRICS_RELOAD_TIME,
    METRICS_DNS_QUESTIONS, /* enum metrics_dns; these only in daemons that use DNS */
    METRICS_DNS_LOOKUPS,   /* enum metrics_dns */
    METRICS_DNS_LOOKUP_SECONDS,
    METRICS_FIRST, /* the daemon's own begin here */
};

enum metrics_pause { METRICS_PAUSE_FULL, METRICS_PAUSE_DESCRIPTORS, METRICS_PAUSE_THREADS };
enum metrics_reload { METRICS_RELOAD_OK, METRICS_RELOAD_FAILED };
enum metrics_dns {
    METRICS_DNS_FOUND,
    METRICS_DNS_NODATA,
    METRICS_DNS_NXDOMAIN,
    METRICS_DNS_TIMEOUT,
    METRICS_DNS_FAILED,
};

extern const struct metrics_row metrics_common_rows[METRICS_FIRST];

/* A daemon's own metrics: number METRICS_FIRST + i is rows[i]. */
struct metrics_schema {
    const struct metrics_row *rows;
    size_t count;
};

/* Makes the cells, all 0. `schema` (NULL: none) must outlive metrics_stop(). */
void metrics_start(const struct metrics_schema *schema, bool uses_dns);
void metrics_stop(void);

/* `id`: the metric; `first`, `second`: the words of its labels, 0 where it has none. A number
 * outside of the table counts nothing. */
void metrics_add(unsigned id, unsigned first, unsigned second, int64_t n);
void metrics_inc(unsigned id, unsigned first);
/* Gauges without labels. */
void metrics_set(unsigned id, int64_t value);
/* A histogram's next value. */
void metrics_observe(unsigned id, unsigned first, int64_t us);

/* The index of a word of ours that came as text (a result from another daemon); the last word,
 * which should be "other", for anything else. */
unsigned metrics_word(const char *const *words, struct span text);

/* Prometheus text format 0.0.4: HELP, TYPE and all series of every metric, also those at 0, so that
 * rates and absences can be told apart. */
void metrics_format(struct buf *out);

/* "name type labels" per line, for the lint that compares table and manual page. */
void metrics_print(const struct metrics_schema *schema, bool uses_dns);

#endif
