/* Reads the file in one piece and views its lines. */
#include "policyd/srs_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static or_status
check_file(const char *path, int fd, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, OR_CONFIG, "%s: not a file", path);
    if ((st.st_mode & 077) != 0)
        return err_set(e, OR_CONFIG, "%s: others can read it: chmod 0600", path);
    if (st.st_size >= SRS_SECRETS_MAX_BYTES)
        return err_set(e, OR_CONFIG, "%s: over %d bytes", path, SRS_SECRETS_MAX_BYTES - 1);
    return OR_OK;
}

static or_status
read_lines(const char *path, int fd, struct srs_secrets *s, struct err *e)
{
    ssize_t got = read(fd, s->text, sizeof(s->text));

    if (got < 0)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    struct span rest = span_make(s->text, (size_t)got), line;
    while (span_split(&rest, '\n', &line)) {
        line = span_trim(line);
        if (line.n == 0)
            continue;
        if (s->count == SRS_MAX_SECRETS)
            return err_set(e, OR_CONFIG, "%s: more than %d secrets", path, SRS_MAX_SECRETS);
        s->items[s->count++] = line;
    }
    return s->count > 0 ? OR_OK : err_set(e, OR_CONFIG, "%s: no secret in it", path);
}

or_status
srs_secrets_read(const char *path, struct srs_secrets *secrets_out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    memset(secrets_out, 0, sizeof(*secrets_out));
    if (fd < 0)
        return err_set(e, OR_CONFIG,
                       "srs-secrets-file: %s: %s; make one, for the daemon's user only, with "
                       "\"openssl rand -base64 18\"",
                       path, os_error_text(errno));
    or_status st = check_file(path, fd, e);
    if (st == OR_OK)
        st = read_lines(path, fd, secrets_out, e);
    close(fd);
    if (st == OR_OK)
        return OR_OK;
    srs_secrets_wipe(secrets_out);
    return err_wrap(e, st, "srs-secrets-file");
}

void
srs_secrets_wipe(struct srs_secrets *secrets)
{
    crypto_wipe(secrets, sizeof(*secrets));
}
