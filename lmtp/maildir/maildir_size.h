/*
 * The file maildirsize of Maildir++: how much is in a mailbox, kept by everybody who adds or
 * removes mail by appending a line (Maildir++ quota specification; Dovecot's quota backend
 * "maildir").
 *
 *     102400S,1000C        the limits in force when it was counted
 *     81234 57             what was counted: bytes and messages
 *     182 1                since then
 *
 * It is counted anew when it is missing, broken, longer than MAILDIR_SIZE_MAX_BYTES, or made for
 * other limits; when it says that the mailbox is full, and by maildir_size_recheck() before
 * anything else is refused, unless it was counted within the last MAILDIR_SIZE_FRESH_S and nothing
 * happened since.
 *
 * Threads: per-thread; as the owner of the mailbox.
 */
#ifndef OUTRIDER_LMTP_MAILDIR_MAILDIR_SIZE_H
#define OUTRIDER_LMTP_MAILDIR_MAILDIR_SIZE_H

#include "lmtp/maildir/maildir.h"

#define MAILDIR_SIZE_FILE "maildirsize"
#define MAILDIR_SIZE_MAX_BYTES 5120
#define MAILDIR_SIZE_FRESH_S 900
/* A mailbox with more files is not counted. */
#define MAILDIR_SIZE_MAX_FILES 20000000

struct maildir_usage {
    int64_t bytes;
    int64_t messages;
};

/* Limits, 0: none; what is counted, and which folders do not count. */
struct maildir_size_rules {
    struct maildir_usage limits;
    bool virtual_sizes; /* W= of the names, every line end as CRLF, where there is one; else S= */
    bool (*ignore)(const void *context, const char *dirname); /* NULL: every folder counts */
    const void *context;
};

/* What the file says: the limits it was made for, the sum, and how many lines of changes it has.
 * OR_MALFORMED: it has to be counted anew. */
struct maildir_size_content {
    struct maildir_usage limits, sum;
    size_t changes;
};
or_status
maildir_size_parse(struct span text, struct maildir_size_content *content_out) OR_MUST_USE;

/* How much is in the Maildir at `path` (0 where there is no Maildir yet). OR_TEMPFAIL: that cannot
 * be found out; `f` says why. */
or_status maildir_size_read(const char *path, const struct maildir_size_rules *rules,
                            struct maildir_usage *usage_out, struct maildir_fault *f) OR_MUST_USE;

/* The same before somebody is refused who would fit had mail been deleted of which the file was not
 * told: a sum that was not counted within MAILDIR_SIZE_FRESH_S, or has changed since, is counted
 * anew. */
or_status
maildir_size_recheck(const char *path, const struct maildir_size_rules *rules,
                     struct maildir_usage *usage_out, struct maildir_fault *f) OR_MUST_USE;

/* Counts, and where there are limits writes the file anew. */
or_status maildir_size_count(const char *path, const struct maildir_size_rules *rules,
                             struct maildir_usage *usage_out, struct maildir_fault *f) OR_MUST_USE;

/* Notes that something was added; nothing where there is no file. *after_out (NULL: not wanted) is
 * the sum up to this change in the order of the file, so that of deliveries at one time each sees
 * another one; zeros where nobody can say. */
or_status maildir_size_add(const char *path, const struct maildir_usage *change,
                           struct maildir_usage *after_out, struct maildir_fault *f) OR_MUST_USE;

#endif
