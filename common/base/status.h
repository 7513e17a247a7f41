/*
 * Outcome of every function that can fail, and the text that says why.
 *
 * A verdict (SPF fail, user unknown) is not a failure and travels in its own enum. A failure
 * travels as or_status; its reason is written into a struct err owned by the caller, and each layer
 * that passes it on may put its own context in front.
 *
 * Threads: per-thread (a struct err belongs to one caller).
 */
#ifndef OUTRIDER_COMMON_BASE_STATUS_H
#define OUTRIDER_COMMON_BASE_STATUS_H

#define OR_MUST_USE __attribute__((warn_unused_result))
#define OR_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/* Zero is always success. */
typedef enum {
    OR_OK = 0,
    OR_ABSENT,    /* no such name, user, record, file: an answer, not a fault */
    OR_MALFORMED, /* the bytes do not follow their grammar */
    OR_LIMIT,     /* a stated ceiling was reached */
    OR_TEMPFAIL,  /* we do not know now; later may differ */
    OR_TIMEOUT,   /* the deadline passed */
    OR_CLOSED,    /* the peer went away */
    OR_CONFIG,    /* the operator must act */
    OR_BUG,       /* a promise inside our own code was broken */
} or_status;

#define ERR_TEXT_BYTES 512

/* Always NUL-terminated once err_set() was called; longer text is cut. */
struct err {
    char text[ERR_TEXT_BYTES];
};

/* Writes the reason and returns `st`, so that failures read `return err_set(e, OR_LIMIT, "...")`.
 * Control bytes in the formatted text become '?'. `e` may be NULL. */
or_status err_set(struct err *e, or_status st, const char *fmt, ...) OR_PRINTF(3, 4);

/* Puts "<formatted>: " before the text already in `e` and returns `st`. `e` may be NULL. */
or_status err_wrap(struct err *e, or_status st, const char *fmt, ...) OR_PRINTF(3, 4);

/* What an errno value means, in words; static, never NULL. (Instead of "%m", which -Wpedantic
 * refuses, and of strerror(), which is not thread-safe.) */
const char *os_error_text(int errnum);

/* The word for a status, for logs ("tempfail"). Never NULL. */
const char *or_status_name(or_status st);

#endif
