/*
 * Writing, syncing, linking and copying one message file. Sizes are counted as the bytes go by:
 * they end up in the file's name and must be exact.
 */
#include "lmtp/spool.h"

#include "common/base/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define COPY_BYTES 65536

static or_status
fault(struct maildir_fault *f, const char *what)
{
    f->os_error = errno;
    return err_set(&f->err, OR_TEMPFAIL, "cannot %s: %s", what, os_error_text(f->os_error));
}

void
spool_open(struct spool *s, const struct maildir *box, const struct maildir_name *name)
{
    *s = (struct spool){.box = box, .fd = -1};
    maildir_name_format(name, s->name);
    s->status = maildir_create(box, s->name, &s->fd, &s->fault);
}

static bool
write_all(int fd, struct span bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = span_from(bytes, (size_t)n);
    }
    return true;
}

/* As Dovecot counts: an LF behind a CR (in a binary message) is a line end on the wire already. */
static void
count_line_ends(struct spool *s, struct span bytes)
{
    for (size_t at = span_find(bytes, '\n'); at < bytes.n; at = span_find(bytes, '\n')) {
        s->line_ends += !(at > 0 ? bytes.p[at - 1] == '\r' : s->after_cr);
        s->after_cr = false;
        bytes = span_from(bytes, at + 1);
    }
    if (bytes.n > 0)
        s->after_cr = bytes.p[bytes.n - 1] == '\r';
}

void
spool_write(struct spool *s, struct span bytes)
{
    if (s->status != OR_OK)
        return;
    if (!write_all(s->fd, bytes)) {
        s->status = fault(&s->fault, "write the message");
        return;
    }
    s->file_bytes += bytes.n;
    count_line_ends(s, bytes);
}

void
spool_append(struct spool *s, const struct spool *from, uint64_t at)
{
    char *bytes = xmalloc(COPY_BYTES);
    ssize_t n = 0;

    while (s->status == OR_OK && (n = pread(from->fd, bytes, COPY_BYTES, (off_t)at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            s->status = fault(&s->fault, "read the message");
            break;
        }
        spool_write(s, span_make(bytes, (size_t)n));
        at += (uint64_t)n;
    }
    free(bytes);
}

void
spool_sync(struct spool *s)
{
    if (s->status == OR_OK && fsync(s->fd) != 0)
        s->status = fault(&s->fault, "sync the message");
}

static or_status
copy_bytes(int from, int to, struct maildir_fault *f)
{
    char *bytes = xmalloc(COPY_BYTES);
    off_t at = 0;
    or_status st = OR_OK;
    ssize_t n;

    while ((n = pread(from, bytes, COPY_BYTES, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || !write_all(to, span_make(bytes, (size_t)n))) {
            st = fault(f, "copy the message");
            break;
        }
        at += n;
    }
    if (st == OR_OK && fsync(to) != 0)
        st = fault(f, "sync the message");
    free(bytes);
    return st;
}

/* Where no link can reach: another file system behind the same account (EXDEV), too many links
 * (EMLINK), a file system without links or one that protects them (EPERM). */
static bool
copy_may_help(const struct maildir_fault *f)
{
    return f->os_error == EXDEV || f->os_error == EMLINK || f->os_error == EPERM ||
           f->os_error == EOPNOTSUPP;
}

static or_status
publish_copy(const struct spool *s, const struct maildir *box, const char *tmp_name,
             const char *new_name, struct maildir_fault *f)
{
    int fd = -1;
    or_status st = maildir_create(box, tmp_name, &fd, f);

    if (st != OR_OK)
        return st;
    st = copy_bytes(s->fd, fd, f);
    close(fd);
    if (st == OR_OK)
        st = maildir_publish(box, tmp_name, box, new_name, MAILDIR_MOVE, f);
    if (st != OR_OK)
        maildir_discard(box, tmp_name);
    return st;
}

or_status
spool_publish(struct spool *s, const struct maildir *box, const struct maildir_name *name,
              bool sole, struct maildir_fault *f)
{
    char tmp_name[MAILDIR_NAME_BYTES], new_name[MAILDIR_NAME_BYTES];

    *f = s->fault;
    if (s->status != OR_OK)
        return s->status;
    maildir_name_format_sizes(name, s->file_bytes, s->file_bytes + s->line_ends, new_name);
    or_status st =
        maildir_publish(s->box, s->name, box, new_name, sole ? MAILDIR_MOVE : MAILDIR_LINK, f);
    if (st == OR_OK && sole) { /* nothing is left in tmp/ */
        close(s->fd);
        s->fd = -1;
    }
    if (st == OR_OK || sole || !copy_may_help(f))
        return st;
    maildir_name_format(name, tmp_name);
    return publish_copy(s, box, tmp_name, new_name, f);
}

or_status
spool_confirm(const struct spool *s, const struct maildir *box, const struct maildir_name *name,
              struct maildir_fault *f)
{
    char new_name[MAILDIR_NAME_BYTES];

    maildir_name_format_sizes(name, s->file_bytes, s->file_bytes + s->line_ends, new_name);
    return maildir_confirm(box, new_name, f);
}

void
spool_close(struct spool *s)
{
    if (s->fd < 0)
        return;
    close(s->fd);
    s->fd = -1;
    maildir_discard(s->box, s->name);
}
