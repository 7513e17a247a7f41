/*
 * Unique names. The longest possible one (20-digit numbers, longest host) still fits NAME_MAX, so
 * formatting cannot fail.
 */
#include "lmtp/maildir/maildir_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INFO ":2,"

static bool
is_plain(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != ',' && c != '\\';
}

static void
format_host(struct span host, char out[MAILDIR_NAME_MAX_HOST_BYTES + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < host.n && n + 4 <= MAILDIR_NAME_MAX_HOST_BYTES; i++) {
        unsigned char c = (unsigned char)host.p[i];

        if (is_plain(c))
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, 5, "\\%03o", c);
    }
    out[n] = '\0';
}

void
maildir_name_format(const struct maildir_name *name, char out[MAILDIR_NAME_BYTES])
{
    char host[MAILDIR_NAME_MAX_HOST_BYTES + 1];

    format_host(name->host, host);
    snprintf(out, MAILDIR_NAME_BYTES, "%lld.M%06ldP%ldQ%" PRIu64 ".%s",
             (long long)name->when.tv_sec, name->when.tv_nsec / 1000, (long)name->pid,
             name->sequence, host);
}

void
maildir_name_format_sizes(const struct maildir_name *name, uint64_t file_bytes, uint64_t wire_bytes,
                          char out[MAILDIR_NAME_BYTES])
{
    char unique[MAILDIR_NAME_BYTES];

    maildir_name_format(name, unique);
    /* The precision is no limit in practice: it shows the compiler that the name fits. */
    bool has_flags = name->flags != NULL && name->flags[0] != '\0';
    snprintf(out, MAILDIR_NAME_BYTES, "%.174s,S=%" PRIu64 ",W=%" PRIu64 "%s%.31s", unique,
             file_bytes, wire_bytes, has_flags ? INFO : "", has_flags ? name->flags : "");
}

const char *
maildir_name_directory(const char *name)
{
    return strstr(name, INFO) != NULL ? "cur" : "new";
}
