/*
 * The log. A line is built in memory and written at once, so lines of different threads never mix
 * and nothing a peer sent can begin a line of its own.
 */
#include "common/base/log.h"

#include "common/base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#define LOG_MAX_LINE_BYTES 65536
#define LOG_MAX_VALUE_BYTES 512

/* Atomic, so that a line is written without a lock: one that a thread holds across the write would
 * line up all others behind it. */
static struct {
    _Atomic(const char *) ident;
    atomic_int target;   /* enum log_target */
    atomic_int format;   /* enum log_format */
    atomic_int most;     /* enum log_level */
    atomic_bool journal; /* stderr is systemd's journal: lines carry <N> priorities */
} log_state = {
    .ident = "outrider",
    .most = LOG_LEVEL_INFO,
};

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int level_priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

/* systemd sets JOURNAL_STREAM to "device:inode" of the stream it gave us. */
static bool
stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    struct buf want;

    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    buf_init(&want, 128);
    buf_addf(&want, "%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
    bool same = span_equal(buf_span(&want), span_cstr(stream));
    buf_fini(&want);
    return same;
}

void
log_open(const char *ident, enum log_target target, enum log_format format, enum log_level most)
{
    if (target == LOG_TARGET_SYSLOG)
        openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
    log_state.ident = ident;
    log_state.target = target;
    log_state.format = format;
    log_state.most = most;
    log_state.journal = stderr_is_journal();
}

bool
log_wants(enum log_level level)
{
    return (int)level <= log_state.most;
}

static bool
log_is_json(void)
{
    return log_state.format == LOG_FORMAT_JSON;
}

/* "Nov 23 08:26:01" of this second. The C library locks to know the time zone. */
static const char *
stamp(void)
{
    static _Thread_local struct {
        time_t second;
        char text[32];
    } last;
    time_t now = clock_now();
    struct tm tm;

    if (now != last.second || last.text[0] == '\0') {
        strftime(last.text, sizeof(last.text), "%b %e %H:%M:%S", localtime_r(&now, &tm));
        last.second = now;
    }
    return last.text;
}

/* What stands before the text. */
static size_t
format_head(enum log_level level, char *out, size_t room)
{
    int n = 0;

    if (log_state.journal)
        n = snprintf(out, room, "<%d>", level_priorities[level]);
    else if (log_state.format == LOG_FORMAT_PLAIN)
        n = snprintf(out, room, "%s %s[%d]: ", stamp(), log_state.ident, (int)getpid());
    if (n < 0)
        return 0;
    return (size_t)n < room ? (size_t)n : room - 1;
}

static void
write_stderr(enum log_level level, struct span text)
{
    char head[128];
    size_t n = format_head(level, head, sizeof(head));
    struct iovec iov[] = {
        {.iov_base = head, .iov_len = n},
        {.iov_base = (void *)(uintptr_t)text.p, .iov_len = text.n},
        {.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
    };
    /* A log that cannot be written is no reason to stop the mail. */
    ssize_t ignored = writev(STDERR_FILENO, iov, 3);
    (void)ignored;
}

static void
write_line(enum log_level level, struct span text)
{
    if (!log_wants(level))
        return;
    if (log_state.target == LOG_TARGET_SYSLOG)
        syslog(level_priorities[level], "%.*s", SPAN_ARG(text));
    else
        write_stderr(level, text);
}

/* JSON strings must be UTF-8: other bytes are written as \u00XX, that is as Latin-1. */
static void
add_json_string(struct buf *out, struct span value)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c < 0x20 || c >= 0x7f) {
            buf_addf(out, "\\u%04x", c);
        } else {
            buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
}

static bool
needs_quotes(struct span value)
{
    if (value.n == 0)
        return true;
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c <= ' ' || c == 0x7f || c == '"' || c == '\\')
            return true;
    }
    return false;
}

static void
add_plain_value(struct buf *out, struct span value)
{
    if (!needs_quotes(value)) {
        buf_add_span(out, value);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c < ' ' || c == 0x7f) {
            buf_addf(out, "\\x%02x", c);
        } else {
            buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
}

static void
add_json_pair(struct buf *out, const char *key, struct span value)
{
    buf_addf(out, "%s\"%s\":", out->n > 1 ? "," : "", key);
    add_json_string(out, value);
}

void
log_line_start(struct log_line *l, enum log_level level, struct span id)
{
    l->level = level;
    l->wanted = log_wants(level);
    l->json = log_is_json();
    l->record = NULL;
    buf_init(&l->text, LOG_MAX_LINE_BYTES);
    if (!l->wanted)
        return;
    if (id.n == 0)
        id = SPAN_LIT("NOQUEUE");
    if (!l->json) {
        add_plain_value(&l->text, id);
        buf_add_char(&l->text, ':');
        return;
    }
    buf_add_char(&l->text, '{');
    buf_addf(&l->text, "\"time\":%lld", (long long)clock_now());
    add_json_pair(&l->text, "program", span_cstr(log_state.ident));
    add_json_pair(&l->text, "level", span_cstr(level_names[level]));
    add_json_pair(&l->text, "id", id);
}

void
log_line_record(struct log_line *l, struct buf *record)
{
    l->record = record;
}

void
log_line_note(struct log_line *l, const char *key, struct span value)
{
    if (l->record == NULL)
        return;
    buf_addf(l->record, "%s=", key);
    for (size_t i = 0; i < value.n && i < LOG_RECORD_MAX_VALUE_BYTES; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c < ' ' || c == 0x7f || c == '\\')
            buf_addf(l->record, "\\x%02x", c);
        else
            buf_add_char(l->record, (char)c);
    }
    buf_add_cstr(l->record, value.n > LOG_RECORD_MAX_VALUE_BYTES ? "...\n" : "\n");
}

void
log_line_add(struct log_line *l, const char *key, struct span value)
{
    bool cut = value.n > LOG_MAX_VALUE_BYTES;

    log_line_note(l, key, value);
    if (!l->wanted)
        return;
    struct buf shown;
    buf_init(&shown, LOG_MAX_VALUE_BYTES + 3);
    buf_add_span(&shown, span_slice(value, 0, LOG_MAX_VALUE_BYTES));
    if (cut)
        buf_add_cstr(&shown, "...");
    if (l->json) {
        add_json_pair(&l->text, key, buf_span(&shown));
    } else {
        buf_addf(&l->text, " %s=", key);
        add_plain_value(&l->text, buf_span(&shown));
    }
    buf_fini(&shown);
}

void
log_line_addf(struct log_line *l, const char *key, const char *fmt, ...)
{
    struct buf value;
    va_list ap;

    if (!l->wanted && l->record == NULL)
        return;
    buf_init(&value, LOG_MAX_VALUE_BYTES * 2);
    va_start(ap, fmt);
    buf_vaddf(&value, fmt, ap);
    va_end(ap);
    log_line_add(l, key, buf_span(&value));
    buf_fini(&value);
}

void
log_line_end(struct log_line *l)
{
    if (l->wanted) {
        if (l->json)
            buf_add_char(&l->text, '}');
        write_line(l->level, buf_span(&l->text));
    }
    buf_fini(&l->text);
}

static void
log_text(enum log_level level, const char *fmt, va_list ap)
{
    struct buf text, line;
    int saved_errno = errno; /* for %m */

    if (!log_wants(level))
        return;
    buf_init(&text, LOG_MAX_LINE_BYTES);
    buf_init(&line, LOG_MAX_LINE_BYTES * 2);
    errno = saved_errno;
    buf_vaddf(&text, fmt, ap);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            text.p[i] = '?';
    if (log_is_json()) {
        buf_addf(&line, "{\"time\":%lld", (long long)clock_now());
        add_json_pair(&line, "program", span_cstr(log_state.ident));
        add_json_pair(&line, "level", span_cstr(level_names[level]));
        add_json_pair(&line, "text", buf_span(&text));
        buf_add_char(&line, '}');
    } else {
        buf_addf(&line, "%s: ", level_names[level]);
        buf_add_span(&line, buf_span(&text));
    }
    write_line(level, buf_span(&line));
    buf_fini(&line);
    buf_fini(&text);
    errno = saved_errno;
}

#define LOG_AT(level_)                                                                             \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    log_text((level_), fmt, ap);                                                                   \
    va_end(ap)

void
log_error(const char *fmt, ...)
{
    LOG_AT(LOG_LEVEL_ERROR);
}

void
log_warning(const char *fmt, ...)
{
    LOG_AT(LOG_LEVEL_WARNING);
}

void
log_info(const char *fmt, ...)
{
    LOG_AT(LOG_LEVEL_INFO);
}

void
log_debug(const char *fmt, ...)
{
    LOG_AT(LOG_LEVEL_DEBUG);
}
