/*
 * The log: one line per decision in Postfix's own shape ("QUEUEID: key=value key=value"), or the
 * same as one JSON object per line. Goes to stderr (systemd's journal; with <N> priority prefixes
 * when stderr is a journal stream) or to syslog(3), facility mail.
 *
 * Values are quoted when they hold blanks, quotes or control bytes; control bytes are escaped as
 * \xNN: nothing that a peer sends can forge a second line. Never log message content or secrets.
 *
 * Threads: locked without a lock (atomic settings; one writev(2) per line).
 */
#ifndef OUTRIDER_COMMON_BASE_LOG_H
#define OUTRIDER_COMMON_BASE_LOG_H

#include "common/base/buf.h"

enum log_level {
    LOG_LEVEL_ERROR,   /* the operator must act */
    LOG_LEVEL_WARNING, /* degraded but working */
    LOG_LEVEL_INFO,    /* one line per request */
    LOG_LEVEL_DEBUG,   /* why */
};
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };
enum log_format { LOG_FORMAT_PLAIN, LOG_FORMAT_JSON };

/* `ident` is the program's name and must live as long as the process. Before log_open() lines go to
 * stderr at info. May be called again (reload). */
void
log_open(const char *ident, enum log_target target, enum log_format format, enum log_level most);

/* Whether a line of this level would be written at all. */
bool log_wants(enum log_level level);

/* Lines that are not about one request: start, reload, faults. */
void log_error(const char *fmt, ...) OR_PRINTF(1, 2);
void log_warning(const char *fmt, ...) OR_PRINTF(1, 2);
void log_info(const char *fmt, ...) OR_PRINTF(1, 2);
void log_debug(const char *fmt, ...) OR_PRINTF(1, 2);

/* A line about one request. Identity first, outcome last (STYLE.md 9). A line is at most 64 KiB;
 * values over 512 bytes are cut with "...". */
struct log_line {
    struct buf text;
    struct buf *record; /* log_line_record(); NULL: none */
    enum log_level level;
    bool wanted;
    bool json;
};

/* `id` is the queue id; an empty one is written as NOQUEUE. */
void log_line_start(struct log_line *l, enum log_level level, struct span id);
void log_line_add(struct log_line *l, const char *key, struct span value);
void log_line_addf(struct log_line *l, const char *key, const char *fmt, ...) OR_PRINTF(3, 4);
/* From here on each pair also goes into `record`, one "key=value\n" each, control bytes and
 * backslashes of values as \xNN, values over LOG_RECORD_MAX_VALUE_BYTES cut: whether or not the
 * line is written. For what is kept (common/run/decisions.h); NULL is allowed. */
#define LOG_RECORD_MAX_VALUE_BYTES 2048
void log_line_record(struct log_line *l, struct buf *record);
/* A pair for the record only: too long for the log, or of no use there. */
void log_line_note(struct log_line *l, const char *key, struct span value);
/* Writes the line and frees it; the record stays the caller's. */
void log_line_end(struct log_line *l);

#endif
